//! A function that answers as told and remembers what it was asked.

use bytes::Bytes;
use names::Arn;
use ports::{BoxFuture, Caller, TargetReply, TargetRequest};
use schema::ApiError;
use serde_json::Value;
use service::{Ctx, Reception, Service, Target};
use std::sync::{Arc, Mutex};

/// What one question was.
#[derive(Debug, Clone)]
pub struct Asked {
    pub function: Arn,
    pub event: Value,
    pub source: Option<Arn>,
}

#[derive(Default)]
struct State {
    asked: Vec<Asked>,
    answer: String,
    failed: bool,
    error: Option<(&'static str, u16)>,
    hangs: bool,
    authorizer: Option<String>,
}

/// The function.
#[derive(Clone, Default)]
pub struct Function(Arc<Mutex<State>>);

impl Function {
    /// The room that has it.
    pub fn room(&self) -> Service {
        Service::new("lambda", Vec::new()).target(self.clone())
    }

    /// Answers so from now on.
    pub fn answers(&self, json: &str) {
        self.0.lock().unwrap().answer = json.to_owned();
    }

    /// Answers so where its name is `authorizer`.
    pub fn authorizes(&self, json: &str) {
        self.0.lock().unwrap().authorizer = Some(json.to_owned());
    }

    /// Fails as users' code does.
    pub fn fails(&self) {
        self.0.lock().unwrap().failed = true;
    }

    /// Cannot be asked.
    pub fn refuses(&self, code: &'static str, status: u16) {
        self.0.lock().unwrap().error = Some((code, status));
    }

    /// Never answers.
    pub fn hangs(&self) {
        self.0.lock().unwrap().hangs = true;
    }

    /// Everything it was asked.
    pub fn asked(&self) -> Vec<Asked> {
        self.0.lock().unwrap().asked.clone()
    }

    /// What it was asked last.
    pub fn last(&self) -> Asked {
        self.asked().pop().unwrap()
    }
}

impl Target for Function {
    fn service(&self) -> &'static str {
        "lambda"
    }

    fn action(&self) -> &'static str {
        "lambda:InvokeFunction"
    }

    fn reception(&self) -> Reception {
        Reception::Answers
    }

    fn answer(&self, _ctx: Ctx, request: TargetRequest) -> BoxFuture<'_, Result<TargetReply, ApiError>> {
        let source = match &request.caller {
            Caller::Service { source_arn, .. } => source_arn.clone(),
            _ => None,
        };
        let event = serde_json::from_slice(&request.payload).unwrap();
        let mut state = self.0.lock().unwrap();
        state.asked.push(Asked { function: request.target.clone(), event, source });
        let answer = match &state.authorizer {
            Some(verdict) if request.target.resource() == "function:authorizer" => verdict.clone(),
            _ => state.answer.clone(),
        };
        let (failed, error, hangs) = (state.failed, state.error, state.hangs);
        Box::pin(async move {
            if hangs {
                std::future::pending::<()>().await;
            }
            if let Some((code, status)) = error {
                return Err(ApiError::new(code, status, "no"));
            }
            let function_error = failed.then(|| "Unhandled".to_owned());
            Ok(TargetReply { payload: Bytes::from(answer), function_error })
        })
    }
}
