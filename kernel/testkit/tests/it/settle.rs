//! An advance of virtual time that does not come to rest stops and says what goes on.

use bytes::Bytes;
use names::Scope;
use schema::ApiError;
use service::{Service, TimerHandler};
use std::time::Duration;
use store::{Fault, Timer, Tx};
use testkit::{Region, START, Setup};

/// Rings after so many milliseconds, and then again.
fn again(tx: &mut Tx, timer: &Timer, after_ms: i64) -> Result<(), ApiError> {
    let next = Timer { due: timer.due.plus_millis(after_ms), ..timer.clone() };
    let failed = |fault: Fault| ApiError::new("InternalFailure", 500, fault.to_string());
    tx.schedule(&next).map(drop).map_err(failed)
}

fn at_once(tx: &mut Tx, timer: &Timer) -> Result<(), ApiError> {
    again(tx, timer, 0)
}

fn soon(tx: &mut Tx, timer: &Timer) -> Result<(), ApiError> {
    again(tx, timer, 1)
}

fn once(_: &mut Tx, _: &Timer) -> Result<(), ApiError> {
    Ok(())
}

async fn region(looks: u32) -> Region {
    let room = Service::new("bells", Vec::new())
        .timer(TimerHandler { kind: "bells/at-once", fire: at_once })
        .timer(TimerHandler { kind: "bells/soon", fire: soon })
        .timer(TimerHandler { kind: "bells/once", fire: once });
    Setup { settle_looks: looks, ..Setup::of(vec![room]) }.start().await
}

async fn schedule(region: &Region, kind: &str, after_ms: i64) {
    let timer = Timer {
        due: START.plus_millis(after_ms),
        scope: Scope::Partition,
        kind: kind.to_owned(),
        key: Bytes::new(),
        payload: Bytes::new(),
    };
    region.host().store.commit(move |tx| tx.schedule(&timer).map(drop)).await.unwrap();
}

#[tokio::test]
async fn a_timer_that_sets_itself_for_the_same_moment_is_named() {
    let region = region(100).await;
    schedule(&region, "bells/once", 10).await;
    schedule(&region, "bells/at-once", 20).await;
    region.inner().advance(Duration::from_millis(15)).await.unwrap();
    let busy = region.inner().advance(Duration::from_secs(1)).await.unwrap_err();
    assert!(busy.starts_with("the timer bells/at-once keeps firing"), "{busy}");
    // Time stands where the loop began.
    assert_eq!(region.host().clock.now(), START.plus_millis(20));
}

#[tokio::test]
async fn a_timer_that_sets_itself_anew_for_ever_is_named() {
    let region = region(300).await;
    schedule(&region, "bells/soon", 1).await;
    let busy = region.inner().advance(Duration::from_secs(86_400)).await.unwrap_err();
    assert!(busy.contains("the timer bells/soon keeps firing, 30"), "{busy}");
}
