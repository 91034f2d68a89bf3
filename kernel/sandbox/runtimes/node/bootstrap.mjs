// Runs one Node.js function: takes its invocations from the Runtime API and answers them.
//
// Speaks HTTP/1.1 by hand over one kept-alive connection: a result and the request for the next
// invocation leave in one write. While a handler runs, the connection does not keep the process
// alive, so an empty event loop can be told. Each line on stdout is one log event; line breaks
// inside an event are carriage returns.

import fs from 'node:fs';
import Module, { createRequire } from 'node:module';
import net from 'node:net';
import path from 'node:path';
import { Writable } from 'node:stream';
import { pathToFileURL } from 'node:url';
import util from 'node:util';
import { parseResponse } from './responses.mjs';

const VERSION = '/2018-06-01/runtime';
const INVOCATION = `${VERSION}/invocation/`;
const UNCAUGHT_EXIT_CODE = 129;
const UNHANDLED_EXIT_CODE = 128;
const NEVER_SETTLED =
  'The Lambda runtime client detected an unexpected Node.js exit code. This is most commonly caused by a Promise that was never settled. For more information, see https://nodejs.org/docs/latest/api/process.html#exit-codes';

let requestId;
// What is being done: `initialising`, `idle`, or the invocation with what to do when nothing is left to do.
let phase = 'initialising';
let failing = false;

class RuntimeError extends Error {
  constructor(kind, message) {
    super(message);
    // Not enumerable, as it would be logged twice.
    Object.defineProperty(this, 'name', { value: `Runtime.${kind}` });
  }
}

// --- The Runtime API ---------------------------------------------------------------------------

class RuntimeApi {
  constructor(address) {
    const at = address.lastIndexOf(':');
    this.host = address;
    this.chunks = [];
    this.length = 0;
    this.waiting = [];
    this.socket = net.connect({ host: address.slice(0, at), port: Number(address.slice(at + 1)) });
    this.socket.setNoDelay(true);
    this.socket.on('data', (chunk) => this.take(chunk));
    this.socket.on('error', () => process.exit(1));
    this.socket.on('close', () => process.exit(1));
    this.next = Buffer.from(`GET ${INVOCATION}next HTTP/1.1\r\nHost: ${address}\r\n\r\n`);
  }

  // Once there are no more invocations.
  close() {
    this.socket.removeAllListeners('close');
    this.socket.destroy();
  }

  askNext() {
    this.socket.ref();
    this.socket.write(this.next);
    return this.answered();
  }

  // Posts a result and asks for the next invocation, whose promise is returned.
  answer(target, body, kind) {
    this.socket.ref();
    this.socket.cork();
    this.post(target, body, kind);
    this.socket.write(this.next);
    this.socket.uncork();
    this.checked(this.answered());
    return this.answered();
  }

  // Begins a streamed answer of one invocation; its pieces follow as chunks.
  begin(target, contentType) {
    this.socket.ref();
    this.socket.write(
      `POST ${target} HTTP/1.1\r\nHost: ${this.host}\r\nContent-Type: ${printable(contentType)}\r\n` +
        'Lambda-Runtime-Function-Response-Mode: streaming\r\nTransfer-Encoding: chunked\r\n' +
        'Trailer: Lambda-Runtime-Function-Error-Type, Lambda-Runtime-Function-Error-Body\r\n\r\n',
    );
  }

  piece(bytes, written) {
    if (bytes.length === 0) return written();
    this.socket.cork();
    this.socket.write(`${bytes.length.toString(16)}\r\n`);
    this.socket.write(bytes);
    const done = this.socket.write('\r\n');
    this.socket.uncork();
    if (done) return written();
    return this.socket.once('drain', written);
  }

  // Ends a streamed answer, with the error that broke it if one did, and asks for the next invocation.
  end(error) {
    const trailers = error
      ? `Lambda-Runtime-Function-Error-Type: ${printable(error.errorType)}\r\n` +
        `Lambda-Runtime-Function-Error-Body: ${Buffer.from(JSON.stringify(error)).toString('base64')}\r\n`
      : '';
    this.socket.write(Buffer.concat([Buffer.from(`0\r\n${trailers}\r\n`, 'latin1'), this.next]));
    this.checked(this.answered());
    return this.answered();
  }

  checked(answer) {
    answer.then(({ status, body: refusal }) => {
      if (status >= 300 && status !== 413) {
        process.stderr.write(`the runtime refused an answer: ${status} ${refusal.subarray(0, 500)}\n`);
      }
    });
  }

  // Posts what ends this process; resolves when it has been received.
  finish(target, body, kind) {
    this.socket.ref();
    this.post(target, body, kind);
    return this.answered();
  }

  post(target, body, kind) {
    const bytes = Buffer.from(body);
    const error = kind ? `Lambda-Runtime-Function-Error-Type: ${printable(kind)}\r\n` : '';
    const head =
      `POST ${target} HTTP/1.1\r\nHost: ${this.host}\r\nContent-Type: application/json\r\n` +
      `${error}Content-Length: ${bytes.length}\r\n\r\n`;
    this.socket.write(Buffer.concat([Buffer.from(head, 'latin1'), bytes]));
  }

  answered() {
    return new Promise((resolve) => this.waiting.push(resolve));
  }

  take(chunk) {
    this.chunks.push(chunk);
    this.length += chunk.length;
    while (this.waiting.length > 0 && this.length >= (this.needed ?? 0)) {
      if (this.chunks.length > 1) this.chunks = [Buffer.concat(this.chunks)];
      const parsed = parseResponse(this.chunks[0]);
      if (parsed.needed) {
        this.needed = parsed.needed;
        return;
      }
      this.needed = 0;
      this.chunks = [this.chunks[0].subarray(parsed.end)];
      this.length = this.chunks[0].length;
      this.waiting.shift()(parsed);
      if (this.length === 0) return;
    }
  }
}

function printable(text) {
  return String(text).replace(/[^\x20-\x7e]/g, '?');
}

// --- Streamed answers --------------------------------------------------------------------------

const STREAMS = Symbol('streams');
const WITH_PRELUDE = 'application/vnd.awslambda.http-integration-response';

// What a streaming handler writes its answer to. The head leaves with the first piece.
class ResponseStream extends Writable {
  constructor(api, target) {
    super();
    this.api = api;
    this.target = target;
    this.contentType = 'application/octet-stream';
    this.begun = false;
  }

  setContentType(contentType) {
    if (this.begun) throw new RuntimeError('InvalidStreamingOperation', 'Cannot set content-type, too late.');
    this.contentType = contentType;
  }

  _write(chunk, encoding, written) {
    this.open();
    this.api.piece(typeof chunk === 'string' ? Buffer.from(chunk, encoding) : chunk, () => written());
  }

  open() {
    if (this.begun) return;
    this.begun = true;
    this.api.begin(this.target, this.contentType);
    if (this.prelude) this.api.piece(this.prelude, () => {});
  }
}

globalThis.awslambda = {
  streamifyResponse: (handler) => Object.assign(handler, { [STREAMS]: true }),
  HttpResponseStream: {
    from(stream, metadata) {
      stream.setContentType(WITH_PRELUDE);
      stream.prelude = Buffer.concat([Buffer.from(JSON.stringify(metadata)), Buffer.alloc(8)]);
      return stream;
    },
  },
};

// --- Logs --------------------------------------------------------------------------------------

const LEVELS = ['TRACE', 'DEBUG', 'INFO', 'WARN', 'ERROR', 'FATAL'];

// An error as a document, of which JSON alone would tell nothing.
function spelled(error) {
  const errorType = error instanceof RuntimeError ? error.name.replace('Runtime.', '') : error.constructor?.name;
  const stackTrace = typeof error.stack === 'string' ? error.stack.split('\n') : error.stack;
  return { errorType: errorType ?? 'UnknownError', errorMessage: error.message, stackTrace };
}

// One event of a log in JSON: what is given alone is the message as it is, an error besides a text is told beside it.
function jsonEvent(level, values) {
  const event = { timestamp: new Date().toISOString(), level, requestId, message: values[0] };
  if (values.length === 1) {
    const errors = (_key, value) => (value instanceof Error ? { ...spelled(value), ...value } : value);
    try {
      return JSON.stringify(event, errors);
    } catch {
      return JSON.stringify({ ...event, message: util.format(values[0]) });
    }
  }
  const error = values.find((value) => value instanceof Error);
  return JSON.stringify({ ...event, message: util.format(...values), ...(error && spelled(error)) });
}

function patchConsole() {
  const json = process.env.AWS_LAMBDA_LOG_FORMAT === 'JSON';
  const lowest = json ? LEVELS.indexOf(process.env.AWS_LAMBDA_LOG_LEVEL ?? 'TRACE') : 0;
  const levels = {
    log: 'INFO',
    debug: 'DEBUG',
    info: 'INFO',
    warn: 'WARN',
    error: 'ERROR',
    trace: 'TRACE',
    fatal: 'FATAL',
  };
  for (const [method, level] of Object.entries(levels)) {
    console[method] = (...values) => {
      if (LEVELS.indexOf(level) < lowest) return;
      if (json) {
        process.stdout.write(`${jsonEvent(level, values)}\n`);
        return;
      }
      const text = util.format(...values).replaceAll('\n', '\r');
      process.stdout.write(`${new Date().toISOString()}\t${requestId}\t${level}\t${text}\n`);
    };
  }
}

// --- Errors ------------------------------------------------------------------------------------

function isError(value) {
  if (util.types.isNativeError(value)) return true;
  return [value?.name, value?.message, value?.stack].every((text) => text && typeof text === 'string');
}

// Error types travel in a header, where a DEL is not allowed.
function withoutDel(text) {
  return text?.replaceAll('\x7F', '%7F');
}

// The document that the caller of the function gets.
function describe(error) {
  try {
    if (!isError(error)) return { errorType: typeof error, errorMessage: String(error), trace: [] };
    const [errorType, errorMessage, stack] = [error.name, error.message, error.stack].map(withoutDel);
    return { errorType, errorMessage, trace: stack.split('\n') };
  } catch {
    return {
      errorType: 'handled',
      errorMessage:
        'callback called with Error argument, but there was a problem while retrieving one or more of its message, name, and stack',
    };
  }
}

// Tells the log of what ended an invocation, or the beginning.
function logError(label, error) {
  if (process.env.AWS_LAMBDA_LOG_FORMAT !== 'JSON') console.error(label, logged(error));
  else console.error(error instanceof Error ? error : new Error(error));
}

// The same for a text, with whatever else the error carries.
function logged(error) {
  try {
    const enumerable = (_key, value) => {
      if (!(value instanceof Error)) return value;
      const { name: errorType, message: errorMessage, code, stack } = value;
      const lines = typeof stack === 'string' ? { stack: stack.split('\n') } : {};
      return { errorType, errorMessage, code, ...value, ...lines };
    };
    return `\t${JSON.stringify(error instanceof Error ? error : new Error(error), enumerable)}`;
  } catch {
    return `\t${JSON.stringify(describe(error))}`;
  }
}

async function fail(api, label, error, exitCode) {
  if (failing) return;
  failing = true;
  logError(label, error);
  if (phase === 'idle') process.exit(exitCode);
  const document = describe(error);
  const initialising = phase === 'initialising';
  const target = initialising ? `${VERSION}/init/error` : `${INVOCATION}${requestId}/error`;
  await api.finish(target, JSON.stringify(document), document.errorType);
  process.exit(exitCode);
}

// --- Loading a handler -------------------------------------------------------------------------

async function load(root, handler) {
  if (handler.includes('..')) {
    throw new RuntimeError(
      'MalformedHandlerName',
      `'${handler}' is not a valid handler name. Use absolute paths when specifying root directories in handler names.`,
    );
  }
  const base = path.basename(handler);
  const matched = /^([^.]*)\.(.*)$/.exec(base);
  if (!matched) throw new RuntimeError('MalformedHandlerName', 'Bad handler');
  const directory = handler.slice(0, handler.lastIndexOf(base));
  const loaded = await loadModule(root, directory, matched[1]);
  const found = matched[2].split('.').reduce((nested, key) => nested?.[key], loaded);
  if (!found) throw new RuntimeError('HandlerNotFound', `${handler} is undefined or not exported`);
  if (typeof found !== 'function') {
    throw new RuntimeError('HandlerNotFound', `${handler} is not a function`);
  }
  return found;
}

async function loadModule(root, directory, name) {
  const require = createRequire(import.meta.url);
  const place = path.resolve(root, directory, name);
  try {
    if (isFile(place)) return require(place);
    if (isFile(`${place}.js`)) {
      if (!isModulePackage(path.dirname(place))) return require(`${place}.js`);
      return await import(pathToFileURL(`${place}.js`));
    }
    if (isFile(`${place}.mjs`)) return await import(pathToFileURL(`${place}.mjs`));
    if (isFile(`${place}.cjs`)) return require(`${place}.cjs`);
    return require(require.resolve(name, { paths: [root, path.join(root, directory)] }));
  } catch (error) {
    if (error instanceof SyntaxError) throw new RuntimeError('UserCodeSyntaxError', String(error));
    if (String(error?.message).includes("'@aws-sdk/")) {
      process.stderr.write(
        'There is no AWS SDK for JavaScript on this machine: install what is used of it (npm install --global' +
          ' @aws-sdk/client-s3), or bring it in the package or a layer.\n',
      );
    }
    if (error?.code === 'MODULE_NOT_FOUND') throw new RuntimeError('ImportModuleError', String(error));
    throw error;
  }
}

function isFile(place) {
  return fs.statSync(place, { throwIfNoEntry: false })?.isFile() ?? false;
}

// The nearest package.json decides what a `.js` file is.
function isModulePackage(directory) {
  for (let at = directory; path.basename(at) !== 'node_modules'; at = path.dirname(at)) {
    const file = path.join(at, 'package.json');
    if (isFile(file)) {
      try {
        return JSON.parse(fs.readFileSync(file, 'utf8')).type === 'module';
      } catch {
        return false;
      }
    }
    if (at === path.dirname(at)) break;
  }
  return false;
}

function extendPath() {
  const opt = process.env.ELYSIUM_LAYERS_ROOT || '/opt';
  const major = process.versions.node.split('.')[0];
  const layers = [`${opt}/nodejs/node${major}/node_modules`, `${opt}/nodejs/node_modules`];
  const given = (process.env.NODE_PATH ?? '').split(':').filter(Boolean);
  // Where `npm install --global` puts packages: AWS's runtimes bring the SDK, here it is that of the machine.
  const installed = ['/usr/local/lib/node_modules', path.resolve(process.execPath, '../../lib/node_modules')];
  const root = process.env.LAMBDA_TASK_ROOT ?? '/var/task';
  process.env.NODE_PATH = [...new Set([...given, ...layers, ...installed, root])].join(':');
  Module._initPaths();
}

// --- Invocations -------------------------------------------------------------------------------

// Headers are read as Latin-1, the values in them are UTF-8.
function parseHeader(text) {
  return text ? JSON.parse(Buffer.from(text, 'latin1').toString()) : undefined;
}

// How a handler can answer: only the first answer counts, however it is given.
function makeAnswers(resolve) {
  let answered = false;
  const first = (answer) => (error, result) => {
    if (answered) return;
    answered = true;
    answer(error ?? undefined, result);
  };
  const settle = (error, result) => resolve(error === undefined ? { result } : { error });
  return { done: first(settle), settle, first };
}

function makeContext(headers, done) {
  const deadline = Number(headers['lambda-runtime-deadline-ms']);
  return {
    callbackWaitsForEmptyEventLoop: true,
    functionVersion: process.env.AWS_LAMBDA_FUNCTION_VERSION,
    functionName: process.env.AWS_LAMBDA_FUNCTION_NAME,
    memoryLimitInMB: process.env.AWS_LAMBDA_FUNCTION_MEMORY_SIZE,
    logGroupName: process.env.AWS_LAMBDA_LOG_GROUP_NAME,
    logStreamName: process.env.AWS_LAMBDA_LOG_STREAM_NAME,
    clientContext: parseHeader(headers['lambda-runtime-client-context']),
    identity: parseHeader(headers['lambda-runtime-cognito-identity']),
    invokedFunctionArn: headers['lambda-runtime-invoked-function-arn'],
    awsRequestId: headers['lambda-runtime-aws-request-id'],
    tenantId: headers['lambda-runtime-aws-tenant-id'],
    getRemainingTimeInMillis: () => deadline - Date.now(),
    succeed: (result) => done(undefined, result),
    fail: (error) => done(error ?? 'handled'),
    done,
  };
}

// Resolves to `{ error }` or `{ result }` of one invocation, whichever way the handler gives it.
function invoke(handler, headers, body) {
  return new Promise((resolve) => {
    const { done, settle, first } = makeAnswers(resolve);
    // A handler that neither answers nor leaves anything to wait for has answered null, unless it
    // was declared async: then its promise can never be settled.
    const isAsync = handler.constructor?.name === 'AsyncFunction';
    const unanswered = isAsync ? new RuntimeError('NodeJsExit', NEVER_SETTLED) : undefined;
    const invocation = { emptied: () => settle(unanswered, null) };
    phase = invocation;
    const context = makeContext(headers, done);
    const callback = first((error, result) => {
      const waits = error === undefined && context.callbackWaitsForEmptyEventLoop;
      if (!waits) return settle(error, result);
      invocation.emptied = () => settle(undefined, result);
      return undefined;
    });
    const returned = handler(JSON.parse(body), context, callback);
    if (typeof returned?.then === 'function') {
      returned.then(context.succeed, context.fail);
    }
  }).catch((error) => ({ error: error ?? 'handled' }));
}

// Runs a streaming handler; its answer is ended when both it and its stream are.
async function stream(api, handler, headers, body) {
  const response = new ResponseStream(api, `${INVOCATION}${requestId}/response`);
  const ended = new Promise((resolve, reject) => {
    response.on('finish', resolve);
    response.on('error', reject);
  });
  phase = { emptied: () => response.destroy(new RuntimeError('NodeJsExit', NEVER_SETTLED)) };
  let failure;
  try {
    await Promise.all([handler(JSON.parse(body), response, makeContext(headers, () => {})), ended]);
  } catch (error) {
    failure = error ?? 'handled';
    logError('Invoke Error', failure);
  }
  phase = 'idle';
  if (failure !== undefined && !response.begun) {
    const document = describe(failure);
    return api.answer(`${INVOCATION}${requestId}/error`, JSON.stringify(document), document.errorType);
  }
  response.open();
  return api.end(failure === undefined ? undefined : describe(failure));
}

function outcomeOf({ error, result }) {
  if (error === undefined) {
    try {
      return { end: 'response', body: JSON.stringify(result === undefined ? null : result) ?? 'null' };
    } catch {
      error = new Error('Unable to stringify response body');
    }
  }
  logError('Invoke Error', error);
  const document = describe(error);
  return { end: 'error', body: JSON.stringify(document), kind: document.errorType };
}

// Answers invocations until there are no more.
async function serve(api, handler) {
  phase = 'idle';
  let asked = api.askNext();
  for (;;) {
    const { status, headers, body } = await asked;
    if (status !== 200) return;
    requestId = headers['lambda-runtime-aws-request-id'];
    const trace = headers['lambda-runtime-trace-id'];
    if (trace) process.env._X_AMZN_TRACE_ID = trace;
    else delete process.env._X_AMZN_TRACE_ID;
    api.socket.unref();
    if (handler[STREAMS]) {
      asked = stream(api, handler, headers, body);
      continue;
    }
    const { end, body: answer, kind } = outcomeOf(await invoke(handler, headers, body));
    phase = 'idle';
    asked = api.answer(`${INVOCATION}${requestId}/${end}`, answer, kind);
  }
}

// Makes the variables of this process these. What stays as it is is not touched: each change of the time zone looks
// for the machine's, which took more than all else that is done once it is told which function this is.
function assume(variables) {
  for (const name of Object.keys(process.env)) if (!Object.hasOwn(variables, name)) delete process.env[name];
  for (const [name, value] of Object.entries(variables)) {
    if (process.env[name] !== value) process.env[name] = value;
  }
}

// Loads what most functions do and connects, then waits to be told which one this is. While it waits nothing
// else goes on.
async function wait() {
  await Promise.all(['node:crypto', 'node:http', 'node:https', 'node:stream/web', 'node:zlib'].map((name) => import(name)));
  const { rehearse } = await import('./rehearsal.mjs');
  await rehearse(RuntimeApi, { assume, begin, serve });
  [phase, requestId] = ['initialising', undefined];
  const api = new RuntimeApi(process.env.AWS_LAMBDA_RUNTIME_API);
  await new Promise((connected) => api.socket.once('connect', connected));
  const told = JSON.parse(fs.readFileSync(0, 'utf8'));
  assume(told.environment);
  process.chdir(told.folder);
  process.argv.length = 2;
  return api;
}

// With the variables of a function in place; gives its handler.
function begin() {
  patchConsole();
  extendPath();
  return load(process.env.LAMBDA_TASK_ROOT || process.cwd(), process.env._HANDLER ?? '');
}

async function main() {
  const waits = process.argv[2] === 'wait';
  const api = waits ? await wait() : new RuntimeApi(process.env.AWS_LAMBDA_RUNTIME_API);
  process.on('beforeExit', () => phase.emptied?.());
  process.on('uncaughtException', (error) => fail(api, 'Uncaught Exception', error, UNCAUGHT_EXIT_CODE));
  process.on('unhandledRejection', (reason, promise) => {
    const error = new RuntimeError('UnhandledPromiseRejection', String(reason));
    Object.assign(error, { reason, promise });
    fail(api, 'Unhandled Promise Rejection', error, UNHANDLED_EXIT_CODE);
  });
  let handler;
  try {
    handler = await begin();
  } catch (error) {
    await fail(api, 'Uncaught Exception', error, UNCAUGHT_EXIT_CODE);
  }
  await serve(api, handler);
  process.exit(0);
}

main();
