//! What each kind of policy demands beyond the grammar, in IAM's words and in the order it checks.

use crate::syntax::{Document, List, RawStatement};
use crate::{Fault, MalformedPolicy, Policy};
use std::collections::HashSet;

type Checked = Result<(), MalformedPolicy>;

/// Compiles a policy for users, groups, roles, boundaries and sessions: no principals; actions and
/// resources in every statement.
///
/// # Errors
/// With the message of IAM's MalformedPolicyDocument.
pub fn identity_policy(json: &str) -> Result<Policy, MalformedPolicy> {
    let document = Document::parse(json)?;
    if document.statements.iter().any(|statement| statement.principals.is_some()) {
        let message = "Policy document should not specify a principal.";
        return Err(MalformedPolicy::new(Fault::Principal, message));
    }
    operators_exist(&document)?;
    if document.version.as_deref() != Some("2012-10-17") {
        let message = "Policy document must be version 2012-10-17 or greater.";
        return Err(MalformedPolicy::new(Fault::Version, message));
    }
    let policy = Policy::compile(&document)?;
    for statement in &document.statements {
        every(&statement.resources, legacy_resource)?;
    }
    unique_sids(&document)?;
    for statement in &document.statements {
        present(&statement.actions, Fault::Action, "Policy statement must contain actions.")?;
    }
    for statement in &document.statements {
        every(&statement.resources, resource_format)?;
    }
    for statement in &document.statements {
        every(&statement.actions, action_format)?;
    }
    for statement in &document.statements {
        present(&statement.resources, Fault::Resource, "Policy statement must contain resources.")?;
    }
    Ok(policy)
}

/// Compiles a policy for a resource: principals, actions and resources in every statement.
///
/// # Errors
/// With IAM's message; services that word it their own way go by [`MalformedPolicy::fault`].
pub fn resource_policy(json: &str) -> Result<Policy, MalformedPolicy> {
    let document = Document::parse(json)?;
    let policy = Policy::compile(&document)?;
    unique_sids(&document)?;
    for statement in &document.statements {
        has_principals(statement)?;
        present(&statement.actions, Fault::Action, "Missing required field Action")?;
        present(&statement.resources, Fault::Resource, "Missing required field Resource")?;
        every(&statement.actions, action_format)?;
    }
    Ok(policy)
}

/// Compiles a role's trust policy: principals and actions of STS in every statement, no resources.
///
/// # Errors
/// With the message of IAM's MalformedPolicyDocument.
pub fn trust_policy(json: &str) -> Result<Policy, MalformedPolicy> {
    let document = Document::parse(json).map_err(|error| match error.fault {
        Fault::Json => MalformedPolicy::new(Fault::Json, "This policy contains invalid Json"),
        _ => error,
    })?;
    for statement in &document.statements {
        has_principals(statement)?;
        if let Some(resources) = &statement.resources {
            let message = match resources.negated {
                false => "Has prohibited field Resource",
                true => "AssumeRole policy must not contain resources.",
            };
            return Err(MalformedPolicy::new(Fault::Resource, message));
        }
        present(&statement.actions, Fault::Action, "Missing required field Action")?;
        every(&statement.actions, assumes_role)?;
    }
    let policy = Policy::compile(&document)?;
    unique_sids(&document)?;
    Ok(policy)
}

fn operators_exist(document: &Document) -> Checked {
    // An unknown operator is an error of grammar and comes before the version; a wrong value does not.
    match Policy::compile(document) {
        Err(error) if error.fault == Fault::Syntax => Err(error),
        _ => Ok(()),
    }
}

fn has_principals(statement: &RawStatement) -> Checked {
    match &statement.principals {
        None => Err(MalformedPolicy::new(Fault::Principal, "Missing required field Principal")),
        Some(principals) if principals.entries.is_empty() => {
            Err(MalformedPolicy::new(Fault::Principal, "Missing required field Principal cannot be empty!"))
        }
        Some(_) => Ok(()),
    }
}

fn present(list: &Option<List>, fault: Fault, message: &str) -> Checked {
    let empty = list.as_ref().is_none_or(|list| list.items.is_empty());
    if empty { Err(MalformedPolicy::new(fault, message)) } else { Ok(()) }
}

fn every(list: &Option<List>, check: fn(&str) -> Checked) -> Checked {
    list.iter().flat_map(|list| &list.items).try_for_each(|item| check(item))
}

fn unique_sids(document: &Document) -> Checked {
    let mut seen = HashSet::new();
    let sids = document.statements.iter().filter_map(|statement| statement.sid.as_deref());
    for sid in sids.filter(|sid| !sid.is_empty()) {
        if !seen.insert(sid) {
            let message = "Statement IDs (SID) in a single policy must be unique.";
            return Err(MalformedPolicy::new(Fault::Sid, message));
        }
    }
    Ok(())
}

fn action_format(action: &str) -> Checked {
    let malformed = |message: String| Err(MalformedPolicy::new(Fault::Action, message));
    if action == "*" {
        return Ok(());
    }
    match action.split_once(':') {
        None => {
            malformed("Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc.".into())
        }
        Some((_, name)) if name.contains(':') => {
            malformed("Actions/Condition can contain only one colon.".into())
        }
        Some((vendor, _)) => {
            let letters = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.' | b'*' | b'?');
            let fine = !vendor.is_empty() && vendor.bytes().all(letters);
            if fine { Ok(()) } else { malformed(format!("Vendor {vendor} is not valid")) }
        }
    }
}

fn assumes_role(action: &str) -> Checked {
    let lower = action.to_ascii_lowercase();
    let allowed = ["sts:tagsession", "sts:setsourceidentity", "sts:setcontext"].contains(&lower.as_str());
    if allowed || lower.starts_with("sts:assumerole") {
        return Ok(());
    }
    let message = "AssumeRole policy may only specify STS AssumeRole actions.";
    Err(MalformedPolicy::new(Fault::Action, message))
}

/// ARNs that an older reader of IAM's refuses before anything else is looked at.
fn legacy_resource(resource: &str) -> Checked {
    let fields: Vec<&str> = resource.splitn(6, ':').collect();
    match fields[..] {
        ["arn", "aws", "", ..] => Err(MalformedPolicy::legacy()),
        ["arn", "aws", _, _, _] if !resource.contains("${") && !resource.contains('*') => {
            Err(MalformedPolicy::legacy())
        }
        _ => Ok(()),
    }
}

const PARTITIONS: [&str; 6] = ["aws", "aws-cn", "aws-us-gov", "aws-iso", "aws-iso-b", "*"];
const IAM_PATHS: [&str; 13] = [
    "user/",
    "federated-user/",
    "role/",
    "group/",
    "instance-profile/",
    "mfa/",
    "server-certificate/",
    "policy/",
    "sms-mfa/",
    "saml-provider/",
    "oidc-provider/",
    "report/",
    "access-report/",
];

fn resource_format(resource: &str) -> Checked {
    let malformed = |message: String| Err(MalformedPolicy::new(Fault::Resource, message));
    if resource == "*" {
        return Ok(());
    }
    let fields: Vec<&str> = resource.splitn(6, ':').collect();
    let Some(partition) = fields.get(1).copied() else {
        return malformed(format!("Resource {resource} must be in ARN format or \"*\"."));
    };
    if !PARTITIONS.contains(&partition) {
        let mut whole = vec!["arn"];
        whole.extend(&fields[1..]);
        whole.resize(whole.len().max(6), "*");
        let whole = whole.join(":");
        return malformed(format!("Partition \"{partition}\" is not valid for resource \"{whole}\"."));
    }
    let field = |at: usize| fields.get(at).copied();
    match (field(2), field(3), field(5)) {
        (None, ..) => malformed("Resource vendor must be fully qualified and cannot contain regexes.".into()),
        (Some("iam"), Some(region), _) if !matches!(region, "" | "*") => {
            malformed(format!("IAM resource {resource} cannot contain region information."))
        }
        (Some("iam"), _, Some(path)) if !iam_path(path) => malformed(format!(
            "IAM resource path must either be \"*\" or start with {}.",
            IAM_PATHS.join(", ")
        )),
        (Some("s3"), Some(region), Some(_)) if !matches!(region, "" | "*") && !is_access_point(resource) => {
            malformed(format!("Resource {resource} can not contain region information."))
        }
        _ => Ok(()),
    }
}

fn iam_path(path: &str) -> bool {
    let variable_or_wildcard = path.starts_with(['*', '?', '$']) || path == "root";
    let common = path.find(['*', '?', '$']).map_or(path, |at| &path[..at]);
    let known =
        |prefix: &&str| path.starts_with(prefix) || (common.len() < path.len() && prefix.starts_with(common));
    variable_or_wildcard || IAM_PATHS.iter().any(known)
}

fn is_access_point(resource: &str) -> bool {
    resource.splitn(6, ':').nth(5).is_some_and(|rest| {
        ["accesspoint/", "job/", "storage-lens/"].iter().any(|kind| rest.starts_with(kind))
    })
}
