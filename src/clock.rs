//! The clocks: one trait, one default. Nothing else in the crate reads a clock.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

/// Where the crate reads the time. The default is the machine's own clocks; tests supply others.
///
/// Two clocks, because each of them can mislead: the wall clock can be set back or forward, and the
/// monotonic clock stands still while the machine is suspended.
pub trait Clock: Send + Sync + 'static {
    /// The wall clock: signed into assertions, and the clock of
    /// [`Token::expires_at`](crate::Token::expires_at).
    fn now(&self) -> SystemTime;

    /// The monotonic clock: never goes back.
    fn monotonic(&self) -> Instant;
}

impl<T: Clock + ?Sized> Clock for Arc<T> {
    fn now(&self) -> SystemTime {
        (**self).now()
    }

    fn monotonic(&self) -> Instant {
        (**self).monotonic()
    }
}

/// The machine's clocks.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SystemClock;

#[expect(clippy::disallowed_methods, reason = "this is the one place that reads the clocks")]
impl Clock for SystemClock {
    fn now(&self) -> SystemTime {
        SystemTime::now()
    }

    fn monotonic(&self) -> Instant {
        Instant::now()
    }
}

/// A shared clock. An enum, because a dynamic call for the default would add a tenth to the 50 ns
/// or so of a cache hit.
#[derive(Clone, Default)]
pub(crate) enum SharedClock {
    #[default]
    System,
    Given(Arc<dyn Clock>),
}

impl SharedClock {
    pub(crate) fn new(clock: impl Clock) -> Self {
        Self::Given(Arc::new(clock))
    }
}

impl Clock for SharedClock {
    fn now(&self) -> SystemTime {
        match self {
            Self::System => SystemClock.now(),
            Self::Given(clock) => clock.now(),
        }
    }

    fn monotonic(&self) -> Instant {
        match self {
            Self::System => SystemClock.monotonic(),
            Self::Given(clock) => clock.monotonic(),
        }
    }
}

impl fmt::Debug for SharedClock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Clock")
    }
}

/// A reading of both clocks. A deadline has passed when it has passed on either, so suspend, a
/// clock set back and a clock set forward are all safe.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Moment {
    pub(crate) wall: SystemTime,
    pub(crate) monotonic: Instant,
}

impl Moment {
    pub(crate) fn now(clock: &impl Clock) -> Self {
        Self { wall: clock.now(), monotonic: clock.monotonic() }
    }

    /// `None` if it is out of range.
    pub(crate) fn checked_add(self, by: Duration) -> Option<Self> {
        Some(Self { wall: self.wall.checked_add(by)?, monotonic: self.monotonic.checked_add(by)? })
    }

    pub(crate) fn is_past(self, point: Self) -> bool {
        self.wall >= point.wall || self.monotonic >= point.monotonic
    }

    /// How long it has been since `point`, suspended or not: the longer of what both clocks show.
    pub(crate) fn since(self, point: Self) -> Duration {
        let wall = self.wall.duration_since(point.wall).unwrap_or_default();
        wall.max(self.monotonic.saturating_duration_since(point.monotonic))
    }

    /// How long until `point`; zero if it is past.
    pub(crate) fn until(self, point: Self) -> Duration {
        let wall = point.wall.duration_since(self.wall).unwrap_or_default();
        wall.min(point.monotonic.saturating_duration_since(self.monotonic))
    }
}

/// How long this machine has been up, suspend included, and since which boot: a clock that cannot
/// be set and that all processes of the machine share.
#[cfg(feature = "file-store")]
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Uptime {
    pub(crate) boot: String,
    pub(crate) since: Duration,
}

#[cfg(feature = "file-store")]
impl Uptime {
    /// `None` where the platform does not say.
    pub(crate) fn now() -> Option<Self> {
        if !cfg!(target_os = "linux") {
            return None;
        }
        let boot = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").ok()?.trim().to_owned();
        let uptime = std::fs::read_to_string("/proc/uptime").ok()?;
        let seconds = uptime.split(' ').next()?.parse().ok()?;
        Some(Self { boot, since: Duration::try_from_secs_f64(seconds).ok()? })
    }
}

/// How far the local clock is from another's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Skew {
    Ahead(Duration),
    Behind(Duration),
}

impl Skew {
    /// "IMS allows 30 seconds": a comment in Adobe's own client.
    pub(crate) const TOLERATED: Duration = Duration::from_secs(30);

    /// What the local clock shows while the other one shows `theirs`.
    pub(crate) fn between(local: SystemTime, theirs: SystemTime) -> Self {
        match local.duration_since(theirs) {
            Ok(ahead) => Self::Ahead(ahead),
            Err(behind) => Self::Behind(behind.duration()),
        }
    }

    pub(crate) fn size(self) -> Duration {
        match self {
            Self::Ahead(size) | Self::Behind(size) => size,
        }
    }

    /// Whether IMS accepts assertions that are off by this much.
    pub(crate) fn is_tolerated(self) -> bool {
        self.size() <= Self::TOLERATED
    }

    /// What the other clock shows when the local one shows `local`.
    pub(crate) fn correct(self, local: SystemTime) -> Option<SystemTime> {
        match self {
            Self::Ahead(size) => local.checked_sub(size),
            Self::Behind(size) => local.checked_add(size),
        }
    }
}

/// When something began, by the runtime's own clock.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Stopwatch(tokio::time::Instant);

#[expect(clippy::disallowed_methods, reason = "this is the one place that reads the clocks")]
impl Stopwatch {
    pub(crate) fn start() -> Self {
        Self(tokio::time::Instant::now())
    }

    pub(crate) fn elapsed(self) -> Duration {
        self.0.elapsed()
    }
}

/// When something must be over, by the runtime's own clock: a paused runtime pauses it too.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Deadline(Option<tokio::time::Instant>);

#[expect(clippy::disallowed_methods, reason = "this is the one place that reads the clocks")]
impl Deadline {
    /// A limit beyond the range of the clock counts as none.
    pub(crate) fn after(limit: Duration) -> Self {
        Self(tokio::time::Instant::now().checked_add(limit))
    }

    pub(crate) fn remaining(self) -> Duration {
        match self.0 {
            Some(end) => end.saturating_duration_since(tokio::time::Instant::now()),
            None => Duration::MAX,
        }
    }
}
