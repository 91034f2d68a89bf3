//! Roles of services: made for a service, deleted in a task of its own.

use crate::answers::{self, Detail};
use crate::errors::{IamError, Missing};
use crate::ops::roles;
use crate::ops::users::New;
use crate::rules::linked;
use crate::rules::names::Kind;
use crate::state::{self, DeletionTask, RoleDetail};
use bytes::Bytes;
use model_iam as model;
use names::Scope;
use schema::ApiError;
use service::{Ctx, TimerHandler};
use std::sync::Arc;
use store::{Read, Timer, Tx};

/// The timer that forgets a task.
const FORGOTTEN: &str = "iam/deletion-forgotten";
/// How long a task is remembered, in milliseconds.
const REMEMBERED_MS: i64 = 24 * 3600 * 1000;

/// Makes the role of a service.
pub async fn create_service_linked_role(
    ctx: Ctx,
    input: Arc<model::CreateServiceLinkedRoleInput>,
) -> Result<model::CreateServiceLinkedRoleOutput, IamError> {
    let (account, service) = (ctx.account(), input.aws_service_name.clone());
    let name = linked::role_name(&service, input.custom_suffix.as_deref())?;
    let made = New::of(&ctx, Kind::Role, &name, Some(&linked::path(&service)), None)?;
    let detail = RoleDetail {
        trust: linked::trust(&service),
        description: input.description.clone(),
        max_session_seconds: roles::USUAL_SESSION_SECONDS,
        linked_to: Some(service),
    };
    let saved = ctx
        .commit(move |tx| match roles::save(tx, account, &made, &detail, None) {
            Err(IamError::AlreadyExists(_, name)) => Err(IamError::InvalidInput(format!(
                "Service role name {name} has been taken in this account, please try a different suffix."
            ))),
            saved => saved,
        })
        .await?;
    let role = answers::role(account, &saved.0, &saved.1, Detail::Whole);
    Ok(model::CreateServiceLinkedRoleOutput { role: Some(role) })
}

/// Removes the role of a service. The task that is answered has ended with it.
pub async fn delete_service_linked_role(
    ctx: Ctx,
    input: Arc<model::DeleteServiceLinkedRoleInput>,
) -> Result<model::DeleteServiceLinkedRoleOutput, IamError> {
    let (account, scope) = (ctx.account(), ctx.account_scope());
    let (uuid, due) = (ctx.uuid(), ctx.now().plus_millis(REMEMBERED_MS));
    let task = ctx.commit(move |tx| {
        let (role, detail) = roles::existing(tx, &scope, &input.role_name)?;
        let Some(service) = detail.linked_to else {
            return Err(IamError::NotLinked(role.name));
        };
        let task = format!("task/aws-service-role/{service}/{}/{uuid}", role.name);
        let row = DeletionTask { role: role.arn(Kind::Role, account) };
        roles::remove(tx, account, role)?;
        tx.put(&state::DELETIONS, &scope, &task, &row)?;
        let key = Bytes::from(task.clone());
        let kind = FORGOTTEN.to_owned();
        tx.schedule(&Timer { kind, due, scope: scope.clone(), key, payload: Bytes::new() })?;
        Ok(task)
    });
    Ok(model::DeleteServiceLinkedRoleOutput { deletion_task_id: task.await? })
}

/// Answers what became of the removal of a service's role.
pub async fn get_service_linked_role_deletion_status(
    ctx: Ctx,
    input: Arc<model::GetServiceLinkedRoleDeletionStatusInput>,
) -> Result<model::GetServiceLinkedRoleDeletionStatusOutput, IamError> {
    let task = ctx.read().get(&state::DELETIONS, &ctx.account_scope(), &input.deletion_task_id)?;
    let missing = IamError::NoSuchEntity(Missing::DeletionTask(input.deletion_task_id.clone()));
    task.ok_or(missing)?;
    // A task's row is written in the commit that removes the role.
    let status = model::DeletionTaskStatusType::Succeeded;
    Ok(model::GetServiceLinkedRoleDeletionStatusOutput { status, reason: None })
}

/// Forgets a task when its timer is due.
pub const FORGET: TimerHandler = TimerHandler { kind: FORGOTTEN, fire: forget };

fn forget(tx: &mut Tx, timer: &Timer) -> Result<(), ApiError> {
    let task = String::from_utf8_lossy(&timer.key).into_owned();
    tx.delete(&state::DELETIONS, &timer.scope, &task).map_err(|fault| IamError::from(fault).into())
}

/// The role that a task removed, for its demand.
pub fn removed(read: &impl Read, scope: &Scope, task: &str) -> Result<Option<DeletionTask>, store::Fault> {
    read.get(&state::DELETIONS, scope, &task.to_owned())
}
