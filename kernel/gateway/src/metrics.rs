//! The region's metrics in Prometheus's text format.

use crate::pipeline::Pipeline;
use crate::rooms::RoomState;
use std::fmt::Write;

/// All metrics.
pub fn text(pipeline: &Pipeline) -> String {
    let mut out = String::new();
    // Writing to a String cannot fail, so the results say nothing.
    let _ = writeln!(out, "# TYPE elysium_requests_total counter");
    for room in pipeline.rooms.all() {
        let (requests, faults) = room.counts();
        let _ = writeln!(out, "elysium_requests_total{{room=\"{}\"}} {requests}", room.name);
        let _ = writeln!(out, "elysium_request_faults_total{{room=\"{}\"}} {faults}", room.name);
        let up = u8::from(room.state() == RoomState::Running);
        let _ = writeln!(out, "elysium_room_running{{room=\"{}\"}} {up}", room.name);
    }
    let _ = writeln!(out, "elysium_facts_dropped_total {}", pipeline.host.facts.dropped());
    out
}
