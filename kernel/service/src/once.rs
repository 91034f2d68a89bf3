//! Idempotency: the answer of a request with a client token is kept in the same commit, so that a repeat
//! is answered and not done again.

use names::{Scope, Timestamp};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use store::{Class, Fault, Place, Read, Store, Table, Tx, record};

#[derive(Debug, Clone, Serialize, Deserialize)]
struct Kept {
    fingerprint: [u8; 32],
    answer: Vec<u8>,
    until: Timestamp,
}

record!(Kept, 1);

static ANSWERS: Table<(String, String), Kept> = Table::new("service/answers", Class::Records);

/// How many answers one step of the sweep looks at.
const STEP: usize = 500;
/// Where one in so many was expired, the next step need not wait.
const MANY: usize = 8;

/// What became of a request with a token.
pub enum Once {
    /// It is new and was done: its answer.
    Done(Vec<u8>),
    /// It was done before: the answer given then.
    Repeated(Vec<u8>),
    /// The token was used for another request.
    Mismatch,
}

/// Does a request once. `purpose` names the operation and what its tokens are unique in; `request` is
/// whatever must be equal in a repeat; the answer is kept until `until`.
///
/// # Errors
/// Those of the work, and the store's.
pub fn once<E: From<Fault>>(
    tx: &mut Tx,
    (scope, purpose, token): (&Scope, &str, &str),
    request: &[u8],
    (now, until): (Timestamp, Timestamp),
    work: impl FnOnce(&mut Tx) -> Result<Vec<u8>, E>,
) -> Result<Once, E> {
    let key = (purpose.to_owned(), token.to_owned());
    let fingerprint: [u8; 32] = Sha256::digest(request).into();
    if let Some(kept) = tx.get(&ANSWERS, scope, &key)?.filter(|kept| kept.until > now) {
        let same = kept.fingerprint == fingerprint;
        return Ok(if same { Once::Repeated(kept.answer) } else { Once::Mismatch });
    }
    let answer = work(tx)?;
    tx.put(&ANSWERS, scope, &key, &Kept { fingerprint, answer: answer.clone(), until })?;
    Ok(Once::Done(answer))
}

/// Goes round and round over the answers that are kept and removes those whose time is over.
#[derive(Default)]
pub struct AnswerSweep {
    after: Option<Place<(String, String)>>,
}

impl AnswerSweep {
    /// A step of it; says whether the next should come soon, since many answers are expired.
    ///
    /// # Errors
    /// The store's.
    pub async fn step(&mut self, store: &Store, now: Timestamp) -> Result<bool, Fault> {
        let after = self.after.take();
        let looked = store.remove_some(&ANSWERS, after, STEP, move |_, _, kept| kept.until <= now).await?;
        self.after = looked.last;
        Ok(self.after.is_some() && looked.removed * MANY >= looked.rows)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use store::{MemoryEngine, Options};

    async fn ask(store: &Store, token: u64, (now, until): (i64, i64)) -> bool {
        let token = format!("{token:05}");
        let done = store.commit(move |tx| {
            let place = (&Scope::Partition, "test", token.as_str());
            once(tx, place, b"request", (Timestamp(now), Timestamp(until)), |_| Ok::<_, Fault>(vec![1]))
        });
        matches!(done.await.unwrap(), Once::Done(_))
    }

    #[tokio::test]
    async fn answers_go_when_their_time_is_over() {
        let store = Store::open(Box::new(MemoryEngine::new()), Options::in_memory()).unwrap();
        for token in 0..1300 {
            // Every tenth is kept longer.
            assert!(ask(&store, token, (0, if token % 10 == 0 { 900 } else { 600 })).await);
        }
        let kept = || store.read().everywhere(&ANSWERS).count();
        let mut sweep = AnswerSweep::default();
        assert!(!sweep.step(&store, Timestamp(599)).await.unwrap(), "there is no hurry");
        assert_eq!(kept(), 1300);
        let mut steps = 0;
        let mut sweep = AnswerSweep::default();
        while sweep.step(&store, Timestamp(600)).await.unwrap() {
            steps += 1;
        }
        assert_eq!((steps, kept()), (2, 130));
        assert!(!ask(&store, 10, (600, 900)).await, "this one is still answered as before");
        assert!(ask(&store, 11, (600, 900)).await);
        sweep.step(&store, Timestamp(900)).await.unwrap();
        assert_eq!(kept(), 0);
    }
}
