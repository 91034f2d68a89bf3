//! The two floors: a bare hyper server that checks the signature and answers a fixed body (*echo*), and
//! the same that first makes the request's body durable (*log*).

use crate::group_commit::GroupCommit;
use crate::options::number;
use crate::sigv4::Verifier;
use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use std::cell::RefCell;
use std::rc::Rc;
use std::sync::LazyLock;

/// Asks a floor for an answer of so many bytes in place of a kilobyte.
pub const ANSWER_BYTES: &str = "x-answer-bytes";
const ANSWER: &[u8] = &[b'x'; 1024];
const MOST_BYTES: usize = 16 << 20;
/// What longer answers are cut from: a floor does not pay for making them.
static PAGE: LazyLock<Bytes> = LazyLock::new(|| vec![b'x'; MOST_BYTES].into());

/// Serves until it is killed. Arguments: `--port N`, `--secret S`, and for the log `--file PATH`.
pub async fn serve(durable: bool, args: &[String]) -> Result<(), String> {
    let value = |name: &str| args.iter().position(|arg| arg == name).and_then(|at| args.get(at + 1));
    let port: u16 = number("--port", value("--port").ok_or("--port is needed")?)?;
    let log = match (durable, value("--file")) {
        (false, _) => None,
        (true, Some(path)) => {
            Some(GroupCommit::open(path.as_ref()).map_err(|error| format!("{path}: {error}"))?)
        }
        (true, None) => return Err("--file is needed".into()),
    };
    let verifier = Rc::new(RefCell::new(Verifier::new(value("--secret").map_or("test", String::as_str))));
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", port))
        .await
        .map_err(|error| format!("port {port}: {error}"))?;
    println!("Ready.");
    tokio::task::LocalSet::new()
        .run_until(async move {
            loop {
                let Ok((stream, _)) = listener.accept().await else { continue };
                stream.set_nodelay(true).ok();
                let (log, verifier) = (log.clone(), verifier.clone());
                let service =
                    hyper::service::service_fn(move |request| answer(request, log.clone(), verifier.clone()));
                tokio::task::spawn_local(
                    hyper::server::conn::http1::Builder::new()
                        .serve_connection(TokioIo::new(stream), service),
                );
            }
        })
        .await
}

async fn answer(
    request: Request<Incoming>,
    log: Option<GroupCommit>,
    verifier: Rc<RefCell<Verifier>>,
) -> Result<Response<Full<Bytes>>, String> {
    let (parts, body) = request.into_parts();
    let body = body.collect().await.map_err(|error| error.to_string())?.to_bytes();
    let accepted = verifier.borrow_mut().accepts(&parts, &body);
    if !accepted {
        return Response::builder()
            .status(403)
            .body(Full::new(Bytes::new()))
            .map_err(|error| error.to_string());
    }
    if let Some(log) = log {
        log.append(body).await.map_err(|error| error.to_string())?;
    }
    let asked = parts.headers.get(ANSWER_BYTES).and_then(|value| value.to_str().ok()?.parse::<usize>().ok());
    let answer = match asked {
        None => Bytes::from_static(ANSWER),
        Some(bytes) => PAGE.slice(..bytes.min(MOST_BYTES)),
    };
    Ok(Response::new(Full::new(answer)))
}
