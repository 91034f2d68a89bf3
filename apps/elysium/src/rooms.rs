//! The rooms of the region: the one place that knows them all.

use gateway::Pipeline;
use service::Service;
use sqs::UrlForm;
use std::sync::Arc;

/// Every room, in the order of their names.
pub fn all() -> Vec<Service> {
    all_with(UrlForm::default())
}

/// Every room, queues being told by URLs of a form.
pub fn all_with(queue_urls: UrlForm) -> Vec<Service> {
    vec![
        apigateway::service(),
        dynamodb::service(),
        iam::service(),
        lambda::service(),
        logs::service(),
        s3::service(),
        sns::service(),
        sqs::service_with(queue_urls),
    ]
}

/// The first key of a region on a host of its own: an administrator's, made at the first start and never
/// shown again. `None` at later starts.
///
/// # Errors
/// If the store cannot be written.
pub async fn administrator(pipeline: &Arc<Pipeline>) -> Result<Option<(String, String)>, String> {
    iam::administrator(&pipeline.host).await.map_err(|error| error.to_string())
}
