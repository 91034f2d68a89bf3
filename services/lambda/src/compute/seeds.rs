//! Seeds: where an interpreter can be copied, one of each kind and account is begun once, and its copies are what
//! waits for functions: they have in memory for themselves alone only what they write to.
//!
//! Accounts have seeds of their own: copies of one share the places of things in memory and the order of sets.

use super::launch;
use super::machine::Machine;
use super::template;
use super::waiting::Kind;
use crate::errors::LambdaError;
use ports::runner::{Runner, Sandbox, Template};
use service::{Clock, Ctx, Log};
use std::sync::Arc;
use std::time::Duration;
use tokio::io::AsyncReadExt;
use tokio::sync::OnceCell;

/// How long a seed may take to load what it loads.
const BEGINNING: Duration = Duration::from_secs(30);
/// What a seed says once it can be copied.
const READY: &[u8] = b"waits";

/// The seed of a kind, begun when it is first wanted; `None` in it where that kind has none.
#[derive(Default)]
pub struct Seed(OnceCell<Option<Arc<dyn Sandbox>>>);

impl Seed {
    /// Whether it can be copied now.
    pub fn is_ready(&self) -> bool {
        matches!(self.0.get(), Some(Some(_)))
    }

    /// A copy in a sandbox like the template's; `None` where this kind is begun anew for each environment.
    pub async fn copy(
        &self,
        ctx: &Ctx,
        (machine, runner): (&Machine, &Arc<dyn Runner>),
        kind: &Kind,
        template: &Template,
    ) -> Option<Arc<dyn Sandbox>> {
        let begun = self.0.get_or_init(|| async {
            begin(ctx, (machine, runner), kind).await.unwrap_or_else(|error| {
                let why = schema::ApiError::from(error).message;
                Log::warn("lambda", &format!("nothing is copied, each is begun anew ({kind:?}): {why}"));
                None
            })
        });
        let seed = begun.await.as_ref()?;
        match seed.copied(template.clone()).await {
            Ok(copy) => Some(Arc::from(copy)),
            Err(error) => {
                Log::warn("lambda", &format!("no copy could be made ({kind:?}): {error}"));
                None
            }
        }
    }
}

/// Begins a seed and waits until it has loaded all that it loads ahead.
async fn begin(
    ctx: &Ctx,
    (machine, runner): (&Machine, &Arc<dyn Runner>),
    kind: &Kind,
) -> Result<Option<Arc<dyn Sandbox>>, LambdaError> {
    let Some(command) = machine.seed_command(ctx, kind).await? else { return Ok(None) };
    let cannot = |why: String| LambdaError::CannotRun(why);
    let tmp = launch::scratch(ctx, machine.scratch(ctx)).await?;
    let (_, port) = launch::inside(ctx)?;
    let template = template::seed(kind, command, &format!("127.0.0.1:{port}"), tmp);
    let launched = runner.launch(template).await;
    let seed: Arc<dyn Sandbox> = Arc::from(launched.map_err(|error| cannot(error.to_string()))?);
    match said(&seed, &ctx.host().clock).await {
        Ok(()) => Ok(Some(seed)),
        Err(why) => Err(cannot(format!("the interpreter to copy does not begin: {why}"))),
    }
}

/// Waits until it says that it is ready; else what it wrote about why not.
async fn said(seed: &Arc<dyn Sandbox>, clock: &Clock) -> Result<(), String> {
    let Some(mut output) = seed.take_stdout() else { return Err("it has no output".to_owned()) };
    let mut words = [0; READY.len()];
    let read = tokio::select! {
        read = output.read_exact(&mut words) => read,
        () = clock.rest(BEGINNING) => return Err("it takes too long".to_owned()),
    };
    match read {
        Ok(_) if words == *READY => Ok(()),
        Ok(_) | Err(_) => {
            let mut why = String::new();
            if let Some(errors) = seed.take_stderr() {
                // What it cannot say is not known.
                let _ = errors.take(4096).read_to_string(&mut why).await;
            }
            Err(why.lines().last().unwrap_or("it ended").to_owned())
        }
    }
}
