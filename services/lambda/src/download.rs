//! Packages by links: sealed, so that they cannot be guessed, and of ten minutes, as AWS's are.

use crate::compute;
use crate::rules::urls::message;
use crate::state::Code;
use names::Timestamp;
use service::{Ctx, FrontReply, FrontRequest};

/// The label that no function URL has: it is too short.
pub const LABEL: &str = "code";
const PURPOSE: [&str; 2] = ["lambda", "package"];
/// "The presigned URL is valid for 10 minutes" — GetFunction, API reference.
const VALID_MS: i64 = 10 * 60 * 1000;

/// A link to a package.
pub fn link(ctx: &Ctx, code: &Code) -> String {
    let until = ctx.host_time().plus_millis(VALID_MS).millis();
    let content = [&code.sha256[..], &until.to_le_bytes(), &code.size.to_le_bytes()].concat();
    let seal = ctx.host().seal.seal(&PURPOSE, &content);
    format!("{}/_aws/lambda-url/{LABEL}/{seal}", ctx.request().origin)
}

fn opened(ctx: &Ctx, text: &str) -> Option<(Code, Timestamp)> {
    let content = ctx.host().seal.open(&PURPOSE, text)?;
    let sha256 = content.get(..32)?.try_into().ok()?;
    let until = i64::from_le_bytes(content.get(32..40)?.try_into().ok()?);
    let size = u64::from_le_bytes(content.get(40..48)?.try_into().ok()?);
    Some((Code { sha256, size }, Timestamp(until)))
}

/// Hands out the package of a link.
pub async fn serve(ctx: &Ctx, request: &FrontRequest) -> FrontReply {
    let Some((code, until)) = opened(ctx, request.path.trim_start_matches('/')) else {
        return message(404, Some("Not Found"));
    };
    if until < ctx.host_time() {
        return message(403, Some("Request has expired"));
    }
    match compute::archive(ctx, &code).await {
        Ok(bytes) => FrontReply {
            status: 200,
            headers: vec![("content-type".to_owned(), "application/zip".to_owned())],
            body: bytes.into(),
        },
        Err(_) => message(404, Some("Not Found")),
    }
}
