"""Writers of objects: puts of several sizes (inline, packed, in files of their own), uploads in parts, copies,
deletes; and at the end that no file of a body is left that no object refers to."""

import base64
import hashlib
import re
import time

from support.xml import elements
from torture.writer import ABSENT, Writer, by_writer

BUCKET = "torture"
SIZES = (100, 5_000, 20_000, 300_000)
# Above this size, in bytes, a body is a file.
INLINE = 16 * 1024
READ_BACK = 10
SWEPT_SECONDS = 120


def tag_of_parts(body):
    """The ETag of an object of one part."""
    return hashlib.md5(hashlib.md5(body).digest()).hexdigest() + "-1"


class ObjectWriter(Writer):
    """Puts, uploads, copies and deletes objects. What is held is the object's ETag, which is the content's MD5 or,
    of an object of one part, the MD5 of that."""

    def step(self):
        key, chance = self.pick_key(), self.chance.random()
        if self.held.get(key, ABSENT) is not ABSENT and chance < 0.15:
            self.begin(key, ABSENT)
            self.client.s3("DELETE", f"/{BUCKET}/{key}")
            self.acknowledged("delete")
        elif chance < 0.35:
            self.upload(key)
        elif chance < 0.5 and self.whole_keys():
            self.copy(self.chance.choice(self.whole_keys()), key)
        else:
            self.put(key)

    def whole_keys(self):
        """Keys whose ETag is that of a copy of them too."""
        return sorted(key for key, tag in self.held.items() if tag is not ABSENT and "-" not in tag)

    def body(self):
        return self.next_value(self.chance.choice(SIZES)).encode()

    def expect(self, tag, answered):
        if answered.replace("&quot;", "").strip('"') != tag:
            self.complaints.append(f"{self.name}: the answer's ETag {answered} is not the content's")

    def put(self, key):
        body = self.body()
        digest = hashlib.md5(body).hexdigest()
        checksum = base64.b64encode(hashlib.sha256(body).digest()).decode()
        self.begin(key, digest)
        headers, _ = self.client.s3("PUT", f"/{BUCKET}/{key}", headers={"x-amz-checksum-sha256": checksum}, body=body)
        self.expect(digest, headers["ETag"])
        self.acknowledged("put")

    def upload(self, key):
        body = self.body()
        _, begun = self.client.s3("POST", f"/{BUCKET}/{key}", [("uploads", "")])
        upload = elements(begun.decode(), "UploadId")[0]
        query = [("partNumber", "1"), ("uploadId", upload)]
        headers, _ = self.client.s3("PUT", f"/{BUCKET}/{key}", query, body=body)
        part = f"<Part><PartNumber>1</PartNumber><ETag>{headers['ETag']}</ETag></Part>"
        complete = f"<CompleteMultipartUpload>{part}</CompleteMultipartUpload>".encode()
        self.begin(key, tag_of_parts(body))
        _, answer = self.client.s3("POST", f"/{BUCKET}/{key}", [("uploadId", upload)], body=complete)
        self.expect(tag_of_parts(body), elements(answer.decode(), "ETag")[0])
        self.acknowledged("complete")

    def copy(self, source, key):
        if source == key:
            return
        self.begin(key, self.held[source])
        _, answer = self.client.s3("PUT", f"/{BUCKET}/{key}", headers={"x-amz-copy-source": f"/{BUCKET}/{source}"})
        self.expect(self.held[source], elements(answer.decode(), "ETag")[0])
        self.acknowledged("copy")

    @staticmethod
    def is_whole(value):
        """An ETag says nothing of that; the bytes are read back in a sample."""
        return True

    @staticmethod
    def set_up(client, _writers):
        client.s3("PUT", f"/{BUCKET}")

    @staticmethod
    def verify_all(client, writers):
        found = {key: tag for key, tag, _ in listed(client)}
        complaints, split = [], by_writer(writers, found)
        for writer in writers:
            complaints += writer.compare(split[writer.name])
            complaints += read_back(client, writer, split[writer.name])
        return complaints


def listed(client):
    """Every object: key, ETag, size."""
    found, query = [], [("list-type", "2")]
    while True:
        _, page = client.s3("GET", f"/{BUCKET}", query)
        text = page.decode()
        for entry in elements(text, "Contents"):
            tag = elements(entry, "ETag")[0].replace("&quot;", "").strip('"')
            found.append((elements(entry, "Key")[0], tag, int(elements(entry, "Size")[0])))
        token = elements(text, "NextContinuationToken")
        if not token:
            return found
        query = [("list-type", "2"), ("continuation-token", token[0])]


def read_back(client, writer, found):
    """The bytes themselves with their checksum, of a sample: an index entry alone proves nothing."""
    complaints = []
    for key in writer.chance.sample(sorted(found), min(READ_BACK, len(found))):
        headers, body = client.s3("GET", f"/{BUCKET}/{key}", headers={"x-amz-checksum-mode": "ENABLED"})
        tag = tag_of_parts(body) if "-" in found[key] else hashlib.md5(body).hexdigest()
        if tag != found[key] or int(headers["Content-Length"]) != len(body):
            complaints.append(f"torn: the bytes of {key} are not what its ETag says")
        kept = headers.get("x-amz-checksum-sha256")
        if kept and kept != base64.b64encode(hashlib.sha256(body).digest()).decode():
            complaints.append(f"torn: the bytes of {key} are not what its checksum says")
    return complaints


def no_orphans(region, client):
    """Uploads that a kill cut off are aborted; then no more files of bodies may be left than there are bodies
    that need one: a copy has that of its source. The sweepers take their time."""
    end = time.monotonic() + SWEPT_SECONDS
    while uploads := unfinished(client):
        if time.monotonic() > end:
            return [f"orphans: {len(uploads)} uploads cannot be aborted"]
        for key, upload in uploads:
            client.s3("DELETE", f"/{BUCKET}/{key}", [("uploadId", upload)])
    while True:
        needed = len({tag for _, tag, size in listed(client) if size > INLINE})
        named = (file for file in region.data_dir.rglob("*") if re.fullmatch(r"[0-9a-f]{16}(\.part)?", file.name))
        files = [file for file in named if file.is_file()]
        if len(files) <= needed:
            return []
        if time.monotonic() > end:
            return [f"orphans: {len(files)} files of bodies for {needed} bodies"]
        time.sleep(0.5)


def unfinished(client):
    """The first page of uploads that are going on."""
    _, page = client.s3("GET", f"/{BUCKET}", [("uploads", "")])
    return [(elements(entry, "Key")[0], elements(entry, "UploadId")[0]) for entry in elements(page.decode(), "Upload")]
