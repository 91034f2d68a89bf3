//! Deliveries to other rooms: rows of the outbox, committed with the state that causes them and carried
//! by the relay. A slow or missing receiver never fails whoever delivers.

use bytes::Bytes;
use names::{AccountId, Arn, Scope, Timestamp};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use store::{Fault, Lane, Post, RowKind, Tx};

/// What a receiver needs to know of a delivery beside its payload. Schema version 1.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeliveryContext {
    /// The service that delivers: `s3.amazonaws.com`.
    pub principal: String,
    /// The account it delivers for: `aws:SourceAccount`.
    pub account: AccountId,
    /// The role it delivers as, where the source has one.
    pub role: Option<Arn>,
    /// Where it goes when the target keeps refusing it.
    pub dead_letter: Option<Arn>,
    /// Attributes that travel beside the payload: message attributes, deduplication ids.
    pub attributes: BTreeMap<String, String>,
}

impl DeliveryContext {
    /// A delivery of a service for an account.
    pub fn of(principal: &str, account: AccountId) -> Self {
        DeliveryContext {
            principal: principal.to_owned(),
            account,
            role: None,
            dead_letter: None,
            attributes: BTreeMap::new(),
        }
    }
}

/// One delivery.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delivery {
    /// Unique for all time; the receiver's key against doing it twice. Given by the outbox.
    pub id: String,
    /// The resource that delivers.
    pub source: Arn,
    /// The resource that receives.
    pub target: Arn,
    /// Deliveries of one group go one at a time, in order; those of none in parallel.
    pub group: Option<String>,
    /// What it gets.
    pub payload: Bytes,
    /// What it needs to know beside it.
    pub context: DeliveryContext,
    /// When it was caused, in virtual time.
    pub posted: Timestamp,
    /// The id of the request that caused it.
    pub cause: String,
    /// How many deliveries led to it.
    pub hops: u8,
}

impl Delivery {
    /// A delivery from one resource to another.
    pub fn new(
        source: Arn,
        target: Arn,
        payload: Bytes,
        context: DeliveryContext,
        posted: Timestamp,
    ) -> Self {
        Delivery {
            id: String::new(),
            source,
            target,
            group: None,
            payload,
            context,
            posted,
            cause: String::new(),
            hops: 0,
        }
    }

    fn into_post(self) -> Result<Post, Fault> {
        let detail = postcard::to_stdvec(&self.context).map_err(|_| Fault::TooLarge {
            what: "delivery",
            bytes: 0,
            limit: 0,
        })?;
        let scope = match self.source.region() {
            Some(region) => Scope::Regional(self.context.account, region),
            None => Scope::Account(self.context.account),
        };
        Ok(Post {
            lane: Lane {
                source: self.source.to_string(),
                target: self.target.to_string(),
                group: self.group,
            },
            scope,
            kind: RowKind::Delivery,
            detail: Bytes::from(detail),
            posted: self.posted,
            ready: self.posted,
            cause: self.cause,
            hops: self.hops,
        })
    }
}

/// Delivering within a transaction.
pub trait Deliver {
    /// Delivers one payload to one receiver.
    ///
    /// # Errors
    /// The store's.
    fn deliver(&mut self, delivery: Delivery) -> Result<(), Fault>;
}

impl Deliver for Tx {
    fn deliver(&mut self, delivery: Delivery) -> Result<(), Fault> {
        let payload = delivery.payload.clone();
        let post = delivery.into_post()?;
        self.post(payload, vec![post]).map(drop)
    }
}
