//! Whether a caller may do what it asks: the demands of the operation, each judged by the caller's
//! policies and the resource's own. Rooms never evaluate a policy.

use crate::config::IamMode;
use crate::judge;
use schema::ApiError;
use service::{Access, Ctx, Demand, Operation, Peek};
use std::any::Any;
use std::sync::Arc;

/// Judges demands.
pub struct Authorizer {
    mode: IamMode,
}

impl Authorizer {
    /// An authorizer of a mode.
    pub fn new(mode: IamMode) -> Self {
        Authorizer { mode }
    }

    /// Checks all demands of an operation's input. In mode `warn`: why it would be refused, if it would.
    ///
    /// # Errors
    /// `AccessDenied` in mode `enforce`; and whatever the demands' own reading of the input refuses.
    pub async fn check(
        &self,
        ctx: &Ctx,
        operation: &Operation,
        input: Arc<dyn Any + Send + Sync>,
    ) -> Result<Option<String>, ApiError> {
        if self.mode == IamMode::Off {
            return Ok(None);
        }
        let demands = match &operation.access {
            Access::Anyone => return self.settle(ctx, judge::known(ctx)),
            Access::Everything => vec![Demand::everywhere(operation.action())],
            Access::Demands(demands) => demands(Peek::new(ctx.clone()), input).await?,
        };
        for demand in &demands {
            if let Some(why) = self.demand(ctx, demand)? {
                return Ok(Some(why));
            }
        }
        Ok(None)
    }

    /// Checks one demand.
    ///
    /// # Errors
    /// `AccessDenied` in mode `enforce`.
    pub fn demand(&self, ctx: &Ctx, demand: &Demand) -> Result<Option<String>, ApiError> {
        if self.mode == IamMode::Off {
            return Ok(None);
        }
        self.settle(ctx, judge::judge(ctx, demand)?)
    }

    /// What a judgement means in this mode.
    fn settle(&self, _ctx: &Ctx, refused: Option<ApiError>) -> Result<Option<String>, ApiError> {
        match (refused, self.mode) {
            (None, _) | (_, IamMode::Off) => Ok(None),
            (Some(error), IamMode::Warn) => Ok(Some(error.message)),
            (Some(error), IamMode::Enforce) => Err(error),
        }
    }
}
