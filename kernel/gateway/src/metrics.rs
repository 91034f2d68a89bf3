//! The region's metrics in Prometheus's text format.

use crate::pipeline::Pipeline;
use crate::rooms::{Room, RoomState};
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
    out
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
