//! Whether a caller may do what it asks: the demands of the operation, each judged by the caller's
//! policies and the resource's own. Rooms never evaluate a policy.

use crate::config::IamMode;
use crate::judge::{self, Denial};
use schema::ApiError;
use service::{Access, Ctx, Demand, Operation, Peek};
use std::any::Any;
use std::sync::Arc;

/// Judges demands.
pub struct Authorizer {
    mode: IamMode,
}

/// What became of the demands of a request.
#[derive(Default)]
pub struct Judged {
    /// The resource of the first demand, where there is one.
    pub resource: Option<String>,
    /// Why one of them is refused.
    pub denial: Option<Denial>,
}

impl Authorizer {
    /// An authorizer of a mode.
    pub fn new(mode: IamMode) -> Self {
        Authorizer { mode }
    }

    /// Whether what is refused is not done.
    pub fn enforces(&self) -> bool {
        self.mode == IamMode::Enforce
    }

    /// Judges all demands of an operation's input.
    ///
    /// # Errors
    /// Whatever the demands' own reading of the input refuses.
    pub async fn check(
        &self,
        ctx: &Ctx,
        operation: &Operation,
        input: Arc<dyn Any + Send + Sync>,
    ) -> Result<Judged, ApiError> {
        if self.mode == IamMode::Off {
            return Ok(Judged::default());
        }
        let passed = operation.passed_role(&input);
        let demands = match &operation.access {
            Access::Anyone => return Ok(Judged { resource: None, denial: judge::known(ctx) }),
            Access::Everything => vec![Demand::everywhere(operation.action())],
            Access::Demands(demands) => demands(Peek::new(ctx.clone()), input).await?,
        };
        let mut judged = Judged::default();
        for demand in demands.into_iter().chain(passed) {
            judged.denial = judge::judge(ctx, &demand)?;
            if judged.resource.is_none() {
                judged.resource = Some(demand.resource);
            }
            if judged.denial.is_some() {
                break;
            }
        }
        Ok(judged)
    }

    /// Judges one demand.
    ///
    /// # Errors
    /// If policies cannot be read.
    pub fn demand(&self, ctx: &Ctx, demand: &Demand) -> Result<Option<Denial>, ApiError> {
        if self.mode == IamMode::Off { Ok(None) } else { judge::judge(ctx, demand) }
    }
}
