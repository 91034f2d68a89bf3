//! The ports between rooms: any API operation, and any resource that answers. Both enter the pipeline at
//! authorisation, so permissions, limits and records hold for them as for requests from outside.

use crate::authorize::Judged;
use crate::load::Load;
use crate::pipeline::Pipeline;
use crate::record::Trace;
use crate::rooms::{RoomState, Served};
use crate::{judge, words};
use names::Region;
use ports::{BoxFuture, CallRequest, Caller, Calls, TargetReply, TargetRequest, Targets};
use schema::{ApiError, Obj, Protocol};
use service::{Ctx, Demand, Permits, Request};
use std::sync::{Arc, Weak};

/// How deep calls may nest before they are taken for a circle.
const MAX_DEPTH: u8 = 16;

/// The ports of a pipeline. They hold it weakly: it holds the host that holds them.
pub struct Between(pub Weak<Pipeline>);

fn gone() -> ApiError {
    ApiError::new("ServiceUnavailable", 503, "The region is stopping.")
}

fn too_deep() -> ApiError {
    ApiError::new("LimitExceeded", 400, format!("More than {MAX_DEPTH} calls caused each other."))
}

impl Between {
    fn pipeline(&self) -> Result<Arc<Pipeline>, ApiError> {
        self.0.upgrade().ok_or_else(gone)
    }
}

/// The context of work that a room asks of another.
fn context(pipeline: &Pipeline, request: Request) -> Ctx {
    Ctx::new(pipeline.host.clone(), request)
}

/// The steps of a call, from its limits on.
async fn run(
    pipeline: &Pipeline,
    served: Served,
    ctx: Ctx,
    input: Box<dyn Obj>,
    trace: &mut Trace,
) -> Result<Box<dyn Obj>, ApiError> {
    let operation = &served.operation;
    let place = served.room.enter()?;
    let running =
        pipeline.limits.admit(operation, ctx.account(), pipeline.host.clock.instant()).map_err(|_| {
            let protocol = operation.service.protocols.first().copied().unwrap_or(Protocol::RestJson1);
            words::throttled(operation.service, operation.shape, protocol)
        })?;
    let input = operation.seal(input).ok_or_else(|| {
        let message = format!("{} was called with another operation's input.", operation.shape.name);
        ApiError::new("InternalFailure", 500, message)
    })?;
    let judged = pipeline.authorizer.check(&ctx, operation, input.clone()).await?;
    trace.judged(judged, pipeline.authorizer.enforces())?;
    pipeline.handle(served, ctx, input, Load::new(place, None, running)).await
}

/// Refuses what is not allowed, where that is enforced; where it is not, the refusal is recorded.
///
/// # Errors
/// `AccessDenied`, or if policies cannot be read.
pub fn permit(pipeline: &Pipeline, ctx: &Ctx, demand: &Demand) -> Result<(), ApiError> {
    let Some(denial) = pipeline.authorizer.demand(ctx, demand)? else { return Ok(()) };
    let service = demand.head.as_ref().map_or("", |arn| pipeline.rooms.named_by(arn.service()));
    let mut trace = Trace::call(pipeline, ctx, service, String::new());
    let judged = Judged { resource: Some(demand.resource.clone()), denial: Some(denial) };
    let refused = trace.judged(judged, pipeline.authorizer.enforces());
    let status = refused.as_ref().map_or_else(|error| error.status, |()| 200);
    trace.end(pipeline, status, refused.as_ref().err());
    refused
}

impl Calls for Between {
    fn call(&self, call: CallRequest) -> BoxFuture<'_, Result<Box<dyn Obj>, ApiError>> {
        Box::pin(async move {
            let pipeline = self.pipeline()?;
            if call.depth > MAX_DEPTH {
                return Err(too_deep());
            }
            let served = pipeline.rooms.named(call.service, call.operation).cloned().ok_or_else(|| {
                let message =
                    format!("The operation {}:{} is not served here.", call.service, call.operation);
                ApiError::new("NotImplemented", 501, message)
            })?;
            if served.room.state() != RoomState::Running {
                return Err(served.room.unavailable());
            }
            let request = Request {
                id: pipeline.host.entropy.uuid(),
                account: call.caller.account(),
                caller: call.caller,
                region: call.region,
                room: served.room.name,
                operation: served.operation.shape.name,
                origin: pipeline.host.settings.endpoint.clone(),
                source: None,
                deadline: call.deadline,
                depth: call.depth,
                hints: Vec::new(),
                gone: None,
            };
            let ctx = context(&pipeline, request);
            let mut trace = Trace::call(&pipeline, &ctx, call.service, call.cause);
            let result = run(&pipeline, served, ctx, call.input, &mut trace).await;
            let status = result.as_ref().map_or_else(|error| error.status, |_| 200);
            trace.end(&pipeline, status, result.as_ref().err());
            result
        })
    }

    fn is_open(&self, room: &str) -> bool {
        self.0.upgrade().is_some_and(|pipeline| pipeline.rooms.is_open(room))
    }
}

impl Permits for Between {
    fn permit(&self, ctx: &Ctx, demand: &Demand) -> Result<(), ApiError> {
        let pipeline = self.pipeline()?;
        permit(&pipeline, ctx, demand)
    }
}

impl Targets for Between {
    fn request(&self, question: TargetRequest) -> BoxFuture<'_, Result<TargetReply, ApiError>> {
        Box::pin(async move {
            let pipeline = self.pipeline()?;
            if question.depth > MAX_DEPTH {
                return Err(too_deep());
            }
            let (room, target) = pipeline.rooms.answering(&question)?.clone();
            let ctx = context(&pipeline, asked(&pipeline, room.name, target.action(), &question));
            permit(&pipeline, &ctx, &Demand::new(target.action(), &question.target))?;
            let place = room.enter()?;
            let watchdog = pipeline.host.watchdog.clone();
            let answer = tokio::spawn(async move {
                let _place = place;
                let action = target.action();
                watchdog.watch(room.name, action, target.answer(ctx, question)).await
            })
            .await;
            answer.unwrap_or_else(|_| Err(ApiError::new("InternalFailure", 500, "The target failed.")))
        })
    }
}

fn asked(
    pipeline: &Pipeline,
    room: &'static str,
    operation: &'static str,
    question: &TargetRequest,
) -> Request {
    Request {
        id: pipeline.host.entropy.uuid(),
        account: question.target.account().unwrap_or_else(|| question.caller.account()),
        caller: question.caller.clone(),
        region: question.target.region().unwrap_or_default(),
        room,
        operation,
        origin: pipeline.host.settings.endpoint.clone(),
        source: None,
        deadline: question.deadline,
        depth: question.depth,
        hints: Vec::new(),
        gone: None,
    }
}

/// The context of a room's own background work, or of a delivery to it.
pub fn background(pipeline: &Pipeline, room: &'static str, work: &'static str, region: Region) -> Ctx {
    let account = names::AccountId::DEFAULT;
    let caller =
        Caller::Service { principal: judge::OWN_WORK.into(), source_arn: None, source_account: account };
    context(
        pipeline,
        Request {
            id: pipeline.host.entropy.uuid(),
            account,
            caller,
            region,
            room,
            operation: work,
            origin: pipeline.host.settings.endpoint.clone(),
            source: None,
            deadline: None,
            depth: 0,
            hints: Vec::new(),
            gone: None,
        },
    )
}
