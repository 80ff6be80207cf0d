//! A clock that a test moves.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use crate::clock::{Clock, Moment, SystemClock};

/// A clock that stands still until a test moves it. Clones are the same clock.
///
/// ```
/// use std::time::Duration;
/// use adobe_ims::Clock;
/// use adobe_ims::testing::ManualClock;
///
/// let clock = ManualClock::new();
/// let start = clock.now();
/// clock.advance(Duration::from_secs(60));
/// assert_eq!(clock.now().duration_since(start).unwrap().as_secs(), 60);
/// ```
#[derive(Clone, Debug)]
pub struct ManualClock(Arc<Mutex<Moment>>);

impl ManualClock {
    /// Starts at the machine's time.
    pub fn new() -> Self {
        Self(Arc::new(Mutex::new(Moment::now(&SystemClock))))
    }

    /// Starts at this time.
    pub fn at(wall: SystemTime) -> Self {
        let clock = Self::new();
        clock.set(wall);
        clock
    }

    /// Lets time pass: both clocks move.
    pub fn advance(&self, by: Duration) {
        let mut moment = self.moment();
        if let Some(later) = moment.checked_add(by) {
            *moment = later;
        }
    }

    /// Suspends the machine: the wall clock moves, the monotonic one stands still, as it does on
    /// Linux.
    pub fn suspend(&self, by: Duration) {
        let mut moment = self.moment();
        if let Some(later) = moment.wall.checked_add(by) {
            moment.wall = later;
        }
    }

    /// Sets the wall clock, to any time.
    pub fn set(&self, wall: SystemTime) {
        self.moment().wall = wall;
    }

    fn moment(&self) -> MutexGuard<'_, Moment> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Default for ManualClock {
    fn default() -> Self {
        Self::new()
    }
}

impl Clock for ManualClock {
    fn now(&self) -> SystemTime {
        self.moment().wall
    }

    fn monotonic(&self) -> std::time::Instant {
        self.moment().monotonic
    }
}
