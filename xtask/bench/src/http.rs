//! One keep-alive HTTP/1.1 connection with as little between the loop and the socket as possible.

use std::io;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

const LARGEST_ANSWER: usize = 64 << 20;
/// How much is read at once of an answer that is not kept.
const EXCHANGED: usize = 256 << 10;

/// An answer: its status and body.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub body: Vec<u8>,
}

/// A connection that is opened at the first request and after an error.
pub struct Connection {
    port: u16,
    stream: Option<TcpStream>,
    buffer: Vec<u8>,
}

impl Connection {
    /// To a port of this machine; nothing is opened yet.
    pub fn new(port: u16) -> Self {
        Connection { port, stream: None, buffer: Vec::with_capacity(16 << 10) }
    }

    /// Sends one whole request and reads its answer.
    pub async fn send(&mut self, request: &[u8], head_only: bool) -> io::Result<Answer> {
        let mut stream = match self.stream.take() {
            Some(stream) => stream,
            None => {
                let stream = TcpStream::connect(("127.0.0.1", self.port)).await?;
                stream.set_nodelay(true)?;
                stream
            }
        };
        stream.write_all(request).await?;
        let (answer, keep) = self.read(&mut stream, head_only).await?;
        if keep {
            self.stream = Some(stream);
        }
        Ok(answer)
    }

    /// Sends one whole request on a connection of its own; the status of the answer, and how many bytes of body it
    /// announced and had, which are not kept.
    pub async fn exchange(&mut self, request: &[u8]) -> io::Result<(u16, u64)> {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).await?;
        stream.set_nodelay(true)?;
        stream.write_all(request).await?;
        let (head, head_end) = self.head(&mut stream).await?;
        let length = head.length.ok_or_else(|| invalid("an answer without a length"))?;
        let (mut got, mut piece) = (self.buffer.len() - head_end, vec![0; EXCHANGED]);
        while got < length {
            match stream.read(&mut piece).await? {
                0 => return Err(io::ErrorKind::UnexpectedEof.into()),
                read => got += read,
            }
        }
        Ok((head.status, got as u64))
    }

    /// Reads an answer's head, and says where in the buffer it ends.
    async fn head(&mut self, stream: &mut TcpStream) -> io::Result<(Head, usize)> {
        self.buffer.clear();
        let head_end = loop {
            if let Some(at) = find(&self.buffer, b"\r\n\r\n") {
                break at + 4;
            }
            self.more(stream).await?;
        };
        let head = Head::parse(&self.buffer[..head_end])?;
        Ok((head, head_end))
    }

    async fn read(&mut self, stream: &mut TcpStream, head_only: bool) -> io::Result<(Answer, bool)> {
        let (head, head_end) = self.head(stream).await?;
        if head_only || head.status == 204 || head.status == 304 {
            return Ok((Answer { status: head.status, body: Vec::new() }, head.keep));
        }
        let body = match head.length {
            Some(length) if length <= LARGEST_ANSWER => {
                while self.buffer.len() < head_end + length {
                    self.more(stream).await?;
                }
                self.buffer[head_end..head_end + length].to_vec()
            }
            Some(_) => return Err(invalid("an answer too large to be one")),
            None => self.chunks(stream, head_end).await?,
        };
        Ok((Answer { status: head.status, body }, head.keep))
    }

    async fn chunks(&mut self, stream: &mut TcpStream, mut at: usize) -> io::Result<Vec<u8>> {
        let mut body = Vec::new();
        loop {
            let line_end = loop {
                if let Some(end) = find(&self.buffer[at..], b"\r\n") {
                    break at + end;
                }
                self.more(stream).await?;
            };
            let size = std::str::from_utf8(&self.buffer[at..line_end]).ok();
            let size = size.and_then(|text| usize::from_str_radix(text.split(';').next()?.trim(), 16).ok());
            let size =
                size.filter(|size| *size <= LARGEST_ANSWER).ok_or_else(|| invalid("a chunk's size"))?;
            at = line_end + 2;
            while self.buffer.len() < at + size + 2 {
                self.more(stream).await?;
            }
            if size == 0 {
                return Ok(body);
            }
            body.extend_from_slice(&self.buffer[at..at + size]);
            at += size + 2;
        }
    }

    async fn more(&mut self, stream: &mut TcpStream) -> io::Result<()> {
        if self.buffer.len() > LARGEST_ANSWER {
            return Err(invalid("an answer without end"));
        }
        match stream.read_buf(&mut self.buffer).await? {
            0 => Err(io::ErrorKind::UnexpectedEof.into()),
            _ => Ok(()),
        }
    }
}

struct Head {
    status: u16,
    length: Option<usize>,
    keep: bool,
}

impl Head {
    fn parse(head: &[u8]) -> io::Result<Head> {
        let text = std::str::from_utf8(head).map_err(|_| invalid("a head that is not text"))?;
        let mut lines = text.split("\r\n");
        let status = lines.next().and_then(|line| line.split(' ').nth(1)?.parse().ok());
        let mut head =
            Head { status: status.ok_or_else(|| invalid("a status line"))?, length: Some(0), keep: true };
        for (name, value) in lines.filter_map(|line| line.split_once(':')) {
            let value = value.trim();
            if name.eq_ignore_ascii_case("content-length") {
                head.length = Some(value.parse().map_err(|_| invalid("a content length"))?);
            } else if name.eq_ignore_ascii_case("transfer-encoding") {
                head.length = None;
            } else if name.eq_ignore_ascii_case("connection") {
                head.keep = !value.eq_ignore_ascii_case("close");
            }
        }
        Ok(head)
    }
}

fn find(text: &[u8], part: &[u8]) -> Option<usize> {
    text.windows(part.len()).position(|window| window == part)
}

fn invalid(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, format!("not HTTP: {what}"))
}
