//! An allocator that looks for pieces of secrets in every block that is freed.
#![allow(unsafe_code, reason = "an allocator can't be written without")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::sync::OnceLock;

/// For `#[global_allocator]`. A block that grows is always moved, so that the old one is looked at as well.
#[derive(Debug)]
pub struct Watching {
    /// Every run of [`WIDTH`] bytes of every secret, in order.
    pieces: OnceLock<Vec<Piece>>,
}

/// So many bytes of a secret are not found anywhere by chance.
const WIDTH: usize = 8;
type Piece = [u8; WIDTH];

thread_local! {
    /// Whether this thread is watched, and how many of the blocks that it freed had something left in them.
    static WATCHED: Cell<bool> = const { Cell::new(false) };
    static FOUND: Cell<usize> = const { Cell::new(0) };
}

impl Watching {
    pub const fn new() -> Self {
        Self { pieces: OnceLock::new() }
    }

    /// Does the work, and returns how many of the blocks that this thread freed meanwhile had a piece of a secret in
    /// them. The first call sets the secrets for all.
    pub fn left_behind<T>(&self, secrets: impl FnOnce() -> Vec<Vec<u8>>, work: impl FnOnce() -> T) -> usize {
        self.pieces.get_or_init(|| {
            let secrets = secrets();
            let windows = secrets.iter().flat_map(|secret| secret.windows(WIDTH));
            let mut pieces = windows.map(|piece| piece.try_into().unwrap()).collect::<Vec<_>>();
            pieces.sort_unstable();
            pieces
        });
        FOUND.set(0);
        WATCHED.set(true);
        drop(work());
        WATCHED.set(false);
        FOUND.get()
    }

    fn look_at(&self, block: &[u8]) {
        let Some(pieces) = self.pieces.get() else { return };
        let is_piece = |window: &[u8]| pieces.binary_search_by(|piece| piece.as_slice().cmp(window)).is_ok();
        if block.windows(WIDTH).any(is_piece) {
            FOUND.set(FOUND.get() + 1);
        }
    }
}

// SAFETY: all calls are passed on to the system's allocator unchanged.
unsafe impl GlobalAlloc for Watching {
    /// Zeroed, so that every byte may be looked at in the end.
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: see above.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        if WATCHED.get() {
            // SAFETY: the block is of that size, its owner is done with it, and its bytes were set when it was made.
            self.look_at(unsafe { std::slice::from_raw_parts(block, layout.size()) });
        }
        // SAFETY: see above.
        unsafe { System.dealloc(block, layout) }
    }
}
