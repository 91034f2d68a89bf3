//! Speaking to a region that runs: small HTTP requests on loopback, for the commands beside `start`.

use crate::commands::{Failure, take_flag};
use crate::config;
use serde_json::Value;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

/// Longest answer that is read, in bytes.
const MAX_ANSWER: u64 = 4 * 1024 * 1024;
const TIMEOUT: Duration = Duration::from_secs(10);

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

    /// The JSON answer of a control page.
    pub fn json(&self, method: &str, path: &str, body: &Value) -> Result<Value, Failure> {
        let text = if body.is_null() { String::new() } else { body.to_string() };
        let (status, answer) = self
            .exchange(method, path, &text)
            .map_err(|error| Failure::Failed(format!("no region answers at {}: {error}", self.endpoint())))?;
        let value: Value = serde_json::from_slice(&answer).unwrap_or(Value::Null);
        if status < 300 {
            return Ok(value);
        }
        let message = value.get("message").and_then(Value::as_str).unwrap_or("no message");
        Err(Failure::Failed(format!("{path} answered {status}: {message}")))
    }
}
