// Directory buckets through the SDK as it is: it begins sessions by itself, and names the operation in the query.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import {
  CopyObjectCommand, CreateBucketCommand, DeleteObjectsCommand, GetObjectCommand, HeadBucketCommand, ListBucketsCommand,
  ListDirectoryBucketsCommand, ListObjectsV2Command, PutObjectCommand, S3Client,
} from "@aws-sdk/client-s3";
import { startRegion } from "./region.js";

const Bucket = "node--use1-az4--x-s3";
let region, s3;

before(async () => {
  region = await startRegion();
  s3 = new S3Client({ ...region.config, forcePathStyle: true });
  await s3.send(new CreateBucketCommand({
    Bucket,
    CreateBucketConfiguration: {
      Location: { Type: "AvailabilityZone", Name: "use1-az4" },
      Bucket: { Type: "Directory", DataRedundancy: "SingleAvailabilityZone" },
    },
  }));
});

after(async () => {
  s3.destroy();
  assert.equal(await region.stop(), 0);
});

async function read(Key) {
  const answer = await s3.send(new GetObjectCommand({ Bucket, Key, ChecksumMode: "ENABLED" }));
  return answer.Body.transformToString();
}

test("directory buckets are listed apart", async () => {
  const directories = await s3.send(new ListDirectoryBucketsCommand({}));
  assert.deepEqual(directories.Buckets.map((bucket) => bucket.Name), [Bucket]);
  const others = await s3.send(new ListBucketsCommand({}));
  assert.deepEqual(others.Buckets ?? [], []);
  const head = await s3.send(new HeadBucketCommand({ Bucket }));
  assert.equal(head.BucketLocationName, "use1-az4");
});

test("objects, appends and copies", async () => {
  await s3.send(new PutObjectCommand({ Bucket, Key: "a/log", Body: "one " }));
  const appended = await s3.send(new PutObjectCommand({ Bucket, Key: "a/log", Body: "two", WriteOffsetBytes: 4 }));
  assert.equal(appended.Size, 7);
  assert.equal(await read("a/log"), "one two");
  await assert.rejects(
    s3.send(new PutObjectCommand({ Bucket, Key: "a/log", Body: "x", WriteOffsetBytes: 4 })), { name: "InvalidWriteOffset" });
  await s3.send(new CopyObjectCommand({ Bucket, Key: "b", CopySource: `${Bucket}/a/log` }));
  const listed = await s3.send(new ListObjectsV2Command({ Bucket, Delimiter: "/" }));
  assert.deepEqual([listed.Contents.map((entry) => entry.Key), listed.CommonPrefixes.map((entry) => entry.Prefix)], [["b"], ["a/"]]);
  const Objects = [{ Key: "a/log" }, { Key: "b" }];
  const deleted = await s3.send(new DeleteObjectsCommand({ Bucket, Delete: { Objects } }));
  assert.equal(deleted.Deleted.length, 2);
});
