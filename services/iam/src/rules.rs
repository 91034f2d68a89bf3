//! Pure decisions: names and ids, documents, quotas, tags, lengths of sessions.

pub mod documents;
pub mod ids;
pub mod linked;
pub mod names;
pub mod quotas;
pub mod sessions;
pub mod simulation;
pub mod tags;
