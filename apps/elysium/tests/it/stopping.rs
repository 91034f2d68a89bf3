//! A region that was stopped leaves nothing behind in its process: another may stand in its place, as when
//! a saved state is loaded.

use elysium::rooms;
use std::sync::Arc;
use std::time::Duration;
use testkit::Region;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stopped_region_is_gone() {
    let region = Region::of(rooms::all()).await;
    region.settle().await;
    let (host, clock) = (Arc::downgrade(region.host()), region.host().clock.clone());
    region.stop().await;
    // What was spawned and not awaited ends by itself.
    for _ in 0..500 {
        if host.strong_count() == 0 {
            return;
        }
        clock.rest(Duration::from_millis(10)).await;
    }
    panic!("{} hold what the region gave to its rooms", host.strong_count());
}
