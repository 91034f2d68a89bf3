//! What every engine must show: the suite that the memory engine and each other engine pass alike.
//!
//! An engine's test binary says `store::contract_tests!(fresh_place)`, where `fresh_place` makes a
//! `Place` with no data; each check becomes a test of its own.

pub mod archive;
pub mod blobs;
pub mod erase;
pub mod garbage;
pub mod limits;
pub mod model;
pub mod outbox;
pub mod ranges;
pub mod reopen;
pub mod serial;
pub mod timers;
pub mod transactions;
pub mod views;

use crate::{Class, Engine, Fault, Options, Store, Table, record};
use names::Scope;
use serde::{Deserialize, Serialize};
use std::future::Future;

/// Where an engine keeps its data: it can be opened again after it was closed.
pub trait Place {
    /// Opens the engine.
    fn engine(&self) -> Box<dyn Engine>;
    /// Opens what belongs beside it.
    fn options(&self) -> Options;
}

/// Opens the store of a place.
pub fn open(place: &dyn Place) -> Store {
    Store::open(place.engine(), place.options()).expect("the store opens")
}

/// Runs a check that waits.
pub(crate) fn wait_for<T>(check: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    runtime.expect("a runtime starts").block_on(check)
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Bard {
    pub(crate) name: String,
    pub(crate) songs: u32,
}
record!(Bard, 1);

pub(crate) static BARDS: Table<String, Bard> = Table::new("contract/bards", Class::Records);
pub(crate) static COUNTERS: Table<String, u64> = Table::new("contract/counters", Class::Records);
pub(crate) static PAIRS: Table<(String, u64), u64> = Table::new("contract/pairs", Class::Items);

pub(crate) fn here() -> Scope {
    let account = names::AccountId::DEFAULT;
    Scope::Regional(account, "eu-west-1".parse().expect("a region"))
}

pub(crate) fn bard(name: &str, songs: u32) -> Bard {
    Bard { name: name.to_owned(), songs }
}

/// Counts one up and gives the new number.
pub(crate) async fn count(store: &Store, name: &'static str) -> Result<u64, Fault> {
    store.commit(move |tx| tx.counter(&COUNTERS, &here(), &name.to_owned())).await
}

/// Makes a test of each check of the suite.
#[macro_export]
macro_rules! contract_tests {
    ($fresh_place:ident) => {
        $crate::contract_tests! { @each $fresh_place;
            transactions: a_commit_is_seen_by_all_after_it, a_failed_closure_writes_nothing,
                a_snapshot_does_not_change, a_hot_counter_loses_nothing, a_hot_key_is_read_once, commits_of_a_list_are_independent,
                one_of_many_finds_a_name_free, nothing_enters_a_range_unseen, no_write_skew,
                a_long_closure_is_tried_again, a_panic_is_its_callers_alone,
                a_failure_of_the_second_run_is_the_answer, relaxed_commits_are_seen,
                a_transaction_sees_its_own_writes;
            ranges: spans_both_ways, raw_tails, scopes_do_not_mix, a_page_depends_on_what_it_took;
            model: behaves_as_a_map;
            serial: any_mix_of_transactions_has_an_order;
            views: a_caller_finds_what_it_wrote, a_slice_loaded_amid_writes_is_right,
                a_panic_reloads_one_slice, slices_are_bounded, watchers_wake, claims_go_back;
            timers: fire_once_in_order, cancelled_is_gone, more_than_fit_in_memory;
            outbox: one_delivery, a_shared_payload_goes_with_the_last, groups_go_in_order,
                a_fan_out_in_chunks, postponed_and_returned, counts_what_waits;
            garbage: rows_of_an_incarnation_are_swept, blobs_go_with_their_last_row, orphans_are_swept;
            blobs: large_values_and_ranges, small_values_stay_in_the_reference;
            limits: keys_and_values, long_values_in_chunks, transactions_are_bounded;
            archive: what_is_saved_here_is_loaded_elsewhere, what_is_saved_elsewhere_is_loaded_here,
                a_damaged_file_is_refused, a_state_is_saved_as_it_was;
            erase: an_account_alone_is_emptied, what_matches_is_removed_everywhere;
            reopen: what_was_committed_is_there, numbers_are_not_given_twice, a_closed_store_refuses;
        }
    };
    (@each $fresh_place:ident; $($module:ident: $($check:ident),+;)+) => {$(
        mod $module {
            $(
                #[test]
                fn $check() {
                    let place: Box<dyn $crate::contract::Place> = Box::new(super::$fresh_place());
                    $crate::contract::$module::$check(place.as_ref());
                }
            )+
        }
    )+};
}
