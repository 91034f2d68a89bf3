//! The room through an in-process region on a virtual clock.
