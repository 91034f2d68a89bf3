//! Whom the operations let in.

use crate::world::region;

/// An anonymous caller is let in nowhere: every operation asks for something.
#[tokio::test]
async fn every_operation_asks_for_a_permission() {
    drop(region().await);
    for operation in dynamodb::service().operations {
        assert!(!matches!(operation.access, service::Access::Anyone), "{}", operation.shape.name);
    }
}
