//! IAM and STS: users, groups, roles, policies, access keys and temporary credentials. The room also
//! tells the rest of the region who holds a key and what a principal may do.

mod administrator;
mod answers;
mod credentials;
mod directory;
mod errors;
mod forget;
mod managed;
mod ops;
mod pages;
mod permissions;
mod policy;
mod rules;
mod sessions;
mod state;
mod views;

pub use administrator::administrator;

use service::Service;

/// The room.
pub fn service() -> Service {
    Service::new("iam", ops::all())
        .view(views::Keys)
        .view(views::Accounts::default())
        .timer(sessions::SWEEP)
        .timer(ops::linked_roles::FORGET)
        .credentials(credentials::provide)
        .forgets(forget::forget)
}
