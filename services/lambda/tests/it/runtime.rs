//! A runner whose sandboxes are tasks: each takes invocations from the Runtime API over HTTP and does what
//! the payload says: `{"do": "echo" | "fail" | "hang" | "linger" | "exit"}`, and what its `BEGIN` variable says first.

use ports::runner::{
    CgroupKind, End, Entry, Exit, Found, Level, Output, Pending, Probe, Runner, RunnerError, Sandbox,
    Template, Usage,
};
use serde_json::{Value, json};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

/// Runs sandboxes as tasks.
#[derive(Default)]
pub struct TaskRunner {
    launched: AtomicUsize,
    templates: Mutex<Vec<Template>>,
    seen: Arc<Mutex<Vec<Value>>>,
    answers: Arc<Mutex<Vec<Value>>>,
}

impl TaskRunner {
    /// How many sandboxes were launched.
    pub fn launched(&self) -> usize {
        self.launched.load(Ordering::SeqCst)
    }

    /// The payloads that came, in their order.
    pub fn seen(&self) -> Vec<Value> {
        self.seen.lock().unwrap().clone()
    }

    /// What a run of a function with the variable `HOLDS` answers that waits for it, or the next one.
    pub fn answer(&self, answer: Value) {
        self.answers.lock().unwrap().push(answer);
    }

    /// A variable of the last sandbox.
    pub fn variable(&self, name: &str) -> Option<String> {
        let templates = self.templates.lock().unwrap();
        variable(templates.last()?, name)
    }
}

fn variable(template: &Template, wanted: &str) -> Option<String> {
    let found = template.env.iter().find(|(name, _)| name == wanted)?;
    Some(found.1.to_string_lossy().into_owned())
}

impl Runner for TaskRunner {
    fn level(&self) -> Pending<'_, Result<Level, RunnerError>> {
        Box::pin(async { Ok(Level::Process) })
    }

    fn launch(&self, template: Template) -> Pending<'_, Result<Box<dyn Sandbox>, RunnerError>> {
        self.launched.fetch_add(1, Ordering::SeqCst);
        self.templates.lock().unwrap().push(template.clone());
        let (ended, exit) = watch::channel(None);
        let (end, seen, answers) = (ended.clone(), self.seen.clone(), self.answers.clone());
        let task = tokio::spawn(async move {
            let code = live(&template, &seen, &answers).await.unwrap_or(1);
            end.send_if_modified(|exit| {
                exit.is_none() && exit.replace(Exit { end: End::Code(code), usage: USED }).is_none()
            });
        });
        Box::pin(async move { Ok(Box::new(TaskSandbox { task, ended, exit }) as Box<dyn Sandbox>) })
    }

    fn has_room(&self, others: usize) -> bool {
        others < 64
    }

    fn probe(&self) -> Pending<'_, Result<Probe, RunnerError>> {
        let absent = || Found::Absent("these are tasks".to_owned());
        let probe = Probe {
            namespaces: [].into(),
            kernel: String::new(),
            root: false,
            levels: [(Level::Process, Found::Present(String::new()))].into(),
            user_namespaces: absent(),
            mount_namespaces: absent(),
            cgroups: CgroupKind::None,
            cgroups_writable: absent(),
            landlock: absent(),
            seccomp: absent(),
            overlay: absent(),
            kvm: absent(),
            egress: absent(),
        };
        Box::pin(async { Ok(probe) })
    }
}

const USED: Usage = Usage { cpu_micros: 1000, max_rss_bytes: 30 * 1024 * 1024 };

struct TaskSandbox {
    task: tokio::task::JoinHandle<()>,
    ended: watch::Sender<Option<Exit>>,
    exit: watch::Receiver<Option<Exit>>,
}

impl Sandbox for TaskSandbox {
    fn exited(&self) -> Pending<'_, Exit> {
        let mut exit = self.exit.clone();
        Box::pin(async move { exit.wait_for(Option::is_some).await.unwrap().unwrap() })
    }

    fn kill(&self) -> Pending<'_, Result<(), RunnerError>> {
        self.task.abort();
        let killed = Exit { end: End::Signal(9), usage: USED };
        self.ended.send_if_modified(|exit| exit.is_none() && exit.replace(killed).is_none());
        Box::pin(async { Ok(()) })
    }

    fn freeze(&self) -> Pending<'_, Result<(), RunnerError>> {
        Box::pin(async { Ok(()) })
    }

    fn thaw(&self) -> Pending<'_, Result<(), RunnerError>> {
        Box::pin(async { Ok(()) })
    }

    fn beside(&self, template: Template) -> Pending<'_, Result<Box<dyn Sandbox>, RunnerError>> {
        let refused = RunnerError::Refused(format!("{} cannot run beside a task", template.label));
        Box::pin(async { Err(refused) })
    }

    fn enter(&self, _: Entry) -> Pending<'_, Result<(), RunnerError>> {
        let refused = RunnerError::Refused("tasks wait for nothing".to_owned());
        Box::pin(async { Err(refused) })
    }

    fn connect(&self, port: u16) -> Pending<'_, std::io::Result<TcpStream>> {
        Box::pin(TcpStream::connect((std::net::Ipv4Addr::LOCALHOST, port)))
    }

    fn take_listeners(&self) -> Vec<TcpListener> {
        Vec::new()
    }

    fn take_stdout(&self) -> Option<Output> {
        None
    }

    fn take_stderr(&self) -> Option<Output> {
        None
    }

    fn usage(&self) -> Usage {
        USED
    }
}

/// A connection to the Runtime API.
struct Api(BufReader<TcpStream>);

impl Api {
    async fn send(
        &mut self,
        method: &str,
        path: &str,
        body: &[u8],
    ) -> std::io::Result<(Vec<String>, Vec<u8>)> {
        let head = format!(
            "{method} /2018-06-01/runtime/{path} HTTP/1.1\r\nHost: x\r\nContent-Length: {}\r\n\r\n",
            body.len()
        );
        self.0.write_all(head.as_bytes()).await?;
        self.0.write_all(body).await?;
        self.receive().await
    }

    /// Answers in chunks: those of the payload's `chunks`, and the error of its `error` at the end.
    async fn stream(&mut self, id: &str, said: &Value) -> std::io::Result<()> {
        let kind = said["type"].as_str().unwrap_or("text/plain");
        let head = format!(
            "POST /2018-06-01/runtime/invocation/{id}/response HTTP/1.1\r\nHost: x\r\nContent-Type: {kind}\r\n\
             Lambda-Runtime-Function-Response-Mode: streaming\r\nTransfer-Encoding: chunked\r\n\r\n"
        );
        self.0.write_all(head.as_bytes()).await?;
        for chunk in said["chunks"].as_array().unwrap() {
            let text = chunk.as_str().unwrap();
            self.0.write_all(format!("{:x}\r\n{text}\r\n", text.len()).as_bytes()).await?;
        }
        let trailers = said["error"].as_str().map_or(String::new(), |error| {
            format!("Lambda-Runtime-Function-Error-Type: Broken\r\nLambda-Runtime-Function-Error-Body: {error}\r\n")
        });
        self.0.write_all(format!("0\r\n{trailers}\r\n").as_bytes()).await?;
        self.receive().await.map(drop)
    }

    async fn receive(&mut self) -> std::io::Result<(Vec<String>, Vec<u8>)> {
        let (mut lines, mut length) = (Vec::new(), 0);
        loop {
            let mut line = String::new();
            if self.0.read_line(&mut line).await? == 0 {
                return Err(std::io::ErrorKind::UnexpectedEof.into());
            }
            let line = line.trim_end().to_owned();
            if line.is_empty() {
                break;
            }
            if let Some(text) = line.strip_prefix("Content-Length: ") {
                length = text.parse().unwrap();
            }
            lines.push(line);
        }
        let mut body = vec![0; length];
        self.0.read_exact(&mut body).await?;
        Ok((lines, body))
    }
}

/// What a function answers that counts the records of a window, or says which record of a batch failed.
fn told(template: &Template, said: &Value) -> Option<Value> {
    if variable(template, "COUNTS").is_some() {
        let before = said["state"]["n"].as_u64().unwrap_or(0);
        let more = said["Records"].as_array().map_or(0, Vec::len) as u64;
        return Some(json!({"state": {"n": before + more}}));
    }
    let fails = variable(template, "FAILS")?;
    let wanted = |record: &Value| record["dynamodb"]["SequenceNumber"] == fails.as_str();
    let failed = said["Records"].as_array().is_some_and(|records| records.iter().any(wanted));
    Some(json!({"batchItemFailures": if failed { vec![json!({"itemIdentifier": fails})] } else { vec![] }}))
}

/// The life of a sandbox's program: its exit code.
async fn live(
    template: &Template,
    seen: &Mutex<Vec<Value>>,
    answers: &Mutex<Vec<Value>>,
) -> std::io::Result<i32> {
    let address = variable(template, "AWS_LAMBDA_RUNTIME_API").unwrap();
    let mut api = Api(BufReader::new(TcpStream::connect(address).await?));
    match variable(template, "BEGIN").as_deref() {
        Some("fail") => {
            api.send("POST", "init/error", br#"{"errorType":"Broken","errorMessage":"no"}"#).await?;
            return Ok(1);
        }
        Some("exit") => return Ok(7),
        Some("hang") => std::future::pending().await,
        _ => {}
    }
    loop {
        let (head, payload) = api.send("GET", "invocation/next", b"").await?;
        let id = head.iter().find_map(|line| line.strip_prefix("Lambda-Runtime-Aws-Request-Id: ")).unwrap();
        let mut said: Value = serde_json::from_slice(&payload).unwrap();
        seen.lock().unwrap().push(said.clone());
        if let Some(poison) = variable(template, "POISON")
            && said.to_string().contains(&poison)
        {
            said["do"] = "fail".into();
        }
        let payload = match told(template, &said) {
            Some(answer) => answer.to_string().into_bytes(),
            None => payload,
        };
        let payload = match variable(template, "HOLDS") {
            Some(_) => {
                let answer = held(answers).await;
                said["do"] = answer["do"].clone();
                answer.to_string().into_bytes()
            }
            None => payload,
        };
        if let Some(streams) = variable(template, "STREAMS") {
            said = serde_json::from_str(&streams).unwrap();
            said["do"] = "stream".into();
        }
        let (what, body) = match said["do"].as_str() {
            Some("fail") => ("error", br#"{"errorType":"Failed","errorMessage":"as told"}"#.to_vec()),
            Some("exit") => return Ok(3),
            Some("hang") => std::future::pending().await,
            Some("linger") => {
                linger().await;
                ("response", payload)
            }
            Some("stream") => {
                api.stream(id, &said).await?;
                continue;
            }
            Some("large") => ("response", vec![b'1'; 6_291_557]),
            _ => ("response", payload),
        };
        let (answered, _) = api.send("POST", &format!("invocation/{id}/{what}"), &body).await?;
        assert!(answered[0].contains(" 202 ") || answered[0].contains(" 413 "), "{answered:?}");
    }
}

/// The answer that a test gives.
async fn held(answers: &Mutex<Vec<Value>>) -> Value {
    loop {
        let answer = answers.lock().unwrap().pop();
        match answer {
            Some(answer) => return answer,
            None => rest().await,
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "functions run in host time")]
async fn rest() {
    tokio::time::sleep(std::time::Duration::from_millis(2)).await;
}

/// Long enough for others to find no place.
#[expect(clippy::disallowed_methods, reason = "functions run in host time")]
async fn linger() {
    tokio::time::sleep(std::time::Duration::from_millis(300)).await;
}
