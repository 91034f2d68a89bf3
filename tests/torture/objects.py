"""Writers of objects: puts of several sizes (inline, packed, in files of their own) and deletes."""

import hashlib

from support.xml import elements
from torture.writer import ABSENT, Writer, by_writer

BUCKET = "torture"
SIZES = (100, 5_000, 20_000, 300_000)
READ_BACK = 10


class ObjectWriter(Writer):
    """Puts and deletes objects. What is held is the content's MD5, which is the object's ETag."""

    def step(self):
        key = self.pick_key()
        if self.held.get(key, ABSENT) is not ABSENT and self.chance.random() < 0.2:
            self.begin(key, ABSENT)
            self.client.s3("DELETE", f"/{BUCKET}/{key}")
            self.acknowledged("delete")
            return
        body = self.next_value(self.chance.choice(SIZES)).encode()
        digest = hashlib.md5(body).hexdigest()
        self.begin(key, digest)
        headers, _ = self.client.s3("PUT", f"/{BUCKET}/{key}", body=body)
        if headers["ETag"].strip('"') != digest:
            self.complaints.append(f"{key}: the answer's ETag is not the content's MD5")
        self.acknowledged("put")

    @staticmethod
    def is_whole(value):
        """An ETag says nothing of that; the bytes are read back in a sample."""
        return True

    @staticmethod
    def set_up(client, _writers):
        client.s3("PUT", f"/{BUCKET}")

    @staticmethod
    def verify_all(client, writers):
        found, query = {}, [("list-type", "2")]
        while True:
            _, page = client.s3("GET", f"/{BUCKET}", query)
            text = page.decode()
            for entry in elements(text, "Contents"):
                found[elements(entry, "Key")[0]] = elements(entry, "ETag")[0].replace("&quot;", "").strip('"')
            token = elements(text, "NextContinuationToken")
            if not token:
                break
            query = [("list-type", "2"), ("continuation-token", token[0])]
        complaints, split = [], by_writer(writers, found)
        for writer in writers:
            complaints += writer.compare(split[writer.name])
            complaints += read_back(client, writer, split[writer.name])
        return complaints


def read_back(client, writer, found):
    """The bytes themselves, of a sample: an index entry alone proves nothing."""
    complaints = []
    for key in writer.chance.sample(sorted(found), min(READ_BACK, len(found))):
        headers, body = client.s3("GET", f"/{BUCKET}/{key}")
        if hashlib.md5(body).hexdigest() != found[key] or int(headers["Content-Length"]) != len(body):
            complaints.append(f"torn: the bytes of {key} are not what its ETag says")
    return complaints
