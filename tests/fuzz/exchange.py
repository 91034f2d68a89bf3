"""Raw exchanges: requests as bytes, so that nothing between the attacker and the region mends them."""

import socket

from support.sigv4 import Signer, encode_query

TAKEN_SECONDS = 30  # to be let in, and to have what was sent taken
ANSWER_SECONDS = 5  # to be answered, before the region is told that no more comes
CLOSE_SECONDS = 30  # to be answered or left, after that


class Sender:
    """Composes requests, signed or not, and sends them each over a connection of its own."""

    def __init__(self, port):
        self.port, self.host, self.signer, self.sent = port, f"127.0.0.1:{port}", Signer(), 0

    def compose(self, service, method="POST", path="/", query=(), headers=None, body=b"", signed=True, payload_hash=None):
        """A whole request. Its signature is right unless `signed` is false."""
        head = {"host": self.host, **(headers or {})}
        if signed:
            head = self.signer.sign(service, method, self.host, path, query, headers, body, payload_hash)
        lines = [f"{method} {path}{'?' + encode_query(query) if query else ''} HTTP/1.1"]
        lines += [f"{name}: {value}" for name, value in head.items()]
        lines += [f"content-length: {len(body)}", "connection: close", "", ""]
        return "\r\n".join(lines).encode("utf-8", "surrogateescape") + body

    def json(self, service, target, body, version="1.0", **options):
        """A request of a JSON protocol with any bytes as its body."""
        headers = {"x-amz-target": target, "content-type": f"application/x-amz-json-{version}"}
        return self.compose(service, headers=headers, body=body, **options)

    def connect(self):
        return socket.create_connection(("127.0.0.1", self.port), timeout=TAKEN_SECONDS)

    def send(self, request):
        """The status of the answer, or None where the region closed instead of answering.

        The region may answer and close before it has read everything. It may also wait for more, since a
        damaged request can promise more than it holds; told that no more comes, it must close.
        """
        self.sent += 1
        with self.connect() as connection:
            try:
                connection.sendall(request)
            except (BrokenPipeError, ConnectionResetError):
                pass
            try:
                connection.settimeout(ANSWER_SECONDS)
                return read_status(connection)
            except TimeoutError:
                connection.settimeout(CLOSE_SECONDS)
                connection.shutdown(socket.SHUT_WR)
                return read_status(connection)


def read_status(connection):
    """Reads an answer to its end; its status, or None."""
    answer = b""
    try:
        while chunk := connection.recv(65536):
            if len(answer) < 64:
                answer += chunk
    except ConnectionResetError:
        pass
    parts = answer.split(b" ", 2)
    return int(parts[1]) if len(parts) > 1 and parts[0].startswith(b"HTTP/") and parts[1].isdigit() else None
