//! Generated model of sqs.
