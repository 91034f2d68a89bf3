//! The .NET bootstrap against a Runtime API, compiled and run by Mono, which Debian has where it has no .NET.
//! Evidence: `UserCodeLoader`, `InvokeDelegateBuilder`, `ExceptionInfo` and `bootstrap.sh` of the public package
//! Amazon.Lambda.RuntimeSupport (aws/aws-lambda-dotnet), and the answers of `dotnet10` recorded on AWS in LocalStack's
//! `test_uncaught_exception_invoke`.

use crate::runtime_api::{Function, Pairs, laid_out};
use sandbox::runtimes::Bootstraps;
use serde_json::json;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// What packages bring of Amazon.Lambda.Core, in its own words as far as a bootstrap meets them.
const CORE: &str = r#"
using System;
using System.Collections.Generic;
namespace Amazon.Lambda.Core {
    public interface ILambdaSerializer { T Deserialize<T>(System.IO.Stream s); void Serialize<T>(T v, System.IO.Stream s); }
    public sealed class LambdaSerializerAttribute : Attribute {
        public Type SerializerType { get; set; }
        public LambdaSerializerAttribute(Type type) { SerializerType = type; }
    }
    public enum LogLevel { Trace, Debug, Information, Warning, Error, Critical }
    public interface ILambdaLogger { void Log(string m); void LogLine(string m); void LogWarning(string m, params object[] a);
        void Log(LogLevel l, string m); }
    public interface ICognitoIdentity { string IdentityId { get; } string IdentityPoolId { get; } }
    public interface IClientApplication { string AppTitle { get; } }
    public interface IClientContext { IDictionary<string, string> Environment { get; } IClientApplication Client { get; }
        IDictionary<string, string> Custom { get; } }
    public interface ILambdaContext { string AwsRequestId { get; } string FunctionName { get; } int MemoryLimitInMB { get; }
        TimeSpan RemainingTime { get; } ILambdaLogger Logger { get; } IClientContext ClientContext { get; }
        ICognitoIdentity Identity { get; } string LogStreamName { get; } }
    public static class LambdaLogger {
        private static Action<string> _loggingAction = m => Console.WriteLine("default " + m);
        public static void Log(string m) { _loggingAction(m); }
    }
}"#;

const BAND: &str = r#"
using System;
using System.IO;
using System.Threading.Tasks;
using Amazon.Lambda.Core;
[assembly: LambdaSerializer(typeof(Band.Quotes))]
namespace Band {
    public class Quotes : ILambdaSerializer {
        public T Deserialize<T>(Stream s) { return (T)(object)new StreamReader(s).ReadToEnd().Trim('"'); }
        public void Serialize<T>(T v, Stream s) { var w = new StreamWriter(s); w.Write(v == null ? "null" : "\"" + v + "\""); w.Flush(); }
    }
    public class Lute {
        private int played;
        public string Play(string song, ILambdaContext c) {
            played++;
            var client = c.ClientContext.Client;
            return string.Join("|", song, played, c.FunctionName, c.MemoryLimitInMB, c.RemainingTime > TimeSpan.FromSeconds(1),
                client == null ? "none" : client.AppTitle + c.ClientContext.Custom["k"], c.Identity.IdentityId ?? "nobody");
        }
        public async Task<string> Later(string song) { await Task.Delay(1); return song + "!"; }
        public async Task Nothing() { await Task.Delay(1); }
        public static Stream Echo(Stream song) { return song; }
        public string Flat(string song) { try { throw new ArgumentException("a string broke"); }
            catch (Exception e) { throw new InvalidOperationException("flat", e); } }
        public async Task<string> LaterFlat(string song) { await Task.Delay(1); throw new InvalidOperationException("later"); }
        public void Log(string song, ILambdaContext c) {
            Console.WriteLine("one\ntwo"); Console.Write("three\n"); Console.Error.WriteLine("four"); LambdaLogger.Log("five");
            c.Logger.LogWarning("six of {count}", 6); c.Logger.Log(LogLevel.Critical, "seven"); c.Logger.LogLine("eight");
        }
        public string Twice(string a) { return a; }
        public string Twice(int a) { return "" + a; }
        public string Many(string a, string b, string c) { return a; }
        public string Other(string a, string b) { return a; }
    }
}"#;

fn succeeds(command: &mut Command) -> bool {
    command.stdout(Stdio::null()).status().is_ok_and(|status| status.success())
}

fn compiled(dir: &Path, arguments: &[&str]) {
    assert!(succeeds(Command::new("mcs").args(arguments).current_dir(dir)), "{arguments:?} compiles");
}

/// The library above, compiled.
struct Library(PathBuf);

impl Library {
    /// Where there is no Mono, the test says so and proves nothing.
    fn compiled() -> Option<Self> {
        let there = |program: &str| succeeds(Command::new(program).arg("--version"));
        if !there("mcs") || !there("mono") {
            eprintln!("skipped: this machine has no Mono");
            return None;
        }
        let dir = laid_out(&[("core.cs", CORE), ("band.cs", BAND)]);
        let laid = Bootstraps::lay_out(&dir).unwrap();
        let source = |name: &str| laid.root().join("dotnet").join(name).display().to_string();
        compiled(&dir, &["-out:runtime.exe", &source("Bootstrap.cs"), &source("Context.cs")]);
        compiled(&dir, &["-t:library", "-out:Amazon.Lambda.Core.dll", "core.cs"]);
        compiled(&dir, &["-t:library", "-r:Amazon.Lambda.Core.dll", "-out:Band.dll", "band.cs"]);
        Some(Self(dir))
    }

    fn start_with(&self, method: &str, env: &[(&str, &str)]) -> Function {
        let dir = laid_out(&[]);
        for (from, to) in
            [("Amazon.Lambda.Core.dll", "task/Amazon.Lambda.Core.dll"), ("Band.dll", "task/Band.dll")]
        {
            std::fs::copy(self.0.join(from), dir.join(to)).unwrap();
        }
        let argv: [OsString; 2] = ["/usr/bin/mono".into(), self.0.join("runtime.exe").into()];
        let handler =
            if method.contains(':') { method.to_owned() } else { format!("Band::Band.Lute::{method}") };
        Function::run(dir, &argv, &handler, env)
    }

    fn start(&self, method: &str) -> Function {
        self.start_with(method, &[])
    }
}

impl Drop for Library {
    fn drop(&mut self) {
        std::fs::remove_dir_all(&self.0).unwrap();
    }
}

/// One test, because compiling takes longer than all that follows.
#[test]
fn class_libraries_run() {
    let Some(library) = Library::compiled() else { return };
    a_method_gets_its_event_and_its_context(&library);
    tasks_are_awaited_and_streams_passed_on(&library);
    an_exception_is_described_and_logged_and_the_next_invocation_served(&library);
    what_cannot_be_called_is_an_error_of_initialisation(&library);
    logs_have_levels_and_forms(&library);
}

fn a_method_gets_its_event_and_its_context(library: &Library) {
    let mut function = library.start("Play");
    let posted = function.invoke("\"ü\"");
    assert_eq!(posted.path, format!("/invocation/{}/response", function.request_id()), "{:?}", posted.json());
    assert_eq!(posted.json(), "ü|1|bard|128|True|none|nobody");
    let headers = "Lambda-Runtime-Client-Context: {\"custom\":{\"k\":\"ü\"},\"client\":{\"app_title\":\"lute\"}}\r\n\
                   Lambda-Runtime-Cognito-Identity: {\"cognitoIdentityId\":\"i\"}\r\n";
    assert_eq!(function.invoke_with(b"\"b\"".to_vec(), headers).json(), "b|2|bard|128|True|lute\u{fc}|i");
    assert_eq!(function.finish(), (vec![], Some(0)));
}

fn tasks_are_awaited_and_streams_passed_on(library: &Library) {
    let mut function = library.start("Later");
    assert_eq!(function.invoke("\"a\"").json(), "a!");
    assert_eq!(library.start("Nothing").invoke("1").body, b"");
    let mut function = library.start("Echo");
    for size in [6 << 20, (6 << 20) + 1] {
        let event = format!("\"{}\"", "x".repeat(size)).into_bytes();
        assert_eq!(function.invoke_with(event.clone(), "").body, event);
    }
}

fn an_exception_is_described_and_logged_and_the_next_invocation_served(library: &Library) {
    let mut function = library.start("Flat");
    for _ in 0..2 {
        let posted = function.invoke("1");
        assert_eq!(posted.path, format!("/invocation/{}/error", function.request_id()));
        assert_eq!(posted.headers["lambda-runtime-function-error-type"], "InvalidOperationException");
        let error = posted.json();
        assert_eq!(
            (&error["errorType"], &error["errorMessage"]),
            (&json!("InvalidOperationException"), &json!("flat"))
        );
        assert_eq!(error["cause"]["errorType"], "ArgumentException");
        let trace = error["stackTrace"].as_array().unwrap();
        assert!(
            trace.len() == 1
                && trace[0].as_str().unwrap().starts_with("at Band.Lute.Flat (System.String song)")
        );
    }
    let (lines, _) = function.finish();
    assert!(lines[0].contains("\tfail\tSystem.InvalidOperationException: flat"), "{lines:?}");
    assert_eq!(library.start("LaterFlat").invoke("1").json()["errorMessage"], "later");
}

fn what_cannot_be_called_is_an_error_of_initialisation(library: &Library) {
    let cases = [
        ("Band::Band.Harp::Play", "Unable to load type 'Band.Harp' from assembly 'Band'."),
        ("Harp::Band.Lute::Play", "Could not find the specified handler assembly with the file name 'Harp"),
        (
            "Sing",
            "Unable to find method 'Sing' in type 'Band.Lute' from assembly 'Band': Found no methods matching",
        ),
        (
            "Band:Play",
            "Invalid lambda function handler: 'Band:Play'. The valid format is 'ASSEMBLY::TYPE::METHOD'.",
        ),
        ("Band::::Play", "Invalid lambda function handler: 'Band::::Play', the type is missing."),
        (
            "Many",
            "Method 'Many' of type 'Band.Lute' is not supported: the method has more than 2 parameters.",
        ),
        (
            "Other",
            "Method 'Other' of type 'Band.Lute' is not supported: the method has 2 parameters, but the second",
        ),
        ("Twice", "The method 'Twice' in type 'Band.Lute' appears to have a number of overloads."),
    ];
    for (handler, message) in cases {
        let function = library.start(handler);
        let posted = function.posted();
        assert_eq!(
            (posted.path.as_str(), &posted.json()["errorType"]),
            ("/init/error", &json!("LambdaValidationException"))
        );
        let told = posted.json()["errorMessage"].as_str().unwrap().to_owned();
        assert!(told.starts_with(message), "{told}");
        assert_eq!(function.finish().1, Some(1));
    }
    let signature = "Band::Band.Lute::System.String Twice(Int32)";
    let mut function = library.start(signature);
    assert_eq!(
        function.invoke("1").path,
        format!("/invocation/{}/error", function.request_id()),
        "its serializer casts"
    );
}

fn logs_have_levels_and_forms(library: &Library) {
    let mut function = library.start("Log");
    function.invoke("1");
    let id = function.request_id();
    let (lines, _) = function.finish();
    let told: Vec<String> =
        lines.iter().map(|line| line.splitn(2, '\t').last().unwrap().to_owned()).collect();
    let of = |level: &str, text: &str| format!("{id}\t{level}\t{text}");
    let expected = [
        of("info", "one\rtwo"),
        "three".to_owned(),
        of("fail", "four"),
        of("info", "five"),
        of("warn", "six of 6"),
        of("crit", "seven"),
        of("info", "eight"),
    ];
    assert_eq!(told, expected);
    let mut function =
        library.start_with("Log", &[("AWS_LAMBDA_LOG_FORMAT", "JSON"), ("AWS_LAMBDA_LOG_LEVEL", "WARN")]);
    function.invoke("1");
    let (lines, _) = function.finish();
    let events: Vec<serde_json::Value> =
        lines.iter().filter_map(|line| serde_json::from_str(line).ok()).collect();
    let told: Vec<_> =
        events.iter().map(|event| (event["level"].as_str().unwrap(), &event["message"])).collect();
    assert_eq!(
        told,
        [("Error", &json!("four")), ("Warning", &json!("six of 6")), ("Critical", &json!("seven"))]
    );
}

/// The ends of AWS's script, without any .NET.
#[test]
fn what_is_not_there_ends_the_start() {
    let cases: [(&str, Pairs<'_>, i32); 5] = [
        ("Band::Lute::Play", &[("task/x", "")], 105),
        ("Band::Lute::Play", &[("task/Band.deps.json", "")], 106),
        ("Band", &[("task/x", "")], 104),
        ("Band.dll", &[("task/Band.dll", "")], 7),
        ("Band::Lute::Play", &[("task/a.deps.json", ""), ("task/Band.runtimeconfig.json", "")], 7),
    ];
    for (handler, files, code) in cases {
        let dir = laid_out(&[files, &[("dotnet", "#!/bin/sh\nexit 7\n")]].concat());
        let script = Bootstraps::lay_out(&dir).unwrap().root().join("dotnet/start.sh");
        let program = dir.join("dotnet");
        assert!(succeeds(Command::new("chmod").arg("+x").arg(&program)));
        let argv = ["/bin/sh".into(), script.into(), program.into(), OsString::from("/runtime.dll")];
        assert_eq!(Function::run(dir, &argv, handler, &[]).finish().1, Some(code), "{handler}");
    }
}
