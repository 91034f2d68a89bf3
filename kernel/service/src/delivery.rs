//! Deliveries to other rooms: rows of the outbox, committed with the state that causes them and carried
//! by the relay. A slow or missing receiver never fails whoever delivers.

use bytes::Bytes;
use names::{AccountId, Arn, Scope, Timestamp};
use schema::ApiError;
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
    /// Attributes that travel beside the payload.
    pub attributes: BTreeMap<String, String>,
    /// What a receiver that keeps messages needs to know; written behind the rest, where there is something.
    #[serde(skip)]
    pub message: MessageDetail,
    /// What the source's room gets back when the delivery has ended, in a form of its own; nothing where it does not
    /// want to know. Written behind the rest, where there is something.
    #[serde(skip)]
    pub told_back: Option<String>,
    /// The trace that it belongs to; written behind the rest, where there is one.
    #[serde(skip)]
    pub trace: Option<String>,
}

/// What a delivery says to receivers that keep messages. Schema version 1.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct MessageDetail {
    /// Message attributes with their types.
    pub attributes: BTreeMap<String, TypedAttribute>,
    /// The id by which a FIFO queue knows it again.
    pub deduplication_id: Option<String>,
    /// The message's group, where that orders nothing on the way.
    pub group: Option<String>,
    /// What the receiver refuses as the sender's fault is given up at once.
    pub refusal_is_final: bool,
}

/// A message attribute.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TypedAttribute {
    /// `String`, `Number`, `Binary`, `String.Array`.
    pub data_type: String,
    /// Its content.
    pub content: AttributeContent,
}

/// The content of a message attribute.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum AttributeContent {
    /// Of all types but the next.
    Text(String),
    /// Of a binary attribute.
    Binary(Vec<u8>),
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
            message: MessageDetail::default(),
            told_back: None,
            trace: None,
        }
    }

    /// As it is kept in the outbox.
    fn to_bytes(&self) -> postcard::Result<Vec<u8>> {
        let mut bytes = postcard::to_stdvec(self)?;
        let told = self.told_back.is_some() || self.trace.is_some();
        if self.message != MessageDetail::default() || told {
            bytes.extend(postcard::to_stdvec(&self.message)?);
        }
        if told {
            // Nothing is an empty text.
            bytes.extend(postcard::to_stdvec(self.told_back.as_deref().unwrap_or_default())?);
        }
        if let Some(trace) = &self.trace {
            bytes.extend(postcard::to_stdvec(trace)?);
        }
        Ok(bytes)
    }

    /// What [`Deliver`] has kept in the outbox; `None` where it is something else.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (mut context, rest) = postcard::take_from_bytes::<DeliveryContext>(bytes).ok()?;
        if !rest.is_empty() {
            let (message, rest) = postcard::take_from_bytes(rest).ok()?;
            context.message = message;
            if !rest.is_empty() {
                let (told_back, rest) = postcard::take_from_bytes::<String>(rest).ok()?;
                context.told_back = Some(told_back).filter(|told_back| !told_back.is_empty());
                if !rest.is_empty() {
                    context.trace = Some(postcard::from_bytes(rest).ok()?);
                }
            }
        }
        Some(context)
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

    /// The id of a delivery with a number that no other has.
    pub fn id_of(unique: u64) -> String {
        format!("{unique:016x}")
    }

    /// The way it goes.
    pub(crate) fn lane(&self) -> Lane {
        Lane { source: self.source.to_string(), target: self.target.to_string(), group: self.group.clone() }
    }

    fn into_post(self) -> Result<Post, Fault> {
        let detail =
            self.context.to_bytes().map_err(|_| Fault::TooLarge { what: "delivery", bytes: 0, limit: 0 })?;
        let scope = match self.source.region() {
            Some(region) => Scope::Regional(self.context.account, region),
            None => Scope::Account(self.context.account),
        };
        Ok(Post {
            lane: self.lane(),
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

/// How a delivery ended.
#[derive(Debug)]
pub struct Ended<'a> {
    /// The delivery.
    pub delivery: &'a Delivery,
    /// The last refusal, where it was not accepted.
    pub refusal: Option<&'a ApiError>,
    /// How often it was tried.
    pub attempts: u32,
    /// When, in virtual time.
    pub at: Timestamp,
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_context_is_read_as_it_was_written() {
        let plain = DeliveryContext::of("s3.amazonaws.com", AccountId::DEFAULT);
        let mut rich = plain.clone();
        rich.message.deduplication_id = Some("one".to_owned());
        rich.message.attributes.insert(
            "colour".to_owned(),
            TypedAttribute { data_type: "Binary".to_owned(), content: AttributeContent::Binary(vec![1]) },
        );
        let watched = DeliveryContext { told_back: Some("who".to_owned()), ..plain.clone() };
        let traced = DeliveryContext { trace: Some("Root=1".to_owned()), ..plain.clone() };
        let all = DeliveryContext { trace: Some("Root=1".to_owned()), ..watched.clone() };
        for context in [plain, rich, watched, traced, all] {
            let bytes = context.to_bytes().unwrap();
            assert_eq!(DeliveryContext::from_bytes(&bytes), Some(context));
            assert_eq!(DeliveryContext::from_bytes(&bytes[..bytes.len() - 1]), None);
        }
    }
}
