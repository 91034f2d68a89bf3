// S3 through the SDK's own uploads in parts and presigned URLs, with every checksum.
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { after, before, test } from "node:test";
import { CreateBucketCommand, GetObjectCommand, HeadObjectCommand, PutObjectCommand, S3Client } from "@aws-sdk/client-s3";
import { Upload } from "@aws-sdk/lib-storage";
import { getSignedUrl } from "@aws-sdk/s3-request-presigner";
import { startRegion } from "./region.js";

const MIB = 1024 * 1024;
const Bucket = "node-transfers";
let region, s3;

before(async () => {
  region = await startRegion();
  s3 = new S3Client({ ...region.config, forcePathStyle: true });
  await s3.send(new CreateBucketCommand({ Bucket }));
});

after(async () => {
  s3.destroy();
  assert.equal(await region.stop(), 0);
});

async function read(Key) {
  const answer = await s3.send(new GetObjectCommand({ Bucket, Key, ChecksumMode: "ENABLED" }));
  return Buffer.from(await answer.Body.transformToByteArray());
}

for (const ChecksumAlgorithm of ["CRC32", "CRC32C", "CRC64NVME", "SHA1", "SHA256"]) {
  for (const [shape, size] of [["whole", MIB], ["in parts", 11 * MIB + 7]]) {
    test(`an upload ${shape} with ${ChecksumAlgorithm}`, async (t) => {
      const Key = `${ChecksumAlgorithm}-${size}`;
      const content = randomBytes(size);
      const params = { Bucket, Key, Body: content, ChecksumAlgorithm };
      try {
        await new Upload({ client: s3, params, partSize: 5 * MIB, queueSize: 4 }).done();
      } catch (error) {
        // The SDK computes this one with a package of native code, which may be absent.
        if (ChecksumAlgorithm === "CRC64NVME" && /crt|crc64/i.test(error.message)) return t.skip(error.message);
        throw error;
      }
      assert.ok((await read(Key)).equals(content));
      const head = await s3.send(new HeadObjectCommand({ Bucket, Key, ChecksumMode: "ENABLED" }));
      const composite = size > 5 * MIB && ChecksumAlgorithm !== "CRC64NVME";
      assert.equal(head.ChecksumType, composite ? "COMPOSITE" : "FULL_OBJECT");
      assert.equal(head[`Checksum${ChecksumAlgorithm}`].endsWith("-3"), composite);
    });
  }
}

test("a stream of unknown length goes up in parts", async () => {
  const content = randomBytes(12 * MIB);
  async function* chunks() {
    for (let at = 0; at < content.length; at += 700_000) yield content.subarray(at, at + 700_000);
  }
  const { Readable } = await import("node:stream");
  const params = { Bucket, Key: "stream", Body: Readable.from(chunks()) };
  await new Upload({ client: s3, params, partSize: 5 * MIB }).done();
  assert.ok((await read("stream")).equals(content));
});

test("a presigned put keeps the headers that the SDK moved into the URL", async () => {
  const command = new PutObjectCommand({ Bucket, Key: "signed", Metadata: { venue: "the hall" }, StorageClass: "STANDARD_IA" });
  const url = await getSignedUrl(s3, command, { expiresIn: 60 });
  assert.ok(url.includes("x-amz-meta-venue="), url);
  const answer = await fetch(url, { method: "PUT", body: "la" });
  assert.equal(answer.status, 200, await answer.text());
  const head = await s3.send(new HeadObjectCommand({ Bucket, Key: "signed" }));
  assert.deepEqual([head.Metadata, head.StorageClass], [{ venue: "the hall" }, "STANDARD_IA"]);
  assert.equal((await read("signed")).toString(), "la");
});
