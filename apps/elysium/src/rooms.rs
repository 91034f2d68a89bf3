//! The rooms of the region: the one place that knows them all.

use gateway::Pipeline;
use service::Service;
use std::sync::Arc;

/// Every room, in the order of their names.
pub fn all() -> Vec<Service> {
    vec![s3::service(), sqs::service()]
}

/// The first key of a region on a host of its own: an administrator's, made at the first start and never
/// shown again. `None` at later starts.
pub async fn administrator(_pipeline: &Arc<Pipeline>) -> Result<Option<(String, String)>, String> {
    Err("this build has no room of identities, so profile host cannot be served".to_owned())
}
