//! A claim: an item out of a ready set for as long as someone works on it.

use std::ops::Deref;

/// An item that goes back to where it was taken from when this is dropped, also by a panic or a caller
/// that left, unless it was settled.
pub struct Claim<T> {
    held: Option<(T, GiveBack<T>)>,
}

type GiveBack<T> = Box<dyn FnOnce(T) + Send>;

impl<T> Claim<T> {
    pub(crate) fn new(item: T, give_back: impl FnOnce(T) + Send + 'static) -> Self {
        Claim { held: Some((item, Box::new(give_back))) }
    }

    /// The work on the item is committed, it does not go back.
    pub fn settle(mut self) -> T {
        match self.held.take() {
            Some((item, _)) => item,
            None => unreachable!("only settling and dropping empty a claim, and both end it"),
        }
    }
}

impl<T> Deref for Claim<T> {
    type Target = T;

    fn deref(&self) -> &T {
        match &self.held {
            Some((item, _)) => item,
            None => unreachable!("only settling and dropping empty a claim, and both end it"),
        }
    }
}

impl<T> Drop for Claim<T> {
    fn drop(&mut self) {
        if let Some((item, give_back)) = self.held.take() {
            give_back(item);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc::channel;

    #[test]
    fn dropped_goes_back_settled_does_not() {
        let (back, returned) = channel();
        let claim = |item: u32| {
            let back = back.clone();
            Claim::new(item, move |item| back.send(item).unwrap())
        };
        drop(claim(1));
        assert_eq!(claim(2).settle(), 2);
        let panicking = claim(3);
        let _ = std::thread::spawn(move || {
            assert_eq!(*panicking, 0, "ends this thread");
        })
        .join();
        drop(back);
        assert_eq!(returned.iter().collect::<Vec<_>>(), [1, 3]);
    }
}
