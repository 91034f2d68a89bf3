//! Answers for web pages. Which pages may call at all is the guard's decision; a page that came this far
//! gets to see its answer. Buckets have rules of their own, which their room answers.

use crate::message::{Incoming, Outgoing};
use http::Method;

const METHODS: &str = "HEAD,GET,PUT,POST,DELETE,OPTIONS,PATCH";
const EXPOSED: &str = "etag,x-amz-version-id,x-amzn-requestid,x-amz-request-id,x-amzn-errortype,x-amz-checksum-crc32,\
                       x-amz-checksum-sha256,x-amz-function-error,x-amz-log-result,content-range,location";
const MAX_AGE_S: &str = "600";

/// The answer to a preflight of a page; `None` for other requests.
pub fn preflight(incoming: &Incoming) -> Option<Outgoing> {
    if incoming.method != Method::OPTIONS {
        return None;
    }
    incoming.header("origin")?;
    incoming.header("access-control-request-method")?;
    // Hosts that are a user's own answer for themselves.
    if is_users_own(incoming) {
        return None;
    }
    let asked = incoming.header("access-control-request-headers").unwrap_or("*");
    let answer = Outgoing::text(204, "text/plain", "")
        .header("access-control-allow-methods", METHODS)
        .header("access-control-allow-headers", asked)
        .header("access-control-max-age", MAX_AGE_S);
    Some(allow(incoming, answer))
}

/// Lets the page of a request see the answer.
pub fn allow(incoming: &Incoming, answer: Outgoing) -> Outgoing {
    let Some(origin) = incoming.header("origin") else { return answer };
    if answer.headers.contains_key("access-control-allow-origin") || is_users_own(incoming) {
        return answer;
    }
    answer
        .header("access-control-allow-origin", origin)
        .header("access-control-expose-headers", EXPOSED)
        .header("vary", "Origin")
}

fn is_users_own(incoming: &Incoming) -> bool {
    let host = incoming.authority();
    host.contains(".execute-api.") || host.contains(".lambda-url.") || incoming.path.starts_with("/_aws/")
}
