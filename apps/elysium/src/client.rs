//! Speaking to a region that runs: small HTTP requests on loopback, for the commands beside `start`.

use crate::commands::{Failure, take_flag};
use crate::config;
use serde_json::Value;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

/// Longest answer that is read, in bytes.
const MAX_ANSWER: u64 = 4 * 1024 * 1024;
const TIMEOUT: Duration = Duration::from_secs(10);
/// How long the region may be silent while it saves or loads a state.
const LONG_TIMEOUT: Duration = Duration::from_secs(3600);
/// Longest line of an answer's head, in bytes.
const MAX_LINE: u64 = 64 * 1024;

/// Where a region runs.
pub struct Client {
    address: SocketAddr,
}

impl Client {
    /// The region that the arguments and the configuration mean, and what is left of the arguments.
    pub fn of(arguments: &[String]) -> Result<(Self, Vec<String>), Failure> {
        let (port, rest) = take_flag(arguments, "--port")?;
        let flags: Vec<String> = port.map(|port| vec!["--port".to_owned(), port]).unwrap_or_default();
        let config = config::read(&flags).map_err(Failure::Usage)?;
        Ok((Client { address: SocketAddr::new(config.listen, config.port) }, rest))
    }

    /// The URL of the region.
    pub fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }

    fn exchange(&self, method: &str, path: &str, body: &str) -> std::io::Result<(u16, Vec<u8>)> {
        let mut stream = TcpStream::connect_timeout(&self.address, TIMEOUT)?;
        stream.set_read_timeout(Some(TIMEOUT))?;
        let length = body.len();
        let request = format!(
            "{method} {path} HTTP/1.1\r\nhost: {}\r\nconnection: close\r\ncontent-length: {length}\r\n\r\n{body}",
            self.address
        );
        stream.write_all(request.as_bytes())?;
        let mut answer = Vec::new();
        stream.take(MAX_ANSWER).read_to_end(&mut answer)?;
        let head_end = answer.windows(4).position(|window| window == b"\r\n\r\n").map(|at| at + 4);
        let status = std::str::from_utf8(&answer).ok().and_then(|text| text.split(' ').nth(1)?.parse().ok());
        match (head_end, status) {
            (Some(at), Some(status)) => Ok((status, answer.split_off(at))),
            _ => Err(std::io::Error::other("the answer is no HTTP")),
        }
    }

    fn connect(&self) -> Result<TcpStream, Failure> {
        let connected = TcpStream::connect_timeout(&self.address, TIMEOUT);
        let stream = connected.map_err(|error| self.silent(&error))?;
        stream.set_read_timeout(Some(LONG_TIMEOUT))?;
        Ok(stream)
    }

    fn silent(&self, error: &io::Error) -> Failure {
        Failure::Failed(format!("no region answers at {}: {error}", self.endpoint()))
    }

    /// Has a page of any length written to a file.
    pub fn download(&self, path: &str, out: &mut dyn Write) -> Result<(), Failure> {
        let mut stream = self.connect()?;
        // Of this version, an answer of unknown length ends with its connection.
        write!(stream, "POST {path} HTTP/1.0\r\nhost: {}\r\ncontent-length: 0\r\n\r\n", self.address)?;
        let mut answer = BufReader::new(stream);
        let status = read_head(&mut answer)?;
        if status == 200 {
            io::copy(&mut answer, out)?;
            return Ok(());
        }
        let mut body = Vec::new();
        answer.take(MAX_ANSWER).read_to_end(&mut body)?;
        Err(refused(path, status, &serde_json::from_slice(&body).unwrap_or(Value::Null)))
    }

    /// Sends a file to a control page, and gives its JSON answer.
    pub fn upload(&self, path: &str, mut file: File) -> Result<Value, Failure> {
        let length = file.metadata()?.len();
        let mut stream = self.connect()?;
        write!(
            stream,
            "POST {path} HTTP/1.1\r\nhost: {}\r\nconnection: close\r\ncontent-length: {length}\r\n\r\n",
            self.address
        )?;
        // A region that refuses may say so before it has read everything.
        let sent = io::copy(&mut file, &mut stream);
        let mut answer = BufReader::new(stream);
        let (status, mut body) = (read_head(&mut answer), Vec::new());
        let status = status.map_err(|error| sent.err().unwrap_or(error))?;
        answer.take(MAX_ANSWER).read_to_end(&mut body)?;
        let value = serde_json::from_slice(&body).unwrap_or(Value::Null);
        if status < 300 { Ok(value) } else { Err(refused(path, status, &value)) }
    }

    /// The JSON answer of a control page.
    pub fn json(&self, method: &str, path: &str, body: &Value) -> Result<Value, Failure> {
        let text = if body.is_null() { String::new() } else { body.to_string() };
        let (status, answer) = self.exchange(method, path, &text).map_err(|error| self.silent(&error))?;
        let value: Value = serde_json::from_slice(&answer).unwrap_or(Value::Null);
        if status < 300 {
            return Ok(value);
        }
        Err(refused(path, status, &value))
    }
}

fn refused(path: &str, status: u16, answer: &Value) -> Failure {
    let message = answer.get("message").and_then(Value::as_str).unwrap_or("no message");
    Failure::Failed(format!("{path} answered {status}: {message}"))
}

/// Reads the head of an answer, and gives its status.
fn read_head(answer: &mut impl BufRead) -> io::Result<u16> {
    let mut status = None;
    loop {
        let mut line = String::new();
        answer.by_ref().take(MAX_LINE).read_line(&mut line)?;
        if status.is_none() {
            status = line.split(' ').nth(1).and_then(|status| status.parse().ok());
        }
        match (line.trim_end(), status) {
            (_, None) => return Err(io::Error::other("the answer is no HTTP")),
            ("", Some(status)) => return Ok(status),
            _ => {}
        }
    }
}
