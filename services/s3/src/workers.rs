//! Takes apart what was given up: parts of uploads, uploads of buckets, a bounded number of rows at a time.

use crate::errors::S3Error;
use crate::state::uploads;
use service::{Ctx, Worker};

/// Longest time that given-up parts keep their disk, in milliseconds.
const PERIOD_MS: i64 = 10_000;

/// The worker that frees what uploads and buckets leave behind.
pub fn remains() -> Worker {
    Worker::every("s3/remains", PERIOD_MS, take_apart)
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
