//! Launcher and runners for functions
