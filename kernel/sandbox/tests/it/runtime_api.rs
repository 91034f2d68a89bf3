//! A Runtime API of a few lines for one function at a time, on a thread of its own.

use sandbox::runtimes::{Bootstraps, Interpreter, ManagedRuntime, SearchPlaces};
use std::collections::HashMap;
use std::ffi::OsString;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, Sender, channel};

/// What a function posted.
#[derive(Debug)]
pub struct Posted {
    /// The part of the path after the version.
    pub path: String,
    pub headers: HashMap<String, String>,
    pub body: Vec<u8>,
}

impl Posted {
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap()
    }
}

/// Files and what is in them, or variables.
pub type Pairs<'a> = &'a [(&'a str, &'a str)];

/// One function running under its bootstrap.
pub struct Function {
    dir: PathBuf,
    child: Child,
    events: Sender<(String, Vec<u8>)>,
    posted: Receiver<Posted>,
    invocations: u32,
}

impl Function {
    /// Writes the files, finds the interpreter and starts it.
    pub fn start(runtime: &str, handler: &str, files: &[(&str, &str)]) -> Self {
        Self::start_with(runtime, handler, files, &[])
    }

    pub fn start_with(runtime: &str, handler: &str, files: &[(&str, &str)], env: &[(&str, &str)]) -> Self {
        let runtime = ManagedRuntime::parse(runtime).unwrap();
        Self::start_by(&places().find(runtime).unwrap(), runtime, handler, (files, env))
    }

    /// The same by an interpreter of whichever version.
    pub fn start_by(
        interpreter: &Interpreter,
        runtime: ManagedRuntime,
        handler: &str,
        (files, env): (Pairs<'_>, Pairs<'_>),
    ) -> Self {
        let dir = laid_out(files);
        let bootstraps = Bootstraps::lay_out(&dir).unwrap();
        let argv = bootstraps.command(runtime, interpreter, (&dir, None));
        let (code, layers) = (dir.join("task"), dir.join("opt"));
        let variables = runtime.variables(interpreter, (&code, Some(&layers)), bootstraps.root());
        let variables = variables.iter().map(|(name, value)| (*name, value.as_str()));
        Self::run(dir, &argv, handler, &variables.chain(env.iter().copied()).collect::<Vec<_>>())
    }

    /// The same by a program, in a folder with its code.
    pub fn run(dir: PathBuf, argv: &[OsString], handler: &str, env: Pairs<'_>) -> Self {
        let task = dir.join("task");
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let (events, to_serve) = channel();
        let (post, posted) = channel();
        std::thread::spawn(move || serve(&listener, &to_serve, &post));
        let child = Command::new(&argv[0])
            .args(&argv[1..])
            .env_clear()
            .envs([
                ("AWS_LAMBDA_RUNTIME_API", address.as_str()),
                ("_HANDLER", handler),
                ("AWS_LAMBDA_FUNCTION_NAME", "bard"),
                ("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST"),
                ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "128"),
                ("AWS_LAMBDA_LOG_GROUP_NAME", "/aws/lambda/bard"),
                ("AWS_LAMBDA_LOG_STREAM_NAME", "2024/05/01/[$LATEST]abc"),
            ])
            .envs([("LAMBDA_TASK_ROOT", &task), ("ELYSIUM_LAYERS_ROOT", &dir.join("opt"))])
            .envs(env.iter().copied())
            .current_dir(&task)
            .stdout(Stdio::piped())
            .stderr(Stdio::inherit())
            .spawn()
            .unwrap();
        Self { dir, child, events, posted, invocations: 0 }
    }

    pub fn task_root(&self) -> PathBuf {
        self.dir.join("task")
    }

    /// One invocation; with what the function posted for it.
    pub fn invoke(&mut self, event: &str) -> Posted {
        self.invoke_with(event.as_bytes().to_vec(), "")
    }

    /// The same, with further header lines, each ended by a line break.
    pub fn invoke_with(&mut self, event: Vec<u8>, headers: &str) -> Posted {
        self.invocations += 1;
        let head = format!(
            "Lambda-Runtime-Aws-Request-Id: {}\r\nLambda-Runtime-Deadline-Ms: {}\r\n\
             Lambda-Runtime-Invoked-Function-Arn: arn:aws:lambda:us-east-1:000000000000:function:bard\r\n\
             Lambda-Runtime-Trace-Id: Root=1-5bef4de7-ad49b0e87f6ef6c87fc2e700\r\n{headers}",
            self.request_id(),
            u64::MAX >> 12
        );
        self.events.send((head, event)).unwrap();
        let posted = self.posted();
        assert!(posted.path.starts_with(&format!("/invocation/{}/", self.request_id())), "{}", posted.path);
        posted
    }

    /// The id of the latest invocation.
    pub fn request_id(&self) -> String {
        format!("00000000-0000-4000-8000-{:012}", self.invocations)
    }

    pub fn posted(&self) -> Posted {
        self.posted.recv_timeout(crate::PATIENCE).expect("the function posts something")
    }

    /// Ends the connection and returns what the function wrote, line by line, and its exit code.
    pub fn finish(mut self) -> (Vec<String>, Option<i32>) {
        let (unused, _) = channel();
        drop(std::mem::replace(&mut self.events, unused));
        let mut output = String::new();
        self.child.stdout.take().unwrap().read_to_string(&mut output).unwrap();
        let code = self.child.wait().unwrap().code();
        (output.lines().map(str::to_owned).collect(), code)
    }
}

impl Drop for Function {
    fn drop(&mut self) {
        // Both fail only when it has been reaped already.
        let _ended = self.child.kill().and_then(|()| self.child.wait());
        std::fs::remove_dir_all(&self.dir).unwrap();
    }
}

#[expect(clippy::disallowed_methods, reason = "the tests run the interpreters of the machine they are on")]
pub fn places() -> SearchPlaces {
    SearchPlaces::of_environment(std::env::var_os("PATH"), std::env::var_os("HOME"))
}

/// A folder with these files.
pub fn laid_out(files: Pairs<'_>) -> PathBuf {
    let dir = fresh_dir();
    for (name, content) in files {
        let place = dir.join(name);
        std::fs::create_dir_all(place.parent().unwrap()).unwrap();
        std::fs::write(place, content).unwrap();
    }
    dir
}

pub fn fresh_dir() -> PathBuf {
    let dir = std::env::temp_dir().join(format!("elysium-{}", crate::fresh_run().data_dir()));
    std::fs::create_dir_all(dir.join("task")).unwrap();
    dir
}

fn serve(listener: &TcpListener, events: &Receiver<(String, Vec<u8>)>, post: &Sender<Posted>) {
    let (mut stream, _) = listener.accept().unwrap();
    stream.set_nodelay(true).unwrap();
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    while let Some((method, request)) = read_request(&mut reader) {
        if method == "POST" {
            let answer = "HTTP/1.1 202 Accepted\r\nContent-Length: 15\r\n\r\n{\"status\":\"OK\"}";
            if stream.write_all(answer.as_bytes()).is_err() || post.send(request).is_err() {
                return;
            }
        } else {
            assert_eq!(request.path, "/invocation/next");
            match events.recv() {
                Ok((head, body)) => write_event(&mut stream, &head, &body),
                Err(_) => drop(stream.write_all(b"HTTP/1.1 410 Gone\r\nContent-Length: 0\r\n\r\n")),
            }
        }
    }
}

fn write_event(stream: &mut TcpStream, head: &str, body: &[u8]) {
    let mut packet = format!("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n{head}").into_bytes();
    // Every second size in chunks, which real servers may choose as well.
    if body.len().is_multiple_of(2) {
        packet.extend(format!("Content-Length: {}\r\n\r\n", body.len()).bytes());
        packet.extend(body);
    } else {
        packet.extend(b"Transfer-Encoding: chunked\r\n\r\n");
        for chunk in body.chunks(100_000) {
            packet.extend(format!("{:x}\r\n", chunk.len()).bytes());
            packet.extend(chunk);
            packet.extend(b"\r\n");
        }
        packet.extend(b"0\r\n\r\n");
    }
    stream.write_all(&packet).unwrap();
}

fn read_request(reader: &mut BufReader<TcpStream>) -> Option<(String, Posted)> {
    let mut lines = Vec::new();
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line).ok()? == 0 {
            return None;
        }
        match line.trim_end() {
            "" => break,
            line => lines.push(line.to_owned()),
        }
    }
    let (method, rest) = lines[0].split_once(' ').unwrap();
    let path = rest.strip_suffix(" HTTP/1.1").unwrap().strip_prefix("/2018-06-01/runtime").unwrap();
    let header = |line: &String| line.split_once(": ").map(|(n, v)| (n.to_lowercase(), v.to_owned()));
    let headers: HashMap<String, String> = lines[1..].iter().filter_map(header).collect();
    let length = headers.get("content-length").map_or(0, |length| length.parse().unwrap());
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    Some((method.to_owned(), Posted { path: path.to_owned(), headers, body }))
}

/// The contents of a directory tree, as relative paths.
pub fn tree(root: &Path) -> Vec<String> {
    let mut found = Vec::new();
    let mut dirs = vec![root.to_owned()];
    while let Some(dir) = dirs.pop() {
        for entry in std::fs::read_dir(dir).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                dirs.push(path);
            } else {
                found.push(path.strip_prefix(root).unwrap().to_str().unwrap().to_owned());
            }
        }
    }
    found.sort();
    found
}
