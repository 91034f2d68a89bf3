//! The rooms of a region as the pipeline sees them: which operation is whose, and which room is open.

use ports::TargetRequest;
use schema::{ApiError, OperationShape, ServiceShape};
use service::{Budget, Budgets, CrossOrigin, Forget, Front, Measures, Operation, Service, Target, Witness};
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

/// Requests of one room at once; long polls are most of them.
const MAX_UNDER_WAY: u64 = 16_384;

/// Whether a room serves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RoomState {
    /// It serves.
    Running,
    /// It was refused: its operations answer 503.
    Refused,
    /// Its work keeps failing: its operations answer 503 until it recovers.
    Unhealthy,
}

/// One room.
pub struct Room {
    /// Its name.
    pub name: &'static str,
    refused: AtomicBool,
    unhealthy: AtomicBool,
    requests: AtomicU64,
    faults: AtomicU64,
    under_way: AtomicU64,
    /// What it may hold in memory for requests and work that waits.
    pub budget: Budget,
    /// What looks on at its requests.
    pub witness: Option<Arc<dyn Witness>>,
    /// What it tells beside what is told of all rooms.
    pub measures: Option<Measures>,
}

/// A request's place among those of its room; free again when this is dropped.
pub struct Place(Arc<Room>);

impl Drop for Place {
    fn drop(&mut self) {
        self.0.under_way.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Room {
    fn new(service: &Service, budget: Budget) -> Self {
        Room {
            name: service.name,
            budget,
            witness: service.witness.clone(),
            measures: service.measures,
            under_way: AtomicU64::new(0),
            refused: AtomicBool::new(false),
            unhealthy: AtomicBool::new(false),
            requests: AtomicU64::new(0),
            faults: AtomicU64::new(0),
        }
    }

    /// Whether it serves.
    pub fn state(&self) -> RoomState {
        if self.refused.load(Ordering::Relaxed) {
            RoomState::Refused
        } else if self.unhealthy.load(Ordering::Relaxed) {
            RoomState::Unhealthy
        } else {
            RoomState::Running
        }
    }

    /// Refuses or allows the room.
    pub fn refuse(&self, refused: bool) {
        self.refused.store(refused, Ordering::Relaxed);
    }

    /// Says whether the room's background work succeeds.
    pub fn set_healthy(&self, healthy: bool) {
        self.unhealthy.store(!healthy, Ordering::Relaxed);
    }

    /// Counts a request and whether it ended in a fault of the region.
    pub fn count(&self, fault: bool) {
        self.requests.fetch_add(1, Ordering::Relaxed);
        self.faults.fetch_add(u64::from(fault), Ordering::Relaxed);
    }

    /// Requests, and those that ended in a fault of the region.
    pub fn counts(&self) -> (u64, u64) {
        (self.requests.load(Ordering::Relaxed), self.faults.load(Ordering::Relaxed))
    }

    /// Takes a place among the room's requests.
    ///
    /// # Errors
    /// `ServiceUnavailable` where there are too many.
    pub fn enter(self: &Arc<Self>) -> Result<Place, ApiError> {
        // Counted first: the place that is dropped on refusal takes it back.
        let others = self.under_way.fetch_add(1, Ordering::Relaxed);
        let place = Place(self.clone());
        if others < MAX_UNDER_WAY {
            return Ok(place);
        }
        let message = format!("The service {} serves {others} requests already.", self.name);
        Err(ApiError::new("ServiceUnavailable", 503, message))
    }

    /// Requests under way.
    pub fn under_way(&self) -> u64 {
        self.under_way.load(Ordering::Relaxed)
    }

    /// What its operations answer while it does not serve.
    pub fn unavailable(&self) -> ApiError {
        let why = match self.state() {
            RoomState::Refused => "has been refused in this region",
            RoomState::Unhealthy | RoomState::Running => "is recovering from a failure",
        };
        ApiError::new("ServiceUnavailable", 503, format!("The service {} {why}.", self.name))
    }
}

/// A served operation with its room.
#[derive(Clone)]
pub struct Served {
    /// The room.
    pub room: Arc<Room>,
    /// The operation.
    pub operation: Operation,
}

/// All rooms of a region.
#[derive(Default)]
pub struct Rooms {
    by_name: BTreeMap<&'static str, Arc<Room>>,
    /// By the address of the operation's table, which is what routing finds.
    operations: HashMap<usize, Served>,
    services: Vec<&'static ServiceShape>,
    targets: HashMap<&'static str, (Arc<Room>, Arc<dyn Target>)>,
    fronts: HashMap<&'static str, (Arc<Room>, Arc<dyn Front>)>,
    forgets: Vec<(&'static str, Forget)>,
    cross_origin: HashMap<&'static str, (Arc<Room>, Arc<dyn CrossOrigin>)>,
}

fn address(shape: &'static OperationShape) -> usize {
    std::ptr::from_ref(shape).addr()
}

impl Rooms {
    /// Takes in a room.
    pub fn add(&mut self, service: &Service, budgets: &Budgets) {
        let room = Arc::new(Room::new(service, budgets.of(service.name)));
        self.by_name.insert(service.name, room.clone());
        for operation in &service.operations {
            if !self.services.iter().any(|known| std::ptr::eq(*known, operation.service)) {
                self.services.push(operation.service);
            }
            let served = Served { room: room.clone(), operation: operation.clone() };
            self.operations.insert(address(operation.shape), served);
        }
        for target in &service.targets {
            self.targets.insert(target.service(), (room.clone(), target.clone()));
        }
        self.forgets.extend(service.forget.clone().map(|forget| (service.name, forget)));
        if let Some(front) = &service.front {
            self.fronts.insert(front.name(), (room.clone(), front.clone()));
        }
        if let Some(decides) = &service.cross_origin {
            self.cross_origin.insert(decides.service(), (room.clone(), decides.clone()));
        }
    }

    /// A room by its name.
    pub fn room(&self, name: &str) -> Option<&Arc<Room>> {
        self.by_name.get(name)
    }

    /// Whether a room's own work goes on. That of an unhealthy one does: so it recovers.
    pub fn is_open(&self, name: &str) -> bool {
        self.room(name).is_some_and(|room| room.state() != RoomState::Refused)
    }

    /// All rooms, by name.
    pub fn all(&self) -> impl Iterator<Item = &Arc<Room>> {
        self.by_name.values()
    }

    /// The APIs that are served.
    pub fn services(&self) -> &[&'static ServiceShape] {
        &self.services
    }

    /// The served operation of a table; `None` where the room does not serve it.
    pub fn operation(&self, shape: &'static OperationShape) -> Option<&Served> {
        self.operations.get(&address(shape))
    }

    /// The served operation of a name.
    pub fn named(&self, service: &str, operation: &str) -> Option<&Served> {
        let service = self.services.iter().find(|known| known.name == service)?;
        self.operation(service.operation(operation)?)
    }

    /// All served operations.
    pub fn operations(&self) -> impl Iterator<Item = &Served> {
        self.operations.values()
    }

    /// Who takes deliveries to the ARNs of a service.
    pub fn target(&self, service: &str) -> Option<&(Arc<Room>, Arc<dyn Target>)> {
        self.targets.get(service)
    }

    /// The name of an API whose ARNs have this service in them; empty for those that are not here.
    pub fn named_by(&self, service: &str) -> &'static str {
        self.services.iter().find(|known| known.signing_name == service).map_or("", |known| known.name)
    }

    /// Who answers a question, and is open.
    ///
    /// # Errors
    /// Where nobody does, or the room does not serve.
    pub fn answering(&self, question: &TargetRequest) -> Result<&(Arc<Room>, Arc<dyn Target>), ApiError> {
        let found = self.target(question.target.service()).ok_or_else(|| {
            let message = format!("No service of this region answers for {}.", question.target);
            ApiError::new("InvalidParameterValue", 400, message)
        })?;
        if found.0.state() == RoomState::Running { Ok(found) } else { Err(found.0.unavailable()) }
    }

    /// What the rooms let go of when an account is emptied.
    pub fn forgets(&self) -> impl Iterator<Item = (&'static str, &Forget)> {
        self.forgets.iter().map(|(room, forget)| (*room, forget))
    }

    /// Who serves the hosts of a front.
    pub fn front(&self, name: &str) -> Option<&(Arc<Room>, Arc<dyn Front>)> {
        self.fronts.get(name)
    }

    /// Who decides which web pages may use the resources of an API.
    pub fn cross_origin(&self, service: &str) -> Option<&(Arc<Room>, Arc<dyn CrossOrigin>)> {
        self.cross_origin.get(service)
    }

    /// The names of all fronts that have hosts.
    pub fn front_names(&self) -> impl Iterator<Item = &'static str> {
        self.fronts.iter().filter(|(_, (_, front))| front.has_hosts()).map(|(name, _)| *name)
    }
}
