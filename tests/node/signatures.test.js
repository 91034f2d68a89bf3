// sns-validator, by which subscribers in JavaScript check what a topic sends, as it is: it fetches the certificate over
// TLS from a host that must be told to it, as it trusts AWS's own alone.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import https from "node:https";
import { join } from "node:path";
import { after, before, test } from "node:test";
import MessageValidator from "sns-validator";
import { startRegion } from "./region.js";

let region, origin, inbox;
const received = [];

before(async () => {
  region = await startRegion();
  origin = region.config.endpoint.replace("http://127.0.0.1", "https://localhost");
  // The validator asks the agent that all requests over TLS have.
  https.globalAgent.options.ca = readFileSync(join(region.data, "tls", "authority.pem"));
  inbox = createServer((request, response) => {
    let body = "";
    request.on("data", (chunk) => (body += chunk));
    request.on("end", () => {
      received.push({ headers: request.headers, body });
      response.end();
    });
  });
  await new Promise((resolve) => inbox.listen(0, "127.0.0.1", resolve));
});

after(async () => {
  https.globalAgent.destroy();
  assert.equal(await region.stop(), 0);
  inbox.close();
  inbox.closeAllConnections();
});

/** The answer to a request over TLS, which any caller may make where permissions are not enforced. */
function get(url) {
  return new Promise((resolve, reject) => {
    const answered = (answer) => {
      let text = "";
      answer.on("data", (chunk) => (text += chunk));
      answer.on("end", () => (answer.statusCode === 200 ? resolve(text) : reject(new Error(text))));
    };
    https.get(url, answered).on("error", reject);
  });
}

function ask(Action, parameters) {
  return get(`${origin}/?${new URLSearchParams({ Action, Version: "2010-03-31", ...parameters })}`);
}

function validate(validator, message) {
  return new Promise((resolve, reject) => {
    validator.validate(message, (error, valid) => (error ? reject(error) : resolve(valid)));
  });
}

/** The message of a kind that a topic has sent. */
async function sent(topic, kind) {
  const wanted = ({ headers }) =>
    headers["x-amz-sns-topic-arn"] === topic && headers["x-amz-sns-message-type"] === kind;
  while (!received.some(wanted)) await new Promise((resolve) => setTimeout(resolve, 20));
  return received.find(wanted).body;
}

for (const version of ["1", "2"]) {
  test(`signatures of version ${version}`, { timeout: 60_000 }, async () => {
    const made = await ask("CreateTopic", {
      Name: `signed-${version}`,
      "Attributes.entry.1.key": "SignatureVersion",
      "Attributes.entry.1.value": version,
    });
    const [topic] = made.match(/arn:[^<]+/);
    const Endpoint = `http://127.0.0.1:${inbox.address().port}/`;
    await ask("Subscribe", { TopicArn: topic, Protocol: "http", Endpoint });
    const ours = new MessageValidator(/^localhost:\d+$/);
    const asked = await sent(topic, "SubscriptionConfirmation");
    const confirmation = await validate(ours, asked);
    assert.match(await get(confirmation.SubscribeURL), /<SubscriptionArn>arn:/);
    const text = 'Grüße\n"and" more';
    await ask("Publish", { TopicArn: topic, Message: text, Subject: "Recital" });
    const notified = await sent(topic, "Notification");
    const { Message, SignatureVersion } = await validate(ours, notified);
    assert.deepEqual([Message, SignatureVersion], [text, version]);
    const tampered = JSON.stringify({ ...JSON.parse(notified), Message: "other" });
    await assert.rejects(validate(ours, tampered), /The message signature is invalid/);
    await assert.rejects(validate(new MessageValidator(), notified), /invalid domain/);
  });
}
