//! Carries outbox rows to targets
