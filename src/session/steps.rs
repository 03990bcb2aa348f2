//! The recognised messages in order: what a ladder diagram shows.

use super::{At, Message};
use crate::base::{Side, Span, Visibility};

/// The most steps that are kept. A connection sequence has about fifty with
/// its joins taken together; a peer that repeats itself could make any number.
pub const MAX_STEPS: usize = 64;

/// Steps for which room is made at a time. Most connections have some thirty.
const STEPS_AT_ONCE: usize = 8;

/// A recognised message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Step {
    /// What it was.
    pub message: Message,
    /// Who sent it.
    pub side: Side,
    /// Where it was complete; the first of them where `times` is more than 1.
    pub at: At,
    /// How it became visible.
    pub visibility: Visibility,
    /// Time since the other side's message that it answers: its sender's
    /// thinking and the way in between. `None` where it follows a message of
    /// its own side. Seen from the place of the capture.
    pub think: Option<Span>,
    /// How many of the kind came in a row (channel joins, auto-detection).
    pub times: u32,
    /// The last of them.
    pub last: At,
}

/// The steps of a connection, first to last.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Steps {
    list: Vec<Step>,
    left_out: u64,
}

impl Steps {
    /// The first [`MAX_STEPS`].
    #[must_use]
    pub fn list(&self) -> &[Step] {
        &self.list
    }

    /// How many followed and were only counted.
    #[must_use]
    pub const fn left_out(&self) -> u64 {
        self.left_out
    }

    /// The last step that was kept.
    #[must_use]
    pub fn last(&self) -> Option<&Step> {
        self.list.last()
    }

    /// The first step that is `message`.
    #[must_use]
    pub fn find(&self, message: Message) -> Option<&Step> {
        self.list.iter().find(|step| step.message == message)
    }

    pub(super) fn add(&mut self, message: Message, side: Side, at: At, visibility: Visibility) {
        // Requests and confirms alternate, so the same one is among the last two.
        let known = self.list.iter_mut().rev().take(2).find(|step| step.message == message && step.side == side);
        if let Some(step) = known.filter(|_| message.repeats()) {
            step.times = step.times.saturating_add(1);
            step.last = at;
            return;
        }
        if self.list.len() >= MAX_STEPS {
            self.left_out = self.left_out.saturating_add(1);
            return;
        }
        let answered = self.list.last().filter(|before| before.side != side);
        let think = answered.map(|before| at.time.since(before.last.time));
        // By hand: doubled, the list of an ordinary connection would be half empty.
        if self.list.len() == self.list.capacity() {
            self.list.reserve_exact(STEPS_AT_ONCE);
        }
        self.list.push(Step { message, side, at, visibility, think, times: 1, last: at });
    }

    /// What was taken for `message` was something else; the message came at `at`.
    pub(super) fn move_last(&mut self, message: Message, at: At) {
        let before = self.list.len().checked_sub(2).and_then(|i| self.list.get(i)).copied();
        if let Some(step) = self.list.last_mut().filter(|step| step.message == message) {
            step.at = at;
            step.last = at;
            let answered = before.filter(|before| before.side != step.side);
            step.think = answered.map(|before| at.time.since(before.last.time));
        }
    }

    /// What was taken for `message` was no message of the sequence at all.
    pub(super) fn retract_last(&mut self, message: Message) -> Option<Step> {
        self.list.pop_if(|step| step.message == message)
    }

    /// The last two steps were misread: a server's and its answer.
    pub(super) fn rename_last_two(&mut self, server: Message, client: Message) -> Option<(Step, Step)> {
        let [.., asked, answer] = self.list.as_mut_slice() else { return None };
        asked.message = server;
        answer.message = client;
        Some((*asked, *answer))
    }

    /// No more will come.
    pub(super) fn shrink_to_fit(&mut self) {
        self.list.shrink_to_fit();
    }

    pub(super) fn swap_sides(&mut self) {
        for step in &mut self.list {
            step.side = step.side.other();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::{CaptureTime, Frame};

    fn at(ms: i64) -> At {
        At { frame: Frame::new(0, ms.unsigned_abs()), time: CaptureTime::from_nanos(ms * 1_000_000) }
    }

    #[test]
    fn joins_are_taken_together_and_the_rest_is_bounded() {
        let mut steps = Steps::default();
        steps.add(Message::AttachUserConfirm, Side::Server, at(1), Visibility::Clear);
        for n in 0..31 {
            steps.add(Message::ChannelJoinRequest, Side::Client, at(10 * n + 10), Visibility::Clear);
            steps.add(Message::ChannelJoinConfirm, Side::Server, at(10 * n + 15), Visibility::Clear);
        }
        steps.add(Message::ClientInfo, Side::Client, at(400), Visibility::Clear);
        let kinds: Vec<_> = steps.list().iter().map(|s| (s.message, s.times)).collect();
        assert_eq!(
            kinds,
            [
                (Message::AttachUserConfirm, 1),
                (Message::ChannelJoinRequest, 31),
                (Message::ChannelJoinConfirm, 31),
                (Message::ClientInfo, 1)
            ]
        );
        assert_eq!(steps.last().unwrap().think, Some(Span::from_millis(400 - 315)));
        for n in 0..200 {
            steps.add(Message::Control, Side::Client, at(500 + n), Visibility::Clear);
        }
        assert_eq!((steps.list().len(), steps.left_out()), (MAX_STEPS, 204 - 64));
    }

    #[test]
    fn only_an_answer_has_a_think_time() {
        let mut steps = Steps::default();
        steps.add(Message::ServerHello, Side::Server, at(5), Visibility::Clear);
        steps.add(Message::Certificate, Side::Server, at(6), Visibility::Clear);
        steps.add(Message::ClientKeyExchange, Side::Client, at(16), Visibility::Clear);
        let thinks: Vec<_> = steps.list().iter().map(|s| s.think).collect();
        assert_eq!(thinks, [None, None, Some(Span::from_millis(10))]);
    }
}
