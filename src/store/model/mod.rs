//! What several processes with one store may do, written from the design (P12, decision 15) and
//! sharing no code with the store: plain numbers, in milliseconds of true time since the schedule
//! began, which no clock shows. `schedules` drives caches of several processes and reports what
//! they do; the model says whether they may.
#![allow(clippy::arithmetic_side_effects, reason = "a test may stop at the first surprise")]

mod schedules;

/// A token of IMS.
#[derive(Clone, Copy, Debug)]
struct Grant {
    sent: i64,
    end: i64,
    life: i64,
    /// Of the process that requested it.
    process: usize,
    /// Machines slept while it was on its way to the store. It is removed, but whoever reads it before then takes it for
    /// too long.
    too_long: bool,
}

/// One load of a process: from where its cache wants a token until it has one or an error.
#[derive(Debug)]
struct Load {
    since: i64,
    background: bool,
    least: i64,
    /// It holds, or held, the lease.
    leased: bool,
    /// The store failed it, or has no leases.
    without: bool,
    /// What it read last, if that was a token of IMS.
    read: Option<usize>,
}

/// What a process is known to have done.
#[derive(Debug, Default)]
struct Process {
    load: Option<Load>,
    /// Its store failed at this time last.
    failed: Option<i64>,
    forgotten: Vec<usize>,
    /// What it has saved with too long a lifetime.
    owes: Option<usize>,
    /// Its own exchanges that failed.
    failures: Vec<usize>,
}

#[derive(Debug, Default)]
struct Model {
    processes: Vec<Process>,
    grants: Vec<Grant>,
    exchanges: usize,
    broken: Option<String>,
}

/// How long a call takes at most.
const CALL: i64 = 30_000;
/// For how long the store may not be asked after a failure, with jitter.
const LONGEST_PAUSE: i64 = 330_000;
/// What a lifetime may lose on its way through a store.
const LOST: i64 = 3_000;
const REFRESH_BEFORE: i64 = 3_600_000;

impl Model {
    fn rule(&mut self, kept: bool, rule: &str, of: &dyn std::fmt::Debug) {
        if !kept && self.broken.is_none() {
            self.broken = Some(format!("{rule}: {of:?}; {self:?}"));
        }
    }

    fn loads(&mut self, process: usize, now: i64, background: bool, least: i64) {
        let load = Load { since: now, background, least, leased: false, without: false, read: None };
        self.processes[process].load = Some(load);
    }

    /// What a load ends with, if it is a token. One of the store is as good as the caller wants it.
    fn loaded(&mut self, process: usize, now: i64, grant: Option<usize>) {
        if let (Some(load), Some(grant)) = (&self.processes[process].load, grant.map(|grant| self.grants[grant])) {
            let is_new = grant.process == process && grant.sent >= load.since;
            let is_good = is_new || grant.too_long || load.is_met_by(grant, grant.end - now);
            self.rule(is_good, "a token of the store is as good as it is wanted", &(process, now, grant));
        }
        let state = &mut self.processes[process];
        let owes = state.owes.take();
        // It may have had no time for it, or no store.
        let had_time = state.load.take().is_some_and(|load| now - load.since < CALL / 2 && !load.without);
        self.rule(owes.is_none() || !had_time, "what is kept for too long is removed", &(process, owes));
    }

    /// The store failed, did not respond in time, or has no leases.
    fn fails(&mut self, process: usize, now: i64) {
        let process = &mut self.processes[process];
        process.failed = Some(now);
        process.load.iter_mut().for_each(|load| load.without = true);
    }

    fn has_no_leases(&mut self, process: usize) {
        self.processes[process].load.iter_mut().for_each(|load| load.without = true);
    }

    /// What the store had for it: a token of IMS that is sealed and under its own key, or nothing
    /// that counts.
    fn reads(&mut self, process: usize, grant: Option<usize>) {
        self.processes[process].load.iter_mut().for_each(|load| load.read = grant);
    }

    fn leases(&mut self, process: usize) {
        self.processes[process].load.iter_mut().for_each(|load| load.leased = true);
    }

    /// P12: IMS is asked by whoever has the lease, and only if what is in the store will not do.
    fn begins(&mut self, process: usize, now: i64) -> usize {
        self.exchanges += 1;
        let state = &self.processes[process];
        let paused = state.failed.is_some_and(|failed| now - failed <= LONGEST_PAUSE);
        if let Some(load) = &state.load {
            let waited = now - load.since >= CALL / 2;
            let may = load.leased || load.without || paused || waited;
            let stored = load.read.filter(|grant| !state.forgotten.contains(grant)).map(|grant| self.grants[grant]);
            let will_do = stored.is_some_and(|grant| load.is_met_by(grant, grant.end - now - LOST));
            let without = load.without || paused;
            self.rule(
                may,
                "IMS is asked by the process with the lease, while others wait for half of a call",
                &(process, now),
            );
            self.rule(!will_do || without, "IMS is not asked for what is in the store", &process);
        }
        self.exchanges
    }

    fn grants(&mut self, process: usize, sent: i64, life: i64) -> usize {
        self.grants.push(Grant { sent, end: sent + life, life, process, too_long: false });
        self.grants.len() - 1
    }

    fn refuses(&mut self, process: usize, exchange: usize) {
        self.processes[process].failures.push(exchange);
    }

    /// What is saved is a token that this process was granted, for no longer than it lives. If
    /// machines slept while it was on its way, the process removes it.
    fn saves(&mut self, process: usize, grant: Option<usize>, end: i64, slept: bool) {
        let saved = grant.map(|grant| self.grants[grant]);
        let is_own = saved.is_some_and(|grant| grant.process == process);
        self.rule(is_own, "only a token is saved, by the process that it was issued to", &(process, grant));
        let is_shorter = saved.is_none_or(|grant| end <= grant.end);
        self.rule(is_shorter || slept, "nothing is kept for longer than it lives", &(process, grant, end));
        self.processes[process].owes = grant.filter(|_| !is_shorter);
        grant.iter().for_each(|grant| self.grants[*grant].too_long |= !is_shorter);
    }

    fn removes(&mut self, process: usize, grant: Option<usize>) {
        self.processes[process].owes.take_if(|owed| grant == Some(*owed));
    }

    fn forgets(&mut self, process: usize, grant: usize) {
        self.processes[process].forgotten.push(grant);
    }

    /// What a call ends with. `forgotten` is how many tokens its process had forgotten when it
    /// began.
    fn ends(&mut self, process: usize, (since, now): (i64, i64), forgotten: usize, seen: Result<Option<usize>, usize>) {
        self.rule(now - since <= CALL + 1_000, "every call ends within its limit", &(process, since, now));
        match seen {
            Ok(None) => self.rule(false, "only what IMS issued is handed out", &process),
            Ok(Some(grant)) => {
                let Grant { end, too_long, .. } = self.grants[grant];
                self.rule(end > now || too_long, "no token is handed out after its end", &(process, grant, now));
                let is_forgotten = self.processes[process].forgotten[..forgotten].contains(&grant);
                self.rule(!is_forgotten, "a forgotten token is not read back", &(process, grant));
            }
            Err(exchange) => {
                let is_own = self.processes[process].failures.contains(&exchange);
                self.rule(is_own, "a failure is that of an exchange of the same process", &(process, exchange));
            }
        }
    }
}

impl Load {
    /// A refresh wants a token whose own refresh is not due, others one that is not nearly expired.
    fn is_met_by(&self, grant: Grant, left: i64) -> bool {
        let margin = match self.background {
            true => REFRESH_BEFORE.min(grant.life / 3),
            false => 30_000.min(grant.life / 10),
        };
        left > margin && (left >= self.least || grant.life < self.least)
    }
}
