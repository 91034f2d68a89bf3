//! Why a request ended as it did, in sentences: the demand that was refused and what the policies say of it,
//! the action that is missing, and where a resource that was not found does exist.

use crate::pipeline::Pipeline;
use crate::recent::Seen;
use names::Arn;
use serde_json::{Value, json};
use service::Ctx;

/// Regions in which a resource is looked for that is not where it was asked for.
const REGIONS: [&str; 20] = [
    "us-east-1",
    "us-east-2",
    "us-west-1",
    "us-west-2",
    "ca-central-1",
    "sa-east-1",
    "eu-west-1",
    "eu-west-2",
    "eu-west-3",
    "eu-central-1",
    "eu-north-1",
    "eu-south-1",
    "ap-south-1",
    "ap-southeast-1",
    "ap-southeast-2",
    "ap-northeast-1",
    "ap-northeast-2",
    "ap-northeast-3",
    "me-south-1",
    "af-south-1",
];
/// Statuses and codes that say that something was not found.
const ABSENT: [&str; 5] = ["NotFound", "NoSuch", "DoesNotExist", "NonExistent", "NotExist"];

/// The explanation of a request.
pub fn explain(pipeline: &Pipeline, ctx: &Ctx, seen: &Seen) -> Value {
    let mut lines = vec![headline(seen)];
    lines.extend(permission(pipeline, seen));
    lines.extend(elsewhere(ctx, seen));
    if let Some(cause) = &seen.cause {
        lines.push(format!("It was caused by the request {cause}."));
    }
    json!({"request": seen.shown(), "explanation": lines})
}

fn headline(seen: &Seen) -> String {
    let (service, operation, status) = (seen.service, &seen.operation, seen.status);
    let ended = match &seen.error {
        Some((code, message)) => format!("was answered {status} {code}: {message}"),
        None => format!("was answered {status}"),
    };
    format!("{service}:{operation} by {} {ended}", seen.caller.name())
}

fn permission(pipeline: &Pipeline, seen: &Seen) -> Vec<String> {
    let enforced = pipeline.authorizer.enforces();
    let mut lines = Vec::new();
    if let Some(denial) = &seen.denial {
        let is = if enforced { "was refused" } else { "would be refused by --iam enforce" };
        lines.push(format!(
            "It {is} because it needs {} on {}: {}.",
            denial.action, denial.resource, denial.verdict
        ));
        if denial.verdict.starts_with("no identity-based policy allows it") {
            lines.push(format!(
                "A statement that allows {} on {} in a policy of the caller would let it through.",
                denial.action, denial.resource
            ));
        }
    } else if let Some(why) = &seen.would_refuse {
        lines.push(format!("Its credentials would be refused by --iam enforce: {why}"));
    } else if seen.error.is_none() {
        lines.push("Nothing was refused.".to_owned());
    }
    lines
}

/// Where the resource does exist, if it was not found.
fn elsewhere(ctx: &Ctx, seen: &Seen) -> Option<String> {
    let (code, _) = seen.error.as_ref()?;
    let absent = seen.status == 404 || ABSENT.iter().any(|word| code.contains(word));
    let asked: Arn = seen.resource.as_ref()?.parse().ok()?;
    let here = asked.region()?;
    if !absent {
        return None;
    }
    let exists = |region: &&&str| {
        let text = asked.as_str().replacen(&format!(":{}:", here.as_str()), &format!(":{region}:"), 1);
        let arn: Option<Arn> = text.parse().ok();
        **region != here.as_str() && arn.is_some_and(|arn| ctx.head(&arn).is_ok_and(|head| head.is_some()))
    };
    let found: Vec<&str> = REGIONS.iter().filter(exists).copied().collect();
    (!found.is_empty())
        .then(|| format!("{asked} is not in {}; it exists in {}.", here.as_str(), found.join(", ")))
}
