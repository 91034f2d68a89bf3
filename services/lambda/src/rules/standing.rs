//! Where a function stands after it was made or changed: where the region keeps to AWS's delays, it takes as long as there.

use crate::answers::Standing;
use crate::errors::LambdaError;
use crate::state::Function;
use names::{Arn, Timestamp};
use service::Pace;
use std::time::Duration;

/// How long AWS takes about to make a function, and to change one.
const MAKING: Pace = Pace { aws_ms: 3_000 };
const CHANGE: Pace = Pace { aws_ms: 1_500 };

/// Where `$LATEST` stands.
pub fn of_latest(function: &Function, lasts: impl Fn(Pace) -> Duration, now: Timestamp) -> Standing {
    // Its first generation is its own number.
    let is_new = function.latest.generation == function.incarnation.0;
    let (standing, pace) = if is_new { (Standing::Creating, MAKING) } else { (Standing::Updating, CHANGE) };
    let lasts = i64::try_from(lasts(pace).as_millis()).unwrap_or(i64::MAX);
    if lasts == 0 || function.latest.modified.plus_millis(lasts) <= now { Standing::Active } else { standing }
}

/// Refuses to change what is being made or changed (LocalStack's test_lambda_concurrent_code_updates and
/// test_lambda_concurrent_config_updates, recorded on AWS).
///
/// # Errors
/// While it is.
pub fn check_settled(standing: Standing, arn: &Arn) -> Result<(), LambdaError> {
    check_made(standing)?;
    match standing {
        Standing::Updating => Err(LambdaError::Conflict(format!(
            "The operation cannot be performed at this time. An update is in progress for resource: {arn}"
        ))),
        _ => Ok(()),
    }
}

/// Refuses to run what is being made ("Lambda function states", Lambda developer guide: invocations fail while a
/// function is pending).
///
/// # Errors
/// While it is.
pub fn check_made(standing: Standing) -> Result<(), LambdaError> {
    match standing {
        Standing::Creating => Err(LambdaError::Conflict(
            "The operation cannot be performed at this time. The function is currently in the following state: Pending"
                .to_owned(),
        )),
        _ => Ok(()),
    }
}
