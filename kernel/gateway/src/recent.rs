//! The requests that came last, in memory and bounded: what `elysium logs` shows and `elysium explain`
//! explains. They hold who asked, for what, and how it ended; never a body, a header or a key.

use crate::judge::Denial;
use names::{AccountId, Region, Timestamp};
use ports::Caller;
use serde_json::{Value, json};
use std::borrow::Cow;
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Requests that are kept.
const KEPT: usize = 1024;
/// Characters of a text that are kept: names and messages may repeat whatever a client sent.
const MAX_TEXT: usize = 1000;

/// A request that has ended.
pub struct Seen {
    /// Its place among all; given when it is kept.
    pub number: u64,
    /// Its id.
    pub id: String,
    /// When it ended, in host time.
    pub at: Timestamp,
    /// The API, or the front that served it.
    pub service: &'static str,
    /// The operation; method and path of a request that is none.
    pub operation: Cow<'static, str>,
    /// Who asked.
    pub caller: Caller,
    /// In which account.
    pub account: AccountId,
    /// In which region.
    pub region: Region,
    /// The status of its answer.
    pub status: u16,
    /// The code and message of its error.
    pub error: Option<(Cow<'static, str>, String)>,
    /// How long it took, in microseconds of host time.
    pub micros: u64,
    /// The id of the request that caused it.
    pub cause: Option<String>,
    /// The resource that its permission was judged by.
    pub resource: Option<String>,
    /// Where nothing is enforced: why it would be refused.
    pub would_refuse: Option<String>,
    /// The demand that was refused, or would be.
    pub denial: Option<Box<Denial>>,
}

impl Seen {
    /// Whether permission was, or would be, refused.
    pub fn is_refused(&self) -> bool {
        self.denial.is_some() || self.would_refuse.is_some()
    }

    /// Cuts what a client's words can make long.
    fn shorten(&mut self) {
        if let Cow::Owned(operation) = &mut self.operation {
            shorten(operation);
        }
        let message = self.error.as_mut().map(|(_, message)| message);
        let texts = message.into_iter().chain(&mut self.resource).chain(&mut self.would_refuse);
        texts.for_each(shorten);
        if let Some(denial) = &mut self.denial {
            [&mut denial.error.message, &mut denial.resource, &mut denial.verdict]
                .into_iter()
                .for_each(shorten);
        }
    }

    /// What is shown of it.
    pub fn shown(&self) -> Value {
        let error = self.error.as_ref().map(|(code, message)| json!({"code": code, "message": message}));
        json!({
            "number": self.number,
            "id": self.id,
            "time": self.at.iso8601_millis(),
            "service": self.service,
            "operation": self.operation,
            "caller": self.caller.name(),
            "account": self.account.to_string(),
            "region": self.region.as_str(),
            "status": self.status,
            "error": error,
            "micros": self.micros,
            "cause": self.cause,
            "resource": self.resource,
            "would_refuse": self.would_refuse,
        })
    }
}

fn shorten(text: &mut String) {
    // A text of that many bytes has no more characters; the longer ones are counted.
    if text.len() > MAX_TEXT
        && let Some((end, _)) = text.char_indices().nth(MAX_TEXT)
    {
        text.truncate(end);
        text.shrink_to_fit();
    }
}

/// Which requests are asked for.
#[derive(Default)]
pub struct Filter {
    /// Those after this number.
    pub after: u64,
    /// Those of this API.
    pub service: Option<String>,
    /// The one of this id, and those it caused.
    pub id: Option<String>,
    /// Those that failed or would be refused.
    pub errors: bool,
}

impl Filter {
    fn admits(&self, seen: &Seen) -> bool {
        let of_id = |id: &String| seen.id == *id || seen.cause.as_ref() == Some(id);
        seen.number > self.after
            && self.service.as_ref().is_none_or(|service| service == seen.service)
            && self.id.as_ref().is_none_or(of_id)
            && (!self.errors || seen.error.is_some() || seen.status >= 400 || seen.is_refused())
    }
}

/// The last requests.
#[derive(Default)]
pub struct Recent(Mutex<Ring>);

#[derive(Default)]
struct Ring {
    last: u64,
    kept: VecDeque<Arc<Seen>>,
}

impl Recent {
    fn ring(&self) -> MutexGuard<'_, Ring> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Keeps one, in place of the oldest.
    pub fn push(&self, mut seen: Seen) {
        seen.shorten();
        let mut ring = self.ring();
        ring.last += 1;
        seen.number = ring.last;
        let oldest = if ring.kept.len() >= KEPT { ring.kept.pop_front() } else { None };
        ring.kept.push_back(Arc::new(seen));
        drop(ring);
        // Freed without the lock.
        drop(oldest);
    }

    /// Those of a filter, the oldest first, and the number to go on after.
    pub fn find(&self, filter: &Filter) -> (Vec<Arc<Seen>>, u64) {
        let ring = self.ring();
        (ring.kept.iter().filter(|seen| filter.admits(seen)).cloned().collect(), ring.last)
    }

    /// The one of an id.
    pub fn of(&self, id: &str) -> Option<Arc<Seen>> {
        self.ring().kept.iter().rev().find(|seen| seen.id == id).cloned()
    }

    /// The last one whose permission was, or would be, refused.
    pub fn last_refused(&self) -> Option<Arc<Seen>> {
        self.ring().kept.iter().rev().find(|seen| seen.is_refused()).cloned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(id: &str, service: &'static str, status: u16) -> Seen {
        Seen {
            number: 0,
            id: id.to_owned(),
            at: Timestamp(0),
            service,
            operation: Cow::Borrowed("Do"),
            caller: Caller::Anonymous,
            account: AccountId::DEFAULT,
            region: Region::default(),
            status,
            error: (status >= 400).then(|| (Cow::Borrowed("Wrong"), "m".repeat(5000))),
            micros: 1,
            cause: Some("first".to_owned()).filter(|cause| cause != id),
            resource: None,
            would_refuse: None,
            denial: None,
        }
    }

    #[test]
    fn the_oldest_make_room_and_filters_choose() {
        let recent = Recent::default();
        recent.push(seen("first", "a", 200));
        recent.push(seen("second", "b", 400));
        let ids =
            |filter: Filter| recent.find(&filter).0.iter().map(|seen| seen.id.clone()).collect::<Vec<_>>();
        assert_eq!(ids(Filter::default()), ["first", "second"]);
        assert_eq!(ids(Filter { after: 1, ..Filter::default() }), ["second"]);
        assert_eq!(ids(Filter { service: Some("a".into()), ..Filter::default() }), ["first"]);
        assert_eq!(ids(Filter { id: Some("first".into()), ..Filter::default() }), ["first", "second"]);
        assert_eq!(ids(Filter { errors: true, ..Filter::default() }), ["second"]);
        let message = recent.of("second").unwrap().shown()["error"]["message"].as_str().unwrap().len();
        assert_eq!(message, MAX_TEXT);
        recent.push(Seen { resource: Some("é".repeat(5000)), ..seen("long", "b", 200) });
        assert_eq!(recent.of("long").unwrap().resource.as_ref().unwrap().chars().count(), MAX_TEXT);
        for _ in 0..KEPT {
            recent.push(seen("later", "a", 200));
        }
        assert!(recent.of("first").is_none());
        assert_eq!(recent.find(&Filter::default()).0.len(), KEPT);
        assert_eq!(recent.find(&Filter { after: 1025, ..Filter::default() }).1, KEPT as u64 + 3);
    }
}
