//! N19: a host that turned on features of reqwest for itself, each of which changes what a client does by default.

use checks::{Heap, Wire};

#[global_allocator]
static HEAP: Heap = Heap;

fn main() {
    checks::wire(&Wire {
        ims: |ims| ims,
        own: |client| client,
        repeats: false,
        http2: |client| client.http2_prior_knowledge(),
        native_tls: |client| client.tls_backend_native(),
    });
}
