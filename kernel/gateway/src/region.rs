//! A region: rooms, store, ports, relay and workers, connected and running.

use crate::between::{self, Between};
use crate::config::{EdgeConfig, IamMode};
use crate::identities::NoIdentities;
use crate::pipeline::Pipeline;
use crate::rooms::{RoomState, Rooms};
use crate::sessions::Lenient;
use crate::settle::Settler;
use bytes::Bytes;
use names::{AccountId, Region as RegionName, Scope};
use ports::runner::Runner;
use ports::{Caller, Credentials};
use relay::Relay;
use schema::ApiError;
use service::{
    Clock, Ctx, Delivery, Demand, End, Entropy, HeadsView, Host, Ports, Receivers, Request, Seal, Service,
    Settings, Target, TimerHandler, Worker,
};
use std::sync::Arc;
use std::time::Duration;
use store::{Class, Fault, Raw, Read, Store, Table};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use workers::Workers;

/// What a reset keeps.
pub const SECRETS_TABLE: &str = "gateway/secrets";
static SECRETS: Table<String, Raw> = Table::new(SECRETS_TABLE, Class::Records);

/// A region that runs.
pub struct Region {
    pipeline: Arc<Pipeline>,
    settler: Arc<Settler>,
    stop: watch::Sender<bool>,
    tasks: Vec<JoinHandle<()>>,
    ends: Vec<End>,
}

/// The key of the region's seals, made at first start.
async fn seal_key(store: &Store, entropy: &Entropy) -> Result<[u8; 32], Fault> {
    let fresh = entropy.bytes::<32>();
    let kept = store
        .commit(move |tx| {
            let name = "seal".to_owned();
            if let Some(Raw(kept)) = tx.get(&SECRETS, &Scope::Partition, &name)? {
                return Ok::<_, Fault>(kept);
            }
            let fresh = Raw(Bytes::copy_from_slice(&fresh));
            tx.put(&SECRETS, &Scope::Partition, &name, &fresh)?;
            Ok(fresh.0)
        })
        .await?;
    kept.as_ref().try_into().map_err(|_| Fault::Corrupt {
        table: SECRETS_TABLE,
        why: store::Corrupt("the seal's key has another length"),
    })
}

impl Region {
    /// Connects rooms to a store and starts their background work.
    ///
    /// # Errors
    /// If the store cannot be read or takes no more views.
    pub async fn assemble(
        mut services: Vec<Service>,
        store: Store,
        (clock, entropy): (Clock, Entropy),
        settings: Settings,
        edge: EdgeConfig,
        runner: Option<Arc<dyn Runner>>,
    ) -> Result<Self, Fault> {
        let seal = Seal::new(&seal_key(&store, &entropy).await?);
        let mut host = Host::new(store, clock, entropy, seal, settings);
        host.add_view(HeadsView)?;
        for service in &mut services {
            service.prepare(&mut host)?;
        }
        let host = Arc::new(host);
        let mut rooms = Rooms::default();
        services.iter().for_each(|service| rooms.add(service, &host.budgets));
        let pipeline = Arc::new(Pipeline::new(host.clone(), rooms, edge));
        host.connect(ports(&services, &host, &pipeline, runner));

        let open = Arc::new(Opened(Arc::downgrade(&pipeline)));
        let relay = Relay::new(host.clone(), open.clone())?;
        let clock = host.clock.clone();
        let workers = Workers::new(host, open, workers_of(&services), timers_of(&services))?;
        let looks = pipeline.config.settle_looks;
        let settler = Arc::new(Settler::new(clock, workers.timers().clone(), relay.clone(), looks));
        pipeline.moves_time_by(settler.clone());
        let (stop, stopping) = watch::channel(false);
        let mut tasks = workers.start(&stopping);
        tasks.push(tokio::spawn(relay.run(stopping)));
        let ends = services.iter().filter_map(|service| service.end).collect();
        Ok(Region { pipeline, settler, stop, tasks, ends })
    }

    /// What requests pass through.
    pub fn pipeline(&self) -> &Arc<Pipeline> {
        &self.pipeline
    }

    /// Moves virtual time forward, firing what falls due on the way, each at its own time, and waits until
    /// everything is quiet.
    ///
    /// # Errors
    /// If it never becomes quiet: what goes on.
    pub async fn advance(&self, duration: Duration) -> Result<(), String> {
        self.settler.advance(duration).await
    }

    /// Waits until timers and relay are quiet at this moment of virtual time.
    ///
    /// # Errors
    /// If they never become quiet: what goes on.
    pub async fn settle(&self) -> Result<(), String> {
        self.settler.settle().await
    }

    /// Ends the background work and waits for it.
    pub async fn stop(self) {
        self.stop.send_replace(true);
        for task in self.tasks {
            // A worker that panicked has said so where it was supervised.
            let _ = task.await;
        }
        for end in self.ends {
            end(&self.pipeline.host);
        }
    }
}

fn ports(
    services: &[Service],
    host: &Arc<Host>,
    pipeline: &Arc<Pipeline>,
    runner: Option<Arc<dyn Runner>>,
) -> Ports {
    let between = Arc::new(Between(Arc::downgrade(pipeline)));
    let credentials: Arc<dyn Credentials> = match services.iter().find_map(|service| service.credentials) {
        Some(provide) => provide(host),
        None => Arc::new(NoIdentities),
    };
    Ports {
        targets: between.clone(),
        permits: between.clone(),
        receivers: Arc::new(Opened(Arc::downgrade(pipeline))),
        calls: between,
        credentials: match pipeline.config.iam {
            IamMode::Enforce => credentials,
            IamMode::Off | IamMode::Warn => Arc::new(Lenient::new(credentials, Arc::downgrade(pipeline))),
        },
        logs: services.iter().find_map(|service| service.logs).map(|provide| provide(host)),
        runner,
    }
}

fn workers_of(services: &[Service]) -> Vec<(&'static str, Worker)> {
    services
        .iter()
        .flat_map(|service| service.workers.iter().map(|worker| (service.name, worker.clone())))
        .collect()
}

fn timers_of(services: &[Service]) -> Vec<(&'static str, TimerHandler)> {
    services
        .iter()
        .flat_map(|service| service.timers.iter().map(|timer| (service.name, timer.clone())))
        .collect()
}

/// What relay and workers ask of the region. Held weakly: the region holds them.
struct Opened(std::sync::Weak<Pipeline>);

fn stopping() -> ApiError {
    ApiError::new("ServiceUnavailable", 503, "The region is stopping.")
}

impl Receivers for Opened {
    fn target(&self, service: &str) -> Result<Arc<dyn Target>, ApiError> {
        let pipeline = self.0.upgrade().ok_or_else(stopping)?;
        let (room, target) = pipeline.rooms.target(service).ok_or_else(|| {
            ApiError::new(
                "InvalidParameterValue",
                400,
                format!("{service} takes no deliveries in this region"),
            )
        })?;
        if room.state() == RoomState::Running { Ok(target.clone()) } else { Err(room.unavailable()) }
    }

    fn permit(&self, delivery: &Delivery, target: &dyn Target) -> Result<(), ApiError> {
        let pipeline = self.0.upgrade().ok_or_else(stopping)?;
        let ctx = delivering(&pipeline, delivery, target);
        between::permit(&pipeline, &ctx, &Demand::new(target.action(), &delivery.target))
    }

    fn context(&self, delivery: &Delivery, target: &dyn Target) -> Ctx {
        match self.0.upgrade() {
            Some(pipeline) => delivering(&pipeline, delivery, target),
            None => unreachable!("the relay ends before the pipeline it was made for"),
        }
    }
}

/// The context of a delivery: on behalf of the service that delivers.
fn delivering(pipeline: &Pipeline, delivery: &Delivery, target: &dyn Target) -> Ctx {
    let caller = Caller::Service {
        principal: delivery.context.principal.clone().into(),
        source_arn: Some(delivery.source.clone()),
        source_account: delivery.context.account,
    };
    let request = Request {
        id: pipeline.host.entropy.uuid(),
        account: delivery.target.account().unwrap_or(AccountId::DEFAULT),
        caller,
        region: delivery.target.region().unwrap_or_default(),
        room: target.service(),
        operation: target.action(),
        origin: pipeline.host.settings.endpoint.clone(),
        source: None,
        deadline: None,
        depth: 0,
        hints: Vec::new(),
        gone: None,
    };
    Ctx::new(pipeline.host.clone(), request)
}

impl workers::Rooms for Opened {
    fn is_open(&self, room: &'static str) -> bool {
        self.0.upgrade().is_some_and(|pipeline| pipeline.rooms.is_open(room))
    }

    fn set_healthy(&self, room: &'static str, healthy: bool) {
        if let Some(pipeline) = self.0.upgrade()
            && let Some(room) = pipeline.rooms.room(room)
        {
            room.set_healthy(healthy);
        }
    }

    fn context(&self, room: &'static str, work: &'static str) -> Ctx {
        match self.0.upgrade() {
            Some(pipeline) => between::background(&pipeline, room, work, RegionName::default()),
            None => unreachable!("workers end before the pipeline they were made for"),
        }
    }
}
