//! The view of the outbox: which deliveries may go now, to whom, and how many wait.
//!
//! Of an ordered lane only the first row may go, and none while it is in hand; the rows of other lanes
//! go in any order.

use crate::Fault;
use crate::claim::Claim;
use crate::feed::Change;
use crate::outbox::{LaneId, OutboxRow, ROWS, RowId};
use crate::read::{Read, Snapshot};
use crate::span::Span;
use crate::table::TableId;
use crate::view::{View, ViewHandle};
use names::{AccountId, Scope, Timestamp};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

/// The view of the outbox.
pub struct OutboxLanes;

/// What waits in the outbox.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Lanes {
    lanes: HashMap<LaneId, LaneState>,
    /// By target: the rows that may go, by the time they may.
    ready: HashMap<Arc<str>, BTreeSet<(Timestamp, RowId)>>,
    /// The targets, by the time the first row may go to each.
    targets: BTreeSet<(Timestamp, Arc<str>)>,
    by_account: HashMap<Option<AccountId>, usize>,
}

#[derive(Debug, PartialEq, Eq)]
struct LaneState {
    target: Arc<str>,
    ordered: bool,
    account: Option<AccountId>,
    rows: BTreeMap<RowId, Waiting>,
}

#[derive(Debug, PartialEq, Eq)]
struct Waiting {
    ready: Timestamp,
    posted: Timestamp,
    in_hand: bool,
}

impl LaneState {
    /// The row that stands to go in place of this one: itself, or the first of an ordered lane.
    fn standing(&self, id: &RowId) -> Option<(Timestamp, RowId)> {
        let (id, row) =
            if self.ordered { self.rows.first_key_value()? } else { self.rows.get_key_value(id)? };
        (!row.in_hand).then_some((row.ready, *id))
    }
}

impl Lanes {
    /// How many deliveries of an account wait.
    pub fn depth_of(&self, account: Option<AccountId>) -> usize {
        self.by_account.get(&account).copied().unwrap_or(0)
    }

    /// How many deliveries wait in a lane.
    pub fn depth(&self, lane: LaneId) -> usize {
        self.lanes.get(&lane).map_or(0, |lane| lane.rows.len())
    }

    /// The first delivery of a lane: what goes to the dead letter when the lane is full.
    pub fn oldest(&self, lane: LaneId) -> Option<RowId> {
        self.lanes.get(&lane)?.rows.keys().next().copied()
    }

    /// When the delivery that waits longest in a lane was posted.
    pub fn waiting_since(&self, lane: LaneId) -> Option<Timestamp> {
        self.lanes.get(&lane)?.rows.values().next().map(|row| row.posted)
    }

    /// How many deliveries wait.
    pub fn total(&self) -> usize {
        self.by_account.values().sum()
    }

    fn set(&mut self, id: RowId, row: &OutboxRow) {
        let post = &row.post;
        let lane = self.lanes.entry(id.lane).or_insert_with(|| LaneState {
            target: Arc::from(post.lane.target.as_str()),
            ordered: post.lane.group.is_some(),
            account: post.scope.account(),
            rows: BTreeMap::new(),
        });
        let former = lane.rows.get(&id);
        let in_hand = former.is_some_and(|former| former.in_hand);
        if former.is_none() {
            *self.by_account.entry(lane.account).or_default() += 1;
        }
        let waiting = Waiting { ready: post.ready, posted: post.posted, in_hand };
        self.change(id, |lane| {
            lane.rows.insert(id, waiting);
        });
    }

    fn remove(&mut self, id: RowId) {
        let Some(lane) = self.lanes.get(&id.lane).filter(|lane| lane.rows.contains_key(&id)) else { return };
        let account = lane.account;
        self.change(id, |lane| {
            lane.rows.remove(&id);
        });
        if self.lanes.get(&id.lane).is_some_and(|lane| lane.rows.is_empty()) {
            self.lanes.remove(&id.lane);
        }
        if let Some(count) = self.by_account.get_mut(&account) {
            *count -= 1;
            if *count == 0 {
                self.by_account.remove(&account);
            }
        }
    }

    fn set_in_hand(&mut self, id: RowId, in_hand: bool) {
        self.change(id, |lane| {
            if let Some(row) = lane.rows.get_mut(&id) {
                row.in_hand = in_hand;
            }
        });
    }

    /// Changes a row of a lane, and with it what of the lane may go.
    fn change(&mut self, id: RowId, change: impl FnOnce(&mut LaneState)) {
        let Some(lane) = self.lanes.get_mut(&id.lane) else { return };
        let target = lane.target.clone();
        let before = lane.standing(&id);
        change(lane);
        let after = lane.standing(&id);
        if before != after {
            self.relist(&target, |rows| {
                before.map(|entry| rows.remove(&entry));
                after.map(|entry| rows.insert(entry));
            });
        }
    }

    fn relist(&mut self, target: &Arc<str>, change: impl FnOnce(&mut BTreeSet<(Timestamp, RowId)>)) {
        let rows = self.ready.entry(target.clone()).or_default();
        let before = rows.first().map(|(ready, _)| *ready);
        change(rows);
        let after = rows.first().map(|(ready, _)| *ready);
        if rows.is_empty() {
            self.ready.remove(target);
        }
        if before != after {
            before.map(|ready| self.targets.remove(&(ready, target.clone())));
            after.map(|ready| self.targets.insert((ready, target.clone())));
        }
    }
}

impl View for OutboxLanes {
    type Key = ();
    type Slice = Lanes;

    fn name(&self) -> &'static str {
        "outbox"
    }

    fn tables(&self) -> Vec<TableId> {
        vec![ROWS.id()]
    }

    fn slice_of(&self, _change: &Change) -> Option<()> {
        Some(())
    }

    fn load(&self, _key: &(), read: &Snapshot) -> Result<Lanes, Fault> {
        let mut lanes = Lanes::default();
        for row in read.scan(&ROWS, &Scope::Partition, Span::all()) {
            let (id, row) = row?;
            lanes.set(id, &row);
        }
        Ok(lanes)
    }

    fn apply(&self, lanes: &mut Lanes, change: &Change) {
        match change.of(&ROWS) {
            Some((_, id, Some(row))) => lanes.set(id, &row),
            Some((_, id, None)) => lanes.remove(id),
            None => {}
        }
    }
}

impl ViewHandle<OutboxLanes> {
    /// The targets to which something may go now, those that wait longest first.
    pub fn ready(&self, now: Timestamp, limit: usize) -> Result<Vec<Arc<str>>, Fault> {
        self.with(&(), |lanes| {
            let ready = lanes.targets.iter().take_while(|(since, _)| *since <= now);
            ready.take(limit).map(|(_, target)| target.clone()).collect()
        })
    }

    /// When the next delivery that nobody has in hand may go.
    pub fn next_ready(&self) -> Result<Option<Timestamp>, Fault> {
        self.with(&(), |lanes| lanes.targets.first().map(|(ready, _)| *ready))
    }

    /// Takes up to `limit` deliveries that may go to a target now. A claim that is dropped gives its
    /// delivery back, unless it has left the outbox.
    pub fn take(&self, target: &str, now: Timestamp, limit: usize) -> Result<Vec<Claim<RowId>>, Fault> {
        let mut taken = Vec::new();
        while taken.len() < limit {
            let claim = self.claim(
                &(),
                |lanes| {
                    let (_, id) = *lanes.ready.get(target)?.first().filter(|(ready, _)| *ready <= now)?;
                    lanes.set_in_hand(id, true);
                    Some(id)
                },
                |lanes, id| lanes.set_in_hand(id, false),
            )?;
            match claim {
                Some(claim) => taken.push(claim),
                None => break,
            }
        }
        Ok(taken)
    }
}
