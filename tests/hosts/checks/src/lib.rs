//! What holds in every host. A check that fails panics, which ends its program with an error.

#[cfg(feature = "wire")]
mod heap;
mod jwt;
#[cfg(feature = "wire")]
mod server;
#[cfg(feature = "wire")]
mod wire;

use std::future::Future;

use adobe_ims::testing::MockIms;

#[cfg(feature = "wire")]
pub use heap::Heap;
pub use jwt::{encode, jwt};
#[cfg(feature = "wire")]
pub use wire::{Wire, wire};

/// An exchange against the stand-in, which checks the signature, gives a token.
fn exchange_works() {
    block_on(async {
        let mock = MockIms::start().await.unwrap();
        let token = mock.client().unwrap().exchange().await.unwrap();
        assert!(!token.is_expired());
        assert_eq!(mock.request_count(), 1);
    });
}

fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(future)
}
