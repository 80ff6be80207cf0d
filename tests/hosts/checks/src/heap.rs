//! How much memory was in use at most.

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

/// The system's allocator, counting. A host makes it its `#[global_allocator]`.
pub struct Heap;

static IN_USE: AtomicUsize = AtomicUsize::new(0);
static PEAK: AtomicUsize = AtomicUsize::new(0);

impl Heap {
    /// What `action` gives, and by how much memory grew at most while it ran.
    pub(crate) fn growth<T>(action: impl FnOnce() -> T) -> (T, usize) {
        let before = IN_USE.load(Relaxed);
        assert_ne!(before, 0, "the host does not count");
        PEAK.store(before, Relaxed);
        let outcome = action();
        (outcome, PEAK.load(Relaxed).saturating_sub(before))
    }
}

// SAFETY: everything is handed on to the system's allocator as it came.
unsafe impl GlobalAlloc for Heap {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let now = IN_USE.fetch_add(layout.size(), Relaxed) + layout.size();
        PEAK.fetch_max(now, Relaxed);
        // SAFETY: as above.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, memory: *mut u8, layout: Layout) {
        IN_USE.fetch_sub(layout.size(), Relaxed);
        // SAFETY: as above.
        unsafe { System.dealloc(memory, layout) }
    }
}
