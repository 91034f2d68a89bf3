// The AWS SDK for JavaScript (v3) against a region: every protocol that the served services speak.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { CreateTableCommand, DynamoDBClient, GetItemCommand, PutItemCommand, waitUntilTableExists } from "@aws-sdk/client-dynamodb";
import { CreateBucketCommand, GetObjectCommand, PutObjectCommand, S3Client } from "@aws-sdk/client-s3";
import { CreateQueueCommand, DeleteMessageCommand, ReceiveMessageCommand, SQSClient, SendMessageCommand } from "@aws-sdk/client-sqs";
import { GetCallerIdentityCommand, STSClient } from "@aws-sdk/client-sts";
import { startRegion } from "./region.js";

let region;

before(async () => {
  region = await startRegion();
});

after(async () => {
  assert.equal(await region.stop(), 0);
});

test("sts says who one is (query)", async () => {
  const answer = await new STSClient(region.config).send(new GetCallerIdentityCommand({}));
  assert.equal(answer.Account, "000000000000");
});

test("sqs hands a message over (awsJson 1.0)", async () => {
  const sqs = new SQSClient(region.config);
  const { QueueUrl } = await sqs.send(new CreateQueueCommand({ QueueName: "node" }));
  // The SDK compares the answer's MD5 with the body by itself.
  await sqs.send(new SendMessageCommand({ QueueUrl, MessageBody: "from node: ü" }));
  const { Messages } = await sqs.send(new ReceiveMessageCommand({ QueueUrl, WaitTimeSeconds: 5 }));
  assert.equal(Messages[0].Body, "from node: ü");
  await sqs.send(new DeleteMessageCommand({ QueueUrl, ReceiptHandle: Messages[0].ReceiptHandle }));
});

test("dynamodb keeps an item (awsJson 1.0)", async () => {
  const dynamodb = new DynamoDBClient(region.config);
  await dynamodb.send(new CreateTableCommand({
    TableName: "node",
    BillingMode: "PAY_PER_REQUEST",
    AttributeDefinitions: [{ AttributeName: "id", AttributeType: "S" }],
    KeySchema: [{ AttributeName: "id", KeyType: "HASH" }],
  }));
  await waitUntilTableExists({ client: dynamodb, maxWaitTime: 10, minDelay: 1, maxDelay: 1 }, { TableName: "node" });
  const Item = { id: { S: "1" }, n: { N: "12.5" }, b: { B: new Uint8Array([0, 255]) }, list: { L: [{ NULL: true }] } };
  await dynamodb.send(new PutItemCommand({ TableName: "node", Item }));
  const answer = await dynamodb.send(new GetItemCommand({ TableName: "node", Key: { id: { S: "1" } } }));
  assert.deepEqual(answer.Item, Item);
});

test("s3 keeps an object, with the SDK's default checksums (restXml)", async () => {
  const s3 = new S3Client({ ...region.config, forcePathStyle: true });
  await s3.send(new CreateBucketCommand({ Bucket: "node-suite" }));
  const Body = "x".repeat(100_000);
  await s3.send(new PutObjectCommand({ Bucket: "node-suite", Key: "a/ü.txt", Body, Metadata: { who: "node" } }));
  const answer = await s3.send(new GetObjectCommand({ Bucket: "node-suite", Key: "a/ü.txt" }));
  assert.equal(await answer.Body.transformToString(), Body);
  assert.deepEqual(answer.Metadata, { who: "node" });
});
