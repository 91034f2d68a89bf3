//! Blobs on a device: what is written behind the writer's back and read ahead of the reader is whole, in order, and
//! tells what went wrong.

use super::fresh;
use bytes::Bytes;
use std::future::Future;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Waker};
use store::contract::Place;
use store::{
    BLOCK, BlobBackend, BlobId, BlobSink, BlobSource, Fault, FileBlobs, Options, Reason, Store, SyncAhead,
};

fn wait_for<T>(check: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    runtime.unwrap().block_on(check)
}

fn store_on(blobs: impl BlobBackend) -> Store {
    Store::open(fresh().engine(), Options { blobs: Box::new(blobs), ..Options::in_memory() }).unwrap()
}

/// What a device refuses, and how often it was asked.
#[derive(Default)]
struct Asked {
    blocks: AtomicUsize,
    syncs: AtomicUsize,
}

/// A device that refuses a block or a sync.
struct Broken {
    asked: Arc<Asked>,
    block: Option<usize>,
    sync: Option<usize>,
}

struct BrokenSink {
    asked: Arc<Asked>,
    block: Option<usize>,
    sync: Option<usize>,
}

impl BlobBackend for Broken {
    fn create(&self, _: BlobId) -> io::Result<Box<dyn BlobSink>> {
        Ok(Box::new(BrokenSink { asked: self.asked.clone(), block: self.block, sync: self.sync }))
    }

    fn open(&self, _: BlobId) -> io::Result<Arc<dyn BlobSource>> {
        Err(io::ErrorKind::NotFound.into())
    }

    fn remove(&self, _: BlobId) -> io::Result<()> {
        Ok(())
    }

    fn list(&self, _: u8) -> io::Result<Vec<BlobId>> {
        Ok(Vec::new())
    }
}

fn refused() -> io::Error {
    io::ErrorKind::StorageFull.into()
}

impl BlobSink for BrokenSink {
    fn add(&mut self, _: Bytes) -> io::Result<()> {
        let asked = self.asked.blocks.fetch_add(1, Ordering::SeqCst);
        if self.block == Some(asked) { Err(refused()) } else { Ok(()) }
    }

    fn sync(&self) -> io::Result<Option<SyncAhead>> {
        let asked = self.asked.syncs.fetch_add(1, Ordering::SeqCst);
        let refuses = self.sync == Some(asked);
        Ok(Some(Box::new(move || if refuses { Err(refused()) } else { Ok(()) })))
    }

    fn finish(self: Box<Self>) -> io::Result<()> {
        Ok(())
    }
}

/// Writes blocks until one is refused, and finishes.
async fn written(store: &Store, blocks: usize) -> Result<(), Fault> {
    let mut writer = store.blobs().writer().await?;
    for _ in 0..blocks {
        writer.write(Bytes::from(vec![1; BLOCK])).await?;
    }
    writer.finish().await.map(drop)
}

#[test]
fn a_block_or_sync_that_fails_behind_the_writer_is_told() {
    // The last block and the last sync are nobody's business but `finish`'s.
    for (block, sync) in
        [(Some(0), None), (Some(5), None), (Some(19), None), (None, Some(0)), (None, Some(1))]
    {
        let asked = Arc::new(Asked::default());
        let store = store_on(Broken { asked: asked.clone(), block, sync });
        let told = wait_for(written(&store, 20));
        assert_eq!(told, Err(Fault::Unavailable(Reason::DiskFull)), "{block:?} {sync:?}");
    }
    let asked = Arc::new(Asked::default());
    let store = store_on(Broken { asked: asked.clone(), block: None, sync: None });
    assert_eq!(wait_for(written(&store, 20)), Ok(()));
    assert_eq!(asked.blocks.load(Ordering::SeqCst), 20);
    assert!(asked.syncs.load(Ordering::SeqCst) >= 1);
}

#[test]
fn pieces_keep_their_order_and_are_made_into_others_where_they_are_read() {
    let folder = tempfile::tempdir().unwrap();
    let store = store_on(FileBlobs::open(folder.path()).unwrap());
    let bytes: Bytes = (0..BLOCK * 9 / 2).map(|at| (at % 253) as u8).collect();
    wait_for(async {
        let blob = store.blobs().keep(bytes.clone()).await.unwrap();
        let range = 1000..bytes.len() as u64 - 7;
        let reader = store.blobs().reader(&blob, range.clone()).await.unwrap();
        let mut reader = reader.through(|at, piece| {
            piece.iter().enumerate().map(|(behind, byte)| byte ^ (at as usize + behind) as u8).collect()
        });
        let mut got = Vec::new();
        loop {
            // Who gives up while a piece is read, and asks again, loses none.
            let given_up = std::pin::pin!(reader.next()).poll(&mut Context::from_waker(Waker::noop()));
            match given_up {
                std::task::Poll::Ready(piece) => match piece.unwrap() {
                    Some(piece) => got.extend_from_slice(&piece),
                    None => break,
                },
                std::task::Poll::Pending => match reader.next().await.unwrap() {
                    Some(piece) => got.extend_from_slice(&piece),
                    None => break,
                },
            }
        }
        let expected: Vec<u8> = range.map(|at| bytes[at as usize] ^ at as u8).collect();
        assert!(got == expected);
    });
}
