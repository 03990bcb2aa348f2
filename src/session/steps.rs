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
    list: Vec<Kept>,
    repeated: Vec<Repeated>,
    left_out: u64,
}

/// A step as it is kept, of which each connection has dozens: half as large without
/// what few of them have, and what the step before it tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Kept {
    message: Message,
    side: Side,
    marks: Marks,
    at: At,
    /// Of no meaning where it follows a message of its own side.
    think: Span,
}

const _: () = assert!(size_of::<Kept>() <= 32);

/// How a step became visible, and whether it came more than once: in one byte.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Marks(u8);

/// What a step has that came more than once in a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Repeated {
    place: usize,
    times: u32,
    last: At,
}

impl Marks {
    const REPEATED: u8 = 1 << 7;

    const fn new(visibility: Visibility) -> Self {
        Self(visibility as u8)
    }

    const fn visibility(self) -> Visibility {
        const DECRYPTED: u8 = Visibility::Decrypted as u8;
        const CLEAR: u8 = Visibility::Clear as u8;
        match self.0 & !Self::REPEATED {
            CLEAR => Visibility::Clear,
            DECRYPTED => Visibility::Decrypted,
            // There are three.
            _ => Visibility::Inferred,
        }
    }

    const fn is_repeated(self) -> bool {
        self.0 & Self::REPEATED != 0
    }

    const fn repeat(&mut self) {
        self.0 |= Self::REPEATED;
    }
}

impl Steps {
    /// The first [`MAX_STEPS`].
    #[must_use]
    pub fn list(&self) -> impl DoubleEndedIterator<Item = Step> + ExactSizeIterator + Clone {
        self.list.iter().enumerate().map(|(place, kept)| self.step(place, kept))
    }

    /// Where so long or longer passed from one of the steps that are `among` to the
    /// next of them: both. Few steps are looked at in whole.
    pub fn apart(&self, least: Span, among: impl Fn(Message) -> bool) -> impl Iterator<Item = (Step, Step)> {
        let mut before: Option<(usize, &Kept)> = None;
        let list = self.list.iter().enumerate().filter(move |(_, kept)| among(kept.message));
        list.filter_map(move |(place, kept)| {
            let (place_before, kept_before) = before.replace((place, kept))?;
            // Of a repeated step the last one counts.
            if !kept_before.marks.is_repeated() && kept.at.time.since(kept_before.at.time) < least {
                return None;
            }
            let (earlier, later) = (self.step(place_before, kept_before), self.step(place, kept));
            (later.at.time.since(earlier.last.time) >= least).then_some((earlier, later))
        })
    }

    /// How many followed and were only counted.
    #[must_use]
    pub const fn left_out(&self) -> u64 {
        self.left_out
    }

    /// The last step that was kept.
    #[must_use]
    pub fn last(&self) -> Option<Step> {
        self.list().next_back()
    }

    /// The first step that is `message`.
    #[must_use]
    pub fn find(&self, message: Message) -> Option<Step> {
        let place = self.list.iter().position(|step| step.message == message)?;
        Some(self.step(place, self.list.get(place)?))
    }

    fn step(&self, place: usize, kept: &Kept) -> Step {
        let Kept { message, side, marks, at, think } = *kept;
        let repeated = || self.repeated.iter().find(|repeated| repeated.place == place);
        let (times, last) = match marks.is_repeated().then(repeated).flatten() {
            Some(Repeated { times, last, .. }) => (*times, *last),
            None => (1, at),
        };
        let before = place.checked_sub(1).and_then(|place| self.list.get(place));
        let think = before.filter(|before| before.side != side).map(|_| think);
        Step { message, side, at, visibility: marks.visibility(), think, times, last }
    }

    pub(super) fn add(&mut self, message: Message, side: Side, at: At, visibility: Visibility) {
        if message.repeats() && self.comes_again(message, side, at) {
            return;
        }
        if self.list.len() >= MAX_STEPS {
            self.left_out = self.left_out.saturating_add(1);
            return;
        }
        let think = think(self.last(), side, at);
        // By hand: doubled, the list of an ordinary connection would be half empty.
        if self.list.len() == self.list.capacity() {
            self.list.reserve_exact(STEPS_AT_ONCE);
        }
        self.list.push(Kept { message, side, marks: Marks::new(visibility), at, think });
    }

    /// Whether `message` came before, and now once more.
    fn comes_again(&mut self, message: Message, side: Side, at: At) -> bool {
        // Requests and confirms alternate, so the same one is among the last two.
        let mut last_two = self.list.iter_mut().enumerate().rev().take(2);
        let known = last_two.find(|(_, step)| step.message == message && step.side == side);
        let Some((place, step)) = known else { return false };
        step.marks.repeat();
        match self.repeated.iter_mut().find(|repeated| repeated.place == place) {
            Some(repeated) => {
                repeated.times = repeated.times.saturating_add(1);
                repeated.last = at;
            }
            None => {
                self.repeated.reserve_exact(1);
                self.repeated.push(Repeated { place, times: 2, last: at });
            }
        }
        true
    }

    /// What was taken for `message` was something else; the message came at `at`.
    pub(super) fn move_last(&mut self, message: Message, at: At) {
        let before = self.list().rev().nth(1);
        if let Some(step) = self.list.last_mut().filter(|step| step.message == message) {
            step.at = at;
            step.think = think(before, step.side, at);
        }
    }

    /// What was taken for `message` was no message of the sequence at all.
    pub(super) fn retract_last(&mut self, message: Message) -> Option<Step> {
        let step = self.last().filter(|step| step.message == message)?;
        self.list.pop();
        self.repeated.retain(|repeated| repeated.place < self.list.len());
        Some(step)
    }

    /// The last two steps were misread: a server's and its answer.
    pub(super) fn rename_last_two(&mut self, server: Message, client: Message) -> Option<(Step, Step)> {
        let [.., asked, answer] = self.list.as_mut_slice() else { return None };
        asked.message = server;
        answer.message = client;
        let mut last = self.list().rev();
        let answer = last.next()?;
        Some((last.next()?, answer))
    }

    /// No more will come.
    pub(super) fn shrink_to_fit(&mut self) {
        // Of a few there is little to give back.
        if self.list.capacity() > STEPS_AT_ONCE {
            self.list.shrink_to_fit();
        }
    }

    pub(super) fn swap_sides(&mut self) {
        for step in &mut self.list {
            step.side = step.side.other();
        }
    }
}

/// How long `side` took over its answer to what came `before`, if it is one.
fn think(before: Option<Step>, side: Side, at: At) -> Span {
    let asked = before.filter(|before| before.side != side);
    asked.map_or(Span::ZERO, |asked| at.time.since(asked.last.time))
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
        let kinds: Vec<_> = steps.list().map(|s| (s.message, s.times)).collect();
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
    fn how_each_became_visible_is_kept() {
        let all = [Visibility::Inferred, Visibility::Decrypted, Visibility::Clear];
        let mut steps = Steps::default();
        for visibility in all {
            steps.add(Message::ChannelJoinRequest, Side::Client, at(1), visibility);
            steps.add(Message::ChannelJoinRequest, Side::Client, at(2), Visibility::Clear);
            steps.add(Message::AttachUserConfirm, Side::Server, at(3), visibility);
            steps.add(Message::AttachUserRequest, Side::Client, at(4), visibility);
        }
        let joins = steps.list().filter(|step| step.message == Message::ChannelJoinRequest);
        assert!(joins.clone().all(|step| step.times == 2));
        assert!(joins.map(|step| step.visibility).eq(all));
        let others = steps.list().filter(|step| step.times == 1);
        assert!(others.map(|step| step.visibility).eq(all.into_iter().flat_map(|one| [one; 2])));
    }

    #[test]
    fn only_an_answer_has_a_think_time() {
        let mut steps = Steps::default();
        steps.add(Message::ServerHello, Side::Server, at(5), Visibility::Clear);
        steps.add(Message::Certificate, Side::Server, at(6), Visibility::Clear);
        steps.add(Message::ClientKeyExchange, Side::Client, at(16), Visibility::Clear);
        let thinks: Vec<_> = steps.list().map(|s| s.think).collect();
        assert_eq!(thinks, [None, None, Some(Span::from_millis(10))]);
    }
}
