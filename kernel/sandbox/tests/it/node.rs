//! The Node.js bootstrap against a Runtime API, in the words of AWS's own runtime.
//! Evidence: `Errors.js`, `UserFunction.js`, `CallbackContext.js`, `Runtime.js`, `InvokeContext.js` and
//! `LogPatch.js` of the public package `aws-lambda-ric` for Node.js 3.3.0 (2025-08-13).

use crate::runtime_api::Function;
use serde_json::{Value, json};

fn start_file(name: &str, code: &str) -> Function {
    Function::start("nodejs20.x", "app.run", &[(&format!("task/{name}"), code)])
}

fn start(code: &str) -> Function {
    start_file("app.js", code)
}

/// The error document, what was logged for it, and the exit code.
fn fails_to_start(handler: &str, code: &str) -> (Value, String, Option<i32>) {
    let function = Function::start("nodejs20.x", handler, &[("task/app.js", code)]);
    let posted = function.posted();
    assert_eq!(posted.path, "/init/error");
    let (lines, code) = function.finish();
    let (_, line) = lines[0].split_once('\t').unwrap();
    (posted.json(), line.to_owned(), code)
}

#[test]
fn every_kind_of_module_and_handler_answers() {
    let cases = [
        ("app.js", "exports.run = async (event) => [event]"),
        ("app", "exports.run = async (event) => [event]"),
        ("app.cjs", "exports.run = async (event) => [event]"),
        ("app.mjs", "export const run = async (event) => [event]"),
        (
            "app.js",
            "exports.run = (event, context, callback) => { setTimeout(() => callback(null, [event]), 5) }",
        ),
        ("app.js", "exports.run = (event, context) => { context.succeed([event]); context.fail('late') }"),
        ("app.js", "exports.run = async (event, context, callback) => { callback(null, [event]) }"),
        ("app.js", "exports.run = (event, context) => { setImmediate(() => context.done(null, [event])) }"),
    ];
    for (name, code) in cases {
        let mut function = start_file(name, code);
        for n in 1..=3 {
            let posted = function.invoke(&format!(r#"{{"n":{n},"s":"ü"}}"#));
            assert_eq!(posted.path, format!("/invocation/{}/response", function.request_id()));
            assert_eq!(posted.json(), json!([{"n": n, "s": "ü"}]), "{code}");
        }
        assert_eq!(function.finish(), (vec![], Some(0)));
    }
    let files = [
        ("task/package.json", r#"{"type": "module"}"#),
        ("task/deep/app.js", "export const nested = { run: async () => 'nested' }"),
    ];
    let mut function = Function::start("nodejs20.x", "deep/app.nested.run", &files);
    assert_eq!(function.invoke("{}").body, br#""nested""#);
}

#[test]
fn answers_that_are_not_given() {
    let mut function = start("exports.run = (event, context, callback) => 'not a promise'");
    assert_eq!(function.invoke("{}").body, b"null");
    let mut function = start("exports.run = async () => {}");
    assert_eq!(function.invoke("{}").body, b"null");
    let mut function = start("exports.run = () => new Promise(() => {})");
    assert_eq!(function.invoke("{}").body, b"null");
    assert_eq!(function.invoke("{}").body, b"null");
    let mut function = start("exports.run = async (event) => event ? 1 : new Promise(() => {})");
    let error = function.invoke("0").json();
    assert_eq!(error["errorType"], "Runtime.NodeJsExit");
    let message = "The Lambda runtime client detected an unexpected Node.js exit code.";
    assert!(error["errorMessage"].as_str().unwrap().starts_with(message));
    assert_eq!(function.invoke("1").body, b"1");
}

#[test]
fn a_callback_waits_for_an_empty_event_loop_unless_told_not_to() {
    let code = "
        let late = 0;
        exports.run = (event, context, callback) => {
          context.callbackWaitsForEmptyEventLoop = event.waits;
          setTimeout(() => { late += 1; console.log('late', late) }, event.waits ? 20 : 600000);
          callback(null, late);
        }";
    let mut function = start(code);
    assert_eq!(function.invoke(r#"{"waits": true}"#).body, b"0");
    assert_eq!(function.invoke(r#"{"waits": false}"#).body, b"1");
    let (lines, _) = function.finish();
    assert!(lines[0].ends_with("\tINFO\tlate 1"), "{lines:?}");
}

#[test]
fn the_context_is_whole() {
    let code = "exports.run = async (event, c) => [c.functionName, c.functionVersion, c.memoryLimitInMB,
        c.logGroupName, c.logStreamName, c.awsRequestId, c.invokedFunctionArn,
        c.getRemainingTimeInMillis() > 1000, c.callbackWaitsForEmptyEventLoop,
        process.env._X_AMZN_TRACE_ID, c.clientContext, c.identity, c.tenantId]";
    let mut function = start(code);
    let headers = "Lambda-Runtime-Client-Context: {\"custom\":{\"k\":\"ü\"}}\r\n\
                   Lambda-Runtime-Cognito-Identity: {\"cognitoIdentityId\":\"i\"}\r\n\
                   Lambda-Runtime-Aws-Tenant-Id: band\r\n";
    for (headers, given) in [
        (headers, json!([{"custom": {"k": "ü"}}, {"cognitoIdentityId": "i"}, "band"])),
        ("", json!([null, null, null])),
    ] {
        let posted = function.invoke_with(b"{}".to_vec(), headers).json();
        let expected = json!([
            "bard",
            "$LATEST",
            "128",
            "/aws/lambda/bard",
            "2024/05/01/[$LATEST]abc",
            function.request_id(),
            "arn:aws:lambda:us-east-1:000000000000:function:bard",
            true,
            true,
            "Root=1-5bef4de7-ad49b0e87f6ef6c87fc2e700",
        ]);
        assert_eq!(posted.as_array().unwrap()[..10], expected.as_array().unwrap()[..]);
        assert_eq!(posted.as_array().unwrap()[10..], given.as_array().unwrap()[..]);
    }
}

#[test]
fn errors_are_described_and_logged_and_the_next_invocation_served() {
    let code = "exports.run = (event, context, callback) => {
        if (event === 'throw') throw new RangeError('flat');
        if (event === 'callback') return callback(new TypeError('sharp'));
        if (event === 'text') return callback('off key');
        if (event === 'fail') return context.fail(Object.assign(new Error('late'), { code: 'E7' }));
        if (event === 'nothing') return Promise.reject();
        if (event === 'waiting') { setTimeout(() => {}, 600000); return callback('at once') }
        if (event === 'reject') return Promise.reject(new Error('hoarse'));
        if (event === 'circle') { const a = {}; a.a = a; return Promise.resolve(a) }
      }";
    let mut function = start(code);
    let cases = [
        ("throw", "RangeError", "flat"),
        ("callback", "TypeError", "sharp"),
        ("text", "string", "off key"),
        ("fail", "Error", "late"),
        ("reject", "Error", "hoarse"),
        ("nothing", "string", "handled"),
        ("waiting", "string", "at once"),
        ("circle", "Error", "Unable to stringify response body"),
    ];
    for (event, kind, message) in cases {
        let posted = function.invoke(&format!("\"{event}\""));
        assert_eq!(posted.path, format!("/invocation/{}/error", function.request_id()));
        assert_eq!(posted.headers["lambda-runtime-function-error-type"], kind);
        let error = posted.json();
        assert_eq!((&error["errorType"], &error["errorMessage"]), (&json!(kind), &json!(message)));
        let trace = error["trace"].as_array().unwrap();
        match kind {
            "string" => assert!(trace.is_empty()),
            _ => assert_eq!(trace[0], format!("{kind}: {message}")),
        }
    }
    let (lines, _) = function.finish();
    assert_eq!(lines.len(), cases.len());
    let fields: Vec<&str> = lines[3].splitn(5, '\t').collect();
    assert_eq!(
        (fields[1], fields[2], fields[3]),
        ("00000000-0000-4000-8000-000000000004", "ERROR", "Invoke Error ")
    );
    let logged: Value = serde_json::from_str(fields[4]).unwrap();
    assert_eq!((&logged["errorType"], &logged["code"]), (&json!("Error"), &json!("E7")));
    assert_eq!(logged["stack"][0], "Error: late");
    let text = lines[2].splitn(5, '\t').nth(4).unwrap();
    assert_eq!(serde_json::from_str::<Value>(text).unwrap()["errorMessage"], "off key");
}

#[test]
fn what_nobody_catches_ends_the_process_with_the_invocation_answered() {
    let uncaught = "exports.run = () => { setTimeout(() => { throw new Error('crack') }, 1) }";
    let unhandled = "exports.run = () => { Promise.reject(new Error('crack')); setTimeout(() => {}, 50) }";
    let cases = [
        (uncaught, "Error", "crack", 129, "Uncaught Exception"),
        (unhandled, "Runtime.UnhandledPromiseRejection", "Error: crack", 128, "Unhandled Promise Rejection"),
    ];
    for (code, kind, message, exit, label) in cases {
        let mut function = start(code);
        let posted = function.invoke("{}");
        assert!(posted.path.ends_with("/error"));
        let error = posted.json();
        assert_eq!((&error["errorType"], &error["errorMessage"]), (&json!(kind), &json!(message)));
        let (lines, exited) = function.finish();
        assert_eq!(exited, Some(exit));
        assert!(lines[0].contains(&format!("\tERROR\t{label} \t{{\"errorType\":\"{kind}\",")), "{lines:?}");
        assert!(!lines[0].contains("\"name\""), "{lines:?}");
    }
}

#[test]
fn what_cannot_be_loaded_is_an_error_of_initialisation() {
    let good = "exports.run = async () => {}; exports.text = 'text'";
    let cases = [
        ("nodot", good, "Runtime.MalformedHandlerName", "Bad handler"),
        (
            "../app.run",
            good,
            "Runtime.MalformedHandlerName",
            "'../app.run' is not a valid handler name. Use absolute paths when specifying root directories in handler names.",
        ),
        ("lute.run", good, "Runtime.ImportModuleError", "Error: Cannot find module 'lute'\nRequire stack:\n"),
        (
            "app.run",
            "require('harp')",
            "Runtime.ImportModuleError",
            "Error: Cannot find module 'harp'\nRequire stack:\n",
        ),
        ("app.sing", good, "Runtime.HandlerNotFound", "app.sing is undefined or not exported"),
        ("app.text", good, "Runtime.HandlerNotFound", "app.text is not a function"),
        ("app.run", "exports.run = (", "Runtime.UserCodeSyntaxError", "SyntaxError: Unexpected end of input"),
        ("app.run", "throw new RangeError('flat')", "RangeError", "flat"),
    ];
    for (handler, code, kind, message) in cases {
        let (error, line, exit) = fails_to_start(handler, code);
        assert_eq!(error["errorType"], kind);
        let got = error["errorMessage"].as_str().unwrap();
        assert!(got.starts_with(message), "{got}");
        assert!(error["trace"].as_array().unwrap()[0].as_str().unwrap().starts_with(kind));
        assert!(line.starts_with("undefined\tERROR\tUncaught Exception \t{"), "{line}");
        assert_eq!(exit, Some(129));
    }
}

#[test]
fn console_lines() {
    let code = "exports.run = async () => {
        console.log('a %s', 'b', { c: 1 }); console.info('i'); console.debug('d'); console.warn('w');
        console.error('e\\nf'); console.trace('t'); process.stdout.write('raw\\n') }";
    let mut function = start(code);
    function.invoke("{}");
    let id = function.request_id();
    let (lines, _) = function.finish();
    let expected = ["INFO\ta b { c: 1 }", "INFO\ti", "DEBUG\td", "WARN\tw", "ERROR\te\rf", "TRACE\tt"];
    for (line, expected) in lines.iter().zip(expected) {
        let (time, rest) = line.split_once('\t').unwrap();
        assert_eq!((time.len(), &time[23..]), (24, "Z"));
        assert_eq!(rest, format!("{id}\t{expected}"));
    }
    assert_eq!(lines[6..], ["raw"]);
}

/// Evidence: `LogPatch.js` of aws-lambda-nodejs-runtime-interface-client at da5777a.
#[test]
fn logs_in_json() {
    let code = "exports.run = async () => {
        console.debug('unseen'); console.log(5); console.info({ in: new TypeError('t') }); console.warn(new Error('w'));
        console.log('a', 1, new RangeError('r')); console.log('two\\nlines'); throw new SyntaxError('s') }";
    let env = [("AWS_LAMBDA_LOG_FORMAT", "JSON"), ("AWS_LAMBDA_LOG_LEVEL", "INFO")];
    let mut function = Function::start_with("nodejs20.x", "app.run", &[("task/app.js", code)], &env);
    function.invoke("{}");
    let (lines, _) = function.finish();
    let told: Vec<Value> = lines.iter().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!((&told[0]["message"], told.len()), (&json!(5), 6));
    assert_eq!(told[1]["message"]["in"]["errorType"], "TypeError");
    assert_eq!((&told[2]["message"]["errorMessage"], &told[2]["level"]), (&json!("w"), &json!("WARN")));
    assert!(told[2].get("errorType").is_none() && told[2]["message"]["stackTrace"].is_array());
    assert_eq!((&told[3]["errorType"], &told[3]["errorMessage"]), (&json!("RangeError"), &json!("r")));
    assert_eq!(told[4]["message"], "two\nlines");
    assert_eq!(
        (&told[5]["message"]["errorType"], &told[5]["level"]),
        (&json!("SyntaxError"), &json!("ERROR"))
    );
}

#[test]
fn modules_come_from_the_task_then_from_layers() {
    let files = [
        ("task/app.js", "exports.run = async () => [require('harp'), require('lute'), require('flute')]"),
        ("task/node_modules/harp.js", "module.exports = 'task'"),
        ("opt/nodejs/node_modules/harp.js", "module.exports = 'layer'"),
        ("opt/nodejs/node_modules/lute.js", "module.exports = 'layer'"),
        ("opt/nodejs/node20/node_modules/flute.js", "module.exports = 'layer of this version'"),
    ];
    let mut function = Function::start("nodejs20.x", "app.run", &files);
    assert_eq!(function.invoke("{}").json(), json!(["task", "layer", "layer of this version"]));
}

#[test]
fn slow_handlers_and_large_payloads() {
    let mut function =
        start("exports.run = async (e) => { await new Promise(r => setTimeout(r, 200)); return e }");
    for size in [6 << 20, (6 << 20) + 1] {
        let event = format!("\"{}\"", "x".repeat(size)).into_bytes();
        assert_eq!(function.invoke_with(event.clone(), "").body, event);
    }
}
