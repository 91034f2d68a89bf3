//! What policies may ask of a request to an object beside its action: what the request says of a new object, and
//! the tags of the one that is there.
//! Service Authorization Reference, "Condition keys for Amazon S3".

use crate::describe::Wishes;
use crate::lookup;
use crate::policy::NamesKey;
use crate::rules::headers;
use crate::state::objects;
use names::Timestamp;
use service::{Demand, Peek};
use std::borrow::Cow;
use std::sync::Arc;

/// With what a request says of the object that it makes.
pub fn made(demand: Demand, wishes: &Wishes<'_>) -> Demand {
    let [full_control, read, _, read_acp, write_acp] = wishes.acl.headers;
    let until = wishes.lock_until.and_then(|text| Timestamp::parse_iso8601(text).ok());
    let until = until.map(|until| until.iso8601());
    let said = [
        ("s3:x-amz-acl", wishes.acl.canned),
        ("s3:x-amz-grant-full-control", full_control),
        ("s3:x-amz-grant-read", read),
        ("s3:x-amz-grant-read-acp", read_acp),
        ("s3:x-amz-grant-write-acp", write_acp),
        ("s3:x-amz-server-side-encryption", wishes.encryption),
        ("s3:x-amz-server-side-encryption-aws-kms-key-id", wishes.kms_key),
        ("s3:x-amz-server-side-encryption-customer-algorithm", wishes.customer.0),
        ("s3:x-amz-storage-class", wishes.storage_class),
        ("s3:x-amz-website-redirect-location", wishes.website_redirect),
        ("s3:object-lock-mode", wishes.lock_mode),
        ("s3:object-lock-retain-until-date", until.as_deref()),
        ("s3:object-lock-legal-hold", wishes.legal_hold),
    ];
    let said = said.into_iter().filter_map(|(key, value)| Some((key, value?.to_owned())));
    let demand = said.fold(demand, |demand, (key, value)| demand.when(key, [value]));
    match wishes.tagging.and_then(|header| headers::tagging_header(header).ok()) {
        Some(tags) => tagged(demand, tags.iter()),
        None => demand,
    }
}

/// With the tags that a request gives to an object.
pub fn tagged<'a>(mut demand: Demand, tags: impl Iterator<Item = (&'a str, &'a str)>) -> Demand {
    let mut keys = Vec::new();
    for (key, value) in tags {
        demand.context.push((Cow::Owned(format!("s3:RequestObjectTag/{key}")), vec![value.to_owned()]));
        keys.push(key.to_owned());
    }
    if keys.is_empty() { demand } else { demand.when("s3:RequestObjectTagKeys", keys) }
}

/// With the tags of the object that a request names; they are looked up where a policy asks for any.
pub fn existing<I: NamesKey + Send + Sync + 'static>(demand: Demand, peek: &Peek, input: &Arc<I>) -> Demand {
    let (peek, input) = (peek.clone(), input.clone());
    demand.when_read(move |demand| of_object(demand, &peek, (input.bucket(), input.key(), input.version())))
}

fn of_object(mut demand: Demand, peek: &Peek, (bucket, key, version): (&str, &str, Option<&str>)) -> Demand {
    let read = peek.read();
    let Ok(bucket) = lookup::reached(&read, bucket, None) else { return demand };
    let found = match version {
        Some(id) => objects::by_id(&read, &bucket, key, id),
        None => objects::newest(&read, &bucket, key),
    };
    let object = found.ok().flatten().and_then(|version| version.object);
    for (key, value) in object.iter().flat_map(|object| object.tags.iter()) {
        demand.context.push((Cow::Owned(format!("s3:ExistingObjectTag/{key}")), vec![value.to_owned()]));
    }
    demand
}
