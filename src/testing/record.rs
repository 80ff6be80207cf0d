//! The requests that the mock received: how many for each endpoint, and the last of them.

use std::collections::{HashMap, VecDeque};

use super::endpoint::MockEndpoint;
use super::request::MockRequest;

#[derive(Default)]
pub(super) struct Record {
    counts: HashMap<MockEndpoint, u64>,
    last: VecDeque<MockRequest>,
}

impl Record {
    pub(super) fn add(&mut self, request: MockRequest) {
        let count = self.counts.entry(request.endpoint()).or_default();
        *count = count.saturating_add(1);
        if self.last.len() >= MAX_REQUESTS {
            self.last.pop_front();
        }
        self.last.push_back(request);
    }

    pub(super) fn count(&self, endpoints: impl Fn(MockEndpoint) -> bool) -> u64 {
        self.counts.iter().filter(|(endpoint, _)| endpoints(**endpoint)).map(|(_, count)| count).sum()
    }

    /// Oldest first.
    pub(super) fn requests(&self, endpoints: impl Fn(MockEndpoint) -> bool) -> Vec<MockRequest> {
        self.last.iter().filter(|request| endpoints(request.endpoint())).cloned().collect()
    }
}

/// Enough to look back on a test; a load test asks for the count.
const MAX_REQUESTS: usize = 1000;
