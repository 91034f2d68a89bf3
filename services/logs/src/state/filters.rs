//! What watches a group: metric filters, what they have counted, and subscriptions; by the group's name,
//! with which they go. Beside them the policies of the region's log groups.

use names::{AccountId, Arn, Region, Scope, Timestamp};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use store::{Class, Fault, Incarnation, Read, Snapshot, Span, Start, Table, Tx, record};

/// What a metric filter makes of an event.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Transformation {
    /// The metric.
    pub metric: String,
    /// Its namespace.
    pub namespace: String,
    /// A number, or what of the event is one: `$.latency`.
    pub value: String,
    /// What is reported for a time without matches.
    pub default: Option<f64>,
    /// The unit.
    pub unit: Option<String>,
    /// The dimensions, with what of the event is their value.
    pub dimensions: BTreeMap<String, String>,
}

/// A metric filter.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct MetricFilter {
    /// The number that what it has counted is keyed by.
    pub incarnation: Incarnation,
    /// Its group.
    pub group: String,
    /// Its name.
    pub name: String,
    /// Which events it counts.
    pub pattern: String,
    /// When it was made.
    pub created: Timestamp,
    /// What it makes of them.
    pub transformation: Transformation,
}
record!(MetricFilter, 1);

/// What was counted of one metric with one set of dimensions.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Series {
    /// The metric.
    pub metric: String,
    /// Its namespace.
    pub namespace: String,
    /// The events.
    pub count: u64,
    /// Their values together.
    pub sum: f64,
}
record!(Series, 1);

/// A function that gets what is written to a group.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Subscription {
    /// Its group.
    pub group: String,
    /// Its name.
    pub name: String,
    /// Which events go there.
    pub pattern: String,
    /// When it was made.
    pub created: Timestamp,
    /// The function.
    pub destination: Arn,
    /// Kinesis would get events in any order; of functions it says nothing.
    pub random: bool,
}
record!(Subscription, 1);

/// A policy of the region's log groups.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Policy {
    /// Its name.
    pub name: String,
    /// What it says.
    pub document: String,
    /// When it was written.
    pub updated: Timestamp,
}
record!(Policy, 1);

static METRIC_FILTERS: Table<(String, String), MetricFilter> =
    Table::new("logs/metric-filters", Class::Records);
static SERIES: Table<(Incarnation, String), Series> =
    Table::of_incarnation("logs/metric-series", Class::Records);
static SUBSCRIPTIONS: Table<(String, String), Subscription> =
    Table::new("logs/subscriptions", Class::Records);
static POLICIES: Table<String, Policy> = Table::new("logs/policies", Class::Records);

/// What watches groups, alike for both kinds.
pub trait Watcher: store::Record + Sized + 'static {
    /// Its table.
    fn table() -> &'static Table<(String, String), Self>;

    /// Its group and its name.
    fn key(&self) -> (String, String);
}

impl Watcher for MetricFilter {
    fn table() -> &'static Table<(String, String), Self> {
        &METRIC_FILTERS
    }

    fn key(&self) -> (String, String) {
        (self.group.clone(), self.name.clone())
    }
}

impl Watcher for Subscription {
    fn table() -> &'static Table<(String, String), Self> {
        &SUBSCRIPTIONS
    }

    fn key(&self) -> (String, String) {
        (self.group.clone(), self.name.clone())
    }
}

/// One by its group and name.
pub fn one<W: Watcher>(read: &impl Read, scope: &Scope, group: &str, name: &str) -> Result<Option<W>, Fault> {
    read.get(W::table(), scope, &(group.to_owned(), name.to_owned()))
}

/// Those of a group whose names begin so, in the order of their names, after one of them.
pub fn of_group<W: Watcher>(
    read: &impl Read,
    scope: &Scope,
    group: &str,
    (prefix, after): (&str, Option<&(String, String)>),
) -> impl Iterator<Item = Result<W, Fault>> {
    let span = Span::starting(&group.to_owned(), Start::Text(prefix));
    let span = match after {
        Some(after) => span.after(after),
        None => span,
    };
    read.scan(W::table(), scope, span).map(|row| row.map(|(_, one)| one))
}

/// Those of all groups, after one of them.
pub fn of_all<W: Watcher>(
    read: &impl Read,
    scope: &Scope,
    after: Option<&(String, String)>,
) -> impl Iterator<Item = Result<W, Fault>> {
    let span = match after {
        Some(after) => Span::all().after(after),
        None => Span::all(),
    };
    read.scan(W::table(), scope, span).map(|row| row.map(|(_, one)| one))
}

/// Writes one.
pub fn put<W: Watcher>(tx: &mut Tx, scope: &Scope, one: &W) -> Result<(), Fault> {
    tx.put(W::table(), scope, &one.key(), one)
}

/// Removes a metric filter with what it has counted.
pub fn remove_metric_filter(tx: &mut Tx, scope: &Scope, filter: &MetricFilter) -> Result<(), Fault> {
    tx.delete(&METRIC_FILTERS, scope, &filter.key())?;
    tx.discard(scope, filter.incarnation)
}

/// Removes a subscription.
pub fn remove_subscription(tx: &mut Tx, scope: &Scope, subscription: &Subscription) -> Result<(), Fault> {
    tx.delete(&SUBSCRIPTIONS, scope, &subscription.key())
}

/// Removes all that watches a group.
pub fn remove_all(tx: &mut Tx, scope: &Scope, group: &str) -> Result<(), Fault> {
    let filters: Vec<MetricFilter> = of_group(tx, scope, group, ("", None)).collect::<Result<_, _>>()?;
    for filter in &filters {
        remove_metric_filter(tx, scope, filter)?;
    }
    let subscriptions: Vec<Subscription> =
        of_group(tx, scope, group, ("", None)).collect::<Result<_, _>>()?;
    subscriptions.iter().try_for_each(|one| remove_subscription(tx, scope, one))
}

/// Adds to what a filter has counted with some dimensions; a filter counts `most` sets of them.
pub fn count(
    tx: &mut Tx,
    scope: &Scope,
    filter: &MetricFilter,
    dimensions: &str,
    (events, sum): (u64, f64),
    most: usize,
) -> Result<(), Fault> {
    let key = (filter.incarnation, dimensions.to_owned());
    let before = tx.get(&SERIES, scope, &key)?;
    if before.is_none() && tx.scan(&SERIES, scope, Span::of(&filter.incarnation)).take(most).count() == most {
        return Ok(());
    }
    let (count_before, sum_before) = before.map_or((0, 0.0), |before| (before.count, before.sum));
    let series = Series {
        metric: filter.transformation.metric.clone(),
        namespace: filter.transformation.namespace.clone(),
        count: count_before + events,
        sum: sum_before + sum,
    };
    tx.put(&SERIES, scope, &key, &series)
}

/// All that was counted, wherever: the place, the dimensions, and the series.
pub fn counted(read: &Snapshot) -> impl Iterator<Item = Result<(Scope, String, Series), Fault>> {
    read.everywhere(&SERIES)
        .map(|row| row.map(|(scope, (_, dimensions), series)| (scope, dimensions, series)))
}

/// The ARN under whose head the policies of the region's log groups are judged, all together.
pub fn policies_arn(scope: &Scope) -> Arn {
    let account = scope.account().unwrap_or(AccountId::DEFAULT);
    Arn::regional("logs", scope.region().unwrap_or(&Region::default()), account, "resource-policy")
}

/// The policies after one of them.
pub fn policies(
    read: &impl Read,
    scope: &Scope,
    after: Option<&String>,
) -> impl Iterator<Item = Result<Policy, Fault>> {
    let span = match after {
        Some(after) => Span::all().after(after),
        None => Span::all(),
    };
    read.scan(&POLICIES, scope, span).map(|row| row.map(|(_, policy)| policy))
}

/// A policy by its name.
pub fn policy(read: &impl Read, scope: &Scope, name: &str) -> Result<Option<Policy>, Fault> {
    read.get(&POLICIES, scope, &name.to_owned())
}

/// Writes a policy.
pub fn put_policy(tx: &mut Tx, scope: &Scope, policy: &Policy) -> Result<(), Fault> {
    tx.put(&POLICIES, scope, &policy.name, policy)
}

/// Removes a policy.
pub fn remove_policy(tx: &mut Tx, scope: &Scope, name: &str) -> Result<(), Fault> {
    tx.delete(&POLICIES, scope, &name.to_owned())
}
