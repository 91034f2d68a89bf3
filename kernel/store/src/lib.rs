//! Tables, transactions, views, timers, outbox, blobs: the traits, the memory engine, the contract suite
