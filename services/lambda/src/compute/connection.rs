//! One connection of a runtime to its Runtime API: HTTP/1.1 by hand, since nothing else stands between an
//! invocation and its function. Requests are answered in order; what can wait is written with what follows.
//!
//! Knows Content-Length and chunked bodies with trailers, keep-alive, `Expect: 100-continue`; HTTP/1.0 ends
//! its connection. Bounds: head, body, trailers.

use super::api::{Answer, Parked, Shared};
use super::extensions::{self, Asked, Said};
use super::stream::{MAX_STREAMED, Part, Sink};
use bytes::{Bytes, BytesMut};
use std::io::{self, IoSlice};
use std::sync::Arc;
use tokio::net::TcpStream;

/// Longest answer of a function, in bytes (Lambda quotas: 6 MB).
pub const MAX_ANSWER: usize = 6_291_556;
const MAX_HEAD: usize = 64 * 1024;
/// What is read and thrown away of an answer that is too large, before the connection is closed.
const MAX_DISCARDED: u64 = 256 * 1024 * 1024;
const PREFIX: &str = "/2018-06-01/runtime/";

enum Content {
    Whole(Bytes),
    TooLarge,
}

/// What a head says of its request.
#[derive(Default)]
struct Head {
    get: bool,
    path: String,
    /// `Lambda-Runtime-Function-Error-Type`.
    error_type: Option<String>,
    /// `Lambda-Runtime-Function-Error-Body`.
    error_body: Option<String>,
    /// `Lambda-Runtime-Function-Response-Mode: streaming`.
    streams: bool,
    content_type: Option<String>,
    /// Of an extension: its name, its id, the type of its error.
    extension: extensions::Fields,
    close: bool,
    length: u64,
    chunked: bool,
    expects: bool,
}

/// Why a connection ends.
enum Broken {
    /// It was closed, or cannot be read.
    Closed,
    /// What came is no HTTP.
    Malformed,
}

impl From<io::Error> for Broken {
    fn from(_: io::Error) -> Self {
        Broken::Closed
    }
}

struct Connection {
    number: u64,
    stream: Arc<TcpStream>,
    input: BytesMut,
    /// Answers that are not written yet.
    held: BytesMut,
}

/// Writes all parts in order.
///
/// # Errors
/// If the connection takes no more.
pub async fn write_all(stream: &TcpStream, parts: [&[u8]; 3]) -> io::Result<()> {
    let mut slices = parts.map(IoSlice::new);
    let mut left = slices.as_mut_slice();
    IoSlice::advance_slices(&mut left, 0);
    while !left.is_empty() {
        match stream.try_write_vectored(left) {
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            Ok(written) => IoSlice::advance_slices(&mut left, written),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => stream.writable().await?,
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// Serves a connection until it ends.
pub async fn serve(shared: Arc<Shared>, stream: TcpStream, number: u64) {
    // Without it answers wait for acknowledgements; where it cannot be had they only come later.
    let _ = stream.set_nodelay(true);
    let mut connection =
        Connection { number, stream: Arc::new(stream), input: BytesMut::new(), held: BytesMut::new() };
    let ended = connection.requests(&shared).await;
    shared.unpark(number);
    if let Err(Broken::Malformed) = ended {
        connection
            .say("400 Bad Request", r#"{"errorType":"InvalidRequest","errorMessage":"Malformed request"}"#);
    }
    // A connection that cannot be written to is closed by its end.
    let _ = connection.flush().await;
}

impl Connection {
    async fn requests(&mut self, shared: &Arc<Shared>) -> Result<(), Broken> {
        loop {
            let mut head = self.head().await?;
            // An answer now would come before that of the invocation that was asked for.
            if shared.unpark(self.number) {
                return Err(Broken::Malformed);
            }
            if let Some((id, sink)) = streamed(&head, shared) {
                self.stream(shared, &mut head, (id, sink)).await?;
            } else {
                let body = self.body(&mut head).await?;
                self.act(shared, &mut head, body).await?;
            }
            // What asked for an invocation is kept until it has come; the runtime closes it then.
            if head.close && !(head.get && head.path.ends_with("/invocation/next")) {
                return Ok(());
            }
        }
    }

    async fn act(&mut self, shared: &Arc<Shared>, head: &mut Head, body: Content) -> Result<(), Broken> {
        let whole = match body {
            Content::Whole(bytes) => Some(bytes),
            Content::TooLarge => None,
        };
        let Some(path) = head.path.strip_prefix(PREFIX).map(str::to_owned) else {
            self.act_of_extension(shared, head, whole).await;
            return Ok(());
        };
        if head.get && path == "invocation/next" {
            return self.next(shared).await;
        }
        if head.get {
            self.not_found();
            return Ok(());
        }
        // A response of a stream that broke has its error's type in the trailers.
        let failed = head.error_type.is_some();
        let kind = head.error_type.take().unwrap_or_else(|| "Unhandled".to_owned());
        if path == "init/error" {
            let accepted = whole.is_some_and(|error| shared.fail(error, kind));
            self.accepted(accepted, "InvalidStateTransition");
            return Ok(());
        }
        let (id, what) = match path.strip_prefix("invocation/").and_then(|rest| rest.split_once('/')) {
            Some((id, what @ ("response" | "error"))) => (id, what),
            _ => {
                self.not_found();
                return Ok(());
            }
        };
        let Some(bytes) = whole else {
            shared.answer(id, Answer::TooLarge);
            let message = format!(
                r#"{{"errorType":"RequestEntityTooLarge","errorMessage":"Exceeded maximum allowed payload size ({MAX_ANSWER} bytes)."}}"#
            );
            self.say("413 Payload Too Large", &message);
            return Ok(());
        };
        let failed = failed || what == "error";
        let answer = if failed { Answer::Error(bytes) } else { Answer::Result(bytes) };
        let accepted = shared.answer(id, answer);
        self.accepted(accepted, "InvalidRequestID");
        Ok(())
    }

    /// Passes a streamed answer on as it comes.
    async fn stream(
        &mut self,
        shared: &Arc<Shared>,
        head: &mut Head,
        (id, sink): (String, Sink),
    ) -> Result<(), Broken> {
        // Whoever reads may have left: the function goes on all the same.
        let _ = sink.send(Part::Head(head.content_type.clone())).await;
        let mut total = 0_u64;
        if head.chunked {
            loop {
                let length = self.chunk_length().await?;
                if length == 0 {
                    break;
                }
                self.pass(length, &sink, &mut total).await?;
                self.line().await?;
            }
            self.trailers(head).await?;
        } else {
            self.pass(head.length, &sink, &mut total).await?;
        }
        let error = head.error_type.is_some().then(|| extensions::error_body(head.error_body.as_deref()));
        // The last part is there before the end is told.
        drop(sink);
        let accepted = shared.answer(&id, Answer::Streamed(error));
        self.accepted(accepted, "InvalidRequestID");
        Ok(())
    }

    async fn pass(&mut self, mut length: u64, sink: &Sink, total: &mut u64) -> Result<(), Broken> {
        while length > 0 {
            if self.input.is_empty() {
                self.fill().await?;
            }
            let now = usize::try_from(length).unwrap_or(usize::MAX).min(self.input.len());
            let piece = self.input.split_to(now).freeze();
            length -= now as u64;
            *total += now as u64;
            if *total <= MAX_STREAMED {
                let _ = sink.send(Part::Data(piece)).await;
            }
        }
        Ok(())
    }

    /// What is not the Runtime API: extensions, and their telemetry.
    async fn act_of_extension(&mut self, shared: &Arc<Shared>, head: &mut Head, body: Option<Bytes>) {
        let asked = Asked { get: head.get, path: &head.path, fields: &head.extension, body: body.as_deref() };
        match shared.extensions.act(asked).await {
            Some(Said { status, header, body }) => self.tell(status, header.as_deref(), &body),
            None => self.not_found(),
        }
    }

    async fn next(&mut self, shared: &Arc<Shared>) -> Result<(), Broken> {
        let held = std::mem::take(&mut self.held);
        let parked = Parked { connection: self.number, stream: self.stream.clone(), held };
        if let Some((parked, head, payload)) = shared.next(parked) {
            write_all(&self.stream, [&parked.held, &head, &payload]).await?;
        }
        Ok(())
    }

    fn say(&mut self, status: &str, body: &str) {
        self.tell(status, None, body);
    }

    fn tell(&mut self, status: &str, header: Option<&str>, body: &str) {
        let header = header.map(|header| format!("{header}\r\n")).unwrap_or_default();
        let head = format!(
            "HTTP/1.1 {status}\r\n{header}Content-Type: application/json\r\nContent-Length: {}\r\n\r\n",
            body.len()
        );
        self.held.extend_from_slice(head.as_bytes());
        self.held.extend_from_slice(body.as_bytes());
    }

    fn accepted(&mut self, accepted: bool, fault: &str) {
        if accepted {
            self.say("202 Accepted", r#"{"status":"OK"}"#);
        } else {
            let body = format!(r#"{{"errorType":"{fault}","errorMessage":"{fault}"}}"#);
            self.say(if fault == "InvalidRequestID" { "400 Bad Request" } else { "403 Forbidden" }, &body);
        }
    }

    fn not_found(&mut self) {
        self.say("404 Not Found", r#"{"errorType":"NotFound","errorMessage":"Not Found"}"#);
    }

    async fn flush(&mut self) -> io::Result<()> {
        let held = std::mem::take(&mut self.held);
        write_all(&self.stream, [&held, &[], &[]]).await
    }

    /// Reads more, after writing what the other side may be waiting for.
    async fn fill(&mut self) -> Result<(), Broken> {
        if !self.held.is_empty() {
            self.flush().await?;
        }
        loop {
            self.stream.readable().await?;
            self.input.reserve(8192);
            match self.stream.try_read_buf(&mut self.input) {
                Ok(0) => return Err(Broken::Closed),
                Ok(_) => return Ok(()),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) => return Err(error.into()),
            }
        }
    }

    async fn head(&mut self) -> Result<Head, Broken> {
        let lines = self.until_blank().await?;
        let head = parse_head(&lines).ok_or(Broken::Malformed)?;
        if head.expects {
            self.held.extend_from_slice(b"HTTP/1.1 100 Continue\r\n\r\n");
        }
        Ok(head)
    }

    async fn body(&mut self, head: &mut Head) -> Result<Content, Broken> {
        if head.chunked { self.chunks(head).await } else { self.exactly(head.length).await }
    }

    async fn chunk_length(&mut self) -> Result<u64, Broken> {
        let line = self.line().await?;
        let digits = line.split(|byte| *byte == b';').next().unwrap_or_default();
        let digits = std::str::from_utf8(digits).map_err(|_| Broken::Malformed)?.trim();
        u64::from_str_radix(digits, 16).map_err(|_| Broken::Malformed)
    }

    /// Everything before an empty line, without it.
    async fn until_blank(&mut self) -> Result<Bytes, Broken> {
        let mut seen = 0_usize;
        loop {
            let from = seen.saturating_sub(3);
            if let Some(at) = self.input[from..].windows(4).position(|end| end == b"\r\n\r\n") {
                let head = self.input.split_to(from + at).freeze();
                let _ = self.input.split_to(4);
                return Ok(head);
            }
            seen = self.input.len();
            if seen > MAX_HEAD {
                return Err(Broken::Malformed);
            }
            self.fill().await?;
        }
    }

    async fn line(&mut self) -> Result<Bytes, Broken> {
        loop {
            if let Some(at) = self.input.windows(2).position(|end| end == b"\r\n") {
                let line = self.input.split_to(at).freeze();
                let _ = self.input.split_to(2);
                return Ok(line);
            }
            if self.input.len() > MAX_HEAD {
                return Err(Broken::Malformed);
            }
            self.fill().await?;
        }
    }

    async fn exactly(&mut self, length: u64) -> Result<Content, Broken> {
        match usize::try_from(length) {
            Ok(length) if length <= MAX_ANSWER => {
                while self.input.len() < length {
                    self.input.reserve(length - self.input.len());
                    self.fill().await?;
                }
                Ok(Content::Whole(self.input.split_to(length).freeze()))
            }
            _ if length <= MAX_DISCARDED => {
                self.discard(length).await?;
                Ok(Content::TooLarge)
            }
            _ => Err(Broken::Malformed),
        }
    }

    async fn discard(&mut self, mut length: u64) -> Result<(), Broken> {
        while length > 0 {
            if self.input.is_empty() {
                self.fill().await?;
            }
            let now = usize::try_from(length).unwrap_or(usize::MAX).min(self.input.len());
            let _ = self.input.split_to(now);
            length -= now as u64;
        }
        Ok(())
    }

    async fn chunks(&mut self, head: &mut Head) -> Result<Content, Broken> {
        let (mut whole, mut total) = (BytesMut::new(), 0_u64);
        loop {
            let length = self.chunk_length().await?;
            if length == 0 {
                break;
            }
            total = total.saturating_add(length);
            if total > MAX_DISCARDED {
                return Err(Broken::Malformed);
            }
            if total <= MAX_ANSWER as u64 {
                if let Content::Whole(chunk) = self.exactly(length).await? {
                    whole.extend_from_slice(&chunk);
                }
            } else {
                self.discard(length).await?;
            }
            self.line().await?;
        }
        self.trailers(head).await?;
        Ok(if total > MAX_ANSWER as u64 { Content::TooLarge } else { Content::Whole(whole.freeze()) })
    }

    async fn trailers(&mut self, head: &mut Head) -> Result<(), Broken> {
        for _ in 0..100 {
            let line = self.line().await?;
            if line.is_empty() {
                return Ok(());
            }
            field(head, &line).ok_or(Broken::Malformed)?;
        }
        Err(Broken::Malformed)
    }
}

/// The invocation that a request streams an answer of, and where that goes.
fn streamed(head: &Head, shared: &Shared) -> Option<(String, Sink)> {
    if !head.streams || head.get {
        return None;
    }
    let id = head.path.strip_prefix(PREFIX)?.strip_prefix("invocation/")?.strip_suffix("/response")?;
    Some((id.to_owned(), shared.sink(id)?))
}

fn parse_head(lines: &[u8]) -> Option<Head> {
    let mut lines = lines.split(|byte| *byte == b'\n').map(|line| line.strip_suffix(b"\r").unwrap_or(line));
    let request = std::str::from_utf8(lines.next()?).ok()?;
    let mut words = request.split(' ');
    let (method, target, version) = (words.next()?, words.next()?, words.next()?);
    let get = match method {
        "GET" => true,
        "POST" | "PUT" => false,
        _ => return None,
    };
    let path =
        target.strip_prefix("http://").map_or(target, |rest| rest.find('/').map_or("/", |at| &rest[at..]));
    let mut head = Head { get, path: path.to_owned(), close: version == "HTTP/1.0", ..Head::default() };
    lines.try_for_each(|line| field(&mut head, line))?;
    Some(head)
}

fn field(head: &mut Head, line: &[u8]) -> Option<()> {
    let colon = line.iter().position(|byte| *byte == b':')?;
    let (name, value) = (&line[..colon], line[colon + 1..].trim_ascii());
    let is = |text: &str| name.eq_ignore_ascii_case(text.as_bytes());
    if is("content-length") {
        head.length = std::str::from_utf8(value).ok()?.parse().ok()?;
    } else if is("transfer-encoding") {
        head.chunked = value.to_ascii_lowercase().ends_with(b"chunked");
    } else if is("lambda-runtime-function-error-type") {
        head.error_type = Some(String::from_utf8_lossy(value).into_owned());
    } else if is("lambda-runtime-function-error-body") {
        head.error_body = Some(String::from_utf8_lossy(value).into_owned());
    } else if is("lambda-runtime-function-response-mode") {
        head.streams = value.eq_ignore_ascii_case(b"streaming");
    } else if is("content-type") {
        head.content_type = Some(String::from_utf8_lossy(value).into_owned());
    } else if is("connection") {
        head.close |= value.eq_ignore_ascii_case(b"close");
    } else if is("expect") {
        head.expects = value.eq_ignore_ascii_case(b"100-continue");
    } else {
        head.extension.take(name, value);
    }
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn heads() {
        let head = parse_head(
            b"POST /2018-06-01/runtime/invocation/1/error HTTP/1.1\r\nhost: x\r\nCONTENT-LENGTH: 12\r\n\
              Lambda-Runtime-Function-Error-Type: Bad\r\nConnection: Close\r\nExpect: 100-continue",
        )
        .unwrap();
        assert_eq!((head.get, head.length, head.close, head.expects), (false, 12, true, true));
        assert_eq!(head.error_type.as_deref(), Some("Bad"));
        let old = parse_head(b"GET http://127.0.0.1:1/2018-06-01/runtime/invocation/next HTTP/1.0").unwrap();
        assert_eq!((old.path.as_str(), old.close), ("/2018-06-01/runtime/invocation/next", true));
        for bad in [
            "",
            "GET",
            "TRACE / HTTP/1.1",
            "GET / HTTP/1.1\r\nno colon",
            "GET / HTTP/1.1\r\ncontent-length: -1",
        ] {
            assert!(parse_head(bad.as_bytes()).is_none(), "{bad}");
        }
    }
}
