//! A host over HTTP that answers as told and remembers what it was asked.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};

/// What it was asked.
#[derive(Debug, Clone, Default)]
pub struct Heard {
    pub line: String,
    pub headers: HashMap<String, String>,
    pub body: String,
}

type Answers = HashMap<String, String>;

/// The host.
#[derive(Clone)]
pub struct Host {
    pub url: String,
    heard: Arc<Mutex<Vec<Heard>>>,
}

impl Host {
    /// One that answers paths with texts: a whole answer, or nothing at all where it is empty.
    pub async fn start(answers: &[(&str, &str)]) -> Host {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let answers: Answers =
            answers.iter().map(|(path, answer)| ((*path).to_owned(), answer.replace("$URL", &url))).collect();
        let host = Host { url, heard: Arc::default() };
        let (heard, answers) = (host.heard.clone(), Arc::new(answers));
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(answer(stream, heard.clone(), answers.clone()));
            }
        });
        host
    }

    /// Everything it was asked.
    pub fn heard(&self) -> Vec<Heard> {
        self.heard.lock().unwrap().clone()
    }
}

async fn answer(stream: TcpStream, heard: Arc<Mutex<Vec<Heard>>>, answers: Arc<Answers>) {
    let mut stream = BufReader::new(stream);
    let mut asked = Heard::default();
    stream.read_line(&mut asked.line).await.unwrap();
    loop {
        let mut line = String::new();
        stream.read_line(&mut line).await.unwrap();
        let Some((name, value)) = line.trim_end().split_once(": ") else { break };
        asked.headers.insert(name.to_owned(), value.to_owned());
    }
    let length = asked.headers.get("content-length").map_or(0, |length| length.parse().unwrap());
    let mut body = vec![0; length];
    stream.read_exact(&mut body).await.unwrap();
    asked.body = String::from_utf8(body).unwrap();
    let target = asked.line.split(' ').nth(1).unwrap_or_default().to_owned();
    heard.lock().unwrap().push(asked);
    let path = target.split('?').next().unwrap_or_default();
    let text = answers.get(path).map_or("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok", String::as_str);
    if text.is_empty() {
        std::future::pending::<()>().await;
    }
    stream.write_all(text.as_bytes()).await.unwrap();
}

/// A whole answer of a JSON body.
pub fn json(body: &str) -> String {
    format!(
        "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    )
}
