// Powertools for AWS Lambda (TypeScript) in functions, as its users bring it: as a layer that ES modules import, with its
// stores, its batches and its lines of log in this region.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { CreateTableCommand, DynamoDBClient, ScanCommand, waitUntilTableExists } from "@aws-sdk/client-dynamodb";
import {
  CreateEventSourceMappingCommand, CreateFunctionCommand, InvokeCommand, LambdaClient, PublishLayerVersionCommand,
} from "@aws-sdk/client-lambda";
import {
  CreateQueueCommand, GetQueueAttributesCommand, ReceiveMessageCommand, SQSClient, SendMessageBatchCommand,
} from "@aws-sdk/client-sqs";
import { archive, installed } from "./archive.js";
import { startRegion } from "./region.js";

const PACKAGES = ["batch", "idempotency", "jmespath", "logger", "metrics", "tracer"];
const Runtime = `nodejs${process.versions.node.split(".")[0]}.x`;

const PAYMENTS = `
  import { createSocket } from "node:dgram";
  import { once } from "node:events";
  import { Logger } from "@aws-lambda-powertools/logger";
  import { Metrics, MetricUnit } from "@aws-lambda-powertools/metrics";
  import { Tracer } from "@aws-lambda-powertools/tracer";
  import { makeIdempotent, IdempotencyConfig } from "@aws-lambda-powertools/idempotency";
  import { DynamoDBPersistenceLayer } from "@aws-lambda-powertools/idempotency/dynamodb";
  import "@aws-lambda-powertools/jmespath";

  const logger = new Logger({ serviceName: "payments" });
  const metrics = new Metrics({ namespace: "shop", serviceName: "payments" });
  const tracer = new Tracer({ serviceName: "payments" });
  const persistenceStore = new DynamoDBPersistenceLayer({ tableName: process.env.TABLE });
  const config = new IdempotencyConfig({ eventKeyJmesPath: "order" });
  const segments = [];
  const daemon = createSocket("udp4").on("message", (message) => segments.push(String(message).split("\\n")[1]));
  daemon.bind(2000, "127.0.0.1");
  await once(daemon, "listening");
  daemon.unref();
  let runs = 0;

  const pay = makeIdempotent(async (event) => {
    runs += 1;
    if (event.refuse) throw new Error("refused");
    logger.info("paid", { order: event.order });
    metrics.addMetric("paid", MetricUnit.Count, 1);
    metrics.publishStoredMetrics();
    return { order: event.order, run: runs };
  }, { persistenceStore, config });

  export const handler = async (event, context) => {
    logger.addContext(context);
    config.registerLambdaContext(context);
    if (event.segments) return segments.map((segment) => JSON.parse(segment).name);
    return tracer.provider.captureAsyncFunc("## pay", async (segment) => {
      try {
        return await pay(event, context);
      } finally {
        segment?.close();
      }
    });
  };
`;

const BATCH = `
  import { BatchProcessor, EventType, processPartialResponse } from "@aws-lambda-powertools/batch";

  const processor = new BatchProcessor(EventType.SQS);
  const handle = async (record) => {
    if (record.body === "rotten") throw new Error("rotten");
    if (record.body === "late" && record.attributes.ApproximateReceiveCount === "1") throw new Error("not yet");
  };
  export const handler = async (event, context) => processPartialResponse(event, handle, processor, { context });
`;

let region, lambda, dynamodb, sqs, layer;

before(async () => {
  region = await startRegion();
  [lambda, dynamodb, sqs] = [LambdaClient, DynamoDBClient, SQSClient].map((Client) => new Client(region.config));
  const names = [...PACKAGES.map((name) => `@aws-lambda-powertools/${name}`), "@aws-sdk/client-dynamodb", "@aws-sdk/util-dynamodb"];
  const ZipFile = archive(installed(names, "nodejs/node_modules"));
  const made = await lambda.send(new PublishLayerVersionCommand({ LayerName: "powertools", Content: { ZipFile } }));
  layer = made.LayerVersionArn;
});

after(async () => {
  [lambda, dynamodb, sqs].forEach((client) => client.destroy());
  assert.equal(await region.stop(), 0);
});

function create(FunctionName, source, Timeout, Variables = {}) {
  return lambda.send(new CreateFunctionCommand({
    FunctionName, Runtime, Role: "arn:aws:iam::000000000000:role/lambda-role", Handler: "index.handler", Timeout,
    MemorySize: 512, TracingConfig: { Mode: "Active" }, Layers: [layer], Environment: { Variables },
    Code: { ZipFile: archive({ "index.mjs": source }) },
  }));
}

async function invoke(FunctionName, event) {
  const answer = await lambda.send(new InvokeCommand({ FunctionName, Payload: JSON.stringify(event), LogType: "Tail" }));
  const log = Buffer.from(answer.LogResult, "base64").toString();
  return { answer: JSON.parse(Buffer.from(answer.Payload)), error: answer.FunctionError, log };
}

/** The lines of a log that are JSON, or have it after what the runtime puts before it. */
function objects(log) {
  return log.split("\n").flatMap((line) => {
    try {
      return [JSON.parse(line.slice(line.indexOf("{")))];
    } catch {
      return [];
    }
  });
}

test("idempotency, structured logs, metrics and segments", { timeout: 120_000 }, async () => {
  const TableName = "idempotency";
  const AttributeDefinitions = [{ AttributeName: "id", AttributeType: "S" }];
  const KeySchema = [{ AttributeName: "id", KeyType: "HASH" }];
  await dynamodb.send(new CreateTableCommand({ TableName, AttributeDefinitions, KeySchema, BillingMode: "PAY_PER_REQUEST" }));
  await waitUntilTableExists({ client: dynamodb, maxWaitTime: 30 }, { TableName });
  await create("payments", PAYMENTS, 60, { TABLE: TableName, AWS_XRAY_CONTEXT_MISSING: "IGNORE_ERROR" });
  const first = await invoke("payments", { order: "a" });
  assert.deepEqual([first.answer, first.error], [{ order: "a", run: 1 }, undefined], first.log);
  const again = await invoke("payments", { order: "a", again: true });
  assert.deepEqual(again.answer, first.answer, "it is not run twice");
  assert.deepEqual((await invoke("payments", { order: "b" })).answer, { order: "b", run: 2 });
  const refused = await invoke("payments", { order: "c", refuse: true });
  assert.deepEqual([refused.error, refused.answer.errorMessage], ["Unhandled", "refused"]);
  assert.equal((await invoke("payments", { order: "c" })).answer.run, 4, "what failed may run again");
  const { Items } = await dynamodb.send(new ScanCommand({ TableName }));
  assert.deepEqual(Items.map((item) => item.status.S), ["COMPLETED", "COMPLETED", "COMPLETED"]);
  const [line] = objects(first.log).filter((line) => line.message === "paid");
  assert.deepEqual([line.order, line.service, line.function_name, line.level], ["a", "payments", "payments", "INFO"]);
  assert.ok(line.cold_start && line.function_request_id && line.xray_trace_id, JSON.stringify(line));
  const [metric] = objects(first.log).filter((line) => line._aws);
  assert.deepEqual([metric.paid, metric.service, metric._aws.CloudWatchMetrics[0].Namespace], [1, "payments", "shop"]);
  const { answer: segments } = await invoke("payments", { segments: true });
  assert.ok(segments.includes("## pay"), JSON.stringify(segments));
});

test("messages of a batch that fail come back alone", { timeout: 120_000 }, async () => {
  const queue = async (QueueName, Attributes) => (await sqs.send(new CreateQueueCommand({ QueueName, Attributes }))).QueueUrl;
  const dead = await queue("dead");
  const deadLetterTargetArn = "arn:aws:sqs:us-east-1:000000000000:dead";
  const RedrivePolicy = JSON.stringify({ deadLetterTargetArn, maxReceiveCount: 2 });
  const work = await queue("work", { VisibilityTimeout: "6", RedrivePolicy });
  await create("worker", BATCH, 6);
  const bodies = ["one", "late", "two", "rotten", "three"];
  const Entries = bodies.map((MessageBody, at) => ({ Id: `${at}`, MessageBody }));
  await sqs.send(new SendMessageBatchCommand({ QueueUrl: work, Entries }));
  await lambda.send(new CreateEventSourceMappingCommand({
    EventSourceArn: "arn:aws:sqs:us-east-1:000000000000:work", FunctionName: "worker", BatchSize: 10,
    FunctionResponseTypes: ["ReportBatchItemFailures"],
  }));
  const { Messages } = await sqs.send(new ReceiveMessageCommand({ QueueUrl: dead, WaitTimeSeconds: 20 }));
  assert.deepEqual(Messages?.map((message) => message.Body), ["rotten"]);
  const AttributeNames = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"];
  const { Attributes } = await sqs.send(new GetQueueAttributesCommand({ QueueUrl: work, AttributeNames }));
  assert.deepEqual(Object.values(Attributes), ["0", "0"]);
});
