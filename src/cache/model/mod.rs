//! What the cache may do, written from the design (section 5, decisions 1 to 4) and sharing no code with the cache:
//! plain numbers, in milliseconds since the schedule began. `schedules` drives the cache and asks the model about all
//! that can be seen of it; `threads` does without the model and asks what no order of events may change.
#![allow(clippy::arithmetic_side_effects, reason = "a test may stop at the first surprise")]

mod schedules;
mod threads;

/// A moment on the two clocks that the cache reads, and the time that truly went by, which no clock tells.
#[derive(Clone, Copy, Debug, Default)]
struct Now {
    wall: i64,
    monotonic: i64,
    truly: i64,
}

/// A token: when it ends, and its whole life.
#[derive(Debug)]
struct Grant {
    end: Now,
    life: i64,
}

#[derive(Debug)]
struct Flight {
    number: usize,
    since: i64,
    /// Of one attempt, for callers who have a token.
    background: bool,
}

/// A flight that failed, until a token comes.
#[derive(Debug)]
struct Failed {
    number: usize,
    at: Now,
    /// Whether callers had a token all the same.
    beside: bool,
    /// Whether it was a background refresh: its one attempt does not hold back those who need a token.
    background: bool,
    /// Failures in a row, and those of them that were of its kind.
    in_row: u32,
    alike: u32,
    /// The pause may not be longer than this.
    longest: i64,
    told: Option<i64>,
}

/// A call, from its first poll.
#[derive(Clone, Copy, Debug)]
struct Call {
    /// How long its token must live at least.
    least: i64,
    since: i64,
    /// Flights and tokens before these were over when it began; tokens from `came` on came during the call.
    flight: usize,
    grant: usize,
    came: usize,
    /// Whether there has been a moment without a good token since then.
    lacked: bool,
    /// When it was polled last, and whether its limit began anew after nobody had polled it beyond it.
    polled: i64,
    forgiven: bool,
    /// Ended or dropped; what it started may not have begun.
    over: bool,
}

/// What a poll of a call shows.
#[derive(Debug)]
enum Seen {
    Pending,
    Token(usize),
    /// The flight that failed, and the wait that its error tells.
    Failure(usize, Option<i64>),
    /// The call's own limit passed.
    Timeout,
}

#[derive(Debug, Default)]
struct Model {
    now: Now,
    grants: Vec<Grant>,
    current: Option<usize>,
    flights: usize,
    flight: Option<Flight>,
    /// At most one of each kind.
    failed: Vec<Failed>,
    /// Flights given up since the last token, which may have failed unheard.
    lost: u32,
    calls: Vec<(usize, Call)>,
    /// Whether a flight may have been started that has not begun to run, and whether one must have been.
    perhaps: bool,
    owed: bool,
    /// Whether a call has given a flight up since the last one began: nobody knows whether that one is still remembered.
    given_up: bool,
    /// When a token was forgotten last.
    forgot: Option<Now>,
    broken: Option<String>,
}

/// How long a call takes at most, and a flight too.
const LIMIT: i64 = 30_000;
/// How long before its end a token begins to age, at the earliest.
const REFRESH_BEFORE: i64 = 3_600_000;

impl Model {
    fn rule(&mut self, kept: bool, rule: &str) {
        if !kept && self.broken.is_none() {
            self.broken = Some(format!("{rule}; {self:?}"));
        }
    }

    /// Decision 3: of the ends on two clocks the earlier counts.
    fn left(&self, end: Now) -> i64 {
        (end.wall - self.now.wall).min(end.monotonic - self.now.monotonic)
    }

    /// The current token, unless it has ended or is too short for the call; a life that is shorter than asked is not.
    fn good(&self, least: i64) -> Option<(usize, &Grant, i64)> {
        let id = self.current?;
        let grant = self.grants.get(id)?;
        let left = self.left(grant.end);
        (left > 0 && (left >= least || grant.life < least)).then_some((id, grant, left))
    }

    /// Decision 3: whether callers are served without waiting.
    fn at_once(&self, least: i64) -> Option<usize> {
        self.good(least).filter(|(_, grant, left)| *left > grant.last_seconds()).map(|(id, ..)| id)
    }

    /// Decision 4: whether nobody may ask, and whether somebody may be held back. What was told holds everybody back,
    /// a pause those of its regime; jitter is 10 % at most.
    fn held_back(&self, beside: bool, background: bool) -> (bool, bool) {
        let (mut surely, mut perhaps) = (false, self.given_up);
        for failed in &self.failed {
            let pause = |in_row: u32| match failed.beside {
                true => [60_000, 120_000, 240_000, 300_000][in_row.clamp(1, 4) as usize - 1].min(failed.longest),
                false => (1_000 << (in_row.clamp(1, 6) - 1)).min(30_000),
            };
            let (least, most) = match beside == failed.beside && (background || !failed.background) {
                true => (pause(failed.alike) * 9 / 10, pause(failed.in_row).max(1_000) * 11 / 10 + 1),
                false => (0, 0),
            };
            let told = failed.told.unwrap_or_default();
            // As with a token, the clock that is ahead counts: no pause outlives a suspended machine's sleep.
            let gone = (self.now.wall - failed.at.wall).max(self.now.monotonic - failed.at.monotonic);
            let gone = gone.max(self.now.truly - failed.at.truly);
            surely |= gone < least.max(told) && !self.given_up;
            perhaps |= self.now.monotonic - failed.at.monotonic < most.max(told);
        }
        (surely, perhaps)
    }

    /// The clocks have moved, or the token has changed.
    fn look(&mut self) {
        for at in 0..self.calls.len() {
            let lacks = self.good(self.calls[at].1.least).is_none();
            self.calls[at].1.lacked |= lacks;
        }
    }

    /// Decisions 1, 2 and 4: one flight, not for nothing, and not too soon after a failure.
    fn begins(&mut self, beside: bool) -> usize {
        let overdue = |flight: &Flight| self.now.monotonic - flight.since >= LIMIT;
        self.rule(self.flight.as_ref().is_none_or(overdue), "one flight at a time");
        self.rule(
            !self.held_back(self.at_once(0).is_some(), beside).0,
            "nobody asks again before the cool-down or a told wait is over",
        );
        let wanted = match (self.good(0), beside) {
            (Some((_, grant, left)), true) => left <= grant.ageing() + 1 && left > grant.last_seconds(),
            (None, beside) => !beside,
            (Some(_), false) => {
                self.at_once(0).is_none() || self.calls.iter().any(|(_, call)| self.good(call.least).is_none())
            }
        };
        self.rule(wanted, "nobody asks for a token that is not wanted");
        (self.perhaps, self.owed, self.given_up) = (false, false, false);
        self.flights += 1;
        self.flight = Some(Flight { number: self.flights, since: self.now.monotonic, background: beside });
        self.flights
    }

    /// Decision 1: what lands is the current token, or a failure that displaces nothing.
    fn lands(&mut self, number: usize, end: Result<Now, Option<i64>>) {
        let flight = self.flight.take_if(|flight| flight.number == number);
        let background = flight.as_ref().is_some_and(|flight| flight.background);
        if let Ok(end) = end {
            self.grants.push(Grant { end, life: self.left(end) });
        }
        let told = match end {
            _ if flight.is_none() => return,
            Ok(end) if self.left(end) > 0 => {
                (self.current, self.lost) = (Some(self.grants.len() - 1), 0);
                self.failed.clear();
                return self.look();
            }
            Ok(_) => None,
            Err(told) => told,
        };
        // Not by who asked: a token too short-lived for one caller is good for the others.
        let beside = self.at_once(0).is_some();
        let longest = self.good(0).map_or(0, |(_, grant, left)| (left - grant.last_seconds()) / 4);
        let in_row = self.failed.iter().map(|failed| failed.in_row).max().unwrap_or(self.lost) + 1;
        let alike = self.failed.iter().find(|failed| failed.beside == beside).map_or(0, |failed| failed.alike) + 1;
        self.failed.retain(|failed| failed.beside != beside);
        self.failed.push(Failed { number, at: self.now, beside, background, in_row, alike, longest, told });
    }

    /// Changes nothing: what the caller started goes on.
    fn drops(&mut self, name: usize) {
        self.calls.iter_mut().filter(|(other, _)| *other == name).for_each(|(_, call)| call.over = true);
    }

    /// T10: drops that token alone, and none within a minute after another.
    fn forgets(&mut self, grant: usize) {
        let too_soon = self
            .forgot
            .is_some_and(|at| self.now.wall - at.wall < 60_000 && self.now.monotonic - at.monotonic < 60_000);
        if self.current == Some(grant) && !too_soon {
            (self.current, self.forgot) = (None, Some(self.now));
        }
        self.look();
    }

    /// The first poll of a call. P3, and decisions 3 and 4: served, refused or waiting, all at once.
    fn calls(&mut self, name: usize, least: i64, seen: &Seen) {
        let (good, at_once) = (self.good(least).map(|(id, ..)| id), self.at_once(least));
        let ageing = self.good(0).is_some_and(|(_, grant, left)| left < grant.ageing() * 9 / 10 - 1);
        let waits = self.flight.is_some() || self.owed;
        let flying = waits || self.perhaps;
        let (surely, perhaps) = self.held_back(self.at_once(0).is_some(), false);
        match (good, at_once, seen) {
            (_, Some(at_once), seen) => {
                self.rule(
                    matches!(seen, Seen::Token(id) if *id == at_once),
                    "a fresh or ageing token is served at once",
                );
            }
            (Some(good), None, seen) if surely && !flying => {
                self.rule(
                    matches!(seen, Seen::Token(id) if *id == good),
                    "a spent token is served while nobody may ask",
                );
            }
            (None, None, seen) if surely && !flying => {
                let remembered =
                    |seen: (usize, Option<i64>)| self.failed.iter().any(|failed| (failed.number, failed.told) == seen);
                let same = matches!(seen, Seen::Failure(number, told) if remembered((*number, *told)));
                self.rule(same, "a failure is remembered, and told at once");
            }
            (_, None, seen) if waits || !flying && !perhaps => {
                self.rule(matches!(seen, Seen::Pending), "a flight is waited for")
            }
            _ => {}
        }
        let refreshes = ageing && !self.held_back(true, true).1;
        let must = !flying && if at_once.is_none() { !perhaps } else { refreshes };
        self.owed |= must;
        self.perhaps |= must || !surely;
        let flight = self.flight.as_ref().map_or(self.flights + 1, |flight| flight.number);
        let grant = self.current.unwrap_or(self.grants.len());
        let came = self.grants.len();
        let (since, lacked) = (self.now.monotonic, good.is_none());
        let call = Call { least, since, flight, grant, came, lacked, polled: since, forgiven: false, over: false };
        self.calls.push((name, call));
        self.goes_on(name, seen);
    }

    /// Any poll of a call.
    fn goes_on(&mut self, name: usize, seen: &Seen) {
        let Some(at) = self.calls.iter().position(|(other, _)| *other == name) else { return };
        // Its flight may have brought a token that has ended since: then the call looks again, and may ask.
        self.perhaps |= self.flight.is_none() && self.grants.len() > self.calls[at].1.came;
        if let Seen::Pending = seen {
            let now = self.now.monotonic;
            let call = &mut self.calls[at].1;
            // Whoever did not poll it stood still: that was not its time.
            if now - call.since > LIMIT && !call.forgiven && now - call.polled > 1_000 {
                (call.since, call.forgiven) = (now, true);
            }
            call.polled = now;
            let took = now - call.since;
            return self.rule(took <= LIMIT, "every call ends within its limit");
        }
        let call = self.calls[at].1;
        self.calls[at].1.over = true;
        match seen {
            Seen::Pending => {}
            Seen::Token(id) => {
                let (left, life) = (self.left(self.grants[*id].end), self.grants[*id].life);
                self.rule(left > 0, "no token is handed out after its end on either clock");
                self.rule(
                    *id >= call.grant,
                    "no token is handed out by calls that began after it was forgotten or replaced",
                );
                let long = left >= call.least || life < call.least || *id >= call.came;
                self.rule(long, "a token lives as long as asked, if tokens live that long");
            }
            Seen::Failure(number, _) => {
                let remembered = self.given_up || self.failed.iter().any(|failed| failed.number == *number);
                self.rule(
                    *number >= call.flight || remembered,
                    "a failure is that of the call's flight, or the remembered one",
                );
                self.rule(call.lacked, "an error only where there is no good token");
            }
            Seen::Timeout => {
                self.rule(self.now.monotonic - call.since >= LIMIT, "a call's limit is the whole limit");
                self.rule(self.good(call.least).is_none(), "an error only where there is no good token");
                self.gives_up();
            }
        }
    }

    /// Decision 1: a flight that has had its whole limit may be forgotten, and what it still brings may be lost.
    fn gives_up(&mut self) {
        let now = self.now.monotonic;
        if self.flight.take_if(|flight| now - flight.since >= LIMIT).is_some() {
            self.failed.iter_mut().for_each(|failed| failed.in_row += 1);
            self.lost += 1;
            self.given_up = true;
        }
    }

    /// What was started has had the time to begin.
    fn settles(&mut self) {
        self.rule(!self.owed, "a token that is wanted is asked for");
        (self.perhaps, self.owed) = (false, false);
        self.calls.retain(|(_, call)| !call.over);
    }
}

impl Grant {
    /// Decision 3: begins to age here, or 10 % of this later.
    fn ageing(&self) -> i64 {
        REFRESH_BEFORE.min(self.life / 3)
    }

    fn last_seconds(&self) -> i64 {
        30_000.min(self.life / 10)
    }
}
