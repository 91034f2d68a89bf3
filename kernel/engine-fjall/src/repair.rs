//! A journal whose last batch a power loss left damaged.
//!
//! fjall drops a last batch that is cut short, but refuses a journal in which a batch has all its parts
//! and wrong bytes, as happens where the disk wrote the pages of an unsynced batch out of order. Nothing
//! of such a batch was acknowledged, so the journal is cut before it. If it had been acknowledged after
//! all, the store's guard finds its sequence missing and refuses to open.

use crate::journal;
use fjall::Error;
use std::fs::{self, OpenOptions};
use std::io;
use std::path::Path;

/// Whether an open failed because of such a journal.
pub(crate) fn is_called_for(error: &Error) -> bool {
    matches!(error, Error::JournalRecovery(_))
}

/// Cuts the last journal before its damage: tries lengths until the longest that opens is found. The
/// journal as it was stays beside it.
pub(crate) fn cut_last_journal<T>(path: &Path, open: impl Fn() -> Result<T, Error>) -> Result<T, Error> {
    let journal = journal::last(path)?;
    let kept = journal.with_extension("damaged");
    fs::copy(&journal, &kept)?;
    let whole = fs::metadata(&journal)?.len();
    restore(&kept, &journal, 0)?;
    if let Err(error) = open() {
        // The damage is not in this journal.
        restore(&kept, &journal, whole)?;
        return Err(error);
    }
    let (mut good, mut bad) = (0, whole);
    while bad - good > 1 {
        let middle = good + (bad - good) / 2;
        restore(&kept, &journal, middle)?;
        match open() {
            Ok(_) => good = middle,
            Err(error) if is_called_for(&error) => bad = middle,
            Err(error) => return Err(error),
        }
    }
    restore(&kept, &journal, good)?;
    open()
}

fn restore(kept: &Path, journal: &Path, length: u64) -> io::Result<()> {
    fs::copy(kept, journal)?;
    let file = OpenOptions::new().write(true).open(journal)?;
    file.set_len(length)?;
    file.sync_all()
}
