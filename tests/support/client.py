"""A small signed HTTP client over one keep-alive connection: what the harnesses speak to a region with.

Not safe for use by several threads: each writer has its own.
"""

import http.client
import json
import select
import urllib.parse

from .sigv4 import Signer, encode_query

TARGETS = {"dynamodb": ("DynamoDB_20120810", "1.0"), "dynamodbstreams": ("DynamoDBStreams_20120810", "1.0"),
           "sqs": ("AmazonSQS", "1.0"), "logs": ("Logs_20140328", "1.1")}
# Under which name a service is signed for, where that is not its own.
SIGNED_AS = {"dynamodbstreams": "dynamodb"}


class Refused(Exception):
    """The region answered, and not with success."""

    def __init__(self, status, body):
        super().__init__(f"{status}: {body[:400]!r}")
        self.status, self.body = status, body


class Client:
    """Requests to one region, signed as one key."""

    def __init__(self, port, signer=None, timeout=15):
        self.port, self.signer, self.timeout = port, signer or Signer(), timeout
        self.host = f"127.0.0.1:{port}"
        self.connection = None

    def request(self, service, method, path="/", query=(), headers=None, body=b""):
        """Status, headers and body. The connection is dropped after any error of transport."""
        signed = self.signer.sign(service, method, self.host, path, query, headers, body)
        signed.pop("host")
        target = path + ("?" + encode_query(query) if query else "")
        if self.connection is None or was_dropped(self.connection):
            self.close()
            self.connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=self.timeout)
        try:
            self.connection.request(method, target, body=body, headers=signed)
            response = self.connection.getresponse()
            return response.status, response.headers, response.read()
        except Exception:
            self.close()
            raise

    def close(self):
        """Drops the connection; the next request opens another."""
        if self.connection is not None:
            self.connection.close()
            self.connection = None

    def ok(self, *args, **kwargs):
        """Headers and body of a successful answer; `Refused` otherwise."""
        status, headers, body = self.request(*args, **kwargs)
        if status >= 300:
            raise Refused(status, body)
        return headers, body

    def json(self, service, operation, document):
        """A call by the JSON protocol."""
        prefix, version = TARGETS[service]
        signed_as = SIGNED_AS.get(service, service)
        headers = {"x-amz-target": f"{prefix}.{operation}", "content-type": f"application/x-amz-json-{version}"}
        _, body = self.ok(signed_as, "POST", headers=headers, body=json.dumps(document).encode())
        return json.loads(body) if body else {}

    def query(self, service, version, action, **parameters):
        """A call by the query protocol; the XML answer as text."""
        form = urllib.parse.urlencode({"Action": action, "Version": version, **parameters}).encode()
        headers = {"content-type": "application/x-www-form-urlencoded; charset=utf-8"}
        return self.ok(service, "POST", headers=headers, body=form)[1].decode()

    def s3(self, method, path, query=(), headers=None, body=b""):
        """A call of S3, path-style; headers and body."""
        return self.ok("s3", method, urllib.parse.quote(path, safe="/-_.~"), query, headers, body)


def was_dropped(connection):
    """Whether the other side closed an idle connection, as every HTTP client finds out before it reuses one."""
    if connection.sock is None:
        return False
    # poll, since select refuses descriptors beyond 1023 and the fuzz holds thousands.
    readable = select.poll()
    readable.register(connection.sock, select.POLLIN)
    return bool(readable.poll(0))
