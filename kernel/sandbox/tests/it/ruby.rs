//! The Ruby bootstrap against a Runtime API, in the words of AWS's own runtime, by whichever Ruby this machine has.
//! Evidence: the public gem `aws_lambda_ric` 3.1.3, and the answers of `ruby3.2` to `ruby3.4` recorded on AWS in
//! LocalStack's `test_uncaught_exception_invoke` and `test_introspection_invoke`.

use crate::runtime_api::Function;
use sandbox::runtimes::{Interpreter, ManagedRuntime};
use serde_json::{Value, json};
use std::process::Command;

const RUNTIME: ManagedRuntime = ManagedRuntime::Ruby { major: 3, minor: 3 };

/// The machine's Ruby; where there is none, the test says so and proves nothing.
fn ruby() -> Option<Interpreter> {
    let said = Command::new("ruby").args(["-e", "puts RUBY_VERSION, RbConfig.ruby"]).output();
    let Some(said) = said.ok().filter(|said| said.status.success()) else {
        eprintln!("skipped: this machine has no Ruby");
        return None;
    };
    let said = String::from_utf8(said.stdout).unwrap();
    let (version, path) = said.trim().split_once('\n').unwrap();
    Some(Interpreter { path: path.into(), version: version.to_owned(), sdk: None, gems: Vec::new() })
}

fn start(handler: &str, files: &[(&str, &str)]) -> Option<Function> {
    Some(Function::start_by(&ruby()?, RUNTIME, handler, (files, &[])))
}

fn started(handler: &str, code: &str) -> Option<Function> {
    start(handler, &[("task/app.rb", code)])
}

/// The version of Ruby decides how names are quoted.
fn plain(text: &Value) -> String {
    text.as_str().unwrap().replace('`', "'")
}

#[test]
fn answers_one_invocation_after_another() {
    let code = "$n = 0\ndef run(event:, context:)\n  $n += 1\n  [$n, event, event.to_s.encoding]\nend";
    let Some(mut function) = started("app.run", code) else { return };
    for n in 1..=3 {
        let posted = function.invoke(r#"{"a": "ü"}"#);
        assert_eq!(posted.path, format!("/invocation/{}/response", function.request_id()));
        assert_eq!(posted.json(), json!([n, {"a": "ü"}, "UTF-8"]));
        assert_eq!(posted.headers["content-type"], "application/json");
    }
    assert_eq!(function.invoke("null").json()[1], json!(null));
    assert_eq!(function.finish(), (vec![], Some(0)));
}

#[test]
fn handlers_are_methods_of_classes_too() {
    let code = "
module Band
  class Lute
    def self.play(event:, context:)
      { played: event, as: name }
    end
  end
end";
    let Some(mut function) = start("lib/app.Band::Lute.play", &[("task/lib/app.rb", code)]) else { return };
    assert_eq!(function.invoke("[1]").json(), json!({"played": [1], "as": "Band::Lute"}));
}

#[test]
fn the_context_is_whole() {
    let code = "
def run(event:, context:)
  c = context
  [c.class, c.function_name, c.function_version, c.memory_limit_in_mb, c.log_group_name, c.log_stream_name,
   c.aws_request_id, c.invoked_function_arn, c.get_remaining_time_in_millis > 1000, c.deadline_ms.class,
   c.tenant_id, c.client_context, c.identity, ENV['_X_AMZN_TRACE_ID']]
end";
    let Some(mut function) = started("app.run", code) else { return };
    let headers = "Lambda-Runtime-Client-Context: {\"custom\":{\"k\":\"ü\"}}\r\nLambda-Runtime-Aws-Tenant-Id: band\r\n\
                   Lambda-Runtime-Cognito-Identity: {\"cognitoIdentityId\":\"i\"}\r\n";
    let posted = function.invoke_with(b"{}".to_vec(), headers).json();
    let arn = "arn:aws:lambda:us-east-1:000000000000:function:bard";
    let common = json!([
        "LambdaContext",
        "bard",
        "$LATEST",
        "128",
        "/aws/lambda/bard",
        "2024/05/01/[$LATEST]abc",
        function.request_id(),
        arn,
        true,
        "Integer"
    ]);
    let trace = "Root=1-5bef4de7-ad49b0e87f6ef6c87fc2e700";
    assert_eq!(posted.as_array().unwrap()[..10], common.as_array().unwrap()[..]);
    let rest = json!(["band", {"custom": {"k": "ü"}}, {"cognitoIdentityId": "i"}, trace]);
    assert_eq!(posted.as_array().unwrap()[10..], rest.as_array().unwrap()[..]);
    let posted = function.invoke("{}").json();
    assert_eq!(posted.as_array().unwrap()[10..13], [json!(null), json!(null), json!(null)]);
}

#[test]
fn an_error_is_described_and_logged_and_the_next_invocation_served() {
    let code =
        "def inner\n  raise \"Error: flat\"\nend\ndef run(event:, context:)\n  inner if event == 1\nend";
    let Some(mut function) = started("app.run", code) else { return };
    let posted = function.invoke("1");
    assert_eq!(posted.path, format!("/invocation/{}/error", function.request_id()));
    // Other kinds than a few of Ruby's own are not told in the header.
    assert_eq!(posted.headers["lambda-runtime-function-error-type"], "Function<UserException>");
    let error = posted.json();
    assert_eq!(
        (&error["errorMessage"], &error["errorType"]),
        (&json!("Error: flat"), &json!("Function<RuntimeError>"))
    );
    let file = function.task_root().join("app.rb").display().to_string();
    let trace: Vec<String> = error["stackTrace"].as_array().unwrap().iter().map(plain).collect();
    assert_eq!(trace.len(), 2, "{trace:?}");
    assert!(trace[0].starts_with(&format!("{file}:2:in ")) && trace[0].ends_with("inner'"), "{trace:?}");
    assert!(trace[1].starts_with(&format!("{file}:5:in ")), "{trace:?}");
    assert_eq!(function.invoke("0").body, b"null");
    let (lines, code) = function.finish();
    assert_eq!((lines.len(), lines[0].as_str(), code), (2, "Error raised from handler method", Some(0)));
    assert!(lines[1].starts_with("{\r  \"errorMessage\": \"Error: flat\",\r"), "{lines:?}");
}

#[test]
fn a_name_that_is_not_there_ends_the_process_after_its_error() {
    let cases = [
        ("app.sing", "", "NoMethodError", "undefined method 'sing' for "),
        (
            "app.run",
            "def run(event:, context:)\n  harp\nend",
            "NameError",
            "undefined local variable or method 'harp'",
        ),
        ("app.Band.run", "", "NameError", "uninitialized constant "),
        ("app.run", "def run(event:, context:)\n  exit 3\nend", "SystemExit", "exit"),
    ];
    for (handler, code, kind, message) in cases {
        let Some(mut function) = started(handler, code) else { return };
        let posted = function.invoke("{}");
        let error = posted.json();
        assert_eq!(error["errorType"], format!("Function<{kind}>"));
        assert_eq!(posted.headers["lambda-runtime-function-error-type"], format!("Function<{kind}>"));
        assert!(plain(&error["errorMessage"]).starts_with(message), "{error}");
        let (lines, code) = function.finish();
        assert_eq!((lines[0].as_str(), code), ("Critical exception from handler", Some(255)));
    }
}

#[test]
fn what_cannot_be_loaded_is_an_error_of_initialisation() {
    let good = "def run(event:, context:)\nend";
    let cases = [
        ("lute.run", good, "LoadError", "Init<LoadError>", "cannot load such file -- lute"),
        ("app.run", "require 'harp'", "LoadError", "Init<LoadError>", "cannot load such file -- harp"),
        ("app.run", "raise 'flat'", "RuntimeError", "Function<UserException>", "flat"),
        ("app.run", "nil.sing", "NoMethodError", "Init<NoMethodError>", "undefined method 'sing' for nil"),
        ("app.run", "def run(", "SyntaxError", "Function<UserException>", ""),
        (
            "nodot",
            good,
            "ArgumentError",
            "Init<ArgumentError>",
            "Invalid handler [\"nodot\"], must be of form ",
        ),
    ];
    for (handler, code, kind, told, message) in cases {
        let Some(function) = started(handler, code) else { return };
        let posted = function.posted();
        assert_eq!(posted.path, "/init/error");
        assert_eq!(posted.headers["lambda-runtime-function-error-type"], told, "{kind}");
        let error = posted.json();
        assert_eq!(error["errorType"], format!("Init<{kind}>"));
        assert!(plain(&error["errorMessage"]).starts_with(message), "{error}");
        let (lines, code) = function.finish();
        assert_eq!(
            (lines[0].clone(), code),
            (format!("Init error when loading handler {handler}"), Some(252))
        );
    }
}

#[test]
fn results_are_json_or_what_a_stream_reads() {
    let code = "
def run(event:, context:)
  { 'time' => Time.at(0).utc, 'io' => StringIO.new(\"\\x00\\xFF\"), 'nan' => Float::NAN, 's' => :lute }[event]
end";
    let Some(mut function) = started("app.run", code) else { return };
    assert_eq!(function.invoke(r#""time""#).json(), json!("1970-01-01 00:00:00 UTC"));
    assert_eq!(function.invoke(r#""s""#).json(), json!("lute"));
    let posted = function.invoke(r#""io""#);
    assert_eq!(
        (posted.body.as_slice(), posted.headers["content-type"].as_str()),
        (&b"\x00\xff"[..], "application/unknown")
    );
    assert_eq!(function.invoke(r#""nan""#).json()["errorType"], "Function<JSON::GeneratorError>");
    let size = 6 << 20;
    for size in [size, size + 1] {
        let event = format!("\"{}\"", "x".repeat(size)).into_bytes();
        assert_eq!(function.invoke_with(event, "").body, b"null");
    }
}

#[test]
fn logs_and_prints() {
    let code = "
def run(event:, context:)
  puts 'one', \"two\\nthree\"
  puts
  print \"four\\n\"
  logger = Logger.new($stdout)
  logger.info(\"sung\\ntwice\")
  Logger.new($stderr, formatter: ->(*, message) { message }).warn('plain')
end";
    let Some(mut function) = started("app.run", code) else { return };
    function.invoke("{}");
    let id = function.request_id();
    let (lines, _) = function.finish();
    assert_eq!(lines[..3], ["one\rtwo\rthree", "", "four"]);
    assert!(lines[3].starts_with("I, ["), "{lines:?}");
    assert!(lines[3].ends_with(&format!("]  INFO {id} -- : sung\rtwice")), "{lines:?}");
    assert_eq!(lines[4], "plain");
}

#[test]
fn files_and_gems_come_from_the_package_then_from_layers() {
    let gem = |at: &str, name: &str, file: &str| {
        let specification = format!(
            "Gem::Specification.new do |s|\n  s.name = '{name}'\n  s.version = '1.0'\n  s.summary = 'x'\n  \
             s.authors = ['x']\n  s.require_paths = ['lib']\nend"
        );
        [
            (format!("{at}/3.3.0/specifications/{name}-1.0.gemspec"), specification),
            (format!("{at}/3.3.0/gems/{name}-1.0/lib/{name}.rb"), file.to_owned()),
        ]
    };
    let mut files: Vec<(String, String)> = vec![
        (
            "task/app.rb".into(),
            "require 'harp'\nrequire 'lute'\nrequire 'flute'\nrequire 'deep/drum'\n\
            def run(event:, context:)\n  [HARP, LUTE, FLUTE, DRUM]\nend"
                .into(),
        ),
        ("task/deep/drum.rb".into(), "DRUM = 'task'".into()),
        ("opt/ruby/lib/flute.rb".into(), "FLUTE = 'layer'".into()),
    ];
    files.extend(gem("task/vendor/bundle/ruby", "harp", "HARP = 'task'"));
    files.extend(gem("opt/ruby/gems", "lute", "LUTE = 'layer'"));
    let files: Vec<(&str, &str)> = files.iter().map(|(name, text)| (name.as_str(), text.as_str())).collect();
    let Some(mut function) = start("app.run", &files) else { return };
    assert_eq!(function.invoke("{}").json(), json!(["task", "layer", "layer", "task"]));
}
