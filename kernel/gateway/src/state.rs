//! The pages of state: saving all of it, loading one that was saved, emptying the region or an account.
//!
//! A saved state goes over the wire as it is written and as it is read, a piece at a time. Loading is done
//! by the composition root, which alone can put a region together: it takes what comes in here.

use crate::message::{Incoming, Outgoing};
use crate::pipeline::Pipeline;
use bytes::Bytes;
use futures_util::StreamExt;
use names::AccountId;
use schema::{Body, BodyError};
use serde_json::{Value, json};
use std::io::{self, Read, Write};
use std::time::Duration;
use store::Archived;
use tokio::runtime::Handle;
use tokio::sync::{mpsc, oneshot};
use wire::ReplyBody;

/// Bytes of a saved state that are sent as one piece.
const PIECE: usize = 256 * 1024;
/// Pieces that wait for the client.
const PIECES: usize = 4;
/// A client that takes nothing for so long is given up: what it saves is kept from being swept meanwhile.
const PATIENCE: Duration = Duration::from_secs(60);

fn answer(status: u16, value: &Value) -> Outgoing {
    Outgoing::text(status, "application/json", value.to_string())
}

/// A saved state on its way in, for whoever can load it.
pub struct Load {
    /// The state.
    pub body: Body,
    /// Where to say what became of it: refused with the reason, or loaded.
    pub answer: oneshot::Sender<Result<Archived, LoadRefused>>,
}

/// Why a saved state was not loaded; the region is as it was.
#[derive(Debug, Clone)]
pub enum LoadRefused {
    /// It is none, damaged, or too new.
    Unfit(String),
    /// It could not be done.
    Failed(String),
}

/// Sends the state as it is now.
pub fn save(pipeline: &Pipeline) -> Outgoing {
    let (sender, pieces) = mpsc::channel(PIECES);
    let (store, handle) = (pipeline.host.store.clone(), Handle::current());
    tokio::task::spawn_blocking(move || {
        let mut writer = PieceWriter { handle, sender, piece: Vec::with_capacity(PIECE) };
        if let Err(error) = store.saving().write(&mut writer) {
            writer.fail(error.to_string());
        }
    });
    let pieces = futures_util::stream::unfold(pieces, async |mut pieces| {
        let piece = pieces.recv().await?;
        Some((piece, pieces))
    });
    let body = ReplyBody::Stream(Body::stream(None, pieces));
    Outgoing { status: 200, headers: http::HeaderMap::new(), body }
        .header("content-type", "application/octet-stream")
}

/// Gives what is written to an answer's body, piece by piece. For threads that may block.
struct PieceWriter {
    handle: Handle,
    sender: mpsc::Sender<Result<Bytes, BodyError>>,
    piece: Vec<u8>,
}

impl PieceWriter {
    fn send(&self, piece: Result<Bytes, BodyError>) -> io::Result<()> {
        #[expect(clippy::disallowed_methods, reason = "a client's patience is host time")]
        let sent = self.handle.block_on(async {
            tokio::time::timeout(PATIENCE, self.sender.send(piece)).await.is_ok_and(|sent| sent.is_ok())
        });
        if sent { Ok(()) } else { Err(io::ErrorKind::BrokenPipe.into()) }
    }

    /// Has the body end before its end, so that the client knows it is not whole.
    fn fail(&self, why: String) {
        // A client that has gone away need not be told.
        let _ = self.send(Err(BodyError::Io(why)));
    }
}

impl Write for PieceWriter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.piece.extend_from_slice(bytes);
        if self.piece.len() >= PIECE {
            self.flush()?;
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        if self.piece.is_empty() {
            return Ok(());
        }
        let piece = std::mem::replace(&mut self.piece, Vec::with_capacity(PIECE));
        self.send(Ok(Bytes::from(piece)))
    }
}

/// Reads a request's body, on a thread that may block.
pub struct BodyReader<S> {
    handle: Handle,
    chunks: Option<S>,
    chunk: Bytes,
}

/// The body of a load as something to read from, on a thread that may block. Within the runtime.
pub fn reader(body: &Body) -> impl Read + Send + use<> {
    BodyReader { handle: Handle::current(), chunks: body.take(), chunk: Bytes::new() }
}

impl<S: futures_core::Stream<Item = Result<Bytes, BodyError>> + Unpin> Read for BodyReader<S> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        while self.chunk.is_empty() {
            let Some(chunks) = &mut self.chunks else { return Ok(0) };
            match self.handle.block_on(chunks.next()) {
                None => self.chunks = None,
                Some(Ok(chunk)) => self.chunk = chunk,
                Some(Err(error)) => {
                    self.chunks = None;
                    return Err(io::Error::other(error.to_string()));
                }
            }
        }
        let length = out.len().min(self.chunk.len());
        out[..length].copy_from_slice(&self.chunk.split_to(length));
        Ok(length)
    }
}

/// Has a saved state take the place of the present one.
pub async fn load(pipeline: &Pipeline, incoming: &Incoming) -> Outgoing {
    let refused = |status, message: &str| answer(status, &json!({"message": message}));
    let Some(loads) = &pipeline.config.loads else {
        return refused(501, "this region was put together without a way to load a state");
    };
    let (sender, outcome) = oneshot::channel();
    if loads.try_send(Load { body: incoming.body.clone(), answer: sender }).is_err() {
        return refused(503, "another state is being loaded, or the region is stopping");
    }
    match outcome.await {
        Ok(Ok(loaded)) => answer(200, &json!({"rows": loaded.rows, "blobs": loaded.blobs})),
        Ok(Err(LoadRefused::Unfit(why))) => refused(400, &why),
        Ok(Err(LoadRefused::Failed(why))) => refused(503, &why),
        Err(_) => refused(503, "the region is stopping"),
    }
}

/// Empties the region, or one account: `{"account": "000000000001"}`.
pub async fn reset(pipeline: &Pipeline, body: &Value) -> Outgoing {
    let removed = match body.get("account") {
        None => pipeline.reset().await,
        Some(account) => match account.as_str().and_then(|id| id.parse::<AccountId>().ok()) {
            Some(account) => pipeline.reset_account(account).await,
            None => return answer(400, &json!({"message": "account is not twelve digits"})),
        },
    };
    match removed {
        Ok(rows) => answer(200, &json!({"rows": rows})),
        Err(fault) => answer(503, &json!({"message": fault.to_string()})),
    }
}
