//! An in-process region: virtual clock, fixed ids, typed calls, recording ports
