//! What the test roots share.

pub mod child;
pub mod material;
pub mod proxy;
pub mod raw;
pub mod raw_exchange;
pub mod server;
pub mod shapes;
pub mod tls;
