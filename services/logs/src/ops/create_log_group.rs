//! CreateLogGroup.

use crate::errors::LogsError;
use crate::rules;
use crate::state::{self, Group, GroupClass};
use crate::timers;
use model_logs::{CreateLogGroupInput, LogGroupClass};
use names::{AccountId, Scope, Tags, Timestamp};
use schema::Unit;
use service::{Ctx, Head, Heads, TagRules};
use std::sync::Arc;
use store::{Fault, Tx};

/// A group that is to be made.
pub struct New<'a> {
    /// Its name.
    pub name: &'a str,
    /// What it is for.
    pub class: GroupClass,
    /// The key that is named for its content.
    pub kms_key_id: Option<&'a str>,
    /// Its tags.
    pub tags: Tags,
}

impl<'a> New<'a> {
    /// A group with neither key nor tags.
    pub fn of(name: &'a str, class: GroupClass) -> Self {
        New { name, class, kms_key_id: None, tags: Tags::new() }
    }
}

/// CreateLogGroup.
pub async fn create_log_group(ctx: Ctx, input: Arc<CreateLogGroupInput>) -> Result<Unit, LogsError> {
    rules::check_group_name(&input.log_group_name)?;
    if input.deletion_protection_enabled == Some(true) {
        return Err(LogsError::invalid("Deletion protection of log groups is not available yet."));
    }
    let (scope, now) = (ctx.scope(), ctx.now());
    let given = input.tags.iter().flatten().map(|(key, value)| (key.as_str(), value.as_str()));
    let tags = TagRules::default().add(&Tags::new(), given)?;
    ctx.commit(move |tx| {
        if state::group(tx, &scope, &input.log_group_name)?.is_some() {
            return Err(LogsError::GroupExists);
        }
        let new = New {
            name: &input.log_group_name,
            class: class_of(input.log_group_class.as_ref()),
            kms_key_id: input.kms_key_id.as_deref(),
            tags: tags.clone(),
        };
        create(tx, &scope, new, now)?;
        Ok(Unit)
    })
    .await
}

fn class_of(class: Option<&LogGroupClass>) -> GroupClass {
    match class {
        Some(LogGroupClass::InfrequentAccess) => GroupClass::InfrequentAccess,
        Some(LogGroupClass::Delivery) => GroupClass::Delivery,
        Some(LogGroupClass::Standard | LogGroupClass::Other(_)) | None => GroupClass::Standard,
    }
}

/// Makes a group.
pub fn create(tx: &mut Tx, scope: &Scope, new: New<'_>, now: Timestamp) -> Result<Group, Fault> {
    let mut group = Group {
        incarnation: tx.fresh_incarnation()?,
        name: new.name.to_owned(),
        created: now,
        class: new.class,
        retention_days: None,
        kms_key_id: new.kms_key_id.map(str::to_owned),
        sweep: None,
    };
    if new.class == GroupClass::Delivery {
        group.retention_days = Some(rules::DELIVERY_RETENTION_DAYS);
        let due = now.plus_millis(rules::DAY_MS);
        group.sweep = Some(timers::schedule_retention(tx, scope, &group, "", due)?);
    }
    state::put_group(tx, scope, &group)?;
    let head = Head {
        incarnation: group.incarnation,
        owner: scope.account().unwrap_or(AccountId::DEFAULT),
        kind: "AWS::Logs::LogGroup".to_owned(),
        created: now,
        tags: new.tags,
        policy: None,
    };
    tx.put_head(&state::arn(scope, new.name), &head)?;
    Ok(group)
}
