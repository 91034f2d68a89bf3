//! ListStreams: the streams of an account in a region, or of one table, a page at a time.

use crate::describe;
use crate::errors::DynamoError;
use crate::iterators::StreamAddress;
use crate::state::streams;
use model_dynamodbstreams::{ListStreamsInput, ListStreamsOutput, Stream};
use service::Ctx;
use std::sync::Arc;

/// The longest page, and the one that is given unasked.
const MAX_PAGE: i32 = 100;

/// ListStreams.
pub async fn list_streams(ctx: Ctx, input: Arc<ListStreamsInput>) -> Result<ListStreamsOutput, DynamoError> {
    let limit = super::page(input.limit, MAX_PAGE)?;
    let after = input.exclusive_start_stream_arn.as_deref();
    let after = after.map(|arn| StreamAddress::of(arn, ctx.region())).transpose()?;
    let after = after.map(|address| (address.table, address.label));
    let scope = ctx.scope();
    let mut found = streams::streams(&ctx.read(), &scope, input.table_name.as_ref(), after, limit + 1)?;
    let more = found.len() > limit;
    found.truncate(limit);
    let listed: Vec<Stream> = found
        .into_iter()
        .map(|stream| Stream {
            stream_arn: describe::stream_arn(&scope, &stream.table, &stream.label).map(|arn| arn.to_string()),
            table_name: Some(stream.table),
            stream_label: Some(stream.label),
        })
        .collect();
    let last = listed.last().filter(|_| more).and_then(|stream| stream.stream_arn.clone());
    Ok(ListStreamsOutput { streams: Some(listed), last_evaluated_stream_arn: last })
}
