//! The system's allocator with a count of what all threads together take from it.
#![allow(unsafe_code, reason = "an allocator can't be written without")]
#![allow(dead_code, reason = "each root uses a part")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

/// For `#[global_allocator]`.
#[derive(Debug)]
pub struct Counting {
    allocations: AtomicUsize,
    live: AtomicUsize,
    peak: AtomicUsize,
}

impl Counting {
    pub const fn new() -> Self {
        Self { allocations: AtomicUsize::new(0), live: AtomicUsize::new(0), peak: AtomicUsize::new(0) }
    }

    /// How often memory was asked for, be it new or more.
    pub fn allocations(&self) -> usize {
        self.allocations.load(Relaxed)
    }

    /// The bytes in use; the peak is counted anew from here.
    pub fn baseline(&self) -> usize {
        let live = self.live.load(Relaxed);
        self.peak.store(live, Relaxed);
        live
    }

    /// The most bytes in use at one time since the baseline.
    pub fn peak(&self) -> usize {
        self.peak.load(Relaxed)
    }

    fn taken(&self, size: usize) {
        self.allocations.fetch_add(1, Relaxed);
        let live = self.live.fetch_add(size, Relaxed) + size;
        self.peak.fetch_max(live, Relaxed);
    }

    fn given_back(&self, size: usize) {
        self.live.fetch_sub(size, Relaxed);
    }
}

// SAFETY: everything is passed on to the system's allocator as it came.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        self.taken(layout.size());
        // SAFETY: see above.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        self.taken(layout.size());
        // SAFETY: see above.
        unsafe { System.alloc_zeroed(layout) }
    }

    /// Counts the old block and the new one as if both were there for a moment, as they may be.
    unsafe fn realloc(&self, block: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        self.taken(size);
        // SAFETY: see above.
        let moved = unsafe { System.realloc(block, layout, size) };
        self.given_back(layout.size());
        moved
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        // SAFETY: see above.
        unsafe { System.dealloc(block, layout) }
        self.given_back(layout.size());
    }
}
