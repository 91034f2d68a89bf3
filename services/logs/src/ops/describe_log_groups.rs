//! DescribeLogGroups: by name, by prefix, or by a part of the name.

use crate::errors::LogsError;
use crate::rules::{DESCRIBE_PAGE, identifiers};
use crate::state::filters::{self, MetricFilter};
use crate::state::{self, Group, GroupClass};
use model_logs::{DescribeLogGroupsInput, DescribeLogGroupsOutput, LogGroup, LogGroupClass};
use names::Scope;
use schema::ApiError;
use service::Ctx;
use std::sync::Arc;
use store::{Fault, Snapshot};

/// Groups looked at for one page where few of them match.
const LOOKED_AT: usize = 10_000;

struct Wanted {
    prefix: String,
    part: String,
    class: Option<GroupClass>,
    after: Option<String>,
    limit: usize,
}

/// DescribeLogGroups.
pub async fn describe_log_groups(
    ctx: Ctx,
    input: Arc<DescribeLogGroupsInput>,
) -> Result<DescribeLogGroupsOutput, ApiError> {
    let (scope, read) = (ctx.scope(), ctx.read());
    if let Some(identifiers) = &input.log_group_identifiers {
        let names = identifiers.iter().map(|one| identifiers::of_either(one).map(str::to_owned));
        let names: Vec<String> = names.collect::<Result<_, _>>()?;
        let found = ctx.compute(move || named(&read, &scope, &names)).await?.map_err(LogsError::from)?;
        return Ok(DescribeLogGroupsOutput { log_groups: Some(found), next_token: None });
    }
    let (prefix, part) = (&input.log_group_name_prefix, &input.log_group_name_pattern);
    if prefix.is_some() && part.is_some() {
        let message = "LogGroup name prefix and LogGroup name pattern are mutually exclusive parameters.";
        return Err(LogsError::invalid(message).into());
    }
    let filter = format!("{prefix:?} {part:?} {:?}", input.log_group_class);
    let after = match &input.next_token {
        Some(token) => {
            let position = ctx.page_position(&filter, token);
            let position =
                position.ok_or_else(|| LogsError::invalid("The specified nextToken is invalid."))?;
            Some(String::from_utf8_lossy(&position).into_owned())
        }
        None => None,
    };
    let wanted = Wanted {
        prefix: prefix.clone().unwrap_or_default(),
        part: part.clone().unwrap_or_default(),
        class: input.log_group_class.as_ref().and_then(class_of),
        after,
        limit: input.limit.and_then(|limit| usize::try_from(limit).ok()).unwrap_or(DESCRIBE_PAGE),
    };
    let (groups, next) = ctx.compute(move || page(&read, &scope, &wanted)).await?.map_err(LogsError::from)?;
    let next_token = next.map(|last| ctx.page_token(&filter, last.as_bytes()));
    Ok(DescribeLogGroupsOutput { log_groups: Some(groups), next_token })
}

fn class_of(class: &LogGroupClass) -> Option<GroupClass> {
    match class {
        LogGroupClass::Standard => Some(GroupClass::Standard),
        LogGroupClass::InfrequentAccess => Some(GroupClass::InfrequentAccess),
        LogGroupClass::Delivery => Some(GroupClass::Delivery),
        LogGroupClass::Other(_) => None,
    }
}

fn named(read: &Snapshot, scope: &Scope, names: &[String]) -> Result<Vec<LogGroup>, Fault> {
    let mut found = Vec::new();
    for name in names {
        if let Some(group) = state::group(read, scope, name)? {
            found.push(described(read, scope, group)?);
        }
    }
    Ok(found)
}

/// One page, and the name after which the next begins.
fn page(read: &Snapshot, scope: &Scope, wanted: &Wanted) -> Result<(Vec<LogGroup>, Option<String>), Fault> {
    let mut groups = Vec::new();
    let mut last = None;
    let rows = state::groups(read, scope, &wanted.prefix, wanted.after.clone());
    for (looked, group) in rows.enumerate() {
        let group = group?;
        if groups.len() == wanted.limit || looked == LOOKED_AT {
            return Ok((groups, last));
        }
        last = Some(group.name.clone());
        let is_wanted = wanted.class.is_none_or(|class| class == group.class);
        if is_wanted && group.name.contains(&wanted.part) {
            groups.push(described(read, scope, group)?);
        }
    }
    Ok((groups, None))
}

fn described(read: &Snapshot, scope: &Scope, group: Group) -> Result<LogGroup, Fault> {
    let mut bytes = 0;
    for stream in state::streams(read, scope, group.incarnation, ("", None), false) {
        bytes += stream?.bytes;
    }
    let filters = filters::of_group::<MetricFilter>(read, scope, &group.name, ("", None)).count();
    let arn = state::arn(scope, &group.name);
    Ok(LogGroup {
        creation_time: Some(group.created.millis()),
        retention_in_days: group.retention_days.and_then(|days| i32::try_from(days).ok()),
        metric_filter_count: i32::try_from(filters).ok(),
        arn: Some(format!("{arn}:*")),
        stored_bytes: Some(i64::try_from(bytes).unwrap_or(i64::MAX)),
        kms_key_id: group.kms_key_id,
        log_group_class: Some(match group.class {
            GroupClass::Standard => LogGroupClass::Standard,
            GroupClass::InfrequentAccess => LogGroupClass::InfrequentAccess,
            GroupClass::Delivery => LogGroupClass::Delivery,
        }),
        log_group_arn: Some(arn.to_string()),
        log_group_name: Some(group.name),
        ..LogGroup::default()
    })
}
