//! The AWS wire protocols, written once against schemas
