//! What a function writes to its standard output and error: read as it comes, cut into lines.

use bytes::{Bytes, BytesMut};
use ports::runner::Output;
use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use tokio::io::{AsyncRead, ReadBuf};

/// Longest line; what is longer is cut (CloudWatch Logs quotas: 256 KB an event).
const MAX_LINE: usize = 256 * 1024 - 64;
const PIECE: usize = 16 * 1024;

/// All output of an environment: the function's, and that of what runs beside it.
pub struct Outputs(Vec<(bool, Lines)>);

impl Outputs {
    /// Of streams; of each is said whether it is of an extension.
    pub fn of(streams: Vec<(bool, Output)>) -> Self {
        Outputs(streams.into_iter().map(|(extension, stream)| (extension, Lines::of(Some(stream)))).collect())
    }

    /// Whether more may come.
    pub fn are_open(&self) -> bool {
        self.0.iter().any(|(_, lines)| lines.is_open())
    }

    /// Waits for output and gives the lines that it completes; none where a stream ended.
    pub async fn more(&mut self) -> Vec<(bool, Bytes)> {
        poll_fn(|cx| {
            let (mut moved, mut found) = (false, Vec::new());
            for (extension, lines) in self.0.iter_mut().filter(|(_, lines)| lines.is_open()) {
                let mut of_stream = Vec::new();
                moved |= lines.poll(cx, &mut of_stream).is_ready();
                found.extend(of_stream.into_iter().map(|line| (*extension, line)));
            }
            if moved { Poll::Ready(found) } else { Poll::Pending }
        })
        .await
    }

    /// The lines that have been written so far, without waiting.
    pub async fn drain(&mut self) -> Vec<(bool, Bytes)> {
        let mut found = Vec::new();
        for (extension, lines) in &mut self.0 {
            found.extend(lines.drain().await.into_iter().map(|line| (*extension, line)));
        }
        found
    }
}

/// A line of a managed runtime as the event that it is: what bootstraps write of several lines has carriage returns for
/// line breaks, which AWS's runtimes tell apart by frames (`FramedTelemetryLogSink` of `awslambdaric`).
pub fn unfolded(line: Bytes) -> Bytes {
    let text = line.strip_suffix(b"\r\n").or_else(|| line.strip_suffix(b"\n")).unwrap_or(&line);
    if !text.contains(&b'\r') {
        return line;
    }
    let broken = text.iter().map(|byte| if *byte == b'\r' { b'\n' } else { *byte });
    broken.chain(line[text.len()..].iter().copied()).collect()
}

/// One stream of output.
struct Lines {
    stream: Option<Output>,
    partial: BytesMut,
    piece: Box<[u8; PIECE]>,
}

impl Lines {
    /// The lines of a stream.
    fn of(stream: Option<Output>) -> Self {
        Lines { stream, partial: BytesMut::new(), piece: Box::new([0; PIECE]) }
    }

    /// Whether more may come.
    fn is_open(&self) -> bool {
        self.stream.is_some()
    }

    /// The lines that have been written so far, without waiting.
    async fn drain(&mut self) -> Vec<Bytes> {
        let mut lines = Vec::new();
        poll_fn(|cx| {
            while self.is_open() && self.poll(cx, &mut lines).is_ready() {}
            Poll::Ready(())
        })
        .await;
        lines
    }

    fn poll(&mut self, cx: &mut Context<'_>, lines: &mut Vec<Bytes>) -> Poll<()> {
        let Some(stream) = &mut self.stream else { return Poll::Ready(()) };
        let mut buffer = ReadBuf::new(self.piece.as_mut_slice());
        let read = ready!(Pin::new(stream).poll_read(cx, &mut buffer));
        if read.is_err() || buffer.filled().is_empty() {
            self.stream = None;
            if !self.partial.is_empty() {
                lines.push(self.partial.split().freeze());
            }
            return Poll::Ready(());
        }
        let filled = buffer.filled().len();
        for part in self.piece[..filled].split_inclusive(|byte| *byte == b'\n') {
            self.partial.extend_from_slice(part);
            if part.ends_with(b"\n") || self.partial.len() >= MAX_LINE {
                lines.push(self.partial.split().freeze());
            }
        }
        Poll::Ready(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_of_several_lines() {
        for (line, event) in
            [("a\rb\r\u{a0}c\n", "a\nb\n\u{a0}c\n"), ("a\r\n", "a\r\n"), ("a\rb", "a\nb"), ("a\n", "a\n")]
        {
            assert_eq!(unfolded(Bytes::from(line)), event.as_bytes(), "{line:?}");
        }
    }

    #[tokio::test]
    async fn lines_whole_partial_and_too_long() {
        let text = [b"one\ntwo\n".as_slice(), &[b'x'; MAX_LINE + 10], b"\nend"].concat();
        let mut lines = Outputs::of(vec![(false, Box::new(std::io::Cursor::new(text)))]);
        let mut got = Vec::new();
        while lines.are_open() {
            got.extend(lines.more().await.into_iter().map(|(_, line)| line));
        }
        assert_eq!((&got[0][..], &got[1][..]), (&b"one\n"[..], &b"two\n"[..]));
        assert!(got[2].len() >= MAX_LINE && got[2].len() <= MAX_LINE + PIECE);
        assert_eq!(&got[got.len() - 1][..], b"end");
        assert_eq!(got.iter().map(Bytes::len).sum::<usize>(), 8 + MAX_LINE + 10 + 1 + 3);
    }
}
