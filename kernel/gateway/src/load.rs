//! What a request takes of its room while it runs: a place among those at once, bytes of the room's budget, a
//! place under the account's limits. All of it is given back when the work ends, whether or not its client
//! still waits.

use crate::limits::Running;
use crate::rooms::Place;
use service::Held;

/// What a request takes.
pub struct Load {
    _place: Place,
    _held: Option<Held>,
    _running: Option<Running>,
}

impl Load {
    /// Its place among the room's requests, its bytes, its place under the limits.
    pub fn new(place: Place, held: Option<Held>, running: Option<Running>) -> Self {
        Load { _place: place, _held: held, _running: running }
    }
}
