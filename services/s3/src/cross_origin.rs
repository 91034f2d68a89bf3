//! Which web pages may use a bucket: what its cross-origin rules say, and nothing else.

use crate::rules::cors::{self, Admitted};
use crate::state::buckets;
use model_s3::SERVICE;
use schema::ApiError;
use service::{CrossOrigin, PageHeaders, PageRequest, Peek};
use store::Fault;

/// The buckets of the region.
pub struct Buckets;

/// The methods that a page may ask for, and that by which it asks.
const METHODS: [&str; 6] = ["DELETE", "GET", "HEAD", "OPTIONS", "POST", "PUT"];

/// What a page is told that a bucket does not let in.
enum Refusal {
    NoOrigin,
    NoMethod(String),
    NoHeader(String),
    NoBucket,
    NoRules,
    NoRuleFits,
    Unreadable(Fault),
}

impl CrossOrigin for Buckets {
    fn service(&self) -> &'static str {
        SERVICE.name
    }

    fn decide(&self, peek: &Peek, request: &PageRequest<'_>) -> Option<Result<PageHeaders, ApiError>> {
        let bucket = request.label("Bucket")?;
        let resource = if request.label("Key").is_some() { "OBJECT" } else { "BUCKET" };
        Some(headers(peek, bucket, request).map_err(|refusal| error(refusal, request.method, resource)))
    }
}

fn headers(peek: &Peek, bucket: &str, request: &PageRequest<'_>) -> Result<PageHeaders, Refusal> {
    let origin = request.origin.ok_or(Refusal::NoOrigin)?;
    if !METHODS.contains(&request.method) {
        return Err(Refusal::NoMethod(request.method.to_owned()));
    }
    if let Some(name) = request.headers.iter().find(|name| !cors::is_name(name)) {
        return Err(Refusal::NoHeader((*name).to_owned()));
    }
    let read = peek.read();
    let bucket = buckets::find(&read, bucket).map_err(Refusal::Unreadable)?.ok_or(Refusal::NoBucket)?;
    let record = buckets::cors(&read, &bucket).map_err(Refusal::Unreadable)?.ok_or(Refusal::NoRules)?;
    // Whoever asks for no method is told so where there are rules (Ceph's test_cors_origin_response, which is run on AWS, too).
    if request.method == "OPTIONS" {
        return Err(Refusal::NoMethod("null".to_owned()));
    }
    let admitted = cors::admit(&record.rules, origin, request.method, &request.headers);
    admitted.map(shown).ok_or(Refusal::NoRuleFits)
}

fn shown(admitted: Admitted<'_>) -> PageHeaders {
    let mut headers = vec![
        ("access-control-allow-origin", admitted.origin.to_owned()),
        ("access-control-allow-methods", admitted.rule.allowed_methods.join(", ")),
        ("vary", "Origin, Access-Control-Request-Headers, Access-Control-Request-Method".to_owned()),
    ];
    if admitted.origin != "*" {
        headers.push(("access-control-allow-credentials", "true".to_owned()));
    }
    if !admitted.headers.is_empty() {
        headers.push(("access-control-allow-headers", admitted.headers.join(", ")));
    }
    if !admitted.rule.expose_headers.is_empty() {
        headers.push(("access-control-expose-headers", admitted.rule.expose_headers.join(", ")));
    }
    if let Some(seconds) = admitted.rule.max_age_seconds {
        headers.push(("access-control-max-age", seconds.to_string()));
    }
    headers
}

fn error(refusal: Refusal, method: &str, resource: &str) -> ApiError {
    let (message, resource) = match refusal {
        Refusal::NoOrigin => {
            let message = "Insufficient information. Origin request header needed.";
            return ApiError::new("BadRequest", 400, message);
        }
        // versitygw's PreflightOPTIONS_invalid_request_method and …_headers, whose authors ask AWS.
        Refusal::NoMethod(method) => {
            return ApiError::new(
                "BadRequest",
                400,
                format!("Invalid Access-Control-Request-Method: {method}"),
            );
        }
        Refusal::NoHeader(name) => {
            let message = format!("Access-Control-Request-Headers \"{name}\" contains invalid character.");
            return ApiError::new("BadRequest", 400, message);
        }
        Refusal::Unreadable(fault) => {
            return ApiError::new("InternalError", 500, format!("the bucket cannot be read: {fault}"));
        }
        Refusal::NoBucket => ("CORSResponse: Bucket not found", "BUCKET"),
        Refusal::NoRules => ("CORSResponse: CORS is not enabled for this bucket.", "BUCKET"),
        // AWS's own spelling.
        Refusal::NoRuleFits => (
            "CORSResponse: This CORS request is not allowed. This is usually because the evalution of \
             Origin, request method / Access-Control-Request-Method or Access-Control-Request-Headers are \
             not whitelisted by the resource's CORS spec.",
            resource,
        ),
    };
    ApiError::new("AccessForbidden", 403, message).field("Method", method).field("ResourceType", resource)
}
