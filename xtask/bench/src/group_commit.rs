//! A file to which many append and all wait for one fdatasync: the least that a durable write can cost.

use std::fs::File;
use std::io::{self, Write};
use std::path::Path;
use std::sync::mpsc::{Receiver, Sender, channel};
use tokio::sync::oneshot;

/// Bounds one batch, so that the wait of the first in it is bounded too.
const BATCH: usize = 4096;

type Append = (bytes::Bytes, oneshot::Sender<io::Result<()>>);

/// Hands bodies to the thread that writes them.
#[derive(Clone)]
pub struct GroupCommit {
    queue: Sender<Append>,
}

impl GroupCommit {
    /// Opens the file and starts its thread, which ends with the last handle.
    pub fn open(path: &Path) -> io::Result<Self> {
        let file = File::options().create(true).append(true).open(path)?;
        let (queue, appends) = channel();
        std::thread::spawn(move || write_batches(file, &appends));
        Ok(GroupCommit { queue })
    }

    /// Returns once the body is on the disk.
    pub async fn append(&self, body: bytes::Bytes) -> io::Result<()> {
        let (done, written) = oneshot::channel();
        let gone = || io::Error::other("the writer has ended");
        self.queue.send((body, done)).map_err(|_| gone())?;
        written.await.map_err(|_| gone())?
    }
}

fn write_batches(mut file: File, appends: &Receiver<Append>) {
    while let Ok(first) = appends.recv() {
        let batch: Vec<Append> = std::iter::once(first).chain(appends.try_iter().take(BATCH)).collect();
        let bodies: Vec<&[u8]> = batch.iter().map(|(body, _)| body.as_ref()).collect();
        let result = file.write_all(&bodies.concat()).and_then(|()| file.sync_data());
        for (_, done) in batch {
            let answer = match &result {
                Ok(()) => Ok(()),
                Err(error) => Err(io::Error::new(error.kind(), error.to_string())),
            };
            // The client may have gone; its body is written all the same.
            done.send(answer).ok();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn every_body_is_in_the_file_when_its_append_returns() {
        let path = std::env::temp_dir().join(format!("group-commit-{}", std::process::id()));
        let log = GroupCommit::open(&path).unwrap();
        for expected in 1..=3 {
            log.append(bytes::Bytes::from_static(b"body")).await.unwrap();
            assert_eq!(std::fs::read(&path).unwrap().len(), 4 * expected);
        }
        std::fs::remove_file(path).unwrap();
    }
}
