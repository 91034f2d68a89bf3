//! What stands between the sockets and the pipeline, so that one pipeline can take the place of another
//! while connections stay: when a saved state is loaded, the whole region is put together anew over it.

use crate::message::{Incoming, Outgoing};
use crate::pipeline::Pipeline;
use std::sync::{Arc, PoisonError, RwLock};

/// The way to the pipeline of the region, or to none for a moment.
pub struct Door {
    pipeline: RwLock<Option<Arc<Pipeline>>>,
}

impl Door {
    /// An open door.
    pub fn to(pipeline: Arc<Pipeline>) -> Arc<Self> {
        Arc::new(Door { pipeline: RwLock::new(Some(pipeline)) })
    }

    /// Lets requests through to a pipeline from here on.
    pub fn open(&self, pipeline: Arc<Pipeline>) {
        self.set(Some(pipeline));
    }

    /// Has requests come again later from here on. Those that are inside go on.
    pub fn close(&self) {
        self.set(None);
    }

    fn set(&self, pipeline: Option<Arc<Pipeline>>) {
        let mut held = self.pipeline.write().unwrap_or_else(PoisonError::into_inner);
        let before = std::mem::replace(&mut *held, pipeline);
        drop(held);
        // The last holder of a pipeline ends much: not under the lock.
        drop(before);
    }

    /// The pipeline behind it.
    pub fn pipeline(&self) -> Option<Arc<Pipeline>> {
        self.pipeline.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Answers a request, whatever it is.
    pub async fn serve(&self, incoming: Incoming) -> Outgoing {
        match self.pipeline() {
            Some(pipeline) => pipeline.serve(incoming).await,
            None => {
                let body = r#"{"message":"A saved state is being loaded into this region; try again."}"#;
                Outgoing::text(503, "application/json", body).header("retry-after", "1")
            }
        }
    }
}
