//! The bounds within which every decoder works.

/// Bounds of one request's decoding. The size of the body itself is bounded before it gets here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// How deep structures, lists, maps and documents may nest.
    pub depth: usize,
    /// How much memory the decoded structures may take, in bytes, estimated from their tables: three bytes
    /// of input (`{},`) can stand for a structure of hundreds.
    pub memory: usize,
}

impl Limits {
    /// What the region uses: 128 levels, 256 MiB.
    pub const STANDARD: Limits = Limits { depth: 128, memory: 256 << 20 };
}

impl Default for Limits {
    fn default() -> Self {
        Limits::STANDARD
    }
}
