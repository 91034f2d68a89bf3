//! Warm throughput, and bounds of the request units of what is paid by request: what may be asked for, and what
//! holds then. The facts are those that Amazon's controllers for Kubernetes recorded of AWS in October 2026
//! (aws-controllers-k8s/dynamodb-controller, docs/api-quirks/table-throughput-billing.md).

use crate::errors::DynamoError;
use crate::state::{TableRecord, Throughput};
use model_dynamodb as model;
use model_dynamodb::{OnDemandThroughput, WarmThroughput};
use names::{Region, Timestamp};

/// Units of reads and of writes, where they are given.
pub type Units = (Option<i64>, Option<i64>);

/// What a new table or index can take at once when it is paid by request: reads and writes in a second.
const INITIAL_ON_DEMAND: (i64, i64) = (12_000, 4_000);
/// The value that ends a bound.
const UNBOUNDED: i64 = -1;

/// What a table or index can take at once: what was asked for, and never less than what it is paid for, or what
/// AWS gives to a new table that is paid by request.
pub fn warm(asked: Option<Units>, provisioned: &Throughput, on_demand: bool) -> (i64, i64) {
    let least = if on_demand { INITIAL_ON_DEMAND } else { (provisioned.read, provisioned.write) };
    let (read, write) = asked.unwrap_or_default();
    (read.map_or(least.0, |read| read.max(least.0)), write.map_or(least.1, |write| write.max(least.1)))
}

/// What a table can take at once.
pub fn warm_of(table: &TableRecord) -> (i64, i64) {
    warm(table.warm, &table.throughput, table.on_demand.is_some())
}

/// The warm throughput that a new table or index is to have.
///
/// # Errors
/// Where it is below what there is without asking.
pub fn initial_warm(
    asked: Option<&WarmThroughput>,
    on_demand: bool,
    provisioned: &Throughput,
    whose: &str,
) -> Result<Option<Units>, DynamoError> {
    let Some(asked) = asked else { return Ok(None) };
    let least = warm(None, provisioned, on_demand);
    let below = below(asked, least);
    let Some((name, units)) = below else {
        return Ok(Some((asked.read_units_per_second, asked.write_units_per_second)));
    };
    let than = match on_demand {
        true => "initial throughput for OnDemand. See: https://docs.aws.amazon.com/amazondynamodb/latest/\
                 developerguide/on-demand-capacity-mode.html#on-demand-capacity-mode-initial"
            .to_owned(),
        false => format!("{units} of ProvisionedThroughput"),
    };
    Err(DynamoError::invalid_value(format!(
        "Requested {name} for WarmThroughput for {whose} is lower than {than}"
    )))
}

/// The warm throughput after a change, which raises it, member by member.
///
/// # Errors
/// Where it would become less.
pub fn raised_warm(asked: &WarmThroughput, present: (i64, i64), whose: &str) -> Result<Units, DynamoError> {
    if let Some((name, _)) = below(asked, present) {
        return Err(DynamoError::invalid_value(format!(
            "Requested {name} for WarmThroughput for {whose} is lower than current WarmThroughput, decreasing \
             WarmThroughput is not supported"
        )));
    }
    Ok((
        Some(asked.read_units_per_second.unwrap_or(present.0)),
        Some(asked.write_units_per_second.unwrap_or(present.1)),
    ))
}

/// The first member that is below a figure, by its name and that of the figure.
fn below(asked: &WarmThroughput, least: (i64, i64)) -> Option<(&'static str, &'static str)> {
    let is_below = |units: Option<i64>, least: i64| units.is_some_and(|units| units < least);
    if is_below(asked.read_units_per_second, least.0) {
        return Some(("ReadUnitsPerSecond", "ReadCapacityUnits"));
    }
    is_below(asked.write_units_per_second, least.1).then_some(("WriteUnitsPerSecond", "WriteCapacityUnits"))
}

/// The bounds of request units that hold once some are asked for, member by member.
///
/// # Errors
/// Where they are none, or of what is not paid by request.
pub fn bounds(
    asked: &OnDemandThroughput,
    present: Option<Units>,
    on_demand: bool,
    whose: &str,
) -> Result<Option<Units>, DynamoError> {
    let members = [
        ("MaxReadRequestUnits", asked.max_read_request_units),
        ("MaxWriteRequestUnits", asked.max_write_request_units),
    ];
    for (name, units) in members {
        let Some(units) = units else { continue };
        if !on_demand {
            return Err(DynamoError::invalid_value(format!(
                "{name} for OnDemandThroughput cannot be specified when the table BillingMode is PROVISIONED"
            )));
        }
        if units < UNBOUNDED || units == 0 {
            return Err(DynamoError::invalid_value(format!(
                "Requested {name} for OnDemandThroughput for {whose} is outside of valid range"
            )));
        }
    }
    let (read, write) = present.unwrap_or_default();
    let held =
        |asked: Option<i64>, present: Option<i64>| asked.or(present).filter(|units| *units != UNBOUNDED);
    let held = (held(asked.max_read_request_units, read), held(asked.max_write_request_units, write));
    Ok((held != (None, None)).then_some(held))
}

/// The most units of a table or index.
pub const MAX_UNITS: i64 = 40_000;

/// Refuses units beyond what a table or index of an account may have (aws-controllers-k8s/dynamodb-controller,
/// docs/api-quirks, DDB-TABLE-443).
///
/// # Errors
/// AWS's message.
pub fn check_maxima<'a>(
    asked: impl Iterator<Item = (Option<&'a str>, &'a model::ProvisionedThroughput)>,
    region: Option<&Region>,
) -> Result<(), DynamoError> {
    let region = region.map_or("", Region::as_str);
    for (index, asked) in asked {
        let (whose, what) = match index {
            None => (String::new(), "table"),
            Some(name) => (format!(" for index {name}"), "index"),
        };
        let units = [
            ("ReadCapacityUnits", asked.read_capacity_units),
            ("WriteCapacityUnits", asked.write_capacity_units),
        ];
        if let Some((name, units)) = units.into_iter().find(|(_, units)| *units > MAX_UNITS) {
            return Err(DynamoError::Limit(format!(
                "The requested {name}{whose}, {units}, is above the per {what} maximum for the account in {region}. \
                 Per {what} maximum: {MAX_UNITS}. Refer to the Amazon DynamoDB Developer Guide for current limits \
                 and how to request higher limits."
            )));
        }
    }
    Ok(())
}

/// Gives a table or index the units that are asked for.
///
/// # Errors
/// Where they are what it has, or were lowered too often.
pub fn change(
    present: &mut Throughput,
    asked: &model::ProvisionedThroughput,
    now: Timestamp,
    whose: &str,
) -> Result<(), DynamoError> {
    let (read, write) = (asked.read_capacity_units, asked.write_capacity_units);
    if (read, write) == (present.read, present.write) {
        return Err(DynamoError::invalid(format!(
            "The provisioned throughput for {whose} will not change. The requested value equals the current \
             value. Current ReadCapacityUnits provisioned for {whose}: {}. Requested ReadCapacityUnits: \
             {read}. Current WriteCapacityUnits provisioned for {whose}: {}. Requested WriteCapacityUnits: \
             {write}. Refer to the Amazon DynamoDB Developer Guide for current limits and how to request \
             higher limits.",
            present.read, present.write
        )));
    }
    set(present, (read, write), now)
}

/// Gives a table or index other units.
///
/// # Errors
/// Where they were lowered too often.
pub fn set(present: &mut Throughput, units: (i64, i64), now: Timestamp) -> Result<(), DynamoError> {
    let (today, last) = (present.decreases_on(now), present.lowered.unwrap_or(now));
    present.change(units, now).map_err(|next| {
        DynamoError::Limit(format!(
            "Subscriber limit exceeded: Provisioned throughput decreases are limited within a given UTC day. After \
             the first 4 decreases, each subsequent decrease in the same UTC day can be performed at most once every \
             3600 seconds. Number of decreases today: {today}. Last decrease at {}. Next decrease can be made at {}",
            spoken(last),
            spoken(next)
        ))
    })
}

/// A moment as that refusal words it: `Monday, February 13, 2023 at 10:25:39 AM Coordinated Universal Time`.
fn spoken(moment: Timestamp) -> String {
    const DAYS: [&str; 7] = ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"];
    const MONTHS: [&str; 12] = [
        "January",
        "February",
        "March",
        "April",
        "May",
        "June",
        "July",
        "August",
        "September",
        "October",
        "November",
        "December",
    ];
    let (year, month, day, weekday, hour, minute, second, _) = moment.civil();
    let (weekday, month) = (DAYS[usize::from(weekday) % 7], MONTHS[usize::from(month.max(1) - 1) % 12]);
    let (half, hour) = (if hour < 12 { "AM" } else { "PM" }, (hour + 11) % 12 + 1);
    format!(
        "{weekday}, {month} {day}, {year} at {hour}:{minute:02}:{second:02} {half} Coordinated Universal Time"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message<T: std::fmt::Debug>(refused: Result<T, DynamoError>) -> String {
        match refused {
            Err(DynamoError::Validation(message)) => {
                message.strip_prefix("One or more parameter values were invalid: ").unwrap().to_owned()
            }
            other => panic!("{other:?}"),
        }
    }

    /// DDB-TABLE-039, -059 and -179 of those documents.
    #[test]
    fn warmth_only_grows() {
        let asked =
            |read, write| WarmThroughput { read_units_per_second: read, write_units_per_second: write };
        let ten = Throughput { read: 10, write: 10, ..Throughput::default() };
        let none = Throughput::default();
        assert!(
            message(initial_warm(Some(&asked(Some(1), Some(1))), true, &none, "table"))
                .starts_with("Requested ReadUnitsPerSecond for WarmThroughput for table is lower than initial throughput for OnDemand. See: ")
        );
        assert_eq!(
            message(initial_warm(Some(&asked(Some(5), Some(5))), false, &ten, "table")),
            "Requested ReadUnitsPerSecond for WarmThroughput for table is lower than ReadCapacityUnits of ProvisionedThroughput"
        );
        let read = initial_warm(Some(&asked(Some(12_001), None)), true, &none, "table").unwrap();
        assert_eq!(warm(read, &none, true), (12_001, 4_000));
        assert_eq!(
            message(raised_warm(&asked(Some(12_001), Some(3_999)), (12_001, 4_000), "index by-kind")),
            "Requested WriteUnitsPerSecond for WarmThroughput for index by-kind is lower than current WarmThroughput, decreasing WarmThroughput is not supported"
        );
        let more = raised_warm(&asked(None, Some(4_002)), (12_001, 4_000), "table").unwrap();
        assert_eq!(more, (Some(12_001), Some(4_002)));
        // It stays what it was where the table is provisioned with less.
        assert_eq!(warm(Some(more), &ten, false), (12_001, 4_002));
        assert_eq!(warm(Some((Some(3), Some(3))), &ten, false), (10, 10));
    }

    /// DDB-TABLE-051, -059 and -182 of those documents.
    #[test]
    fn bounds_are_set_member_by_member_and_ended() {
        let asked =
            |read, write| OnDemandThroughput { max_read_request_units: read, max_write_request_units: write };
        let both = bounds(&asked(Some(1000), Some(500)), None, true, "table").unwrap();
        assert_eq!(both, Some((Some(1000), Some(500))));
        let after = |read, write, present| bounds(&asked(read, write), present, true, "table").unwrap();
        assert_eq!(after(Some(2000), None, both), Some((Some(2000), Some(500))));
        assert_eq!(after(Some(-1), None, both), Some((None, Some(500))));
        assert_eq!(after(None, Some(-1), Some((None, Some(500)))), None);
        assert_eq!(after(Some(-1), Some(-1), None), None);
        assert_eq!(
            message(bounds(&asked(None, Some(0)), None, true, "table")),
            "Requested MaxWriteRequestUnits for OnDemandThroughput for table is outside of valid range"
        );
        assert_eq!(
            message(bounds(&asked(Some(-2), None), None, true, "table")),
            "Requested MaxReadRequestUnits for OnDemandThroughput for table is outside of valid range"
        );
        assert_eq!(
            message(bounds(&asked(Some(100), Some(100)), None, false, "table")),
            "MaxReadRequestUnits for OnDemandThroughput cannot be specified when the table BillingMode is PROVISIONED"
        );
    }
}
