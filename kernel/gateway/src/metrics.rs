//! The region's metrics in Prometheus's text format.

use crate::pipeline::Pipeline;
use crate::rooms::{Room, RoomState};
use service::Measure;
use std::collections::BTreeSet;
use std::fmt::Write;

/// One value of every room, under its name.
type OfRoom = (&'static str, &'static str, fn(&Room) -> u64);

const OF_ROOMS: [OfRoom; 7] = [
    ("elysium_requests_total", "counter", |room| room.counts().0),
    ("elysium_request_faults_total", "counter", |room| room.counts().1),
    ("elysium_room_running", "gauge", |room| u64::from(room.state() == RoomState::Running)),
    ("elysium_requests_under_way", "gauge", Room::under_way),
    ("elysium_room_bytes", "gauge", |room| room.budget.held()),
    ("elysium_room_budget_bytes", "gauge", |room| room.budget.limit()),
    ("elysium_room_budget_refusals_total", "counter", |room| room.budget.refused()),
];

/// All metrics.
pub fn text(pipeline: &Pipeline) -> String {
    let mut out = String::new();
    // Writing to a String cannot fail, so the results say nothing.
    for (name, kind, value) in OF_ROOMS {
        let _ = writeln!(out, "# TYPE {name} {kind}");
        for room in pipeline.rooms.all() {
            let _ = writeln!(out, "{name}{{room=\"{}\"}} {}", room.name, value(room));
        }
    }
    let throttled = pipeline.limits.throttled();
    of_operations(&mut out, "elysium_requests_throttled_total", "service", throttled);
    of_operations(&mut out, "elysium_thread_held_total", "room", pipeline.host.watchdog.held());
    let _ = writeln!(out, "# TYPE elysium_facts_dropped_total counter");
    let _ = writeln!(out, "elysium_facts_dropped_total {}", pipeline.host.facts.dropped());
    for room in pipeline.rooms.all() {
        if let Some(measures) = room.measures {
            own(&mut out, &measures(&pipeline.host));
        }
    }
    out
}

/// What a room tells of itself: all of one name together, as the format wants it.
fn own(out: &mut String, measures: &[Measure]) {
    let names: BTreeSet<&str> = measures.iter().map(|measure| measure.name).collect();
    for name in names {
        let kind = if name.ends_with("_total") { "counter" } else { "gauge" };
        let _ = writeln!(out, "# TYPE {name} {kind}");
        for measure in measures.iter().filter(|measure| measure.name == name) {
            let labels = measure.labels.iter().map(|(label, text)| format!("{label}=\"{}\"", escaped(text)));
            let labels = labels.collect::<Vec<_>>().join(",");
            let _ = writeln!(out, "{name}{{{labels}}} {}", measure.value);
        }
    }
}

/// A text between the quotes of a label.
fn escaped(text: &str) -> String {
    text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

fn of_operations(
    out: &mut String,
    name: &str,
    label: &str,
    counts: Vec<((&'static str, &'static str), u64)>,
) {
    let _ = writeln!(out, "# TYPE {name} counter");
    for ((place, operation), count) in counts {
        let _ = writeln!(out, "{name}{{{label}=\"{place}\",operation=\"{operation}\"}} {count}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The form is that of "Text-based format" in Prometheus's documentation of exposition formats.
    #[test]
    fn what_a_room_tells() {
        let of = |name, text: &str, value| Measure { name, labels: vec![("metric", text.to_owned())], value };
        let mut out = String::new();
        own(&mut out, &[of("a_total", "x", 1.0), of("b", "q\"\\\n", 0.5), of("a_total", "y", 2.0)]);
        let expected = "# TYPE a_total counter\na_total{metric=\"x\"} 1\na_total{metric=\"y\"} 2\n\
                        # TYPE b gauge\nb{metric=\"q\\\"\\\\\\n\"} 0.5\n";
        assert_eq!(out, expected);
    }
}
