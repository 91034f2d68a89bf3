// sqs-consumer, the queue worker most used with the AWS SDK for JavaScript, as it is: messages one by one and in batches,
// a handler that fails, one that takes longer than messages are hidden, dead letters.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import {
  CreateQueueCommand, GetQueueAttributesCommand, ReceiveMessageCommand, SQSClient, SendMessageBatchCommand, SendMessageCommand,
} from "@aws-sdk/client-sqs";
import { Consumer } from "sqs-consumer";
import { startRegion } from "./region.js";

let region, sqs;

before(async () => {
  region = await startRegion();
  sqs = new SQSClient(region.config);
});

after(async () => {
  sqs.destroy();
  assert.equal(await region.stop(), 0);
});

async function queue(QueueName, Attributes = {}) {
  return (await sqs.send(new CreateQueueCommand({ QueueName, Attributes }))).QueueUrl;
}

async function send(QueueUrl, count) {
  const entry = (_, at) => ({
    Id: `${at}`, MessageBody: `${at}`, MessageAttributes: { kind: { DataType: "String", StringValue: "ü" } },
  });
  const Entries = Array.from({ length: count }, entry);
  const { Failed } = await sqs.send(new SendMessageBatchCommand({ QueueUrl, Entries }));
  assert.equal(Failed, undefined);
}

/** Waits until something holds; the test's own time bounds it. */
async function eventually(holds) {
  while (!(await holds())) await new Promise((resolve) => setTimeout(resolve, 50));
}

async function isEmpty(QueueUrl) {
  const AttributeNames = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"];
  const { Attributes } = await sqs.send(new GetQueueAttributesCommand({ QueueUrl, AttributeNames }));
  return Object.values(Attributes).every((count) => count === "0");
}

/** Consumes until something holds, with errors of the requests as errors of the test. */
async function consume(options, holds) {
  const errors = [];
  const consumer = Consumer.create({ sqs, waitTimeSeconds: 2, ...options });
  consumer.on("error", (error) => errors.push(error));
  consumer.on("processing_error", () => {});
  consumer.start();
  const stopped = new Promise((resolve) => consumer.once("stopped", resolve));
  try {
    await eventually(() => errors.length > 0 || holds());
    assert.deepEqual(errors, []);
  } finally {
    // What is told from here on is that requests were given up.
    consumer.stop({ abort: true });
    await stopped;
  }
}

test("messages one by one, of which one fails at first", { timeout: 60_000 }, async () => {
  const queueUrl = await queue("one-by-one");
  await send(queueUrl, 10);
  const [tried, seen] = [[], []];
  const handleMessage = async (message) => {
    tried.push(message.Body);
    assert.equal(message.MessageAttributes.kind.StringValue, "ü");
    if (message.Body === "3" && message.Attributes.ApproximateReceiveCount === "1") throw new Error("not yet");
    seen.push(message.Body);
    return message;
  };
  const names = { messageAttributeNames: ["All"], messageSystemAttributeNames: ["All"] };
  const options = { queueUrl, handleMessage, terminateVisibilityTimeout: true, ...names };
  await consume(options, async () => seen.length === 10 && (await isEmpty(queueUrl)));
  assert.deepEqual(seen.toSorted(), ["0", "1", "2", "3", "4", "5", "6", "7", "8", "9"]);
  assert.equal(tried.length, 11);
});

test("batches", { timeout: 60_000 }, async () => {
  const queueUrl = await queue("batches");
  await send(queueUrl, 10);
  const seen = [];
  const handleMessageBatch = async (messages) => {
    seen.push(...messages.map((message) => message.Body));
    return messages;
  };
  await consume({ queueUrl, handleMessageBatch, batchSize: 10 }, () => isEmpty(queueUrl));
  assert.deepEqual(seen.toSorted(), ["0", "1", "2", "3", "4", "5", "6", "7", "8", "9"]);
});

test("a handler that takes longer than a message is hidden keeps it", { timeout: 120_000 }, async () => {
  const queueUrl = await queue("long");
  await send(queueUrl, 1);
  let [handled, ended] = [0, false];
  const handleMessage = async (message) => {
    handled += 1;
    await new Promise((resolve) => setTimeout(resolve, 12_500));
    ended = true;
    return message;
  };
  const others = [];
  const watched = async () => {
    if (ended) return true;
    if (handled === 0) return false;
    const { Messages } = await sqs.send(new ReceiveMessageCommand({ QueueUrl: queueUrl, VisibilityTimeout: 0 }));
    // The handler may have ended meanwhile, and its message is gone.
    if (Messages && !ended) others.push(...Messages);
    return ended;
  };
  await consume({ queueUrl, handleMessage, visibilityTimeout: 10, heartbeatInterval: 2 }, watched);
  assert.deepEqual([handled, others], [1, []]);
});

test("what fails each time goes to the dead letters", { timeout: 60_000 }, async () => {
  const graves = await queue("graves");
  const arn = await sqs.send(new GetQueueAttributesCommand({ QueueUrl: graves, AttributeNames: ["QueueArn"] }));
  const RedrivePolicy = JSON.stringify({ deadLetterTargetArn: arn.Attributes.QueueArn, maxReceiveCount: 2 });
  const queueUrl = await queue("failing", { RedrivePolicy });
  await sqs.send(new SendMessageCommand({ QueueUrl: queueUrl, MessageBody: "never" }));
  let tried = 0;
  const handleMessage = async () => {
    tried += 1;
    throw new Error("never");
  };
  const buried = async () => {
    const { Messages } = await sqs.send(new ReceiveMessageCommand({ QueueUrl: graves, VisibilityTimeout: 0 }));
    return Messages?.[0].Body === "never";
  };
  await consume({ queueUrl, handleMessage, terminateVisibilityTimeout: true }, buried);
  assert.equal(tried, 2);
});
