//! Deployments: a stage serves the API as it was when it was deployed to it. Stages that deploy by
//! themselves do so in the commit of every change; a deployment that such a change has superseded and no
//! stage uses any more goes with it, so that their number stays small.

use crate::state::{self, Api, Content, Deployment, Served, Stage};
use names::{Scope, Timestamp};
use service::Ctx;
use store::{Fault, Tx};

/// What a deployment needs that a commit cannot make: an id, and the moment.
#[derive(Debug, Clone)]
pub struct Fresh {
    /// The id of a deployment that may be made.
    pub id: String,
    /// The moment.
    pub now: Timestamp,
}

impl Fresh {
    /// Taken before a commit.
    pub fn of(ctx: &Ctx) -> Self {
        Fresh { id: ctx.host().entropy.label(6), now: ctx.now() }
    }
}

/// Keeps the API as it is now.
pub fn keep(tx: &mut Tx, scope: &Scope, api: &Api, deployment: &Deployment) -> Result<Content, Fault> {
    tx.allow_large();
    let content = Content {
        cors: api.cors.clone(),
        routes: state::all_parts(tx, scope, api)?,
        integrations: state::all_parts(tx, scope, api)?,
        authorizers: state::all_parts(tx, scope, api)?,
    };
    state::put_part(tx, scope, api, deployment)?;
    state::put_content(tx, scope, api, (&deployment.id, &content))?;
    Ok(content)
}

/// Writes a stage, and serves its deployment on it.
pub fn stage(tx: &mut Tx, scope: &Scope, api: &Api, stage: &Stage) -> Result<(), Fault> {
    tx.allow_large();
    let content = match &stage.deployment {
        Some(id) => state::content(tx, scope, api, id)?,
        None => Content::default(),
    };
    put(tx, scope, api, stage, content)
}

fn put(tx: &mut Tx, scope: &Scope, api: &Api, stage: &Stage, content: Content) -> Result<(), Fault> {
    state::put_part(tx, scope, api, stage)?;
    state::serve(tx, scope, api, &Served { stage: stage.clone(), content })
}

/// Deploys a change to the stages that deploy by themselves.
pub fn change(tx: &mut Tx, scope: &Scope, api: &Api, fresh: &Fresh) -> Result<(), Fault> {
    let mut stages: Vec<Stage> = state::all_parts(tx, scope, api)?;
    if !stages.iter().any(|stage| stage.auto_deploy) {
        return Ok(());
    }
    let deployment = Deployment {
        id: fresh.id.clone(),
        description: Some("Automatic deployment triggered by changes to the Api configuration".to_owned()),
        created: fresh.now,
        auto: true,
    };
    let content = keep(tx, scope, api, &deployment)?;
    for stage in stages.iter_mut().filter(|stage| stage.auto_deploy) {
        stage.deployment = Some(deployment.id.clone());
        stage.updated = fresh.now;
        put(tx, scope, api, stage, content.clone())?;
    }
    forget_superseded(tx, scope, api, &stages)
}

fn forget_superseded(tx: &mut Tx, scope: &Scope, api: &Api, stages: &[Stage]) -> Result<(), Fault> {
    let used = |id: &str| stages.iter().any(|stage| stage.deployment.as_deref() == Some(id));
    for deployment in state::all_parts::<Deployment>(tx, scope, api)? {
        if deployment.auto && !used(&deployment.id) {
            state::remove_part(tx, scope, api, &deployment)?;
            state::remove_content(tx, scope, api, &deployment.id)?;
        }
    }
    Ok(())
}
