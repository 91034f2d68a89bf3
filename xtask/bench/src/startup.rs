//! How long a region with a full data directory takes to `Ready.`: killed right after it was filled, with
//! whatever its journals then hold, and stopped cleanly; and to the first description of its table, whose
//! items it does not remember the number of.

use crate::admin::Admin;
use crate::options::Options;
use crate::report::Report;
use crate::rounds::{Folder, start_region};
use crate::sigv4::Credentials;
use std::time::Instant;

const BATCH: usize = 25;
const WRITERS: usize = 16;

/// Fills one table with `items` small items, then starts three times: to fill, killed, clean.
pub async fn measure(
    options: &Options,
    folder: &Folder,
    items: usize,
    report: &mut Report,
) -> Result<(), String> {
    let mut region = start_region(options, folder, "startup")?;
    let table = r#"{"TableName":"full","BillingMode":"PAY_PER_REQUEST","AttributeDefinitions":[{"AttributeName":"id","AttributeType":"S"}],"KeySchema":[{"AttributeName":"id","KeyType":"HASH"}]}"#;
    let mut admin = Admin::new(region.port, Credentials::root());
    admin.json("dynamodb", "DynamoDB_20120810.CreateTable", table).await?;
    admin
        .json_until("dynamodb", "DynamoDB_20120810.DescribeTable", r#"{"TableName":"full"}"#, "ACTIVE")
        .await?;
    let batches = items.div_ceil(BATCH);
    eprintln!("start-up: writing {} items", batches * BATCH);
    let fillers: Vec<_> =
        (0..WRITERS).map(|writer| tokio::task::spawn_local(fill(region.port, writer, batches))).collect();
    for filler in fillers {
        filler.await.map_err(|error| error.to_string())??;
    }
    region.kill();
    let mut region = start_region(options, folder, "startup")?;
    report.figure(
        &format!("start to Ready., {items} items, after kill -9, ms"),
        region.started_in.as_secs_f64() * 1e3,
    );
    region.terminate();
    let region = start_region(options, folder, "startup")?;
    report.figure(
        &format!("start to Ready., {items} items, stopped cleanly, ms"),
        region.started_in.as_secs_f64() * 1e3,
    );
    let mut admin = Admin::new(region.port, Credentials::root());
    let begun = Instant::now();
    admin.json("dynamodb", "DynamoDB_20120810.DescribeTable", r#"{"TableName":"full"}"#).await?;
    report.figure("first DescribeTable after a start, ms", begun.elapsed().as_secs_f64() * 1e3);
    let last = format!(r#"{{"TableName":"full","Key":{{"id":{{"S":"{}"}}}}}}"#, batches * BATCH - 1);
    admin.json_until("dynamodb", "DynamoDB_20120810.GetItem", &last, "\"Item\"").await
}

/// Writes every WRITERS-th batch, beginning with the `first`.
async fn fill(port: u16, first: usize, batches: usize) -> Result<(), String> {
    let mut admin = Admin::new(port, Credentials::root());
    for batch in (first..batches).step_by(WRITERS) {
        let puts: Vec<String> = (batch * BATCH..(batch + 1) * BATCH)
            .map(|id| {
                format!(
                    r#"{{"PutRequest":{{"Item":{{"id":{{"S":"{id}"}},"data":{{"S":"item number {id}"}}}}}}}}"#
                )
            })
            .collect();
        let body = format!(r#"{{"RequestItems":{{"full":[{}]}}}}"#, puts.join(","));
        admin.json("dynamodb", "DynamoDB_20120810.BatchWriteItem", &body).await?;
    }
    Ok(())
}
