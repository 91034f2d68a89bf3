// Renders the recordings that messages tell of: reads the object, checks it, writes its notation beside it,
// updates the table, sends a notice.
//
// A message may come more than once, and a run may end anywhere. So each step can be repeated: the rendition
// has the same bytes, the row changes only if it does not show this recording yet, the notice names what it
// is about. A message that fails is given back alone; after a few times it rests in the dead-letter queue.
import { createHash } from "node:crypto";
import { DynamoDBClient, UpdateItemCommand } from "@aws-sdk/client-dynamodb";
import { GetObjectCommand, PutObjectCommand, S3Client } from "@aws-sdk/client-s3";
import { SendMessageCommand, SQSClient } from "@aws-sdk/client-sqs";
import { LONGEST_BYTES, Malformed, render } from "./recording.js";

const { TABLE, NOTICES_URL } = process.env;
const RECITAL = /^recitals\/([^/]+)\/([^/]+)\.wav$/;

const dynamodb = new DynamoDBClient({});
const s3 = new S3Client({ forcePathStyle: true });
const sqs = new SQSClient({});

/** What Lambda calls with a batch of messages. */
export async function handler(event) {
  const failed = await Promise.all(event.Records.map(failureOf));
  return { batchItemFailures: failed.filter((failure) => failure !== undefined) };
}

async function failureOf(message) {
  try {
    // The message that S3 sends when a notification is configured has no records.
    const { Records: uploads = [] } = JSON.parse(message.body);
    for (const upload of uploads) await publish(locate(upload));
    return undefined;
  } catch (error) {
    console.error(JSON.stringify({ message: message.messageId, error: error.name, reason: error.message }));
    return { itemIdentifier: message.messageId };
  }
}

/** Where an uploaded recording is, and whose it is. */
function locate(upload) {
  // Keys in events are encoded as in a form.
  const key = decodeURIComponent(upload.s3.object.key.replaceAll("+", " "));
  const [, student, recording] = RECITAL.exec(key) ?? [];
  if (recording === undefined) throw new Malformed(`${key} is not the place of a recital`);
  return { bucket: upload.s3.bucket.name, key, student, recording };
}

async function publish(place) {
  let bytes, rendered;
  try {
    bytes = await read(place);
    rendered = render(bytes);
  } catch (error) {
    if (error instanceof Malformed) await refuse(place, error.message);
    throw error;
  }
  const sha256 = createHash("sha256").update(bytes).digest("hex");
  const rendition = `renditions/${place.student}/${place.recording}.txt`;
  await s3.send(
    new PutObjectCommand({
      Bucket: place.bucket,
      Key: rendition,
      Body: rendered.notation,
      ContentType: "text/plain; charset=utf-8",
      Metadata: { sha256 },
    }),
  );
  const news = await show(place, { ...rendered, bytes: bytes.length, sha256, rendition });
  await notify({ student: place.student, recording: place.recording, sha256, rendition });
  console.log(JSON.stringify({ published: place.key, sha256, blocks: rendered.blocks, again: !news }));
}

async function read({ bucket, key }) {
  const object = await s3.send(new GetObjectCommand({ Bucket: bucket, Key: key }));
  if (object.ContentLength > LONGEST_BYTES) {
    object.Body.destroy();
    throw new Malformed("too long");
  }
  return object.Body.transformToByteArray();
}

/** Writes the row of a recording; false if it already shows these bytes. */
async function show(place, { sha256, bytes, blocks, seconds, rendition }) {
  try {
    await update(place, {
      UpdateExpression:
        "SET #state = :published, sha256 = :sha256, #bytes = :bytes, #blocks = :blocks, #seconds = :seconds, " +
        "rendition = :rendition REMOVE reason ADD renderings :one",
      ConditionExpression: "attribute_exists(pk) AND (attribute_not_exists(sha256) OR sha256 <> :sha256)",
      ExpressionAttributeNames: { "#state": "state", "#bytes": "bytes", "#blocks": "blocks", "#seconds": "seconds" },
      ExpressionAttributeValues: {
        ":published": { S: "published" },
        ":sha256": { S: sha256 },
        ":bytes": { N: String(bytes) },
        ":blocks": { N: String(blocks) },
        ":seconds": { N: String(seconds) },
        ":rendition": { S: rendition },
        ":one": { N: "1" },
      },
    });
    return true;
  } catch (error) {
    if (error.name === "ConditionalCheckFailedException" && error.Item?.sha256?.S === sha256) return false;
    throw error;
  }
}

/** Says on the board why a recording is not rendered. */
function refuse(place, reason) {
  return update(place, {
    UpdateExpression: "SET #state = :refused, reason = :reason",
    ConditionExpression: "attribute_exists(pk)",
    ExpressionAttributeNames: { "#state": "state" },
    ExpressionAttributeValues: { ":refused": { S: "refused" }, ":reason": { S: reason } },
  });
}

function update({ student, recording }, change) {
  return dynamodb.send(
    new UpdateItemCommand({
      TableName: TABLE,
      Key: { pk: { S: `student#${student}` }, sk: { S: `recording#${recording}` } },
      ReturnValuesOnConditionCheckFailure: "ALL_OLD",
      ...change,
    }),
  );
}

function notify(notice) {
  return sqs.send(new SendMessageCommand({ QueueUrl: NOTICES_URL, MessageBody: JSON.stringify(notice) }));
}
