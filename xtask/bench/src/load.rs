//! The closed loop: N connections, each sending its next request when the last was answered and found right.

use crate::http::Connection;
use crate::processes::cpu_seconds;
use crate::sigv4::{Credentials, Signer, Unsigned};
use crate::template::{Template, json_string};
use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, HashMap};
use std::rc::Rc;
use std::time::{Duration, Instant};

/// How long one request may take before it counts as an error.
const REQUEST_SECONDS: u64 = 30;
/// A worker that fails this often in a row gives up.
const ERRORS_IN_A_ROW: u32 = 20;

/// One request of an iteration, and what its answer must be.
pub struct Step {
    pub service: &'static str,
    pub method: &'static str,
    pub path: Template,
    pub query: &'static str,
    pub headers: Vec<(String, Template)>,
    pub body: Template,
    /// Text that a right answer contains.
    pub expect: Option<&'static str>,
    /// Repeats the request until its answer contains this.
    pub until: Option<Template>,
    /// Values for later steps: the name of the hole and the JSON key it is taken from.
    pub extract: Vec<(&'static str, &'static str)>,
    /// Tidies up after the iteration; not part of its latency.
    pub untimed: bool,
}

/// What one run of one case against one target gave.
#[derive(Debug, Clone, Default)]
pub struct Measured {
    pub per_second: f64,
    pub p50_us: f64,
    pub p99_us: f64,
    /// CPU of the server's whole process tree per iteration.
    pub cpu_us: f64,
    pub iterations: u64,
    pub errors: BTreeMap<String, u64>,
}

/// Where requests go, as whom, and how many at a time.
pub struct Drive<'a> {
    pub port: u16,
    pub pid: u32,
    pub credentials: &'a Credentials,
    pub connections: u32,
    pub seconds: f64,
    /// Floors answer every request alike: only the status is looked at, and one step is enough.
    pub is_floor: bool,
}

struct Shared {
    host: String,
    signer: RefCell<Signer>,
    seq: Cell<u64>,
    counts_from: Instant,
    end: Instant,
    latencies: RefCell<Vec<u32>>,
    errors: RefCell<BTreeMap<String, u64>>,
    is_floor: bool,
}

/// Warms up for a fifth of the time, then measures.
pub async fn drive(steps: &Rc<Vec<Step>>, target: &Drive<'_>, first_seq: u64) -> (Measured, u64) {
    let begun = Instant::now();
    let counts_from = begun + Duration::from_secs_f64(target.seconds / 5.0);
    let shared = Rc::new(Shared {
        host: format!("127.0.0.1:{}", target.port),
        signer: RefCell::new(Signer::new(target.credentials.clone())),
        seq: Cell::new(first_seq),
        counts_from,
        end: counts_from + Duration::from_secs_f64(target.seconds),
        latencies: RefCell::default(),
        errors: RefCell::default(),
        is_floor: target.is_floor,
    });
    let workers: Vec<_> = (0..target.connections)
        .map(|_| tokio::task::spawn_local(worker(shared.clone(), steps.clone(), target.port)))
        .collect();
    tokio::time::sleep_until(counts_from.into()).await;
    let cpu_before = cpu_seconds(target.pid);
    for worker in workers {
        if worker.await.is_err() {
            *shared.errors.borrow_mut().entry("a worker panicked".into()).or_default() += 1;
        }
    }
    let cpu = cpu_seconds(target.pid) - cpu_before;
    let elapsed = counts_from.elapsed().as_secs_f64();
    let mut latencies = shared.latencies.take();
    latencies.sort_unstable();
    let at = |share: f64| {
        latencies.get((latencies.len() as f64 * share) as usize).map_or(f64::NAN, |us| f64::from(*us))
    };
    let measured = Measured {
        per_second: latencies.len() as f64 / elapsed,
        p50_us: at(0.5),
        p99_us: at(0.99),
        cpu_us: cpu / latencies.len() as f64 * 1e6,
        iterations: latencies.len() as u64,
        errors: shared.errors.take(),
    };
    (measured, shared.seq.get())
}

async fn worker(shared: Rc<Shared>, steps: Rc<Vec<Step>>, port: u16) {
    let mut connection = Connection::new(port);
    let mut failed_in_a_row = 0;
    while Instant::now() < shared.end && failed_in_a_row < ERRORS_IN_A_ROW {
        let seq = shared.seq.get();
        shared.seq.set(seq + 1);
        let begun = Instant::now();
        match iteration(&shared, &steps, &mut connection, seq).await {
            Ok(ended) => {
                failed_in_a_row = 0;
                if begun >= shared.counts_from {
                    let us = (ended - begun).as_micros().min(u128::from(u32::MAX)) as u32;
                    shared.latencies.borrow_mut().push(us);
                }
            }
            Err(error) => {
                failed_in_a_row += 1;
                connection = Connection::new(port);
                *shared.errors.borrow_mut().entry(error).or_default() += 1;
            }
        }
    }
}

/// Walks the steps once; the moment the last timed one was answered.
async fn iteration(
    shared: &Shared,
    steps: &[Step],
    connection: &mut Connection,
    seq: u64,
) -> Result<Instant, String> {
    let mut values = HashMap::new();
    let mut ended = Instant::now();
    if shared.is_floor {
        request(shared, &steps[0], connection, seq, &values).await?;
        return Ok(Instant::now());
    }
    for step in steps {
        let body = answered(shared, step, connection, seq, &values).await?;
        if !step.untimed {
            ended = Instant::now();
        }
        for (name, key) in &step.extract {
            let value = json_string(&body, key).ok_or_else(|| format!("no {key}: {}", shown(&body)))?;
            values.insert((*name).to_owned(), value);
        }
    }
    Ok(ended)
}

/// Repeats a step until its awaited answer, which must be right.
async fn answered(
    shared: &Shared,
    step: &Step,
    connection: &mut Connection,
    seq: u64,
    values: &HashMap<String, String>,
) -> Result<Vec<u8>, String> {
    let until = step.until.as_ref().map(|until| until.fill(seq, values));
    let give_up = shared.end + Duration::from_secs(REQUEST_SECONDS);
    while Instant::now() < give_up {
        let body = request(shared, step, connection, seq, values).await?;
        if until.as_ref().is_some_and(|until| !contains(&body, until.as_bytes())) {
            continue;
        }
        return match step.expect {
            Some(expected) if !contains(&body, expected.as_bytes()) => {
                Err(format!("no {expected} in the answer: {}", shown(&body)))
            }
            _ => Ok(body),
        };
    }
    Err("the awaited answer never came".into())
}

async fn request(
    shared: &Shared,
    step: &Step,
    connection: &mut Connection,
    seq: u64,
    values: &HashMap<String, String>,
) -> Result<Vec<u8>, String> {
    let path = step.path.fill(seq, values);
    let body = step.body.fill(seq, values);
    let headers: Vec<(String, String)> =
        step.headers.iter().map(|(name, value)| (name.clone(), value.fill(seq, values))).collect();
    let unsigned = Unsigned {
        service: step.service,
        method: step.method,
        path: &path,
        query: step.query,
        headers: &headers,
        body: body.as_bytes(),
    };
    let signed = shared.signer.borrow_mut().sign(&shared.host, &unsigned);
    let bytes = assemble(&unsigned, &signed);
    let limit = Duration::from_secs(REQUEST_SECONDS);
    let answer = tokio::time::timeout(limit, connection.send(&bytes, step.method == "HEAD")).await;
    let answer = answer.map_err(|_| "no answer in time".to_owned())?.map_err(|error| error.to_string())?;
    match answer.status {
        200..300 => Ok(answer.body),
        status => Err(format!("status {status}: {}", shown(&answer.body))),
    }
}

/// The request as it goes over the wire.
pub fn assemble(request: &Unsigned<'_>, headers: &[(String, String)]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(1024 + request.body.len());
    let mark = if request.query.is_empty() { "" } else { "?" };
    bytes.extend_from_slice(
        format!("{} {}{mark}{} HTTP/1.1\r\n", request.method, request.path, request.query).as_bytes(),
    );
    for (name, value) in headers {
        bytes.extend_from_slice(name.as_bytes());
        bytes.extend_from_slice(b": ");
        bytes.extend_from_slice(value.as_bytes());
        bytes.extend_from_slice(b"\r\n");
    }
    bytes.extend_from_slice(format!("content-length: {}\r\n\r\n", request.body.len()).as_bytes());
    bytes.extend_from_slice(request.body);
    bytes
}

fn contains(text: &[u8], part: &[u8]) -> bool {
    text.windows(part.len()).any(|window| window == part)
}

/// The beginning of an answer, for a message.
pub fn shown(body: &[u8]) -> String {
    String::from_utf8_lossy(&body[..body.len().min(200)]).into_owned()
}
