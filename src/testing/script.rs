//! The responses that a test has scripted and no request has taken yet.

use std::collections::VecDeque;

use super::answer::MockAnswer;
use super::endpoint::MockEndpoint;

#[derive(Default)]
pub(super) struct Script {
    next: VecDeque<MockAnswer>,
    /// At most one for each endpoint, and one for all.
    always: Vec<MockAnswer>,
}

impl Script {
    pub(super) fn next(&mut self, answer: MockAnswer) {
        self.next.push_back(answer);
    }

    pub(super) fn always(&mut self, answer: MockAnswer) {
        self.always.retain(|known| known.endpoint() != answer.endpoint());
        self.always.push(answer);
    }

    pub(super) fn clear(&mut self) {
        *self = Self::default();
    }

    /// The response for a request to this endpoint. Without a script it is verified and granted.
    pub(super) fn take(&mut self, endpoint: MockEndpoint) -> MockAnswer {
        let fits = |answer: &MockAnswer| answer.endpoint().is_none_or(|aimed| aimed == endpoint);
        if let Some(answer) = self.next.iter().position(fits).and_then(|place| self.next.remove(place)) {
            return answer;
        }
        let aimed = self.always.iter().find(|answer| answer.endpoint() == Some(endpoint));
        aimed.or_else(|| self.always.iter().find(|answer| fits(answer))).cloned().unwrap_or_else(MockAnswer::grant)
    }
}
