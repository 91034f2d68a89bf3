//! Takes apart what was given up: parts of uploads, uploads of buckets, a bounded number of rows at a time. And forgets
//! uploads that were completed long ago.

use crate::errors::S3Error;
use crate::state::uploads;
use service::{Ctx, Worker};

/// Longest time that given-up parts keep their disk, in milliseconds.
const PERIOD_MS: i64 = 10_000;
/// How often the completed ones are looked through, in milliseconds.
const LOOK_MS: i64 = 600_000;

/// The worker that frees what uploads and buckets leave behind.
pub fn remains() -> Worker {
    Worker::every("s3/remains", PERIOD_MS, take_apart)
}

/// The worker that forgets completed uploads.
pub fn completed() -> Worker {
    Worker::every("s3/completed-uploads", LOOK_MS, forget)
}

/// One round: everything that is doomed when it begins, and what of it comes up on the way.
async fn take_apart(ctx: Ctx) -> Result<(), S3Error> {
    loop {
        let doomed = uploads::doomed(&ctx.read())?;
        if doomed.is_empty() {
            return Ok(());
        }
        for (incarnation, record) in doomed {
            let mut more = true;
            while more {
                let record = record.clone();
                more = ctx.commit(move |tx| uploads::take_apart(tx, incarnation, &record)).await?;
            }
        }
    }
}

/// One round: all that are old.
async fn forget(ctx: Ctx) -> Result<(), S3Error> {
    let (now, mut above) = (ctx.now(), Some(0));
    while let Some(place) = above {
        above = ctx.commit(move |tx| uploads::forget_completed(tx, place, now)).await?;
    }
    Ok(())
}
