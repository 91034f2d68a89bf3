"""The differential test: botocore on one side of the wire, our codecs on the other.

For every generated operation, in every protocol of its service: botocore serialises random inputs and
`wire-dump` routes, decodes and dumps them; `wire-dump` encodes random outputs and modelled errors and
botocore parses them. Both sides must hold the same values. Exits with 1 if any comparison fails.

    cargo build -p differential
    python3 tests/differential/differ.py [--rounds N] [--seed N] [--json FILE] [model …]
"""

import argparse
import base64
import json
import random
import subprocess
import sys
import urllib.parse
from collections import Counter, defaultdict

import botocore.awsrequest
import botocore.handlers
import botocore.parsers
import botocore.serialize
import models
import values

ENDPOINT = "http://localhost:4566"
SHOWN = 5


class WireDump:
    """The codecs' side: one question and one answer a line."""

    def __init__(self, binary):
        self.process = subprocess.Popen([binary], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def ask(self, **question):
        self.process.stdin.write(json.dumps(question) + "\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        if not line:
            raise SystemExit(f"wire-dump ended while it was asked {question}")
        return json.loads(line)


class Report:
    """What was compared and what failed, by model and protocol."""

    def __init__(self):
        self.operations = Counter()
        self.checks = defaultdict(Counter)
        self.failures = defaultdict(list)

    def check(self, folder, protocol, kind, operation, seed, problem):
        self.checks[folder, protocol][kind] += 1
        if problem:
            self.failures[folder, protocol].append(f"{kind} {operation} (seed {seed}): {problem}")

    def print(self):
        row = "{:20} {:20} {:>10} {:>8} {:>8} {:>7} {:>6}"
        print(row.format("model", "protocol", "operations", "inputs", "outputs", "errors", "fails"))
        for folder, protocol in sorted(self.operations):
            done = self.checks[folder, protocol]
            fails = len(self.failures[folder, protocol])
            counts = (done["input"], done["output"], done["error"], fails)
            print(row.format(folder, protocol, self.operations[folder, protocol], *counts))
        by_protocol = Counter()
        for (_, protocol), count in self.operations.items():
            by_protocol[protocol] += count
        print("\noperations per protocol:", ", ".join(f"{name} {n}" for name, n in sorted(by_protocol.items())))
        for (folder, protocol), failures in sorted(self.failures.items()):
            for failure in failures[:SHOWN]:
                print(f"FAIL {folder} {protocol}: {failure}", file=sys.stderr)
            if len(failures) > SHOWN:
                print(f"     … and {len(failures) - SHOWN} more", file=sys.stderr)

    def total(self):
        return sum(map(len, self.failures.values()))


class RawBody:
    """A body as botocore's parsers hold one that streams."""

    def __init__(self, body):
        self.body = body

    def read(self):
        return self.body

    def stream(self):
        yield self.body

    def close(self):
        pass


class Side:
    """One model in one protocol."""

    def __init__(self, service, protocol, wire_dump, report):
        self.service, self.protocol = service, protocol
        self.model = service.speaking(protocol)
        self.serializer = botocore.serialize.create_serializer(protocol, include_validation=False)
        self.parser = botocore.parsers.create_parser(protocol)
        self.wire_dump, self.report = wire_dump, report

    def run(self, rounds, seed):
        for name in self.service.operations:
            operation = self.model.operation_model(name)
            self.report.operations[self.service.folder, self.protocol] += 1
            for turn in range(rounds):
                self.compare("input", name, seed + turn, self.input(operation, seed + turn))
                self.compare("output", name, seed + turn, self.output(operation, seed + turn))
            for error in [*operation.error_shapes, Unmodelled()]:
                problem = self.error(operation, error, seed)
                self.compare("error", f"{name}/{error.name}", seed, problem)

    def compare(self, kind, name, seed, problem):
        self.report.check(self.service.folder, self.protocol, kind, name, seed, problem)

    @property
    def tells_empties(self):
        return self.protocol in ("json", "rest-json", "smithy-rpc-v2-cbor")

    def difference(self, expected, found):
        if not self.tells_empties:
            expected, found = values.without_empties(expected), values.without_empties(found)
        return values.difference(expected, found)

    def question(self, mode, operation, **more):
        return self.wire_dump.ask(
            mode=mode, service=self.service.folder, protocol=self.protocol, operation=operation.name, **more
        )

    # botocore serialises, we decode

    def input(self, operation, seed):
        shape = operation.input_shape
        rng = random.Random(f"{self.service.folder} {self.protocol} {operation.name} {seed}")
        params = values.Maker(rng, solid=not self.tells_empties).structure(shape) if shape else {}
        answer = self.question("decode", operation, **self.request(operation, params))
        if not answer["ok"]:
            return f"{answer['error']}; params {params!r}"
        if answer["operation"] != operation.name:
            return f"routed to {answer['operation']}"
        if normal_protocol(answer["protocol"]) != self.protocol:
            return f"routed to the protocol {answer['protocol']}"
        if answer["violations"]:
            return f"violations: {answer['violations']}; params {params!r}"
        expected, found = values.canonical(shape, params) if shape else {}, answer["value"]
        if shape:
            drop_unsaid(shape, expected, found)
        return self.difference(expected, found)

    def request(self, operation, params):
        request = self.serializer.serialize_to_request(params, operation)
        # Labels of hosts travel in a header or the path too, which is where they are read.
        request.pop("host_prefix", None)
        botocore.awsrequest.prepare_request_dict(request, endpoint_url=ENDPOINT, context={}, user_agent="differ")
        prepared = botocore.awsrequest.create_request_object(request).prepare()
        path, _, query = prepared.url.removeprefix(ENDPOINT).partition("?")
        scope = f"test/20260101/us-east-1/{self.service.signing_name(operation.name)}/aws4_request"
        headers = [[name, text(value)] for name, value in prepared.headers.items()]
        headers.append(["Authorization", f"AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=host, Signature=0"])
        body = prepared.body or b""
        body = body.encode() if isinstance(body, str) else bytes(body)
        encoded = base64.b64encode(body).decode()
        return {"method": prepared.method, "path": path, "query": query, "headers": headers, "body_b64": encoded}

    # we encode, botocore parses

    def output(self, operation, seed):
        answer = self.question("encode", operation, seed=seed)
        if not answer["ok"]:
            return answer["error"]
        shape = operation.output_shape
        try:
            parsed = self.parser.parse(self.response(operation, answer), shape)
            found = values.canonical(shape, parsed) if shape else {}
        except Exception as error:  # noqa: BLE001 - whatever botocore cannot read is a finding
            return f"botocore: {error!r} for {base64.b64decode(answer['body_b64'])[:300]!r}"
        if self.service.model["operations"][operation.name].get("bareOutput"):
            botocore.handlers.parse_get_bucket_location(found, Content(answer))
        expected = answer["value"]
        if shape:
            drop_unsaid(shape, expected, found)
        if operation.has_event_stream_output:
            drop_told_by_the_stream(shape, expected, found)
        return self.difference(expected, found)

    def response(self, operation, answer):
        body = base64.b64decode(answer["body_b64"])
        streams = operation is not None and (operation.has_streaming_output or operation.has_event_stream_output)
        headers = botocore.awsrequest.HeadersDict((name, value) for name, value in answer["headers"])
        return {
            "status_code": answer["status"],
            "headers": headers,
            "body": RawBody(body) if streams else body,
            "context": {"operation_name": operation.name if operation else None},
        }

    def error(self, operation, shape, seed):
        answer = self.question("error", operation, error=shape.name, seed=seed)
        if not answer["ok"]:
            return answer["error"]
        response = self.response(None, answer)
        try:
            parsed = self.parser.parse(response, operation.output_shape)
            if operation.http.get("method") == "HEAD":
                return None if answer["status"] == self.status(shape) else f"status {answer['status']}"
            modelled = self.model.shape_for_error_code(parsed["Error"]["Code"])
            detail = self.parser.parse(response, modelled) if modelled else {}
        except Exception as error:  # noqa: BLE001 - whatever botocore cannot read is a finding
            return f"botocore: {error!r} for {base64.b64decode(answer['body_b64'])[:300]!r}"
        said = {"code": parsed["Error"]["Code"], "message": parsed["Error"]["Message"], "status": answer["status"]}
        expected = {"code": self.code(shape), "message": self.message(shape, answer), "status": self.status(shape)}
        problem = values.difference(expected, said)
        if problem or modelled is None or self.protocol in ("query", "ec2"):
            # botocore looks for the members of query errors where no service writes them.
            # Nor is there anything else in an error that no model holds.
            return problem
        return self.difference(without_message(answer["value"]), without_message(values.canonical(modelled, detail)))

    def message(self, shape, answer):
        """The message as it was made, or the words that query always has for this error."""
        dialect = self.service.model["metadata"].get("dialect", {})
        fixed = self.protocol == "query" and dialect.get("queryWordsOf") == shape.name
        return dialect["queryWords"] if fixed else answer["message"]

    def status(self, shape):
        said = self.service.model["shapes"].get(shape.name, {})
        return said.get("error", {}).get("httpStatusCode", 500 if said.get("fault") else 400)

    def code(self, shape):
        code = shape.metadata.get("error", {}).get("code", shape.name)
        compatible = self.service.is_query_compatible
        return code if compatible or self.protocol in ("query", "ec2", "rest-xml") else shape.name


def drop_told_by_the_stream(shape, *sides):
    """A stream of events has one content type, whatever the output says of it, and one that is absent is empty."""
    for name, member in shape.members.items():
        place = member.serialization
        typed = (place.get("location"), place.get("name", "").lower()) == ("header", "content-type")
        for side in sides:
            if typed or place.get("eventstream") and not side.get(name):
                side.pop(name, None)


class Unmodelled:
    """An error that no model holds."""

    name, metadata = "HarpOutOfTune", {}


class Content:
    """A response as botocore's handlers hold one."""

    def __init__(self, answer):
        self.raw, self.content = True, base64.b64decode(answer["body_b64"])


def text(value):
    return value.decode() if isinstance(value, bytes) else str(value)


def normal_protocol(name):
    words = {"AwsJson10": "json", "AwsJson11": "json", "AwsQuery": "query", "Ec2Query": "ec2"}
    words |= {"RestJson1": "rest-json", "RestXml": "rest-xml", "RpcV2Cbor": "smithy-rpc-v2-cbor"}
    return words[name]


def without_message(value):
    return {name: item for name, item in value.items() if name.lower() != "message"}


def drop_unsaid(shape, expected, found):
    """What HTTP says of a message whether the value holds it or not: an absent payload and an empty one are
    the same bytes, every answer has a status, every body a length and most a type."""
    payload = shape.serialization.get("payload")
    for side in (expected, found):
        if side.get(payload) in ("", {"$b64": ""}, {}):
            del side[payload]
    for name, member in shape.members.items():
        said = member.serialization.get("location") == "statusCode" or name in ("ContentType", "ContentLength")
        if name not in expected and (said or found.get(name, "") is None):
            found.pop(name, None)


def main():
    arguments = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    arguments.add_argument("--rounds", type=int, default=20, help="random values for each operation and direction")
    arguments.add_argument("--seed", type=int, default=1)
    arguments.add_argument("--json", help="also write the report to this file")
    arguments.add_argument("--binary", default=str(models.ROOT / "target/debug/wire-dump"))
    arguments.add_argument("models", nargs="*", help="only these folders of models/")
    args = arguments.parse_args()
    report, wire_dump = Report(), WireDump(args.binary)
    for service in models.services(args.models):
        for protocol in service.protocols:
            Side(service, protocol, wire_dump, report).run(args.rounds, args.seed)
    report.print()
    if args.json:
        rows = [
            {"model": folder, "protocol": protocol, "operations": count, "fails": len(report.failures[folder, protocol])}
            | report.checks[folder, protocol]
            for (folder, protocol), count in sorted(report.operations.items())
        ]
        with open(args.json, "w") as file:
            json.dump(rows, file, indent=1)
    failed = report.total()
    checked = sum(sum(checks.values()) for checks in report.checks.values())
    print(f"{checked - failed} passed, {failed} failed, 0 skipped")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
