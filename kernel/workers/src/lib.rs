//! Timers, periodic and woken reconcilers under supervision
