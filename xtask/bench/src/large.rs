//! What a large object costs: put and got as a whole, beside a bare server that does the same with a file.
//!
//! The content is signed as SDKs do over TLS: unsigned itself, with a CRC-32 that the region checks.

use crate::admin::Admin;
use crate::http::Connection;
use crate::load::assemble;
use crate::options::Options;
use crate::processes::{Server, free_port};
use crate::report::Report;
use crate::rounds::{Folder, start_region};
use crate::sigv4::{Credentials, PAYLOAD, Signer, Unsigned};
use std::time::Instant;

const PATH: &str = "/large/object";

/// Puts and gets an object of so many megabytes on both, in turn; tells medians and the ratio of the rates.
pub async fn measure(
    options: &Options,
    folder: &Folder,
    megabytes: usize,
    report: &mut Report,
) -> Result<(), String> {
    let mut region = start_region(options, folder, "large")?;
    let files = start_files(options, folder)?;
    Admin::new(region.port, Credentials::root()).rest("s3", "PUT", "/large", "", b"").await?;
    let body: Vec<u8> = (0..megabytes << 20).map(|at| (at * 31 % 251) as u8).collect();
    for method in ["PUT", "GET"] {
        let mut took: [Vec<f64>; 2] = Default::default();
        for _ in 0..options.rounds * 3 {
            for (server, took) in [&region, &files].into_iter().zip(&mut took) {
                took.push(transfer(server.port, method, &body).await?);
            }
        }
        let [ours, bare] = took.map(median);
        let what = format!("{method} of {megabytes} MB");
        report.figure(&format!("{what}, ms"), ours);
        report.figure(&format!("{what} to or from a bare file, ms"), bare);
        report.figure(&format!("{what}, % of the file's rate"), 100.0 * bare / ours);
    }
    region.terminate();
    Ok(())
}

fn start_files(options: &Options, folder: &Folder) -> Result<Server, String> {
    let port = free_port()?;
    let program = std::env::current_exe().map_err(|error| error.to_string())?;
    let file = folder.0.join("large.bin").display().to_string();
    let args = ["files", "--port", &port.to_string(), "--file", &file].map(String::from);
    Server::start(&program, &args, port, options.server_cpu, &folder.0.join("floor.log"))
}

/// One request, from its first byte to the last of its answer, in milliseconds.
async fn transfer(port: u16, method: &'static str, body: &[u8]) -> Result<f64, String> {
    let (sent, expected) = if method == "PUT" { (body, 0) } else { (&[][..], body.len()) };
    let mut headers = vec![(PAYLOAD.to_owned(), "UNSIGNED-PAYLOAD".to_owned())];
    if method == "PUT" {
        let sum = crate::cases::base64(&crc32fast::hash(body).to_be_bytes());
        headers.push(("x-amz-checksum-crc32".to_owned(), sum));
    }
    let unsigned = Unsigned { service: "s3", method, path: PATH, query: "", headers: &headers, body: sent };
    let signed = Signer::new(Credentials::root()).sign(&format!("127.0.0.1:{port}"), &unsigned);
    let request = assemble(&unsigned, &signed);
    let mut connection = Connection::new(port);
    let begun = Instant::now();
    let (status, got) = connection.exchange(&request).await.map_err(|error| format!("{method}: {error}"))?;
    let took = begun.elapsed().as_secs_f64() * 1e3;
    match (status, got == expected as u64) {
        (200, true) => Ok(took),
        _ => Err(format!("{method} of a large object: status {status}, {got} bytes")),
    }
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}
