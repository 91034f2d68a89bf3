"""Signature version 4 with Python's standard library, for the harnesses that may need nothing else.

A signer caches its day's key. `sign` returns the headers to send; whatever is given is signed.
"""

import datetime
import hashlib
import hmac
import urllib.parse

EMPTY = hashlib.sha256(b"").hexdigest()
UNRESERVED = "-_.~"


def digest(key: bytes, text: str) -> bytes:
    return hmac.new(key, text.encode(), hashlib.sha256).digest()


class Signer:
    """Signs requests as one access key."""

    def __init__(self, access_key="test", secret_key="test", token=None, region="us-east-1"):
        self.access_key, self.secret_key, self.token, self.region = access_key, secret_key, token, region
        self.keys = {}

    def key(self, day: str, service: str) -> bytes:
        """The derived key of a day and service."""
        if (day, service) not in self.keys:
            key = digest(("AWS4" + self.secret_key).encode(), day)
            for part in (self.region, service, "aws4_request"):
                key = digest(key, part)
            self.keys[day, service] = key
        return self.keys[day, service]

    def sign(self, service, method, host, path="/", query=(), headers=None, body=b"", payload_hash=None):
        """Headers with date, digest and signature. `path` is as sent; `query` is pairs, not yet encoded."""
        stamp = datetime.datetime.now(datetime.timezone.utc).strftime("%Y%m%dT%H%M%SZ")
        day = stamp[:8]
        payload_hash = payload_hash or (hashlib.sha256(body).hexdigest() if body else EMPTY)
        signed = {name.lower(): str(value).strip() for name, value in (headers or {}).items()}
        signed.update({"host": host, "x-amz-date": stamp})
        if service == "s3":
            signed["x-amz-content-sha256"] = payload_hash
        if self.token:
            signed["x-amz-security-token"] = self.token
        names = ";".join(sorted(signed))
        canonical = "\n".join([
            method,
            path if service == "s3" else urllib.parse.quote(path, safe="/" + UNRESERVED),
            encode_query(query),
            "".join(f"{name}:{' '.join(signed[name].split())}\n" for name in sorted(signed)),
            names,
            payload_hash,
        ])
        scope = f"{day}/{self.region}/{service}/aws4_request"
        text = "\n".join(["AWS4-HMAC-SHA256", stamp, scope, hashlib.sha256(canonical.encode()).hexdigest()])
        signature = hmac.new(self.key(day, service), text.encode(), hashlib.sha256).hexdigest()
        signed["authorization"] = (f"AWS4-HMAC-SHA256 Credential={self.access_key}/{scope}, "
                                   f"SignedHeaders={names}, Signature={signature}")
        return signed


def encode_query(pairs) -> str:
    """The query string in canonical form, which is also what is sent."""
    quote = lambda text: urllib.parse.quote(str(text), safe=UNRESERVED)
    return "&".join(f"{name}={value}" for name, value in sorted((quote(n), quote(v)) for n, v in pairs))
