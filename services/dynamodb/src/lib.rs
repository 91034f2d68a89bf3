//! The table service: tables, items, indexes, expressions, transactions.
//!
//! `rules` decides (values, keys, expressions; pure), `state` stores, `write` and `pages` do what all
//! writes and all reads of items have in common, `ops` is the list of operations. An item is one row,
//! keyed by its table's incarnation and bytes that sort as DynamoDB does; an index entry is another, in
//! the same commit. Records of tables come from a view; a write proves by the table's epoch that the
//! record it decided by is still the present one.

mod backup;
mod capacity;
mod changes;
mod collections;
mod consistency;
mod copy;
mod counting;
mod definitions;
mod describe;
mod encryption;
mod errors;
mod export;
mod expressions;
mod find;
mod history;
mod import;
mod iterators;
mod jobs;
mod objects;
mod ops;
mod pages;
mod policy;
mod replicas;
mod request;
pub mod rules;
mod select;
mod state;
mod statements;
mod statistics;
mod streams;
mod throttle;
mod timers;
mod transaction;
mod units;
mod views;
mod write;

use service::Service;

/// The room.
pub fn service() -> Service {
    let [fill, expire] = timers::handlers();
    Service::new("dynamodb", ops::all())
        .timer(fill)
        .timer(expire)
        .timer(streams::handler())
        .timer(history::handler())
        .timer(ops::backups::handler())
        .timer(ops::delete_table::handler())
        .timer(replicas::handler())
        .worker(jobs::worker())
        .part(jobs::Running::default())
        .view(views::TablesView)
        .part(expressions::Expressions::default())
        .part(statistics::Statistics::default())
        .part(throttle::Throttle::default())
}
