//! The few traits by which rooms meet, and the schemas of facts
