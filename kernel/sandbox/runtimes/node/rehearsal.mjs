// What every function's first invocation does, done once ahead with a function of ours against a Runtime API of a few
// lines: an engine compiles what it runs when it first does, and loads what that needs.

import fs from 'node:fs';
import net from 'node:net';
import { createRequire } from 'node:module';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import util from 'node:util';

const INVOCATION =
  'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nLambda-Runtime-Aws-Request-Id: rehearsal\r\n' +
  'Lambda-Runtime-Deadline-Ms: 1\r\nLambda-Runtime-Invoked-Function-Arn: a\r\nLambda-Runtime-Trace-Id: t\r\n' +
  'Content-Length: 9\r\n\r\n{"a":"b"}';
const TAKEN = 'HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\n\r\n';
const NO_MORE = 'HTTP/1.1 410 Gone\r\nContent-Length: 0\r\n\r\n';
const TIMES = 3;

// Answers each request for an invocation with one, as often as that is rehearsed, and takes what is posted.
function answering(socket) {
  // Else an answer waits until the other side has acknowledged what was sent before.
  socket.setNoDelay(true);
  let asked = 0;
  socket.on('data', (bytes) => {
    const text = bytes.toString('latin1');
    if (text.includes('POST ')) socket.write(TAKEN);
    if (!text.includes('GET ')) return;
    asked += 1;
    socket.write(asked > TIMES ? NO_MORE : INVOCATION);
  });
  socket.on('error', () => {});
}

// `assume` takes a function's variables, `begin` is what a bootstrap does of its own with them in place; it gives the
// handler. `serve` answers invocations until there are no more.
export async function rehearse(RuntimeApi, { assume, begin, serve }) {
  const own = fileURLToPath(import.meta.url);
  const server = net.createServer(answering);
  await new Promise((listens) => server.listen(0, '127.0.0.1', listens));
  const given = { ...process.env };
  assume({ ...given, _HANDLER: 'rehearsed.handler', LAMBDA_TASK_ROOT: path.dirname(own) });
  fs.readFileSync(own, 'utf8');
  util.format('%s %j', process.stdout.writable && process.stderr.writable, { at: new Date().toISOString() });
  const api = new RuntimeApi(`127.0.0.1:${server.address().port}`);
  await serve(api, await begin());
  api.close();
  await new Promise((closed) => server.close(closed));
  const { cache } = createRequire(own);
  for (const name of Object.keys(cache)) delete cache[name];
  assume(given);
}
