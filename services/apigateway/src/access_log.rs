//! Lines about requests, written to a log group in the form that a stage's owner chose.

use crate::errors::ApiGatewayError;
use crate::rules::events::Asked;
use crate::state::AccessLog;
use bytes::Bytes;
use names::Arn;
use ports::LogTarget;
use service::{Ctx, FrontReply, Log};

/// The longest format.
const MAX_FORMAT_BYTES: usize = 3 * 1024;

/// Access logging with a destination and a format.
pub fn settings(destination: &str, format: &str) -> Result<AccessLog, ApiGatewayError> {
    let arn = destination.strip_suffix(":*").unwrap_or(destination);
    let arn: Option<Arn> = arn.parse().ok();
    let group = arn.filter(|arn| arn.service() == "logs" && arn.resource().starts_with("log-group:"));
    let destination = group.ok_or_else(|| {
        ApiGatewayError::bad(format!("Invalid ARN specified in the request: {destination} is no log group"))
    })?;
    if !format.contains("$context.requestId") && !format.contains("$context.extendedRequestId") {
        let message =
            "Access Log format must contain at least $context.requestId or $context.extendedRequestId";
        return Err(ApiGatewayError::bad(message));
    }
    if format.len() > MAX_FORMAT_BYTES || format.contains('\n') {
        return Err(ApiGatewayError::bad("Access Log format must be a single line of at most 3 KB"));
    }
    Ok(AccessLog { destination, format: format.to_owned() })
}

/// Writes the line of a request. A line that cannot be written is told and does not fail the request.
pub async fn write(ctx: &Ctx, log: &AccessLog, asked: &Asked, reply: &FrontReply) {
    let Some(sink) = ctx.ports().logs.clone() else { return };
    let (Some(account), Some(region)) = (log.destination.account(), log.destination.region()) else { return };
    let target = LogTarget {
        account,
        region,
        group: log.destination.resource().trim_start_matches("log-group:").to_owned(),
        stream: format!("{}-{}", asked.api_id, asked.stage.trim_start_matches('$')),
    };
    let line = Bytes::from(line(&log.format, asked, reply));
    if let Err(error) = sink.write(target, vec![(asked.at, line)]).await {
        Log::warn(&asked.request_id, &format!("the access log could not be written: {error}"));
    }
}

fn line(format: &str, asked: &Asked, reply: &FrontReply) -> String {
    const VARIABLE: &str = "$context.";
    let mut line = String::with_capacity(format.len());
    let mut rest = format;
    while let Some(at) = rest.find(VARIABLE) {
        line.push_str(&rest[..at]);
        rest = &rest[at + VARIABLE.len()..];
        let end =
            rest.find(|c: char| !(c.is_ascii_alphanumeric() || c == '.' || c == '_')).unwrap_or(rest.len());
        let name = rest[..end].trim_end_matches('.');
        line.push_str(&variable(name, asked, reply).unwrap_or_else(|| "-".to_owned()));
        rest = &rest[name.len()..];
    }
    line.push_str(rest);
    line
}

fn variable(name: &str, asked: &Asked, reply: &FrontReply) -> Option<String> {
    match name {
        "responseLength" => Some(reply.body.held().len().to_string()),
        "status" => Some(reply.status.to_string()),
        name => asked.variable(name),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_access_log() {
        let group = "arn:aws:logs:us-east-1:000000000000:log-group:/api";
        assert_eq!(
            settings(&format!("{group}:*"), "$context.requestId").unwrap().destination.as_str(),
            group
        );
        assert!(settings(group, "$context.status").is_err());
        assert!(settings("arn:aws:firehose:us-east-1:000000000000:x", "$context.requestId").is_err());
        assert!(settings(group, "$context.requestId\n").is_err());
    }
}
