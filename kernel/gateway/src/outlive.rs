//! Work that outlives whoever waits for it. It runs in the task of the one who waits, which costs nothing;
//! where that one goes, because a client hung up, what was begun goes on in a task of its own.

use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::task::{Context, Poll};
use tokio::runtime::Handle;

/// Work, with what it holds until it ends.
pub struct Outliving<F, H>
where
    F: Future + Unpin + Send + 'static,
    F::Output: Send,
    H: Unpin + Send + 'static,
{
    work: Option<(F, H)>,
}

impl<F, H> Outliving<F, H>
where
    F: Future + Unpin + Send + 'static,
    F::Output: Send,
    H: Unpin + Send + 'static,
{
    /// Work that has not begun.
    pub fn new(work: F, held: H) -> Self {
        Outliving { work: Some((work, held)) }
    }
}

impl<F, H> Future for Outliving<F, H>
where
    F: Future + Unpin + Send + 'static,
    F::Output: Send,
    H: Unpin + Send + 'static,
{
    /// What came of it; nothing where it panicked.
    type Output = Option<F::Output>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let Some((work, _)) = &mut self.work else { return Poll::Ready(None) };
        let polled = match catch_unwind(AssertUnwindSafe(|| Pin::new(work).poll(cx))) {
            Ok(Poll::Pending) => return Poll::Pending,
            Ok(Poll::Ready(output)) => Some(output),
            Err(_) => None,
        };
        self.work = None;
        Poll::Ready(polled)
    }
}

impl<F, H> Drop for Outliving<F, H>
where
    F: Future + Unpin + Send + 'static,
    F::Output: Send,
    H: Unpin + Send + 'static,
{
    fn drop(&mut self) {
        // Without a runtime the process is ending, and the work with it.
        if let Some((work, held)) = self.work.take()
            && let Ok(runtime) = Handle::try_current()
        {
            runtime.spawn(async move {
                let _held = held;
                work.await
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;
    use tokio::sync::oneshot;

    #[tokio::test]
    async fn what_was_begun_ends_though_nobody_waits() {
        let (go, told) = oneshot::channel::<()>();
        let (ended, end) = oneshot::channel();
        let held = Arc::new(());
        let mut work = Outliving::new(
            Box::pin(async move {
                told.await.unwrap();
                ended.send(()).unwrap();
            }),
            held.clone(),
        );
        let begun = std::future::poll_fn(|cx| Poll::Ready(Pin::new(&mut work).poll(cx))).await;
        assert!(begun.is_pending());
        drop(work);
        assert_eq!(Arc::strong_count(&held), 2, "it still runs");
        go.send(()).unwrap();
        end.await.unwrap();
    }

    #[tokio::test]
    async fn a_panic_is_nothing_to_who_waits_and_frees_what_is_held() {
        let held = Arc::new(());
        let work = Outliving::new(Box::pin(async { panic!("on purpose") }), held.clone());
        assert!(work.await.is_none());
        assert_eq!(Arc::strong_count(&held), 1);
        assert_eq!(Outliving::new(Box::pin(async { 7 }), ()).await, Some(7));
    }
}
