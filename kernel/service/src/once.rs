//! Idempotency: the answer of a request with a client token is kept in the same commit, so that a repeat
//! is answered and not done again.

use names::{Scope, Timestamp};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use store::{Class, Fault, Read, Table, Tx, record};

#[derive(Debug, Clone, Serialize, Deserialize)]
struct Kept {
    fingerprint: [u8; 32],
    answer: Vec<u8>,
    until: Timestamp,
}

record!(Kept, 1);

static ANSWERS: Table<(String, String), Kept> = Table::new("service/answers", Class::Records);

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
