//! What a run found: a table of medians and their ratio to the floors, and every figure as JSON.

use crate::cases::{Bar, Case};
use crate::load::Measured;
use serde_json::{Value, json};
use std::fmt;

/// One case's rounds against the region and against its floor.
#[derive(Default)]
pub struct Row {
    pub region: Vec<Measured>,
    pub floor: Vec<Measured>,
    /// The echo beside the log, for durable cases whose CPU is held to it.
    pub echo: Vec<Measured>,
}

impl Row {
    fn errors(&self) -> u64 {
        self.region
            .iter()
            .chain(&self.floor)
            .chain(&self.echo)
            .flat_map(|measured| measured.errors.values())
            .sum()
    }

    /// What the bar compares, and whether it is met.
    fn judge(&self, bar: Bar, sync_us: f64) -> (String, bool) {
        let rate = median(&self.region, |m| m.per_second) / median(&self.floor, |m| m.per_second);
        let cpu = median(&self.region, |m| m.cpu_us) / median(&self.floor, |m| m.cpu_us);
        let p50 = median(&self.region, |m| m.p50_us);
        let right = self.errors() == 0;
        match bar {
            Bar::CpuTimes(most) => (format!("cpu {cpu:.2}x, at most {most}x"), right && cpu <= most),
            Bar::CpuOfEcho(most) => {
                let cpu = median(&self.region, |m| m.cpu_us) / median(&self.echo, |m| m.cpu_us);
                (format!("cpu {cpu:.2}x echo, at most {most}x"), right && cpu <= most)
            }
            Bar::RateShare(least) => (format!("rate {rate:.2}, at least {least}"), right && rate >= least),
            Bar::Rate(least) => {
                let rate = median(&self.region, |m| m.per_second);
                (format!("{rate:.0} per second, at least {least:.0}"), right && rate >= least)
            }
            Bar::Median(most) => (format!("p50 {p50:.0} us, at most {most}"), right && p50 <= most),
            Bar::MedianOrSyncs(most, syncs) => {
                let most = most.max(syncs * sync_us);
                (format!("p50 {p50:.0} us, at most {most:.0}"), right && p50 <= most)
            }
        }
    }
}

/// The whole run.
pub struct Report {
    sync_us: f64,
    figures: Vec<(String, f64)>,
    rows: Vec<(&'static Case, Result<Row, String>)>,
}

impl Report {
    /// With the disk's sync time and the binary's size.
    pub fn new(sync_us: f64, binary_mb: f64) -> Self {
        let figures =
            vec![("1 KB append and fdatasync, us".to_owned(), sync_us), ("binary, MB".to_owned(), binary_mb)];
        Report { sync_us, figures, rows: Vec::new() }
    }

    /// A figure that is no case.
    pub fn figure(&mut self, name: &str, value: f64) {
        self.figures.push((name.to_owned(), value));
    }

    /// A measured case.
    pub fn row(&mut self, case: &'static Case, row: Row) {
        self.rows.push((case, Ok(row)));
    }

    /// A case that could not be set up.
    pub fn unmeasured(&mut self, case: &'static Case, why: &str) {
        self.rows.push((case, Err(why.to_owned())));
    }

    /// Every figure of every round.
    pub fn json(&self) -> String {
        let rounds = |rounds: &[Measured]| -> Vec<Value> {
            rounds
                .iter()
                .map(|m| {
                    json!({"per_second": m.per_second, "p50_us": m.p50_us, "p99_us": m.p99_us, "cpu_us": m.cpu_us,
                           "iterations": m.iterations, "errors": m.errors})
                })
                .collect()
        };
        let rows: Vec<Value> = self
            .rows
            .iter()
            .map(|(case, row)| {
                let floor = format!("{:?}", case.floor);
                let head = json!({"case": case.name, "connections": case.connections, "floor": floor});
                let body = match row {
                    Err(why) => json!({"unmeasured": why}),
                    Ok(row) => {
                        let bars: Vec<Value> = case
                            .bars
                            .iter()
                            .map(|bar| row.judge(*bar, self.sync_us))
                            .map(|(text, met)| json!({"bar": text, "met": met}))
                            .collect();
                        json!({"region": rounds(&row.region), "floor_rounds": rounds(&row.floor),
                               "echo_rounds": rounds(&row.echo), "bars": bars})
                    }
                };
                merged(head, body)
            })
            .collect();
        let figures: serde_json::Map<String, Value> =
            self.figures.iter().map(|(name, value)| (name.clone(), json!(value))).collect();
        format!("{:#}\n", json!({"figures": figures, "cases": rows}))
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (name, value) in &self.figures {
            writeln!(f, "{name:50} {value:9.1}")?;
        }
        writeln!(
            f,
            "\n| case | connections | per second | p50 us | p99 us | cpu us | floor | rate / floor | cpu / floor | bar |"
        )?;
        writeln!(f, "|---|---|---|---|---|---|---|---|---|---|")?;
        for (case, row) in &self.rows {
            let Case { name, connections, floor, bars, .. } = case;
            let row = match row {
                Ok(row) => row,
                Err(why) => {
                    writeln!(f, "| {name} | {connections} | not measured: {why} |")?;
                    continue;
                }
            };
            let of = |value: fn(&Measured) -> f64| (median(&row.region, value), median(&row.floor, value));
            let (rate, floor_rate) = of(|m| m.per_second);
            let (cpu, floor_cpu) = of(|m| m.cpu_us);
            let verdicts: Vec<String> = bars
                .iter()
                .map(|bar| match row.judge(*bar, self.sync_us) {
                    (text, true) => format!("met: {text}"),
                    (text, false) => format!("MISSED: {text}"),
                })
                .collect();
            let verdict = verdicts.join("; ");
            let errors = match row.errors() {
                0 => String::new(),
                errors => format!(" ({errors} errors)"),
            };
            writeln!(
                f,
                "| {name} | {connections} | {rate:.0}{errors} | {:.0} | {:.0} | {cpu:.1} | {floor:?} {floor_rate:.0} | {:.2} | {:.2} | {verdict} |",
                of(|m| m.p50_us).0,
                of(|m| m.p99_us).0,
                rate / floor_rate,
                cpu / floor_cpu,
            )?;
        }
        Ok(())
    }
}

fn merged(mut head: Value, body: Value) -> Value {
    if let (Some(head), Value::Object(body)) = (head.as_object_mut(), body) {
        head.extend(body);
    }
    head
}

fn median(rounds: &[Measured], value: fn(&Measured) -> f64) -> f64 {
    let mut values: Vec<f64> = rounds.iter().map(value).collect();
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(rate: f64, cpu_us: f64, floor_rate: f64, floor_cpu_us: f64) -> Row {
        let one = |per_second, cpu_us| Measured { per_second, cpu_us, p50_us: 6000.0, ..Measured::default() };
        Row {
            region: vec![one(rate, cpu_us)],
            floor: vec![one(floor_rate, floor_cpu_us)],
            echo: vec![one(0.0, floor_cpu_us / 2.0)],
        }
    }

    #[test]
    fn bars_compare_with_the_floor() {
        assert!(row(50.0, 30.0, 100.0, 10.0).judge(Bar::RateShare(0.5), 0.0).1);
        assert!(!row(49.0, 30.0, 100.0, 10.0).judge(Bar::RateShare(0.5), 0.0).1);
        assert!(row(1.0, 30.0, 1.0, 10.0).judge(Bar::CpuTimes(3.0), 0.0).1);
        assert!(!row(1.0, 31.0, 1.0, 10.0).judge(Bar::CpuTimes(3.0), 0.0).1);
        assert!(row(1.0, 30.0, 1.0, 20.0).judge(Bar::CpuOfEcho(3.0), 0.0).1);
        assert!(!row(1.0, 31.0, 1.0, 20.0).judge(Bar::CpuOfEcho(3.0), 0.0).1);
        assert!(!row(1.0, 1.0, 1.0, 1.0).judge(Bar::MedianOrSyncs(5000.0, 3.0), 1000.0).1);
        assert!(row(1.0, 1.0, 1.0, 1.0).judge(Bar::MedianOrSyncs(5000.0, 3.0), 2000.0).1);
    }

    #[test]
    fn a_row_with_errors_meets_no_bar() {
        let mut row = row(100.0, 1.0, 100.0, 1.0);
        row.region[0].errors.insert("status 500".into(), 1);
        assert!(!row.judge(Bar::RateShare(0.5), 0.0).1);
    }
}
