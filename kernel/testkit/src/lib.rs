//! An in-process region for tests: memory engine, a virtual clock that stands still, ids that repeat.
//!
//! ```ignore
//! let region = Region::of(vec![sqs::service()]).await;
//! let queue = region.call::<CreateQueue>(CreateQueueInput { … }).await.unwrap();
//! region.advance(Duration::from_secs(30)).await;
//! let refused = region.refused::<SendMessage>(SendMessageInput { … }).await;
//! assert_eq!(refused.code, "QueueDoesNotExist");
//! ```

/// Re-exported for tests, which see no crate above the room contract but this one.
pub use gateway::IamMode;
pub use wire::ReplyBody;

use bytes::Bytes;
use gateway::{EdgeConfig, Incoming, Outgoing, Profile};
use names::{AccountId, Region as RegionName, Timestamp};
use ports::runner::Runner;
use ports::{CallRequest, Caller, Principal};
use schema::{ApiError, OperationModel};
use service::{Clock, Entropy, Fidelity, Host, Service, Settings};
use std::sync::Arc;
use std::time::Duration;
use store::{MemoryEngine, Options, Store};

/// The moment at which every test begins: 2026-01-01T00:00:00Z.
pub const START: Timestamp = Timestamp(1_767_225_600_000);

/// How a region for a test is made.
pub struct Setup {
    /// The rooms.
    pub services: Vec<Service>,
    /// How permissions are treated; `off` unless a test is about them.
    pub iam: IamMode,
    /// Whether transitions take AWS's time.
    pub fidelity: Fidelity,
    /// The store; in memory unless a test brings its own.
    pub store: Option<Store>,
    /// What starts processes.
    pub runner: Option<Arc<dyn Runner>>,
    /// Looks of an advance until it says what does not come to rest.
    pub settle_looks: u32,
    /// Where files that are no state go.
    pub data_dir: std::path::PathBuf,
}

impl Setup {
    /// Rooms with permissions off and fast transitions.
    pub fn of(services: Vec<Service>) -> Self {
        Setup {
            services,
            iam: IamMode::Off,
            fidelity: Fidelity::Fast,
            store: None,
            runner: None,
            settle_looks: gateway::SETTLE_LOOKS,
            data_dir: std::env::temp_dir(),
        }
    }

    /// Starts the region.
    ///
    /// # Panics
    /// If it cannot be put together: the test has failed.
    #[expect(clippy::expect_used, reason = "a test that cannot begin has failed")]
    pub async fn start(self) -> Region {
        let store = self.store.unwrap_or_else(|| {
            Store::open(Box::new(MemoryEngine::new()), Options::in_memory()).expect("a store in memory opens")
        });
        let settings = Settings {
            fidelity: self.fidelity,
            endpoint: "http://localhost:4566".to_owned(),
            data_dir: self.data_dir,
            compute_share: 2,
            enforces: self.iam == IamMode::Enforce,
        };
        let edge = EdgeConfig {
            iam: self.iam,
            profile: Profile::Ci,
            allowed_hosts: Vec::new(),
            allowed_origins: Vec::new(),
            settle_looks: self.settle_looks,
            version: "test",
            init: Arc::default(),
            loads: None,
        };
        let time = (Clock::frozen_at(START), Entropy::seeded(1));
        let region = gateway::Region::assemble(self.services, store, time, settings, edge, self.runner).await;
        Region { region: region.expect("the region is put together"), name: RegionName::default() }
    }
}

/// A region in this process.
pub struct Region {
    region: gateway::Region,
    name: RegionName,
}

impl Region {
    /// A region of rooms, with permissions off.
    pub async fn of(services: Vec<Service>) -> Self {
        Setup::of(services).start().await
    }

    /// What the region gives to its rooms.
    pub fn host(&self) -> &Arc<Host> {
        &self.region.pipeline().host
    }

    /// The region behind it.
    pub fn inner(&self) -> &gateway::Region {
        &self.region
    }

    /// The root of the default account.
    pub fn root() -> Caller {
        Caller::Principal(Arc::new(Principal::root(AccountId::DEFAULT)))
    }

    /// Calls an operation as the root of the default account.
    ///
    /// # Errors
    /// Those of the operation.
    pub async fn call<M: OperationModel>(&self, input: M::Input) -> Result<M::Output, ApiError> {
        self.call_as::<M>(Self::root(), input).await
    }

    /// Calls an operation as anybody.
    ///
    /// # Errors
    /// Those of the operation and of the pipeline before it.
    pub async fn call_as<M: OperationModel>(
        &self,
        caller: Caller,
        input: M::Input,
    ) -> Result<M::Output, ApiError> {
        let call = CallRequest::of::<M>(input, caller, self.name.clone());
        self.host().ports().calls.typed::<M>(call).await
    }

    /// Calls an operation that must fail, and gives its error.
    ///
    /// # Panics
    /// If it succeeds.
    pub async fn refused<M: OperationModel>(&self, input: M::Input) -> ApiError {
        match self.call::<M>(input).await {
            Ok(output) => panic!("{} was not refused: {output:?}", M::SHAPE.name),
            Err(error) => error,
        }
    }

    /// Moves virtual time forward, firing what falls due on the way, and waits until everything is quiet.
    ///
    /// # Panics
    /// If it never becomes quiet.
    pub async fn advance(&self, duration: Duration) {
        if let Err(busy) = self.region.advance(duration).await {
            panic!("the region does not come to rest: {busy}");
        }
    }

    /// Waits until timers and relay are quiet.
    ///
    /// # Panics
    /// If they never become quiet.
    pub async fn settle(&self) {
        if let Err(busy) = self.region.settle().await {
            panic!("the region does not come to rest: {busy}");
        }
    }

    /// Sends an HTTP request through the whole pipeline, from loopback.
    ///
    /// # Panics
    /// If a header is none.
    #[expect(clippy::expect_used, reason = "a test that sends no HTTP has failed")]
    pub async fn http(
        &self,
        method: &str,
        path_and_query: &str,
        headers: &[(&str, &str)],
        body: Bytes,
    ) -> Outgoing {
        let mut map = http::HeaderMap::new();
        map.insert("host", http::HeaderValue::from_static("localhost:4566"));
        for (name, value) in headers {
            let name = http::HeaderName::try_from(*name).expect("a header's name");
            map.insert(name, http::HeaderValue::try_from(*value).expect("a header's value"));
        }
        let (path, query) = path_and_query.split_once('?').unwrap_or((path_and_query, ""));
        let incoming = Incoming {
            method: http::Method::from_bytes(method.as_bytes()).expect("a method"),
            path: path.to_owned(),
            query: query.to_owned(),
            headers: map,
            body: schema::Body::from(body),
            source: std::net::Ipv4Addr::LOCALHOST.into(),
            secure: false,
            gone: None,
        };
        self.region.pipeline().serve(incoming).await
    }

    /// Ends the region's background work.
    pub async fn stop(self) {
        self.region.stop().await;
    }
}
