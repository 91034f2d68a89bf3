//! API Gateway: HTTP APIs, and the hosts on which they are served.

mod access_log;
mod authorize;
mod deploy;
mod describe;
mod errors;
mod front;
mod invoke;
mod issuers;
mod ops;
mod permissions;
mod proxy;
mod rules;
mod state;
mod throttle;
mod views;

use service::Service;

/// The room.
pub fn service() -> Service {
    Service::new("apigateway", ops::all())
        .view(views::Stages)
        .part(throttle::Throttle::default())
        .part(authorize::Remembered::default())
        .part(issuers::Issuers::default())
        .part(outbound::Outbound::default())
        .front(front::ExecuteApi)
        .forgets(state::forget)
}
