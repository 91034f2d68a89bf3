//! What large buckets and objects cost: listing a page among many keys beside one among few, files and bytes on the
//! disk for small objects, and the memory that a multipart upload of parallel parts takes.

use crate::admin::Admin;
use crate::options::Options;
use crate::processes::{Server, resident_mb};
use crate::report::Report;
use crate::rounds::{Folder, start_region};
use crate::sigv4::Credentials;
use crate::template::xml_text;
use std::path::Path;
use std::time::Instant;

const WRITERS: usize = 16;
const FEW: usize = 10_000;
const BUCKETS: [&str; 2] = ["many", "few"];
const OBJECT: [u8; 1024] = [b'x'; 1024];
/// How many pages are listed of each bucket.
const PAGES: usize = 200;
/// Bytes of a part, and how many are on their way at once.
const PART: usize = 64 * 1024 * 1024;
const PARALLEL: usize = 8;

/// Fills one bucket with `objects` objects of a kilobyte and one with ten thousand, and lists both; then uploads
/// one object in parts of 64 MB.
pub async fn measure(
    options: &Options,
    folder: &Folder,
    (objects, gigabytes): (usize, usize),
    report: &mut Report,
) -> Result<(), String> {
    let region = start_region(options, folder, "buckets")?;
    let begun = Instant::now();
    for (bucket, objects) in BUCKETS.into_iter().zip([objects, FEW]) {
        fill(region.port, bucket, objects).await?;
    }
    let data = folder.0.join("buckets");
    report.figure(&format!("filling {objects} objects, s"), begun.elapsed().as_secs_f64());
    report.figure("memory with them, MB", resident_mb(region.pid()).unwrap_or(f64::NAN));
    let (files, bytes) = on_disk(&data);
    report.figure("files on the disk", files as f64);
    report.figure("bytes on the disk, MB", bytes as f64 / 1e6);
    list(&region, objects, report).await?;
    if gigabytes > 0 {
        upload(&region, gigabytes, report).await?;
    }
    Ok(())
}

fn key(number: usize) -> String {
    format!("key-{number:08}")
}

async fn fill(port: u16, bucket: &'static str, objects: usize) -> Result<(), String> {
    Admin::new(port, Credentials::root()).rest("s3", "PUT", &format!("/{bucket}"), "", b"").await?;
    eprintln!("buckets: writing {objects} objects");
    let fillers: Vec<_> = (0..WRITERS)
        .map(|first| {
            tokio::task::spawn_local(async move {
                let mut admin = Admin::new(port, Credentials::root());
                for number in (first..objects).step_by(WRITERS) {
                    admin.rest("s3", "PUT", &format!("/{bucket}/{}", key(number)), "", &OBJECT).await?;
                }
                Ok::<_, String>(())
            })
        })
        .collect();
    for filler in fillers {
        filler.await.map_err(|error| error.to_string())??;
    }
    Ok(())
}

/// Lists pages of a thousand keys from changing places of both buckets in turn.
async fn list(region: &Server, objects: usize, report: &mut Report) -> Result<(), String> {
    let mut admin = Admin::new(region.port, Credentials::root());
    let mut took: [Vec<f64>; 2] = Default::default();
    for page in 0..PAGES {
        for (place, objects) in [objects, FEW].into_iter().enumerate() {
            let after = key(page * 7_919_777 % (objects - 1000));
            let query = format!("list-type=2&start-after={after}");
            let begun = Instant::now();
            let body = admin.rest("s3", "GET", &format!("/{}", BUCKETS[place]), &query, b"").await?;
            took[place].push(begun.elapsed().as_secs_f64() * 1e6);
            let body = String::from_utf8_lossy(&body);
            if xml_text(&body, "KeyCount") != Some("1000") {
                return Err(format!("a page of {} is not full", BUCKETS[place]));
            }
        }
    }
    for (name, times) in BUCKETS.iter().zip(&mut took) {
        times.sort_by(f64::total_cmp);
        report.figure(&format!("ListObjectsV2 of 1000 p50, bucket {name}, us"), times[times.len() / 2]);
    }
    Ok(())
}

/// Uploads an object in parallel parts; tells how much memory the region took at most beside what it had.
async fn upload(region: &Server, gigabytes: usize, report: &mut Report) -> Result<(), String> {
    let mut admin = Admin::new(region.port, Credentials::root());
    let answer = admin.rest("s3", "POST", "/few/large", "uploads=", b"").await?;
    let answer = String::from_utf8_lossy(&answer).into_owned();
    let id = xml_text(&answer, "UploadId").ok_or("CreateMultipartUpload answered no id")?.to_owned();
    let parts = gigabytes * 1024 * 1024 * 1024 / PART;
    let (before, begun) = (resident_mb(region.pid()).unwrap_or(f64::NAN), Instant::now());
    let uploads: Vec<_> = (0..PARALLEL)
        .map(|first| {
            let (id, port) = (id.clone(), region.port);
            tokio::task::spawn_local(async move {
                let (mut admin, part) = (Admin::new(port, Credentials::root()), vec![b'x'; PART]);
                for number in (first..parts).step_by(PARALLEL) {
                    let query = format!("partNumber={}&uploadId={id}", number + 1);
                    admin.rest("s3", "PUT", "/few/large", &query, &part).await?;
                }
                Ok::<_, String>(())
            })
        })
        .collect();
    let mut most = before;
    for upload in uploads {
        while !upload.is_finished() {
            most = most.max(resident_mb(region.pid()).unwrap_or(0.0));
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
        upload.await.map_err(|error| error.to_string())??;
    }
    report.figure(&format!("multipart upload of {gigabytes} GB, s"), begun.elapsed().as_secs_f64());
    report.figure("memory that it took, MB", most - before);
    // The connection from before was idle for too long.
    let mut admin = Admin::new(region.port, Credentials::root());
    admin.rest("s3", "DELETE", "/few/large", &format!("uploadId={id}"), b"").await.map(drop)
}

/// How many files a folder holds, and how many bytes.
fn on_disk(folder: &Path) -> (u64, u64) {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    entries.fold((0, 0), |(files, bytes), entry| match entry.metadata() {
        Ok(meta) if meta.is_dir() => {
            let (more, larger) = on_disk(&entry.path());
            (files + more, bytes + larger)
        }
        Ok(meta) => (files + 1, bytes + meta.len()),
        Err(_) => (files, bytes),
    })
}
