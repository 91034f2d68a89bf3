//! The Python bootstrap against a Runtime API, in the words of AWS's own runtime.
//! Evidence: `bootstrap.py`, `lambda_context.py` and `lambda_runtime_marshaller.py` of the public package
//! `awslambdaric` 4.0.1 (2026-06-26).

use crate::runtime_api::Function;
use serde_json::{Value, json};

fn start(handler: &str, code: &str) -> Function {
    Function::start("python3.11", handler, &[("task/app.py", code)])
}

fn fails_to_start(handler: &str, code: &str) -> (Value, Vec<String>) {
    let function = start(handler, code);
    let posted = function.posted();
    assert_eq!(posted.path, "/init/error");
    let error = posted.json();
    assert_eq!(posted.headers["lambda-runtime-function-error-type"], error["errorType"].as_str().unwrap());
    assert_eq!(error["requestId"], "");
    let (lines, code) = function.finish();
    assert_eq!(code, Some(1));
    (error, lines)
}

#[test]
fn answers_one_invocation_after_another() {
    let mut function =
        start("app.run", "n = 0\ndef run(event, context):\n  global n; n += 1; return [n, event]");
    for n in 1..=3 {
        let posted = function.invoke(r#"{"a": "ü"}"#);
        assert_eq!(posted.path, format!("/invocation/{}/response", function.request_id()));
        assert_eq!(posted.json(), json!([n, {"a": "ü"}]));
        assert_eq!(posted.headers["content-type"], "application/json");
    }
    let posted = function.invoke("null");
    assert_eq!(posted.body, b"[4, null]");
    assert_eq!(function.finish(), (vec![], Some(0)));
}

#[test]
fn the_context_is_whole() {
    let code = r"
import os
def run(event, c):
    client = c.client_context
    return [c.function_name, c.function_version, c.memory_limit_in_mb, c.log_group_name, c.log_stream_name,
        c.aws_request_id, c.invoked_function_arn, c.get_remaining_time_in_millis() > 1000,
        c.tenant_id, client and [client.custom, client.env, client.client.app_title, client.client.installation_id],
        c.identity.cognito_identity_id, c.identity.cognito_identity_pool_id,
        os.environ['_X_AMZN_TRACE_ID'], repr(c).split(',')[0]]
";
    let mut function = start("app.run", code);
    let client = r#"{"custom":{"k":"ü"},"env":{"e":1},"client":{"app_title":"lute"}}"#;
    let headers = format!(
        "Lambda-Runtime-Client-Context: {client}\r\nLambda-Runtime-Aws-Tenant-Id: band\r\n\
         Lambda-Runtime-Cognito-Identity: {{\"cognitoIdentityId\":\"i\",\"cognitoIdentityPoolId\":\"p\"}}\r\n"
    );
    let common = |id: String| {
        let arn = "arn:aws:lambda:us-east-1:000000000000:function:bard";
        json!(["bard", "$LATEST", "128", "/aws/lambda/bard", "2024/05/01/[$LATEST]abc", id, arn, true])
    };
    let trace = "Root=1-5bef4de7-ad49b0e87f6ef6c87fc2e700";
    let posted = function.invoke_with(b"{}".to_vec(), &headers).json();
    let id = function.request_id();
    assert_eq!(posted[8], "band");
    assert_eq!(posted.as_array().unwrap()[..8], common(id.clone()).as_array().unwrap()[..]);
    let rest = json!([[{"k": "ü"}, {"e": 1}, "lute", null], "i", "p", trace,
        format!("LambdaContext([aws_request_id={id}")]);
    assert_eq!(posted.as_array().unwrap()[9..], rest.as_array().unwrap()[..]);
    let posted = function.invoke("{}").json();
    assert_eq!(posted.as_array().unwrap()[8..12], [json!(null), json!(null), json!(null), json!(null)]);
}

#[test]
fn an_exception_is_described_and_logged_and_the_next_invocation_served() {
    let code = "def inner():\n    raise KeyError('lute')\ndef run(event, context):\n    if event: inner()\n";
    let mut function = start("app.run", code);
    let posted = function.invoke("1");
    let (id, file) = (function.request_id(), function.task_root().join("app.py"));
    assert_eq!(posted.path, format!("/invocation/{id}/error"));
    assert_eq!(posted.headers["lambda-runtime-function-error-type"], "KeyError");
    let file = file.display();
    let trace = [
        format!("  File \"{file}\", line 4, in run\n    if event: inner()\n"),
        format!("  File \"{file}\", line 2, in inner\n    raise KeyError('lute')\n"),
    ];
    let expected =
        json!({"errorMessage": "'lute'", "errorType": "KeyError", "requestId": id, "stackTrace": trace});
    assert_eq!(posted.json(), expected);
    assert_eq!(function.invoke("0").body, b"null");
    let (lines, _) = function.finish();
    let nbsp = |count| "\u{a0}".repeat(count);
    let expected = [
        "[ERROR] KeyError: 'lute'".to_owned(),
        "Traceback (most recent call last):".to_owned(),
        format!("{}File \"{file}\", line 4, in run", nbsp(2)),
        format!("{}if event: inner()", nbsp(4)),
        format!("{}File \"{file}\", line 2, in inner", nbsp(2)),
        format!("{}raise KeyError('lute')", nbsp(4)),
    ];
    assert_eq!(lines, [expected.join("\r")]);
}

#[test]
fn what_cannot_be_loaded_is_an_error_of_initialisation() {
    let good = "def run(event, context): pass";
    let cases = [
        (
            "nodot",
            good,
            "Runtime.MalformedHandlerName",
            "Bad handler 'nodot': not enough values to unpack (expected 2, got 1)",
        ),
        (
            "sys.run",
            good,
            "Runtime.BuiltInModuleConflict",
            "Cannot use built-in module sys as a handler module",
        ),
        (
            "lute.run",
            good,
            "Runtime.ImportModuleError",
            "Unable to import module 'lute': No module named 'lute'",
        ),
        (
            "app.run",
            "import harp",
            "Runtime.ImportModuleError",
            "Unable to import module 'app': No module named 'harp'",
        ),
        ("app.sing", good, "Runtime.HandlerNotFound", "Handler 'sing' missing on module 'app'"),
        ("app.run", "raise ValueError('flat')", "ValueError", "flat"),
    ];
    for (handler, code, kind, message) in cases {
        let (error, lines) = fails_to_start(handler, code);
        assert_eq!((&error["errorType"], &error["errorMessage"]), (&json!(kind), &json!(message)));
        let start = format!("[ERROR] {kind}: {message}\rTraceback (most recent call last):");
        assert!(lines[0].starts_with(&start), "{lines:?}");
    }
    let (error, _) = fails_to_start("app.run", "def run(:\n  pass");
    assert_eq!(error["errorType"], "Runtime.UserCodeSyntaxError");
    let message = "Syntax error in module 'app': invalid syntax (app.py, line 1)";
    assert_eq!(error["errorMessage"], message);
    let trace = error["stackTrace"][0].as_str().unwrap();
    assert!(trace.ends_with("app.py\" Line 1\n    def run(:\n"), "{trace}");
}

#[test]
fn a_program_that_exits_while_loading_just_ends() {
    let (lines, code) = start("app.run", "import sys; print('bye'); sys.exit(3)").finish();
    assert_eq!((lines, code), (vec!["bye".to_owned()], Some(3)));
}

#[test]
fn results_that_are_not_json_are_marshal_errors() {
    let code = r"
import datetime, decimal
def run(event, context):
    return {'date': datetime.datetime(2024, 5, 1), 'set': {1}, 'n': float('nan'), 's': 'ü', 'bytes': bytes([0, 255]),
            'decimal': {'a': [decimal.Decimal('1.10'), decimal.Decimal('123456789012345678901234567890'), 0.5]}
    }[event]
";
    let mut function = start("app.run", code);
    for (event, kind) in [(r#""date""#, "datetime"), (r#""set""#, "set")] {
        let error = function.invoke(event).json();
        assert_eq!(error["errorType"], "Runtime.MarshalError");
        let message = format!("Unable to marshal response: Object of type {kind} is not JSON serializable");
        assert_eq!(error["errorMessage"], message);
        assert_eq!(error["stackTrace"], json!([]));
    }
    assert_eq!(
        function.invoke(r#""decimal""#).body,
        br#"{"a": [1.10, 123456789012345678901234567890, 0.5]}"#
    );
    assert_eq!(function.invoke(r#""n""#).body, b"NaN");
    let posted = function.invoke(r#""bytes""#);
    assert_eq!(
        (posted.body.as_slice(), posted.headers["content-type"].as_str()),
        (&b"\x00\xff"[..], "application/unknown")
    );
    assert_eq!(function.invoke(r#""s""#).body, br#""\u00fc""#);
    let error = function.invoke("{broken").json();
    assert_eq!(error["errorType"], "Runtime.UnmarshalError");
    assert!(error["errorMessage"].as_str().unwrap().starts_with("Unable to unmarshal input: "));
}

/// AWS's runtime encodes results by `simplejson`, which knows named tuples and bytes (its README: "namedtuple_as_object",
/// "encoding").
#[test]
fn results_have_named_tuples_as_objects_and_bytes_as_texts() {
    let code = r"
import collections, typing
Place = collections.namedtuple('Place', 'x y')
class Song(typing.NamedTuple):
    title: str
    place: Place
def run(event, context):
    circle = []; circle.append(circle)
    return {'tuple': {'song': [Song('a', Place(1, (2,)))]}, 'bytes': {b'k': [b'\xc3\xa9'], 'n': None},
            'letters': [b'\xff'], 'circle': circle, 'vars': sorted(vars(context))}[event]
";
    let mut function = start("app.run", code);
    let song = br#"{"song": [{"title": "a", "place": {"x": 1, "y": [2]}}]}"#;
    assert_eq!(function.invoke(r#""tuple""#).body, song);
    assert_eq!(function.invoke(r#""bytes""#).json(), json!({"k": ["é"], "n": null}));
    for (event, told) in
        [(r#""letters""#, "'utf-8' codec can't"), (r#""circle""#, "Circular reference detected")]
    {
        let error = function.invoke(event).json();
        assert_eq!(error["errorType"], "Runtime.MarshalError");
        let message = error["errorMessage"].as_str().unwrap();
        assert!(message.starts_with(&format!("Unable to marshal response: {told}")), "{message}");
    }
    let fields = function.invoke(r#""vars""#).json();
    assert!(fields.as_array().unwrap().contains(&json!("function_name")), "{fields}");
}

#[test]
fn headers_that_are_not_json_are_errors_of_the_invocation() {
    let mut function = start("app.run", "def run(event, context): return 1");
    for (header, name) in [("Client-Context", "Client Context"), ("Cognito-Identity", "Cognito Identity")] {
        let posted = function.invoke_with(b"{}".to_vec(), &format!("Lambda-Runtime-{header}: {{\r\n")).json();
        assert_eq!(posted["errorType"], "Runtime.LambdaContextUnmarshalError");
        let message = posted["errorMessage"].as_str().unwrap();
        assert!(message.starts_with(&format!("Unable to parse {name} JSON: ")), "{message}");
    }
    assert_eq!(function.invoke("{}").body, b"1");
}

#[test]
fn logs_and_prints() {
    let code = r"
import logging
logging.warning('loading')
def run(event, context):
    print('one'); print('two\nthree')
    logging.info('unseen')
    logging.warning('seen\nagain')
    logging.getLogger().setLevel(logging.INFO)
    logging.getLogger('lute').info('now %s', 'seen')
    context.log('plain')
";
    let mut function = start("app.run", code);
    function.invoke("{}");
    let id = function.request_id();
    let (lines, _) = function.finish();
    let expected = ["one", "two", "three"];
    assert_eq!(lines[1..4], expected);
    assert_eq!(lines[6], "plain");
    for (line, (level, id, message)) in [&lines[0], &lines[4], &lines[5]].into_iter().zip([
        ("[WARNING]", "", "loading"),
        ("[WARNING]", id.as_str(), "seen\ragain"),
        ("[INFO]", id.as_str(), "now seen"),
    ]) {
        let fields: Vec<&str> = line.split('\t').collect();
        assert_eq!((fields[0], fields[2], fields[3], fields.len()), (level, id, message, 4));
        let time = fields[1].as_bytes();
        assert_eq!((time.len(), time[10], time[19], time[23]), (24, b'T', b'.', b'Z'), "{line}");
    }
}

/// Evidence: `lambda_runtime_log_utils.py` and `log_error` of `awslambdaric` 4.2.2.
#[test]
fn logs_in_json() {
    let code = r"
import logging
log = logging.getLogger('lute')
def run(event, context):
    log.debug('unseen'); log.info({'a': 'ü'}); log.warning('w %s', 1, extra={'string': 6})
    logging.getLogger().handlers[0].setFormatter(logging.Formatter('%(aws_request_id)s|%(message)s')) if event else None
    try: 1 / 0
    except Exception: log.exception('broke')
    raise KeyError('x')
";
    let env = [("AWS_LAMBDA_LOG_FORMAT", "JSON"), ("AWS_LAMBDA_LOG_LEVEL", "INFO")];
    let mut function = Function::start_with("python3.11", "app.run", &[("task/app.py", code)], &env);
    function.invoke("0");
    let id = function.request_id();
    function.invoke("1");
    let second = function.request_id();
    let (lines, _) = function.finish();
    let told: Vec<Value> = lines[..4].iter().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!((&told[0]["message"], &told[0]["level"]), (&json!({"a": "ü"}), &json!("INFO")));
    assert_eq!((&told[1]["message"], &told[1]["string"]), (&json!("w 1"), &json!(6)));
    assert_eq!((&told[2]["errorType"], &told[2]["requestId"]), (&json!("ZeroDivisionError"), &json!(id)));
    let [trace] = told[2]["stackTrace"].as_array().unwrap().as_slice() else { panic!("{}", told[2]) };
    assert!(
        trace.as_str().unwrap().starts_with("  File ")
            && told[2]["location"].as_str().unwrap().contains(":run:")
    );
    assert_eq!((&told[3]["level"], &told[3]["errorType"]), (&json!("ERROR"), &json!("KeyError")));
    assert_eq!((&told[3]["errorMessage"], &told[3]["requestId"]), (&json!("'x'"), &json!(id)));
    assert!(lines[6].starts_with(&format!("{second}|broke")), "{lines:?}");
}

#[test]
fn modules_come_from_the_task_then_from_layers_and_from_nested_folders() {
    let files = [
        ("task/deep/er/app.py", "import harp, lute, flute\ndef run(e, c): return [harp.n, lute.n, flute.n]"),
        ("task/harp.py", "n = 'task'"),
        ("opt/python/harp.py", "n = 'layer'"),
        ("opt/python/lute.py", "n = 'layer'"),
        ("opt/python/lib/python3.11/site-packages/flute.py", "n = 'site'"),
    ];
    let mut function = Function::start("python3.11", "deep/er/app.run", &files);
    assert_eq!(function.invoke("{}").json(), json!(["task", "layer", "site"]));
}

#[test]
fn slow_handlers_and_large_payloads() {
    let code = "import time\ndef run(e, c):\n  if e == 'slow': time.sleep(0.2)\n  return e";
    let mut function = start("app.run", code);
    assert_eq!(function.invoke(r#""slow""#).body, br#""slow""#);
    for size in [6 << 20, (6 << 20) + 1] {
        let event = format!("\"{}\"", "x".repeat(size)).into_bytes();
        assert_eq!(function.invoke_with(event.clone(), "").body, event);
    }
}
