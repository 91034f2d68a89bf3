//! One run: starts the region and the floors, sets up, measures every case against each of them in
//! rotating order, and reports. Interleaving lets a busy machine slow all of them alike.

use crate::admin::{Admin, role_session};
use crate::buckets;
use crate::cases::{CASES, Case, Floor, set_up};
use crate::large;
use crate::load::{Drive, Measured, Step, drive};
use crate::options::Options;
use crate::processes::{Server, free_port, resident_mb};
use crate::report::{Report, Row};
use crate::sigv4::Credentials;
use crate::startup;
use std::path::PathBuf;
use std::rc::Rc;
use std::time::{Duration, Instant};

/// Runs the wanted cases.
pub async fn run(options: Options) -> Result<(), String> {
    let folder = Folder::new(&options)?;
    let floors = [start_floor(&options, &folder, Floor::Echo)?, start_floor(&options, &folder, Floor::Log)?];
    let mut region = start_region(&options, &folder, "region")?;
    let mut report = Report::new(sync_us(&folder)?, file_mb(&options)?);
    report.figure("start to Ready., empty data directory, ms", region.started_in.as_secs_f64() * 1e3);
    tokio::time::sleep(Duration::from_secs(1)).await;
    report.figure("idle memory, MB", resident_mb(region.pid()).unwrap_or(f64::NAN));

    let mut admin = Admin::new(region.port, Credentials::root());
    let session = role_session(&mut admin, region.port).await?;
    let wanted: Vec<&'static Case> = CASES.iter().filter(|case| options.wants(case.name)).collect();
    let made = set_up(&mut admin, &wanted).await;
    let mut seq = 0;
    for case in wanted {
        match case.steps(&made) {
            Err(why) => report.unmeasured(case, &why),
            Ok(steps) => {
                let servers = Servers { region: &region, echo: &floors[0], log: &floors[1] };
                let row = measure(&options, case, &Rc::new(steps), &servers, &session, &mut seq).await;
                report.row(case, row);
            }
        }
    }
    // A region that is trained writes what it counted when it ends.
    region.terminate();
    if let Some(items) = options.startup_items {
        startup::measure(&options, &folder, items, &mut report).await?;
    }
    if let Some(objects) = options.objects {
        buckets::measure(&options, &folder, (objects, options.upload_gb), &mut report).await?;
    }
    if let Some(megabytes) = options.large_mb {
        large::measure(&options, &folder, megabytes, &mut report).await?;
    }
    if let Some(path) = &options.json {
        std::fs::write(path, report.json()).map_err(|error| format!("{}: {error}", path.display()))?;
    }
    println!("{report}");
    Ok(())
}

/// What is measured side by side.
struct Servers<'a> {
    region: &'a Server,
    echo: &'a Server,
    log: &'a Server,
}

async fn measure(
    options: &Options,
    case: &Case,
    steps: &Rc<Vec<Step>>,
    servers: &Servers<'_>,
    session: &Credentials,
    seq: &mut u64,
) -> Row {
    let mut row = Row::default();
    // Floors know one secret: the root's. What is signed and how much is the same.
    let root = Credentials { token: session.token.clone(), ..Credentials::root() };
    let floor = if case.floor == Floor::Log { servers.log } else { servers.echo };
    let mut targets = vec![("region", servers.region), ("floor", floor)];
    if case.wants_echo() {
        targets.push(("echo", servers.echo));
    }
    for _ in 0..options.rounds {
        for (name, server) in &targets {
            let is_floor = *name != "region";
            let target = Drive {
                port: server.port,
                pid: server.pid(),
                credentials: if is_floor { &root } else { session },
                connections: case.connections,
                seconds: options.seconds,
                is_floor,
            };
            let (measured, next) = drive(steps, &target, *seq).await;
            *seq = next;
            eprintln!("{:20} {name:6} {}", case.name, one_line(&measured));
            match *name {
                "region" => row.region.push(measured),
                "floor" => row.floor.push(measured),
                _ => row.echo.push(measured),
            }
        }
        targets.rotate_left(1);
    }
    row
}

fn one_line(measured: &Measured) -> String {
    let errors: u64 = measured.errors.values().sum();
    let first = measured.errors.keys().next().map_or("", String::as_str);
    format!(
        "{:9.0}/s  p50 {:7.0} us  p99 {:7.0} us  cpu {:6.1} us  errors {errors} {first}",
        measured.per_second, measured.p50_us, measured.p99_us, measured.cpu_us
    )
}

/// Starts the region in `enforce` on a data directory under the run's folder.
pub fn start_region(options: &Options, folder: &Folder, name: &str) -> Result<Server, String> {
    let port = free_port()?;
    let data = folder.0.join(name).display().to_string();
    let args =
        ["start", "--port", &port.to_string(), "--data-dir", &data, "--iam", "enforce"].map(String::from);
    Server::start(&options.bin, &args, port, options.server_cpu, &folder.0.join("region.log"))
}

fn start_floor(options: &Options, folder: &Folder, floor: Floor) -> Result<Server, String> {
    let port = free_port()?;
    let program = std::env::current_exe().map_err(|error| error.to_string())?;
    let verb = if floor == Floor::Log { "log" } else { "echo" };
    let file = folder.0.join("floor.bin").display().to_string();
    let args = [verb, "--port", &port.to_string(), "--file", &file].map(String::from);
    Server::start(&program, &args, port, options.server_cpu, &folder.0.join("floor.log"))
}

/// The files of a run; removed with it.
pub struct Folder(pub PathBuf);

impl Folder {
    fn new(options: &Options) -> Result<Self, String> {
        let path = options.data_dir.join(format!("elysium-bench-{}", std::process::id()));
        std::fs::create_dir_all(&path).map_err(|error| format!("{}: {error}", path.display()))?;
        Ok(Folder(path))
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        std::fs::remove_dir_all(&self.0).ok();
    }
}

/// The median of appending 1 KB and syncing it, on the disk that is measured.
fn sync_us(folder: &Folder) -> Result<f64, String> {
    use std::io::Write;
    let path = folder.0.join("sync.bin");
    let mut file = std::fs::File::create(&path).map_err(|error| error.to_string())?;
    let mut took = Vec::new();
    for _ in 0..200 {
        let begun = Instant::now();
        file.write_all(&[b'x'; 1024]).and_then(|()| file.sync_data()).map_err(|error| error.to_string())?;
        took.push(begun.elapsed().as_secs_f64() * 1e6);
    }
    took.sort_by(f64::total_cmp);
    Ok(took[took.len() / 2])
}

fn file_mb(options: &Options) -> Result<f64, String> {
    let size =
        std::fs::metadata(&options.bin).map_err(|error| format!("{}: {error}", options.bin.display()))?.len();
    Ok(size as f64 / 1e6)
}
