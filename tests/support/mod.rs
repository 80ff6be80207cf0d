//! What the test roots share.

pub mod material;
pub mod raw;
