//! UpdateContributorInsights, DescribeContributorInsights, ListContributorInsights: stored and described.

use crate::errors::DynamoError;
use crate::find;
use crate::state::{self, IndexScope, Insight, TableRecord};
use model::{
    ContributorInsightsAction, ContributorInsightsStatus, ContributorInsightsSummary,
    DescribeContributorInsightsInput, DescribeContributorInsightsOutput, ListContributorInsightsInput,
    ListContributorInsightsOutput, UpdateContributorInsightsInput, UpdateContributorInsightsOutput,
};
use model_dynamodb as model;
use service::Ctx;
use std::sync::Arc;

/// What is watched where nothing else was asked for.
const USUAL_MODE: &str = "ACCESSED_AND_THROTTLED_KEYS";
/// The longest page, and the one that is given unasked.
const MAX_PAGE: i32 = 100;

fn index_name(table: &TableRecord, asked: Option<&String>) -> Result<String, DynamoError> {
    match asked {
        None => Ok(String::new()),
        Some(name) if table.index(name).is_some_and(|index| index.scope == IndexScope::Global) => {
            Ok(name.clone())
        }
        Some(name) => {
            Err(DynamoError::NoResource(format!("Requested resource not found: Index: {name} not found")))
        }
    }
}

/// UpdateContributorInsights.
pub async fn update_contributor_insights(
    ctx: Ctx,
    input: Arc<UpdateContributorInsightsInput>,
) -> Result<UpdateContributorInsightsOutput, DynamoError> {
    let address = find::address(ctx.account(), ctx.region(), &input.table_name)?;
    let (name, now) = (address.name.clone(), ctx.now());
    let enabled = input.contributor_insights_action == ContributorInsightsAction::Enable;
    let asked = input.clone();
    let told = ctx.commit(move |tx| {
        let table = state::table(tx, &address.scope, &address.name)?;
        let mut table = table.ok_or_else(|| DynamoError::NoSuchTable(address.name.clone()))?;
        let index = index_name(&table, asked.index_name.as_ref())?;
        let asked = asked.contributor_insights_mode.as_ref().map(ToString::to_string);
        let before = table.settings.insights.get(&index);
        let mode = asked.unwrap_or_else(|| USUAL_MODE.to_owned());
        // What is so already stays as it is.
        let settled = match before {
            Some(before) if before.enabled && enabled => before.mode.as_deref().unwrap_or(USUAL_MODE) == mode,
            Some(before) => !before.enabled && !enabled,
            None => !enabled,
        };
        if settled {
            return Ok::<_, DynamoError>((status(before), mode));
        }
        let insight = Insight { enabled, mode: Some(mode.clone()), changed: now };
        table.settings.insights.insert(index, insight);
        state::put_table(tx, &address.scope, &mut table)?;
        let status = match enabled {
            true => ContributorInsightsStatus::Enabling,
            false => ContributorInsightsStatus::Disabling,
        };
        Ok((status, mode))
    });
    let (status, mode) = told.await?;
    Ok(UpdateContributorInsightsOutput {
        table_name: Some(name),
        index_name: input.index_name.clone(),
        contributor_insights_status: Some(status),
        contributor_insights_mode: enabled.then(|| mode.as_str().into()),
    })
}

fn status(insight: Option<&Insight>) -> ContributorInsightsStatus {
    match insight {
        Some(insight) if insight.enabled => ContributorInsightsStatus::Enabled,
        _ => ContributorInsightsStatus::Disabled,
    }
}

/// The names of the rules: accessed and throttled partition keys, and sort keys where there are some.
fn rules(table: &TableRecord, index: &str, insight: &Insight) -> Vec<String> {
    let key = table.index(index).map_or(&table.key, |index| &index.key);
    let kinds: &[&str] = if key.sort.is_empty() { &["PKC", "PKT"] } else { &["PKC", "PKT", "SKC", "SKT"] };
    let only_throttled = insight.mode.as_deref() == Some("THROTTLED_KEYS");
    let wanted = kinds.iter().filter(|kind| !only_throttled || kind.ends_with('T'));
    let of = if index.is_empty() { table.name.clone() } else { format!("{}-{index}", table.name) };
    let name = |kind: &&str| format!("DynamoDBContributorInsights-{kind}-{of}-{}", table.created.millis());
    wanted.map(name).collect()
}

/// DescribeContributorInsights.
pub async fn describe_contributor_insights(
    ctx: Ctx,
    input: Arc<DescribeContributorInsightsInput>,
) -> Result<DescribeContributorInsightsOutput, DynamoError> {
    let (address, table) = find::known(&ctx, &input.table_name)?;
    let table = table.ok_or_else(|| DynamoError::NoSuchTable(address.name.clone()))?;
    let index = index_name(&table, input.index_name.as_ref())?;
    let insight = table.settings.insights.get(&index);
    Ok(DescribeContributorInsightsOutput {
        table_name: Some(address.name),
        index_name: input.index_name.clone(),
        contributor_insights_rule_list: insight
            .filter(|insight| insight.enabled)
            .map(|insight| rules(&table, &index, insight)),
        contributor_insights_status: Some(status(insight)),
        last_update_date_time: insight.map(|insight| insight.changed),
        failure_exception: None,
        contributor_insights_mode: insight
            .filter(|insight| insight.enabled)
            .map(|insight| insight.mode.as_deref().unwrap_or(USUAL_MODE).into()),
    })
}

/// ListContributorInsights.
pub async fn list_contributor_insights(
    ctx: Ctx,
    input: Arc<ListContributorInsightsInput>,
) -> Result<ListContributorInsightsOutput, DynamoError> {
    let limit = usize::try_from(input.max_results.unwrap_or(MAX_PAGE).clamp(1, MAX_PAGE)).unwrap_or(1);
    let (read, scope) = (ctx.read(), ctx.scope());
    let names = match &input.table_name {
        Some(name) => vec![find::address(ctx.account(), ctx.region(), name)?.name],
        None => state::table_names(&read, &scope, None, usize::MAX)?,
    };
    let after = input.next_token.as_ref().map(|token| {
        let position = ctx.page_position("", token);
        position.ok_or_else(|| DynamoError::invalid("Invalid NextToken"))
    });
    let after = after.transpose()?.map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
    let (mut summaries, mut last) = (Vec::new(), None);
    'tables: for name in names {
        let Some(table) = state::table(&read, &scope, &name)? else { continue };
        for (index, insight) in table.settings.insights.iter().filter(|(_, insight)| insight.enabled) {
            let place = format!("{name}/{index}");
            if after.as_ref().is_some_and(|after| place <= *after) {
                continue;
            }
            if summaries.len() == limit {
                break 'tables;
            }
            summaries.push(ContributorInsightsSummary {
                table_name: Some(name.clone()),
                index_name: (!index.is_empty()).then(|| index.clone()),
                contributor_insights_status: Some(status(Some(insight))),
                contributor_insights_mode: insight.mode.as_deref().map(Into::into),
            });
            last = Some(place);
        }
    }
    let is_full = summaries.len() == limit;
    Ok(ListContributorInsightsOutput {
        contributor_insights_summaries: Some(summaries),
        next_token: last.filter(|_| is_full).map(|last| ctx.page_token("", last.as_bytes())),
    })
}
