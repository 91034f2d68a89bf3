//! Whom a bucket tells of what happens in it. A new queue or topic gets a test message in the same commit.

use crate::errors::S3Error;
use crate::lookup;
use crate::notify::{self, Origin};
use crate::rules::event::test_message;
use crate::rules::notifications::{self, FilterFault, Rule};
use crate::state::NotificationRecord;
use crate::state::buckets::{self, Bucket};
use model_s3 as api;
use names::Arn;
use schema::Unit;
use service::Ctx;
use std::sync::Arc;
use store::Tx;

/// PutBucketNotificationConfiguration: these listeners and no others.
pub async fn put(
    ctx: Ctx,
    input: Arc<api::PutBucketNotificationConfigurationInput>,
) -> Result<Unit, S3Error> {
    let given = &input.notification_configuration;
    let record = record(&ctx, given)?;
    arns(&record)?;
    check(&record)?;
    let bucket = lookup::bucket(&ctx.read(), &input.bucket, input.expected_bucket_owner.as_deref())?;
    in_its_region(&bucket, &record)?;
    if input.skip_destination_validation != Some(true) {
        destinations(&ctx, &record)?;
    }
    let origin = Origin::of(&ctx);
    let request_id = ctx.request_id().to_owned();
    ctx.commit(move |tx: &mut Tx| {
        let bucket = lookup::bucket(tx, &input.bucket, input.expected_bucket_owner.as_deref())?;
        buckets::put_notifications(tx, &bucket, &record)?;
        for rule in record.queues.iter().chain(&record.topics) {
            if let Ok(target) = rule.destination.parse::<Arn>() {
                let message = test_message(&bucket.name, &request_id, origin.at);
                let message = message.map_err(|_| notify::unwritable())?;
                notify::deliver(tx, &origin, &bucket, target, message)?;
            }
        }
        Ok(Unit)
    })
    .await
}

fn record(ctx: &Ctx, given: &api::NotificationConfiguration) -> Result<NotificationRecord, S3Error> {
    let mut record =
        NotificationRecord { event_bus: given.event_bridge_configuration.is_some(), ..Default::default() };
    for queue in given.queue_configurations.iter().flatten() {
        record.queues.push(rule(ctx, &queue.id, &queue.queue_arn, &queue.events, &queue.filter)?);
    }
    for topic in given.topic_configurations.iter().flatten() {
        record.topics.push(rule(ctx, &topic.id, &topic.topic_arn, &topic.events, &topic.filter)?);
    }
    for function in given.lambda_function_configurations.iter().flatten() {
        let arn = &function.lambda_function_arn;
        record.functions.push(rule(ctx, &function.id, arn, &function.events, &function.filter)?);
    }
    Ok(record)
}

fn rule(
    ctx: &Ctx,
    id: &Option<String>,
    destination: &str,
    events: &[api::Event],
    filter: &Option<api::NotificationConfigurationFilter>,
) -> Result<Rule, S3Error> {
    let rules =
        filter.iter().filter_map(|filter| filter.key.as_ref()).filter_map(|key| key.filter_rules.as_ref());
    let rules = rules.flatten().map(|rule| match (&rule.name, &rule.value) {
        (Some(name), Some(value)) => Ok((name.as_str(), value.as_str())),
        _ => Err(S3Error::MalformedXml),
    });
    let rules: Vec<_> = rules.collect::<Result<_, _>>()?;
    let (prefix, suffix) = notifications::filter(rules).map_err(refused_filter)?;
    if let Some(unknown) = events.iter().find(|event| matches!(event, api::Event::Other(_))) {
        return Err(S3Error::InvalidArgument {
            message: "The event is not supported for notifications",
            name: "Event",
            value: unknown.as_str().to_owned(),
        });
    }
    if events.is_empty() {
        return Err(S3Error::MalformedXml);
    }
    Ok(Rule {
        id: id.clone().filter(|id| !id.is_empty()).unwrap_or_else(|| ctx.uuid()),
        destination: destination.to_owned(),
        events: events.iter().map(|event| event.as_str().to_owned()).collect(),
        prefix,
        suffix,
    })
}

fn refused_filter(fault: FilterFault) -> S3Error {
    let (message, value) = match fault {
        FilterFault::Name(name) => {
            return S3Error::InvalidArgument {
                message: "filter rule name must be either prefix or suffix",
                name: "FilterRule.Name",
                value: name,
            };
        }
        FilterFault::TwoPrefixes => ("Cannot specify more than one prefix rule in a filter.", "prefix"),
        FilterFault::TwoSuffixes => ("Cannot specify more than one suffix rule in a filter.", "suffix"),
    };
    S3Error::InvalidArgument { message, name: "FilterRule.Name", value: value.to_owned() }
}

/// What of the listeners cannot stand together.
fn check(record: &NotificationRecord) -> Result<(), S3Error> {
    let rules: Vec<Rule> = record.rules().cloned().collect();
    if let Some((one, _)) = notifications::overlapping(&rules) {
        return Err(S3Error::InvalidArgument {
            message: "Configurations overlap. Configurations on the same bucket cannot share a common event \
                      type.",
            name: "Configuration",
            value: one.id.clone(),
        });
    }
    let mut ids: Vec<&str> = rules.iter().map(|rule| rule.id.as_str()).collect();
    ids.sort_unstable();
    match ids.windows(2).find(|pair| pair[0] == pair[1]) {
        None => Ok(()),
        Some(pair) => Err(S3Error::InvalidArgument {
            message: "Same ID used for multiple configurations.",
            name: "Id",
            value: pair[0].to_owned(),
        }),
    }
}

/// Listeners must be where the bucket is.
fn in_its_region(bucket: &Bucket, record: &NotificationRecord) -> Result<(), S3Error> {
    let region = bucket.record.region.as_str();
    let elsewhere = record.rules().find(|rule| {
        let arn: Result<Arn, _> = rule.destination.parse();
        arn.is_ok_and(|arn| arn.region().is_some_and(|place| place.as_str() != region))
    });
    match elsewhere {
        None => Ok(()),
        Some(rule) => Err(S3Error::InvalidArgument {
            message: "The notification destination service region is not valid for the bucket location constraint",
            name: "arn",
            value: rule.destination.clone(),
        }),
    }
}

/// The listeners by kind: the service of their ARNs, the name in errors.
fn by_kind(record: &NotificationRecord) -> [(&[Rule], &'static str, &'static str); 3] {
    [
        (&record.queues, "sqs", "Queue"),
        (&record.topics, "sns", "Topic"),
        (&record.functions, "lambda", "CloudFunction"),
    ]
}

/// Every listener must be named by an ARN of its kind, whether it is looked for or not.
fn arns(record: &NotificationRecord) -> Result<(), S3Error> {
    for (rules, service, name) in by_kind(record) {
        for rule in rules {
            let value = rule.destination.clone();
            let arn: Arn = rule.destination.parse().map_err(|_| S3Error::InvalidArgument {
                message: "The ARN could not be parsed",
                name,
                value: value.clone(),
            })?;
            if arn.service() != service {
                return Err(S3Error::InvalidArgument { message: "The ARN is not well formed", name, value });
            }
        }
    }
    Ok(())
}

/// Every listener must be there; those that are not are told together.
fn destinations(ctx: &Ctx, record: &NotificationRecord) -> Result<(), S3Error> {
    let mut absent = Vec::new();
    for (rules, service, _) in by_kind(record) {
        for rule in rules {
            let there = match rule.destination.parse() {
                Ok(arn) => head_of(ctx, &arn)?.is_some(),
                Err(_) => false,
            };
            let arn = &rule.destination;
            match service {
                _ if there => {}
                "sqs" => absent.push((arn.clone(), "The destination queue does not exist".to_owned())),
                "sns" => absent.push((arn.clone(), "The destination topic does not exist".to_owned())),
                _ => absent
                    .push((format!("{arn}, null"), format!("Not authorized to invoke function [{arn}]"))),
            }
        }
    }
    if absent.is_empty() { Ok(()) } else { Err(S3Error::Destinations(absent)) }
}

/// The head of a listener; that of a function's version or alias is its function's.
fn head_of(ctx: &Ctx, arn: &Arn) -> Result<Option<Arc<service::HeadWithPolicy>>, S3Error> {
    if let Some(found) = ctx.head(arn)? {
        return Ok(Some(found));
    }
    let mut parts = arn.resource().splitn(3, ':');
    match (parts.next(), parts.next(), parts.next(), arn.region(), arn.account()) {
        (Some("function"), Some(name), Some(_), Some(region), Some(account)) => {
            Ok(ctx.head(&Arn::regional(arn.service(), &region, account, &format!("function:{name}")))?)
        }
        _ => Ok(None),
    }
}

/// GetBucketNotificationConfiguration.
pub async fn get(
    ctx: Ctx,
    input: Arc<api::GetBucketNotificationConfigurationInput>,
) -> Result<api::NotificationConfiguration, S3Error> {
    let read = ctx.read();
    let bucket = lookup::bucket(&read, &input.bucket, input.expected_bucket_owner.as_deref())?;
    let NotificationRecord { queues, topics, functions, event_bus } = buckets::notifications(&read, &bucket)?;
    let queues = queues.into_iter().map(|rule| api::QueueConfiguration {
        filter: filter(&rule),
        events: events(&rule),
        id: Some(rule.id),
        queue_arn: rule.destination,
    });
    let topics = topics.into_iter().map(|rule| api::TopicConfiguration {
        filter: filter(&rule),
        events: events(&rule),
        id: Some(rule.id),
        topic_arn: rule.destination,
    });
    let functions = functions.into_iter().map(|rule| api::LambdaFunctionConfiguration {
        filter: filter(&rule),
        events: events(&rule),
        id: Some(rule.id),
        lambda_function_arn: rule.destination,
    });
    Ok(api::NotificationConfiguration {
        queue_configurations: listed(queues.collect()),
        topic_configurations: listed(topics.collect()),
        lambda_function_configurations: listed(functions.collect()),
        event_bridge_configuration: event_bus.then(api::EventBridgeConfiguration::default),
    })
}

fn listed<T>(items: Vec<T>) -> Option<Vec<T>> {
    (!items.is_empty()).then_some(items)
}

fn events(rule: &Rule) -> Vec<api::Event> {
    rule.events.iter().map(|event| api::Event::from(event.as_str())).collect()
}

fn filter(rule: &Rule) -> Option<api::NotificationConfigurationFilter> {
    let named = |name: &str, value: &Option<String>| {
        value
            .clone()
            .map(|value| api::FilterRule { name: Some(api::FilterRuleName::from(name)), value: Some(value) })
    };
    let rules: Vec<_> =
        [named("Prefix", &rule.prefix), named("Suffix", &rule.suffix)].into_iter().flatten().collect();
    let key = listed(rules).map(|rules| api::S3KeyFilter { filter_rules: Some(rules) });
    key.map(|key| api::NotificationConfigurationFilter { key: Some(key) })
}
