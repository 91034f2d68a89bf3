//! What becomes of events when they are written to a group that is watched: metric filters count them, and
//! functions that are subscribed get them. Patterns are matched away from the network threads, before the
//! commit that writes the events; that commit counts, and puts the deliveries into the outbox.

use crate::append::NewEvent;
use crate::errors::LogsError;
use crate::rules::data_message::{self, Passed};
use crate::rules::pattern::Pattern;
use crate::rules::{event_ids, transformation};
use crate::state::filters::{self, MetricFilter, Subscription};
use crate::state::{Position, Stream};
use bytes::Bytes;
use names::{AccountId, Arn, Region, Scope, Timestamp};
use service::{Deliver, Delivery, DeliveryContext, Host};
use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;
use store::{Fault, Tx};

/// Who asks functions.
pub const PRINCIPAL: &str = "logs.amazonaws.com";
/// Sets of dimensions that a filter counts by.
const MOST_SERIES: usize = 1000;

/// The ARN by which a group is the source of deliveries: `…:log-group:NAME:*`.
pub fn source(scope: &Scope, group: &str) -> Arn {
    let account = scope.account().unwrap_or(AccountId::DEFAULT);
    let region = Region::default();
    Arn::regional("logs", scope.region().unwrap_or(&region), account, &format!("log-group:{group}:*"))
}

/// One event that a filter counts.
#[derive(Debug)]
struct Counted {
    event: usize,
    dimensions: String,
    value: f64,
}

/// One event that a subscription takes, with what its pattern reads of it.
#[derive(Debug)]
struct Taken {
    event: usize,
    fields: BTreeMap<String, String>,
}

/// What of some events is watched.
#[derive(Debug, Default)]
pub struct Seen {
    counted: Vec<(MetricFilter, Vec<Counted>)>,
    taken: Vec<(Subscription, Vec<Taken>)>,
}

/// Looks which events the watchers of a group want.
pub async fn look(
    host: &Host,
    scope: &Scope,
    group: &str,
    events: &Arc<Vec<NewEvent>>,
) -> Result<Seen, LogsError> {
    let read = host.store.read();
    let metrics = filters::of_group::<MetricFilter>(&read, scope, group, ("", None));
    let metrics = metrics.collect::<Result<Vec<_>, _>>()?;
    let subscriptions = filters::of_group::<Subscription>(&read, scope, group, ("", None));
    let subscriptions = subscriptions.collect::<Result<Vec<_>, _>>()?;
    if metrics.is_empty() && subscriptions.is_empty() {
        return Ok(Seen::default());
    }
    let events = events.clone();
    let work = move || Seen {
        counted: metrics.into_iter().map(|filter| counted(filter, &events)).collect(),
        taken: subscriptions.into_iter().map(|one| taken(one, &events)).collect(),
    };
    host.compute.run("logs", work).await.ok_or(LogsError::Internal)
}

/// The events that match a pattern. One that was let in is read again without fail.
fn matching<'e>(
    pattern: &str,
    events: &'e [NewEvent],
) -> Option<(Pattern, impl Iterator<Item = (usize, &'e NewEvent)> + use<'e>)> {
    let pattern = Pattern::parse(pattern).ok()?;
    let found: Vec<_> =
        events.iter().enumerate().filter(|(_, event)| pattern.matches(&event.message)).collect();
    Some((pattern, found.into_iter()))
}

fn counted(filter: MetricFilter, events: &[NewEvent]) -> (MetricFilter, Vec<Counted>) {
    let Some((pattern, found)) = matching(&filter.pattern, events) else { return (filter, Vec::new()) };
    let counted = found.filter_map(|(event, new)| {
        let (dimensions, value) = transformation::apply(&filter.transformation, &pattern, &new.message)?;
        Some(Counted { event, dimensions, value })
    });
    let counted = counted.collect();
    (filter, counted)
}

fn taken(subscription: Subscription, events: &[NewEvent]) -> (Subscription, Vec<Taken>) {
    let Some((pattern, found)) = matching(&subscription.pattern, events) else {
        return (subscription, Vec::new());
    };
    let taken = found.map(|(event, new)| Taken { event, fields: pattern.columns_of(&new.message) }).collect();
    (subscription, taken)
}

/// The events that a commit has written.
pub struct Written<'w> {
    /// Where.
    pub scope: &'w Scope,
    /// The group.
    pub group: &'w str,
    /// The stream.
    pub stream: &'w Stream,
    /// All events that were looked at.
    pub events: &'w [NewEvent],
    /// Those that were written.
    pub range: Range<usize>,
    /// The number of the write.
    pub batch: u64,
    /// When.
    pub now: Timestamp,
}

impl Seen {
    /// Counts and delivers what was written.
    pub fn keep(&self, tx: &mut Tx, written: &Written<'_>) -> Result<(), Fault> {
        for (filter, counted) in &self.counted {
            let mut sums: BTreeMap<&str, (u64, f64)> = BTreeMap::new();
            for one in counted.iter().filter(|one| written.range.contains(&one.event)) {
                let sum = sums.entry(&one.dimensions).or_default();
                *sum = (sum.0 + 1, sum.1 + one.value);
            }
            // A filter that went meanwhile counts nothing any more.
            let present = filters::one::<MetricFilter>(tx, written.scope, written.group, &filter.name)?;
            if present.is_some_and(|present| present.incarnation == filter.incarnation) {
                for (dimensions, sum) in sums {
                    filters::count(tx, written.scope, filter, dimensions, sum, MOST_SERIES)?;
                }
            }
        }
        self.taken.iter().try_for_each(|(subscription, taken)| deliver(tx, written, subscription, taken))
    }
}

fn deliver(
    tx: &mut Tx,
    written: &Written<'_>,
    subscription: &Subscription,
    taken: &[Taken],
) -> Result<(), Fault> {
    let account = written.scope.account().unwrap_or(AccountId::DEFAULT);
    let about = data_message::About {
        owner: account.to_string(),
        group: written.group,
        stream: &written.stream.name,
        filter: &subscription.name,
    };
    let passed = taken.iter().filter(|one| written.range.contains(&one.event)).filter_map(|one| {
        let event = written.events.get(one.event)?;
        let index = u32::try_from(one.event - written.range.start).ok()?;
        Some(Passed {
            id: event_ids::of(&Position { at: event.at, batch: written.batch, index }),
            timestamp: event.at.millis(),
            message: &event.message,
            extracted_fields: &one.fields,
        })
    });
    for payload in data_message::payloads(&about, passed) {
        let context = DeliveryContext::of(PRINCIPAL, account);
        let source = source(written.scope, written.group);
        let target = subscription.destination.clone();
        tx.deliver(Delivery::new(source, target, Bytes::from(payload), context, written.now))?;
    }
    Ok(())
}

/// What filters have counted, for the region's metrics.
pub fn measures(host: &Host) -> Vec<service::Measure> {
    let mut measures = Vec::new();
    for row in filters::counted(&host.store.read()).take(MOST_SHOWN) {
        let Ok((scope, dimensions, series)) = row else { break };
        let labels = vec![
            ("account", scope.account().map(|account| account.to_string()).unwrap_or_default()),
            ("region", scope.region().map(|region| region.as_str().to_owned()).unwrap_or_default()),
            ("namespace", series.namespace),
            ("metric", series.metric),
            ("dimensions", dimensions),
        ];
        let count = series.count as f64;
        measures.push(service::Measure { name: COUNT, labels: labels.clone(), value: count });
        measures.push(service::Measure { name: SUM, labels, value: series.sum });
    }
    measures
}

/// Series that are shown.
const MOST_SHOWN: usize = 10_000;
const COUNT: &str = "elysium_log_metric_events_total";
const SUM: &str = "elysium_log_metric_sum";
