//! The room in a region without processes: environments are tasks of the test that speak the Runtime API.

mod capacity;
mod durable;
mod events;
mod functions;
mod invocations;
mod layers;
mod mappings;
mod runtime;
mod settings;
mod signing;
mod streams;
mod urls;

use bytes::Bytes;
use model_lambda::operations::{CreateFunction, Invoke};
use model_lambda::{CreateFunctionInput, FunctionCode, FunctionConfiguration, InvokeInput, InvokeOutput};
use service::{Fidelity, Service};
use std::sync::Arc;
use testkit::{Region, Setup};

/// A package with one file.
pub fn package(content: &str) -> Bytes {
    let crc = crc32fast::hash(content.as_bytes()).to_le_bytes();
    let size = (content.len() as u32).to_le_bytes();
    let name = b"bootstrap";
    let common: Vec<u8> = [
        &[20, 0, 0, 0, 0, 0, 0, 0, 0, 0][..],
        &crc,
        &size,
        &size,
        &(name.len() as u16).to_le_bytes(),
        &[0, 0],
    ]
    .concat();
    let local = [b"PK\x03\x04".as_slice(), &common, name, content.as_bytes()].concat();
    let mode = (0o100_755_u32 << 16).to_le_bytes();
    let central =
        [b"PK\x01\x02\x14\x03".as_slice(), &common, &[0; 6], &mode, &0_u32.to_le_bytes(), name].concat();
    let (at, length) = ((local.len() as u32).to_le_bytes(), (central.len() as u32).to_le_bytes());
    let end = [b"PK\x05\x06\0\0\0\0\x01\0\x01\0".as_slice(), &length, &at, &[0, 0]].concat();
    Bytes::from([local, central, end].concat())
}

/// What a function is made of, to be changed.
pub fn function(name: &str) -> CreateFunctionInput {
    CreateFunctionInput {
        function_name: name.to_owned(),
        runtime: Some("provided.al2023".to_owned()),
        role: "arn:aws:iam::000000000000:role/r".to_owned(),
        handler: Some("handler".to_owned()),
        code: FunctionCode { zip_file: Some(package("one")), ..Default::default() },
        ..Default::default()
    }
}

/// A region whose functions are run by the test.
pub struct Lambda {
    /// The region.
    pub region: Region,
    /// What runs its functions.
    pub runner: Arc<runtime::TaskRunner>,
    _folder: tempfile::TempDir,
}

impl Lambda {
    /// A region with the room and others.
    pub async fn with(others: Vec<Service>) -> Self {
        Self::pacing(others, Fidelity::Fast).await
    }

    /// The same with delays of this kind.
    pub async fn pacing(others: Vec<Service>, fidelity: Fidelity) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let runner = Arc::new(runtime::TaskRunner::default());
        let mut setup = Setup::of([vec![lambda::service()], others].concat_services());
        setup.runner = Some(runner.clone());
        setup.fidelity = fidelity;
        setup.data_dir = folder.path().to_owned();
        Lambda { region: setup.start().await, runner, _folder: folder }
    }

    /// A region with the room.
    pub async fn new() -> Self {
        Self::with(Vec::new()).await
    }

    /// Makes a function.
    pub async fn create(&self, input: CreateFunctionInput) -> FunctionConfiguration {
        self.region.call::<CreateFunction>(input).await.unwrap()
    }

    /// Invokes a function with a payload.
    pub async fn invoke(&self, name: &str, payload: &str) -> InvokeOutput {
        let input = InvokeInput {
            function_name: name.to_owned(),
            payload: Some(Bytes::copy_from_slice(payload.as_bytes())),
            ..Default::default()
        };
        self.region.call::<Invoke>(input).await.unwrap()
    }
}

/// Joins lists of services, which cannot be cloned.
trait Concat {
    /// All of them.
    fn concat_services(self) -> Vec<Service>;
}

impl Concat for [Vec<Service>; 2] {
    fn concat_services(self) -> Vec<Service> {
        self.into_iter().flatten().collect()
    }
}

/// The text of an answer.
pub fn text(answer: &InvokeOutput) -> String {
    String::from_utf8(answer.payload.clone().unwrap_or_default().to_vec()).unwrap()
}
