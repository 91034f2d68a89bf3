//! The floor of large transfers: a bare HTTP server that writes a request's body to a file as it comes, and syncs it,
//! or answers with what the file holds. It checks nothing.

use crate::options::number;
use bytes::Bytes;
use http_body_util::{BodyExt, Either, Empty};
use hyper::body::{Body, Frame, Incoming, SizeHint};
use hyper::{Method, Request, Response};
use hyper_util::rt::TokioIo;
use std::fs::File;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::task::{Context, Poll};

/// How much of the file is read at once.
const PIECE: usize = 256 << 10;

/// Serves until it is killed. Arguments: `--port N` and `--file PATH`.
pub async fn serve(args: &[String]) -> Result<(), String> {
    let value = |name: &str| {
        let at = args.iter().position(|arg| arg == name);
        at.and_then(|at| args.get(at + 1)).ok_or_else(|| format!("{name} is needed"))
    };
    let port: u16 = number("--port", value("--port")?)?;
    let path = PathBuf::from(value("--file")?);
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", port))
        .await
        .map_err(|error| format!("port {port}: {error}"))?;
    println!("Ready.");
    let serve = async move {
        loop {
            let Ok((stream, _)) = listener.accept().await else { continue };
            stream.set_nodelay(true).ok();
            let path = path.clone();
            let service = hyper::service::service_fn(move |request| answer(request, path.clone()));
            let http = hyper::server::conn::http1::Builder::new();
            tokio::task::spawn_local(http.serve_connection(TokioIo::new(stream), service));
        }
    };
    tokio::task::LocalSet::new().run_until(serve).await
}

type Answer = Response<Either<Empty<Bytes>, Content>>;

async fn answer(request: Request<Incoming>, path: PathBuf) -> io::Result<Answer> {
    if request.method() == Method::PUT {
        write(request.into_body(), &path).await?;
        return Ok(Response::new(Either::Left(Empty::new())));
    }
    let file = File::open(path)?;
    let rest = file.metadata()?.len();
    Ok(Response::new(Either::Right(Content { file, rest })))
}

async fn write(mut body: Incoming, path: &Path) -> io::Result<()> {
    let mut file = File::create(path)?;
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(io::Error::other)?;
        if let Some(bytes) = frame.data_ref() {
            file.write_all(bytes)?;
        }
    }
    file.sync_all()
}

/// What is left of a file.
struct Content {
    file: File,
    rest: u64,
}

impl Body for Content {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        if self.rest == 0 {
            return Poll::Ready(None);
        }
        let mut piece = vec![0; PIECE.min(usize::try_from(self.rest).unwrap_or(PIECE))];
        let read = self.file.read_exact(&mut piece);
        self.rest -= piece.len() as u64;
        Poll::Ready(Some(read.map(|()| Frame::data(piece.into()))))
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.rest)
    }
}
