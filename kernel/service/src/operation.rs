//! An operation: a model, a handler, and what it needs permission for. Without the third it is not an
//! [`Operation`] and does not fit into the list of a room.

use crate::{BoxFuture, Ctx, Demand, Peek};
use schema::{ApiError, Obj, OperationModel, OperationShape, ServiceShape};
use std::any::Any;
use std::future::Future;
use std::marker::PhantomData;
use std::sync::Arc;

type Input = Arc<dyn Any + Send + Sync>;
type Handle = Arc<dyn Fn(Ctx, Input) -> BoxFuture<'static, Result<Box<dyn Obj>, ApiError>> + Send + Sync>;
type Demands = Arc<dyn Fn(Peek, Input) -> BoxFuture<'static, Result<Vec<Demand>, ApiError>> + Send + Sync>;
type Passes = Arc<dyn Fn(&Input) -> Option<Demand> + Send + Sync>;
type Seal = fn(Box<dyn Obj>) -> Option<Input>;

/// Whom an operation lets in.
#[derive(Clone)]
pub enum Access {
    /// Whoever may do all of the demands of its input.
    Demands(Demands),
    /// Whoever may do the action on `*`: operations that act on no single resource.
    Everything,
    /// Every caller with valid credentials: GetCallerIdentity.
    Anyone,
}

/// How often AWS lets an account do something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rate {
    /// In the long run, a second.
    pub per_second: u32,
    /// At once.
    pub burst: u32,
}

/// An operation that a room serves.
#[derive(Clone)]
pub struct Operation {
    /// The API it belongs to.
    pub service: &'static ServiceShape,
    /// Its table.
    pub shape: &'static OperationShape,
    /// Whom it lets in.
    pub access: Access,
    /// The IAM action, where it is not `{signing name}:{operation}`.
    pub action: Option<&'static str>,
    /// How often AWS lets an account do it, where AWS says so.
    pub rate: Option<Rate>,
    passes: Option<Passes>,
    new_input: fn() -> Box<dyn Obj>,
    seal: Seal,
    handle: Handle,
}

/// An operation of which nobody has said yet whom it lets in.
pub struct Ungated<M>(Operation, PhantomData<M>);

fn boxed<M: OperationModel>() -> Box<dyn Obj> {
    Box::new(M::Input::default())
}

fn sealed<M: OperationModel>(input: Box<dyn Obj>) -> Option<Input> {
    let input: Box<M::Input> = input.into_any().downcast().ok()?;
    Some(Arc::new(*input))
}

fn mismatch<M: OperationModel>() -> ApiError {
    ApiError::new("InternalFailure", 500, format!("{} was given another operation's input", M::SHAPE.name))
}

impl Operation {
    /// An operation of a model with its handler.
    #[expect(clippy::new_ret_no_self, reason = "an operation is complete only with its access")]
    pub fn new<M, F, R, E>(handler: F) -> Ungated<M>
    where
        M: OperationModel,
        F: Fn(Ctx, Arc<M::Input>) -> R + Clone + Send + Sync + 'static,
        R: Future<Output = Result<M::Output, E>> + Send + 'static,
        E: Into<ApiError>,
    {
        let handle: Handle = Arc::new(move |ctx, input| {
            let handler = handler.clone();
            Box::pin(async move {
                let input = input.downcast::<M::Input>().map_err(|_| mismatch::<M>())?;
                let output = handler(ctx, input).await.map_err(Into::into)?;
                Ok(Box::new(output) as Box<dyn Obj>)
            })
        });
        let operation = Operation {
            service: M::SERVICE,
            shape: M::SHAPE,
            access: Access::Everything,
            action: None,
            rate: None,
            passes: None,
            new_input: boxed::<M>,
            seal: sealed::<M>,
            handle,
        };
        Ungated(operation, PhantomData)
    }

    /// An empty input for the codec to fill.
    pub fn new_input(&self) -> Box<dyn Obj> {
        (self.new_input)()
    }

    /// Makes a filled input shareable; `None` if it is of another operation.
    pub fn seal(&self, input: Box<dyn Obj>) -> Option<Input> {
        (self.seal)(input)
    }

    /// Runs the handler.
    pub fn handle(&self, ctx: Ctx, input: Input) -> BoxFuture<'static, Result<Box<dyn Obj>, ApiError>> {
        (self.handle)(ctx, input)
    }

    /// With AWS's bound on how often an account may do it. It holds where the region keeps to AWS's times.
    pub fn at_most(mut self, per_second: u32, burst: u32) -> Self {
        self.rate = Some(Rate { per_second, burst });
        self
    }

    /// What handing over the input's role needs permission for, where the input has one.
    pub fn passed_role(&self, input: &Input) -> Option<Demand> {
        self.passes.as_ref().and_then(|passes| passes(input))
    }

    /// The IAM action: `sqs:SendMessage`.
    pub fn action(&self) -> String {
        match self.action {
            Some(action) => action.to_owned(),
            None => format!("{}:{}", self.service.signing_name, self.shape.name),
        }
    }
}

impl<M: OperationModel> Ungated<M> {
    /// Lets in whoever may do all demands of the input. They may read state; a streamed body is not there
    /// yet.
    pub fn acts_on<D, R, E>(self, demands: D) -> Operation
    where
        D: Fn(Peek, Arc<M::Input>) -> R + Clone + Send + Sync + 'static,
        R: Future<Output = Result<Vec<Demand>, E>> + Send + 'static,
        E: Into<ApiError>,
    {
        let demands: Demands = Arc::new(move |peek, input| {
            let demands = demands.clone();
            Box::pin(async move {
                let input = input.downcast::<M::Input>().map_err(|_| mismatch::<M>())?;
                demands(peek, input).await.map_err(Into::into)
            })
        });
        Operation { access: Access::Demands(demands), ..self.0 }
    }

    /// Lets in whoever may do the action on `*`.
    pub fn acts_on_everything(self) -> Operation {
        Operation { access: Access::Everything, ..self.0 }
    }

    /// Lets in every caller with valid credentials.
    pub fn anyone(self) -> Operation {
        Operation { access: Access::Anyone, ..self.0 }
    }

    /// The input hands a role over to a service: whoever asks needs `iam:PassRole` on it. A text that is no
    /// ARN is passed on to the handler, which says what is wrong with it.
    pub fn passes_role<F>(mut self, service: &'static str, role: F) -> Self
    where
        F: Fn(&M::Input) -> Option<&str> + Send + Sync + 'static,
    {
        self.0.passes = Some(Arc::new(move |input| {
            let role = role(input.downcast_ref::<M::Input>()?)?.parse().ok()?;
            Some(Demand::new("iam:PassRole", &role).when("iam:PassedToService", [service.to_owned()]))
        }));
        self
    }

    /// With an IAM action that is not `{signing name}:{operation}`: `s3:ListBucket` for ListObjectsV2.
    pub fn as_action(mut self, action: &'static str) -> Self {
        self.0.action = Some(action);
        self
    }
}
