//! The operations on backups, one file each.

mod create_backup;
mod delete_backup;
mod describe_backup;
mod list_backups;

pub use create_backup::{create_backup, keep_deleted};
pub use delete_backup::{delete_backup, handler};
pub use describe_backup::describe_backup;
pub use list_backups::list_backups;
