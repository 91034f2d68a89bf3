//! PutMetricFilter, DescribeMetricFilters, DeleteMetricFilter, TestMetricFilter. What filters count is told
//! among the region's own metrics.

use crate::errors::LogsError;
use crate::rules::pattern::Pattern;
use crate::rules::{DESCRIBE_PAGE, MOST_METRIC_FILTERS, transformation};
use crate::state::filters::{self, MetricFilter, Transformation};
use crate::state::{self, Group};
use model_logs as model;
use names::Scope;
use schema::{ApiError, Unit};
use service::Ctx;
use std::sync::Arc;
use store::{Fault, Read, Tx};

/// The group of a name.
pub fn group(read: &impl Read, scope: &Scope, name: &str) -> Result<Group, LogsError> {
    state::group(read, scope, name)?.ok_or(LogsError::GroupNotFound)
}

/// A pattern that can be read.
pub fn pattern(text: &str) -> Result<Pattern, LogsError> {
    Pattern::parse(text).map_err(|malformed| LogsError::invalid(malformed.to_string()))
}

/// Refuses what only transformed logs have.
pub fn refuse_transformed(
    transformed: Option<bool>,
    criteria: Option<&String>,
    fields: Option<&Vec<String>>,
) -> Result<(), LogsError> {
    let refused = match (transformed, criteria, fields) {
        (Some(true), _, _) => "Transformed logs are",
        (_, Some(criteria), _) if !criteria.is_empty() => "Field selection criteria are",
        (_, _, Some(fields)) if !fields.is_empty() => "System fields are",
        _ => return Ok(()),
    };
    Err(LogsError::invalid(format!("{refused} not available in this region yet.")))
}

/// PutMetricFilter.
pub async fn put(ctx: Ctx, input: Arc<model::PutMetricFilterInput>) -> Result<Unit, LogsError> {
    let (scope, now) = (ctx.scope(), ctx.now());
    let (criteria, fields) = (&input.field_selection_criteria, &input.emit_system_field_dimensions);
    refuse_transformed(input.apply_on_transformed_logs, criteria.as_ref(), fields.as_ref())?;
    let [given] = &input.metric_transformations[..] else {
        return Err(LogsError::invalid("A metric filter has one metric transformation."));
    };
    let transformation = Transformation {
        metric: given.metric_name.clone(),
        namespace: given.metric_namespace.clone(),
        value: given.metric_value.clone(),
        default: given.default_value,
        unit: given.unit.as_ref().map(ToString::to_string),
        dimensions: given.dimensions.clone().unwrap_or_default(),
    };
    transformation::check(&transformation, &pattern(&input.filter_pattern)?)?;
    ctx.commit(move |tx| {
        let group = group(tx, &scope, &input.log_group_name)?;
        let present: Option<MetricFilter> = filters::one(tx, &scope, &group.name, &input.filter_name)?;
        let incarnation = incarnation(tx, &scope, present.as_ref(), (&group, &transformation))?;
        let filter = MetricFilter {
            incarnation,
            group: group.name,
            name: input.filter_name.clone(),
            pattern: input.filter_pattern.clone(),
            created: present.map_or(now, |present| present.created),
            transformation: transformation.clone(),
        };
        filters::put(tx, &scope, &filter)?;
        Ok(Unit)
    })
    .await
}

/// The number of what a filter counts: what was counted of another metric goes.
fn incarnation(
    tx: &mut Tx,
    scope: &Scope,
    present: Option<&MetricFilter>,
    (group, transformation): (&Group, &Transformation),
) -> Result<store::Incarnation, LogsError> {
    let metric = |of: &Transformation| (of.namespace.clone(), of.metric.clone());
    match present {
        Some(present) if metric(&present.transformation) == metric(transformation) => {
            return Ok(present.incarnation);
        }
        Some(present) => tx.discard(scope, present.incarnation)?,
        None => {
            let others = filters::of_group::<MetricFilter>(tx, scope, &group.name, ("", None));
            if others.take(MOST_METRIC_FILTERS).count() == MOST_METRIC_FILTERS {
                return Err(LogsError::LimitExceeded);
            }
        }
    }
    Ok(tx.fresh_incarnation()?)
}

/// DeleteMetricFilter.
pub async fn delete(ctx: Ctx, input: Arc<model::DeleteMetricFilterInput>) -> Result<Unit, LogsError> {
    let scope = ctx.scope();
    ctx.commit(move |tx| {
        let group = group(tx, &scope, &input.log_group_name)?;
        let filter = filters::one(tx, &scope, &group.name, &input.filter_name)?;
        filters::remove_metric_filter(tx, &scope, &filter.ok_or(LogsError::MetricFilterNotFound)?)?;
        Ok(Unit)
    })
    .await
}

/// DescribeMetricFilters: those of a group, or of all groups; by the beginning of their names or by metric.
pub async fn describe(
    ctx: Ctx,
    input: Arc<model::DescribeMetricFiltersInput>,
) -> Result<model::DescribeMetricFiltersOutput, ApiError> {
    let (scope, read) = (ctx.scope(), ctx.read());
    if input.metric_name.is_some() != input.metric_namespace.is_some() {
        let message = "metricName and metricNamespace must be specified together.";
        return Err(LogsError::invalid(message).into());
    }
    let about = format!("{:?} {:?} {:?}", input.log_group_name, input.filter_name_prefix, input.metric_name);
    let after = position(&ctx, &about, input.next_token.as_deref())?;
    let limit = page_limit(input.limit);
    let (filters, last) = ctx
        .compute(move || {
            if let Some(name) = &input.log_group_name {
                group(&read, &scope, name)?;
            }
            Ok::<_, LogsError>(page(&read, &scope, &input, (after.as_ref(), limit))?)
        })
        .await??;
    Ok(model::DescribeMetricFiltersOutput {
        metric_filters: Some(filters.into_iter().map(described).collect()),
        next_token: last.map(|(group, name)| ctx.page_token(&about, format!("{group}\0{name}").as_bytes())),
    })
}

type Position = (String, String);

/// How many of a page.
pub fn page_limit(asked: Option<i32>) -> usize {
    asked.and_then(|limit| usize::try_from(limit).ok()).unwrap_or(DESCRIBE_PAGE)
}

/// The group and the name behind which a page begins.
pub fn position(ctx: &Ctx, about: &str, token: Option<&str>) -> Result<Option<Position>, LogsError> {
    let Some(token) = token else { return Ok(None) };
    let text = ctx.page_position(about, token).and_then(|bytes| String::from_utf8(bytes).ok());
    let position = text.as_ref().and_then(|text| text.split_once('\0'));
    let (group, name) = position.ok_or_else(|| LogsError::invalid("The specified nextToken is invalid."))?;
    Ok(Some((group.to_owned(), name.to_owned())))
}

fn page(
    read: &impl Read,
    scope: &Scope,
    input: &model::DescribeMetricFiltersInput,
    (after, limit): (Option<&Position>, usize),
) -> Result<(Vec<MetricFilter>, Option<Position>), Fault> {
    let prefix = input.filter_name_prefix.as_deref().unwrap_or_default();
    let rows: Box<dyn Iterator<Item = Result<MetricFilter, Fault>>> = match &input.log_group_name {
        Some(group) => Box::new(filters::of_group(read, scope, group, (prefix, after))),
        None => Box::new(filters::of_all(read, scope, after)),
    };
    let is_wanted = |filter: &MetricFilter| {
        let made = &filter.transformation;
        filter.name.starts_with(prefix)
            && input.metric_name.as_ref().is_none_or(|name| *name == made.metric)
            && input.metric_namespace.as_ref().is_none_or(|name| *name == made.namespace)
    };
    let (mut found, mut last): (Vec<MetricFilter>, _) = (Vec::new(), None);
    for row in rows {
        let filter = row?;
        if !is_wanted(&filter) {
            continue;
        }
        if found.len() == limit {
            return Ok((found, last));
        }
        last = Some((filter.group.clone(), filter.name.clone()));
        found.push(filter);
    }
    Ok((found, None))
}

fn described(filter: MetricFilter) -> model::MetricFilter {
    let made = filter.transformation;
    model::MetricFilter {
        filter_name: Some(filter.name),
        filter_pattern: Some(filter.pattern),
        metric_transformations: Some(vec![model::MetricTransformation {
            metric_name: made.metric,
            metric_namespace: made.namespace,
            metric_value: made.value,
            default_value: made.default,
            dimensions: Some(made.dimensions).filter(|dimensions| !dimensions.is_empty()),
            unit: made.unit.map(|unit| model::StandardUnit::from(unit.as_str())),
        }]),
        creation_time: Some(filter.created.millis()),
        log_group_name: Some(filter.group),
        apply_on_transformed_logs: Some(false),
        ..model::MetricFilter::default()
    }
}

/// TestMetricFilter: which of some messages match a pattern, and what it reads of them.
pub async fn test(
    ctx: Ctx,
    input: Arc<model::TestMetricFilterInput>,
) -> Result<model::TestMetricFilterOutput, ApiError> {
    let pattern = pattern(&input.filter_pattern)?;
    let work = move || {
        let matches = (1..).zip(&input.log_event_messages).filter(|(_, message)| pattern.matches(message));
        let matches = matches.map(|(number, message)| model::MetricFilterMatchRecord {
            event_number: Some(number),
            event_message: Some(message.clone()),
            extracted_values: Some(pattern.extracted(message)),
        });
        matches.collect()
    };
    Ok(model::TestMetricFilterOutput { matches: Some(ctx.compute(work).await?) })
}
