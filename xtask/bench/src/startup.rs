//! What a large table costs: memory and time to fill it, to `Ready.` and to the first answer after `kill -9` and
//! after a clean stop, and reads of it beside reads of a table of ten thousand items.

use crate::admin::Admin;
use crate::options::Options;
use crate::processes::{Server, resident_mb};
use crate::report::Report;
use crate::rounds::{Folder, start_region};
use crate::sigv4::Credentials;
use std::time::Instant;

const BATCH: usize = 25;
const WRITERS: usize = 16;
/// The table that a large one is held against.
const FEW: usize = 10_000;
/// How many reads of each kind, of each table.
const READS: usize = 10_000;
const TABLES: [&str; 2] = ["full", "few"];

/// Fills one table with `items` items of 200 bytes and one with ten thousand, then starts three times: to fill,
/// killed, clean.
pub async fn measure(
    options: &Options,
    folder: &Folder,
    items: usize,
    report: &mut Report,
) -> Result<(), String> {
    let mut region = start_region(options, folder, "startup")?;
    let begun = Instant::now();
    for (table, items) in TABLES.into_iter().zip([items, FEW]) {
        make_full(region.port, table, items).await?;
    }
    report.figure(&format!("filling {items} items, s"), begun.elapsed().as_secs_f64());
    report.figure("memory when filled, MB", resident_mb(region.pid()).unwrap_or(f64::NAN));
    region.kill();
    for how in ["after kill -9", "stopped cleanly"] {
        region = start_region(options, folder, "startup")?;
        let ready = region.started_in.as_secs_f64() * 1e3;
        report.figure(&format!("start to Ready., {items} items, {how}, ms"), ready);
        let begun = Instant::now();
        read(&mut Admin::new(region.port, Credentials::root()), "full", items - 1).await?;
        report.figure(&format!("first GetItem, {how}, ms"), begun.elapsed().as_secs_f64() * 1e3);
        if how == "after kill -9" {
            region.terminate();
        }
    }
    let mut admin = Admin::new(region.port, Credentials::root());
    let begun = Instant::now();
    admin.json("dynamodb", "DynamoDB_20120810.DescribeTable", r#"{"TableName":"full"}"#).await?;
    report.figure("first DescribeTable after a start, ms", begun.elapsed().as_secs_f64() * 1e3);
    compare_reads(&region, items, report).await
}

/// Reads both tables in turn, one request at a time.
async fn compare_reads(region: &Server, items: usize, report: &mut Report) -> Result<(), String> {
    let mut admin = Admin::new(region.port, Credentials::root());
    let mut took: [[Vec<f64>; 2]; 2] = Default::default();
    // A step that has no factor in common with the number of items meets all of them in an order of its own.
    for number in (0..READS).map(|number| number * 7_919_777) {
        for (table, size) in [items, FEW].into_iter().enumerate() {
            let begun = Instant::now();
            read(&mut admin, TABLES[table], number % size).await?;
            took[table][0].push(begun.elapsed().as_secs_f64() * 1e6);
        }
    }
    for _ in 0..READS / 10 {
        for table in 0..TABLES.len() {
            let page = format!(r#"{{"TableName":"{}","Limit":10}}"#, TABLES[table]);
            let begun = Instant::now();
            admin.json("dynamodb", "DynamoDB_20120810.Scan", &page).await?;
            took[table][1].push(begun.elapsed().as_secs_f64() * 1e6);
        }
    }
    for (table, name) in TABLES.iter().enumerate() {
        for (kind, what) in ["GetItem", "Scan of 10"].iter().enumerate() {
            let times = &mut took[table][kind];
            times.sort_by(f64::total_cmp);
            report.figure(&format!("{what} p50, table {name}, us"), times[times.len() / 2]);
        }
    }
    report.figure("memory after the reads, MB", resident_mb(region.pid()).unwrap_or(f64::NAN));
    Ok(())
}

async fn read(admin: &mut Admin, table: &str, id: usize) -> Result<(), String> {
    let key = format!(r#"{{"TableName":"{table}","Key":{{"id":{{"S":"{id}"}}}}}}"#);
    let answer = admin.json("dynamodb", "DynamoDB_20120810.GetItem", &key).await?;
    let found = String::from_utf8_lossy(&answer).contains("\"Item\"");
    if found { Ok(()) } else { Err(format!("the item {id} of {table} is not there")) }
}

async fn make_full(port: u16, table: &str, items: usize) -> Result<(), String> {
    let definition = format!(
        r#"{{"TableName":"{table}","BillingMode":"PAY_PER_REQUEST","AttributeDefinitions":[{{"AttributeName":"id","AttributeType":"S"}}],"KeySchema":[{{"AttributeName":"id","KeyType":"HASH"}}]}}"#
    );
    let mut admin = Admin::new(port, Credentials::root());
    admin.json("dynamodb", "DynamoDB_20120810.CreateTable", &definition).await?;
    let named = format!(r#"{{"TableName":"{table}"}}"#);
    admin.json_until("dynamodb", "DynamoDB_20120810.DescribeTable", &named, "ACTIVE").await?;
    eprintln!("start-up: writing {items} items");
    let fillers: Vec<_> = (0..WRITERS)
        .map(|writer| tokio::task::spawn_local(fill(port, table.to_owned(), writer, items)))
        .collect();
    for filler in fillers {
        filler.await.map_err(|error| error.to_string())??;
    }
    Ok(())
}

/// Writes every WRITERS-th batch, beginning with the `first`.
async fn fill(port: u16, table: String, first: usize, items: usize) -> Result<(), String> {
    let mut admin = Admin::new(port, Credentials::root());
    for batch in (first..items.div_ceil(BATCH)).step_by(WRITERS) {
        let puts: Vec<String> = (batch * BATCH..((batch + 1) * BATCH).min(items))
            .map(|id| {
                let data = format!("{id:x>180}");
                format!(r#"{{"PutRequest":{{"Item":{{"id":{{"S":"{id}"}},"data":{{"S":"{data}"}}}}}}}}"#)
            })
            .collect();
        let body = format!(r#"{{"RequestItems":{{"{table}":[{}]}}}}"#, puts.join(","));
        admin.json("dynamodb", "DynamoDB_20120810.BatchWriteItem", &body).await?;
    }
    Ok(())
}
