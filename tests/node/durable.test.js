// Durable functions with AWS's own SDK for JavaScript, unmodified, as its users bring it: with the package.
import assert from "node:assert/strict";
import { createRequire } from "node:module";
import { after, before, test } from "node:test";
import { archive, installed } from "./archive.js";
import { startRegion } from "./region.js";

// The client that the SDK brings: the suite's own is older than durable functions.
const sdk = createRequire(createRequire(import.meta.url).resolve("@aws/durable-execution-sdk-js"));
const { CreateFunctionCommand, InvokeCommand, LambdaClient } = sdk("@aws-sdk/client-lambda");

const Runtime = `nodejs${process.versions.node.split(".")[0]}.x`;
const Role = "arn:aws:iam::000000000000:role/r";

const ORDERS = `
  const { withDurableExecution } = require("@aws/durable-execution-sdk-js");
  let tries = 0;

  exports.handler = withDurableExecution(async (event, context) => {
    const one = await context.step("one", async () => event.n + 1);
    const retryStrategy = (_, attempt) => ({ shouldRetry: attempt < 3, delay: { seconds: 1 } });
    const unsteady = await context.step("unsteady", async () => {
      tries += 1;
      if (tries < 2) throw new Error("not yet");
      return "second time";
    }, { retryStrategy });
    await context.wait("pause", { seconds: 1 });
    const both = await context.parallel("both", [
      async (branch) => branch.step(async () => "a"),
      async (branch) => { await branch.wait({ seconds: 1 }); return "b"; },
    ]);
    const all = await context.map("all", [1, 2], async (item, value) => item.step(async () => value * 2));
    const called = await context.invoke("call", event.other, { n: 1 });
    if (event.fail) throw new RangeError("on purpose");
    return { one, unsteady, both: both.getResults(), all: all.getResults(), called };
  });
`;

const PLAIN = "exports.handler = async (event) => ({ got: event.n + 1 });";

let region;
let lambda;

before(async () => {
  region = await startRegion("--memory");
  lambda = new LambdaClient(region.config);
  const make = (FunctionName, ZipFile, more) => lambda.send(new CreateFunctionCommand({
    FunctionName, Runtime, Role, Handler: "index.handler", Code: { ZipFile }, Timeout: 60, MemorySize: 512, ...more,
  }));
  const modules = installed(["@aws/durable-execution-sdk-js"], "node_modules");
  await make("plain", archive({ "index.js": PLAIN }));
  const DurableConfig = { ExecutionTimeout: 120 };
  await make("orders", archive({ "index.js": ORDERS, ...modules }), { DurableConfig });
});

after(async () => assert.equal(await region.stop(), 0));

const run = async (event) => {
  const input = { FunctionName: "orders", Qualifier: "$LATEST", Payload: JSON.stringify(event) };
  const answer = await lambda.send(new InvokeCommand(input));
  return [JSON.parse(Buffer.from(answer.Payload).toString()), answer.FunctionError];
};

test("steps, waits, branches, items and calls of an execution", async () => {
  const [result, failed] = await run({ n: 1, other: "plain" });
  assert.equal(failed, undefined, JSON.stringify(result));
  assert.deepEqual(result, {
    one: 2, unsteady: "second time", both: ["a", "b"], all: [2, 4], called: { got: 2 },
  });
});

test("a failure is told as the function's own", async () => {
  const [error, failed] = await run({ n: 1, other: "plain", fail: true });
  assert.deepEqual([failed, error.errorType, error.errorMessage], ["Unhandled", "RangeError", "on purpose"]);
});
