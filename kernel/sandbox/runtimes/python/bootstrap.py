"""Runs one Python function: takes its invocations from the Runtime API and answers them.

Speaks HTTP/1.1 by hand over one kept-alive connection: a result and the request for the next
invocation leave in one send, so a warm invocation costs this process one write and two reads.
"""

import sys

import elysium_logs as logs

# What a function imports is never ours.
sys.path.pop(0)

import importlib
import importlib.machinery
import json
import os
import socket
import time

VERSION = "/2018-06-01/runtime"
INVOCATION = VERSION + "/invocation/"
RECEIVE_BYTES = 65536
MAX_HEAD_BYTES = 65536


class Fault(Exception):
    """What Lambda reports itself, rather than the function's own exception."""

    def __init__(self, kind, message, trace=()):
        super().__init__(message)
        self.kind = kind
        self.trace = list(trace)


# --- The Runtime API ---------------------------------------------------------------------------


class RuntimeApi:
    """One connection; answers come in the order of the requests."""

    def __init__(self, address, connected=None):
        self._socket = connected or self._connect(address)
        self._buffer = b""
        self._host = address
        self._next = f"GET {INVOCATION}next HTTP/1.1\r\nHost: {address}\r\n\r\n".encode()
        self._unread = 0

    @staticmethod
    def _connect(address):
        host, _, port = address.rpartition(":")
        connected = socket.create_connection((host, int(port)))
        connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return connected

    def ask_next(self):
        self._socket.sendall(self._next)

    def answer(self, path, body, kind=None, content_type="application/json"):
        """Posts `body` for an invocation and asks for the next one."""
        self._socket.sendall(self._post(path, body, kind, content_type) + self._next)
        self._unread += 1

    def fail_initialisation(self, body, kind):
        self._socket.sendall(self._post(VERSION + "/init/error", body, kind))
        self._receive()

    def next(self):
        """The headers and body of the invocation that was asked for; `None` when there are no more."""
        while self._unread:
            self._unread -= 1
            status, _, body = self._receive()
            if status >= 300 and status != 413:
                sys.stderr.write(f"the runtime refused an answer: {status} {body[:500]!r}\n")
        status, headers, body = self._receive()
        return (headers, body) if status == 200 else None

    def _post(self, path, body, kind, content_type="application/json"):
        kind = f"Lambda-Runtime-Function-Error-Type: {kind}\r\n" if kind else ""
        head = (
            f"POST {path} HTTP/1.1\r\nHost: {self._host}\r\nContent-Type: {content_type}\r\n"
            f"{kind}Content-Length: {len(body)}\r\n\r\n"
        )
        return head.encode("latin-1", "replace") + body

    def _receive(self):
        head = self._until(b"\r\n\r\n")
        lines = head.decode("latin-1").split("\r\n")
        headers = {}
        for line in lines[1:]:
            name, _, value = line.partition(":")
            headers[name.lower()] = value.strip()
        if "content-length" in headers:
            body = self._exactly(int(headers["content-length"]))
        elif "chunked" in headers.get("transfer-encoding", ""):
            body = self._chunks()
        else:
            body = b""
        return int(lines[0][9:12]), headers, body

    def _until(self, end):
        while True:
            at = self._buffer.find(end)
            if at >= 0:
                found = self._buffer[:at]
                self._buffer = self._buffer[at + len(end) :]
                return found
            if len(self._buffer) > MAX_HEAD_BYTES:
                raise ConnectionError("the runtime sent a head without an end")
            self._buffer += self._more()

    def _exactly(self, length):
        found = self._buffer[:length]
        self._buffer = self._buffer[length:]
        if len(found) == length:
            return found
        whole = bytearray(length)
        whole[: len(found)] = found
        view = memoryview(whole)[len(found) :]
        while view:
            got = self._socket.recv_into(view)
            if not got:
                raise ConnectionError("the runtime closed the connection")
            view = view[got:]
        return whole

    def _chunks(self):
        parts = []
        while True:
            length = int(self._until(b"\r\n").split(b";")[0], 16)
            if not length:
                while self._until(b"\r\n"):
                    pass
                return b"".join(parts)
            parts.append(self._exactly(length))
            self._exactly(2)

    def _more(self):
        data = self._socket.recv(RECEIVE_BYTES)
        if not data:
            raise ConnectionError("the runtime closed the connection")
        return data


# --- What a function is given ------------------------------------------------------------------


class Record:
    """An object with a fixed set of fields, taken from a dictionary; absent ones are None."""

    __slots__ = ()

    def __init__(self, values=None):
        for field in self.__slots__:
            setattr(self, field, (values or {}).get(field))

    def __repr__(self):
        fields = ",".join(f"{field}={getattr(self, field)}" for field in self.__slots__)
        return f"{type(self).__name__}([{fields}])"


class Client(Record):
    __slots__ = (
        "installation_id",
        "app_title",
        "app_version_name",
        "app_version_code",
        "app_package_name",
    )


class ClientContext(Record):
    __slots__ = ("custom", "env", "client")

    def __init__(self, values):
        super().__init__(values)
        if self.client is not None:
            self.client = Client(self.client)


class CognitoIdentity(Record):
    __slots__ = ("cognito_identity_id", "cognito_identity_pool_id")


class LambdaContext:
    """The second argument of a handler."""

    _OF_ENVIRONMENT = {}

    @classmethod
    def of_environment(cls):
        fields = {
            "log_group_name": "LOG_GROUP_NAME",
            "log_stream_name": "LOG_STREAM_NAME",
            "function_name": "FUNCTION_NAME",
            "memory_limit_in_mb": "FUNCTION_MEMORY_SIZE",
            "function_version": "FUNCTION_VERSION",
        }
        cls._OF_ENVIRONMENT = {field: os.environ.get(f"AWS_LAMBDA_{name}") for field, name in fields.items()}

    def __init__(self, headers):
        self.aws_request_id = headers.get("lambda-runtime-aws-request-id")
        # Its own and not the class's: programs put `vars(context)` into their logs.
        self.__dict__.update(self._OF_ENVIRONMENT)
        self.invoked_function_arn = headers.get("lambda-runtime-invoked-function-arn")
        self.tenant_id = headers.get("lambda-runtime-aws-tenant-id")
        self._epoch_deadline_time_in_ms = int(headers.get("lambda-runtime-deadline-ms") or 0)
        client = headers.get("lambda-runtime-client-context")
        self.client_context = ClientContext(_parse(client, "Client Context")) if client else None
        identity = headers.get("lambda-runtime-cognito-identity")
        identity = _parse(identity, "Cognito Identity") if identity else {}
        self.identity = CognitoIdentity(
            {
                "cognito_identity_id": identity.get("cognitoIdentityId"),
                "cognito_identity_pool_id": identity.get("cognitoIdentityPoolId"),
            }
        )

    def get_remaining_time_in_millis(self):
        return max(self._epoch_deadline_time_in_ms - int(time.time() * 1000), 0)

    def log(self, message):
        sys.stdout.write(str(message))

    def __repr__(self):
        fields = (
            "aws_request_id",
            "log_group_name",
            "log_stream_name",
            "function_name",
            "memory_limit_in_mb",
            "function_version",
            "invoked_function_arn",
            "client_context",
            "identity",
            "tenant_id",
        )
        return f"LambdaContext([{','.join(f'{f}={getattr(self, f)}' for f in fields)}])"


def _parse(text, what):
    # Headers are read as Latin-1, the values in them are UTF-8.
    try:
        parsed = json.loads(text.encode("latin-1"))
    except ValueError as e:
        raise Fault("Runtime.LambdaContextUnmarshalError", f"Unable to parse {what} JSON: {e}") from None
    return parsed if isinstance(parsed, dict) else {}


# --- Results and errors ------------------------------------------------------------------------


class Number(float):
    """A decimal on its way through the encoder, which writes it with all its digits."""

    def __new__(cls, decimal):
        number = super().__new__(cls, 0)
        number.text = "NaN" if decimal.is_nan() else str(decimal)
        return number


class HasDecimal(Exception):
    """The fast encoder met what only the slow one can write."""


def _default(value):
    decimal = sys.modules.get("decimal")
    if decimal is not None and isinstance(value, decimal.Decimal):
        raise HasDecimal
    raise TypeError(f"Object of type {type(value).__name__} is not JSON serializable")


class SlowEncoder(json.JSONEncoder):
    def default(self, value):
        try:
            _default(value)
        except HasDecimal:
            return Number(value)

    def iterencode(self, value, _one_shot=False):
        def float_text(number):
            if isinstance(number, Number):
                return number.text
            return json.dumps(float(number))

        string = json.encoder.encode_basestring_ascii if self.ensure_ascii else json.encoder.encode_basestring
        separators = (self.key_separator, self.item_separator)
        make = json.encoder._make_iterencode
        return make({}, self.default, string, None, float_text, *separators, False, False, False)(value, 0)


def _is_plain(value, _atoms=frozenset((str, int, float, bool, type(None)))):
    """Whether the encoder writes a value as AWS's runtime does, whose encoder knows bytes and named tuples."""
    kind = type(value)
    if kind is dict:
        return bytes not in map(type, value) and all(
            type(one) in _atoms or _is_plain(one) for one in value.values()
        )
    if kind is list or kind is tuple:
        return all(type(one) in _atoms or _is_plain(one) for one in value)
    return not isinstance(value, (bytes, tuple, list, dict))


def _plain(value):
    """The same in the words of the encoder: texts for bytes, objects for named tuples."""
    if isinstance(value, bytes):
        return value.decode()
    if isinstance(value, dict):
        return {_plain(key) if isinstance(key, bytes) else key: _plain(one) for key, one in value.items()}
    if isinstance(value, tuple) and callable(getattr(value, "_asdict", None)):
        return _plain(value._asdict())
    return [_plain(one) for one in value] if isinstance(value, (list, tuple)) else value


# From 3.12 on, AWS's runtime leaves other letters than ASCII as they are.
_ASCII_ONLY = sys.version_info < (3, 12)
_FAST = json.JSONEncoder(ensure_ascii=_ASCII_ONLY, default=_default)
_SLOW = SlowEncoder(ensure_ascii=_ASCII_ONLY)


def _encode(result):
    try:
        if not _is_plain(result):
            result = _plain(result)
    except RecursionError:
        pass  # The encoder says what is wrong: a circle.
    try:
        return _FAST.encode(result)
    except HasDecimal:
        return "".join(_SLOW.iterencode(result))


def _marshal(result):
    """The bytes of a result and what they are."""
    if isinstance(result, bytes):
        return result, "application/unknown"
    try:
        return _encode(result).encode(), "application/json"
    except Exception as e:
        raise Fault("Runtime.MarshalError", f"Unable to marshal response: {e}") from None


def _unmarshal(body, content_type):
    if content_type != "application/json":
        return bytes(body)
    try:
        return json.loads(body)
    except Exception as e:
        raise Fault("Runtime.UnmarshalError", f"Unable to unmarshal input: {e}") from None


def _describe(error, request_id):
    """An exception in the form of AWS's error documents."""
    if isinstance(error, Fault):
        kind, trace = error.kind, error.trace
    else:
        import traceback

        # Only these four: AWS's traces have no marks below the failing expression.
        frames = [(f.filename, f.lineno, f.name, f.line) for f in traceback.extract_tb(error.__traceback__)]
        first = next((i for i, frame in enumerate(frames) if frame[0] != __file__), 0)
        kind, trace = type(error).__name__, traceback.format_list(frames[first:])
    return {
        "errorMessage": str(error),
        "errorType": kind,
        "requestId": request_id or "",
        "stackTrace": trace,
    }


def _encode_error(error):
    return json.dumps(error).encode()


# --- Life --------------------------------------------------------------------------------------


def _own_places():
    root = os.environ.get("LAMBDA_TASK_ROOT") or os.getcwd()
    opt = os.environ.get("ELYSIUM_LAYERS_ROOT") or "/opt"
    python = f"python{sys.version_info[0]}.{sys.version_info[1]}"
    return [root, f"{opt}/python/lib/{python}/site-packages", f"{opt}/python"]


def _add_own_places():
    """Lets modules be found where AWS lets them, and where `.pth` files in those folders point (AWS's runtime interface
    client makes them site directories)."""
    places = _own_places()
    sys.path[:0] = places
    for place in places:
        try:
            points = any(name.endswith(".pth") for name in os.listdir(place))
        except OSError:
            continue
        if points:
            import site

            site.addsitedir(place)


class BorrowedSdk:
    """Finds the SDK that another interpreter of this machine has, where this one has none."""

    NAMES = frozenset(("boto3", "botocore", "dateutil", "jmespath", "s3transfer", "six", "urllib3"))

    def __init__(self, place):
        self._path = [place]

    def find_spec(self, name, path=None, target=None):
        if path is None and name in self.NAMES:
            return importlib.machinery.PathFinder.find_spec(name, self._path, target)
        return None


def find_borrowed_sdk():
    if "elysium_sdk" in sys._xoptions:
        sys.meta_path.append(BorrowedSdk(sys._xoptions["elysium_sdk"]))


def load_ahead(names):
    """Loads modules that most functions do, where they are there; says which came of it."""
    before = set(sys.modules)
    for name in names:
        try:
            importlib.import_module(name)
        except ImportError:
            pass
    return {name for name in sys.modules if name not in before}


def wait(loaded):
    """Connects, then waits to be told which function this is.

    What the function brings itself, of what was loaded or another version, is not kept from it.
    """
    api = RuntimeApi(os.environ["AWS_LAMBDA_RUNTIME_API"])
    with open(0, "rb", closefd=False) as words:
        told = json.loads(words.read())
    null = os.open(os.devnull, os.O_RDONLY)
    os.dup2(null, 0)
    os.close(null)
    os.environ.clear()
    os.environ.update(told["environment"])
    os.chdir(told["folder"])
    time.tzset()
    del sys.argv[1:]
    brought = set()
    for place in _own_places():
        try:
            brought.update(os.listdir(place))
        except OSError:
            pass
    stems = {name.split(".")[0] for name in brought}
    own = stems.union(BorrowedSdk.NAMES) if stems & {name.split(".")[0] for name in loaded} else set()
    for name in loaded:
        if name.split(".")[0] in own:
            del sys.modules[name]
    return api


def _load(handler):
    try:
        module_name, function_name = handler.rsplit(".", 1)
    except ValueError as e:
        raise Fault("Runtime.MalformedHandlerName", f"Bad handler '{handler}': {e}") from None
    if module_name.split(".")[0] in sys.builtin_module_names:
        message = f"Cannot use built-in module {module_name} as a handler module"
        raise Fault("Runtime.BuiltInModuleConflict", message)
    try:
        module = importlib.import_module(module_name.replace("/", "."))
    except ImportError as e:
        if e.name in ("boto3", "botocore"):
            version = f"{sys.version_info[0]}.{sys.version_info[1]}"
            sys.stderr.write(
                f"There is no AWS SDK for Python {version} on this machine: install it (python{version} -m pip install"
                f" boto3), or bring it in the package or a layer.\n"
            )
        message = f"Unable to import module '{module_name}': {e}"
        raise Fault("Runtime.ImportModuleError", message) from None
    except SyntaxError as e:
        trace = [f'  File "{e.filename}" Line {e.lineno}\n    {e.text}']
        message = f"Syntax error in module '{module_name}': {e}"
        raise Fault("Runtime.UserCodeSyntaxError", message, trace) from None
    try:
        return getattr(module, function_name)
    except AttributeError:
        message = f"Handler '{function_name}' missing on module '{module_name}'"
        raise Fault("Runtime.HandlerNotFound", message) from None


def _initialise(api):
    try:
        return _load(os.environ.get("_HANDLER", ""))
    except Exception as e:
        error = _describe(e, None)
        logs.write_error(error)
        sys.stdout.flush()
        api.fail_initialisation(_encode_error(error), error["errorType"])
        sys.exit(1)


def _invoke(function, headers, body):
    """The last part of the path to post to, what to post, the kind of error, the type of content."""
    try:
        context = LambdaContext(headers)
        event = _unmarshal(body, headers.get("content-type"))
        answer, content_type = _marshal(function(event, context))
        return "response", answer, None, content_type
    except Exception as e:
        error = _describe(e, logs.request_id)
        logs.write_error(error)
        return "error", _encode_error(error), error["errorType"], "application/json"


def run(api):
    """Runs the function that the environment names until there are no more invocations."""
    LambdaContext.of_environment()
    logs.configure()
    _add_own_places()
    serve(api, _initialise(api))


def serve(api, function):
    api.ask_next()
    while True:
        invocation = api.next()
        if invocation is None:
            return
        headers, body = invocation
        logs.request_id = headers.get("lambda-runtime-aws-request-id", "")
        trace = headers.get("lambda-runtime-trace-id")
        if trace:
            os.environ["_X_AMZN_TRACE_ID"] = trace
        else:
            os.environ.pop("_X_AMZN_TRACE_ID", None)
        end, *answer = _invoke(function, headers, body)
        sys.stdout.flush()
        sys.stderr.flush()
        api.answer(f"{INVOCATION}{logs.request_id}/{end}", *answer)


def forget_invocation():
    logs.request_id = None


def main():
    find_borrowed_sdk()
    if sys.argv[1:2] == ["wait"]:
        run(wait(load_ahead(sys.argv[2:])))
    else:
        run(RuntimeApi(os.environ["AWS_LAMBDA_RUNTIME_API"]))


if __name__ == "__main__":
    main()
