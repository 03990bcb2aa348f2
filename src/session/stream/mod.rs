//! One side's bytes → messages: where each begins and ends, and what of it is
//! kept.
//!
//! TPKT frames, fast-path frames and TLS records follow one another in an RDP
//! stream, and the first bytes tell them apart. What nobody will read is
//! counted and passed over, never copied.

mod front;
#[cfg(test)]
mod tests;

use std::borrow::Cow;

pub(super) use front::Kind;
use front::{Front, front, sync_word};

use crate::base::{Gap, GapCause};
use crate::wire::tls::record::{self, Header};
use crate::wire::tls::{ContentType, Version};

/// How much is kept of a TPKT frame once a session is in progress: its headers
/// and the short messages (ultimatum, error info), not the graphics.
const KEPT_OF_BULK: usize = 64;

/// A stream that begins with none of our messages is named by so many bytes.
const FOREIGN_NAME_LEN: usize = 8;

/// A message, complete or as complete as it will get.
#[derive(Debug)]
pub(super) struct Unit<'d> {
    pub kind: Kind,
    /// Its length, header included.
    pub len: u64,
    /// Its first bytes, header included; nothing of what is passed over.
    pub head: Cow<'d, [u8]>,
    /// Whether bytes inside it are missing from the capture: then `head` ends
    /// before the first of them.
    pub is_damaged: bool,
    /// Whether its boundary was guessed and no other message confirms it yet.
    pub is_tentative: bool,
}

/// Where one side's stream stands.
#[derive(Debug, Default)]
pub(super) struct Stream {
    state: State,
    /// The beginning of a message whose rest has not come. INVARIANT: no longer
    /// than the longest message of its kind (64 KiB).
    held: Vec<u8>,
    /// Records of this side are protected: their bodies are passed over.
    pub protected: bool,
    /// A session is in progress: of TPKT frames only the head is kept.
    pub bulk: bool,
    /// Whether a message, or a gap, has been met.
    is_under_way: bool,
    /// How many messages must begin before a guessed boundary is believed.
    guesses: u8,
}

#[derive(Clone, Copy, Debug, Default)]
enum State {
    /// At a boundary, or inside a header.
    #[default]
    Between,
    Inside(Inside),
    /// The boundary is lost.
    Searching,
    /// Nobody reads this side any more.
    Ignored,
}

#[derive(Clone, Copy, Debug)]
struct Inside {
    kind: Kind,
    /// INVARIANT: `have < len`.
    len: u64,
    have: u64,
    is_damaged: bool,
}

/// The header of the record of application data that begins at the front of `data`.
#[inline]
fn application_data(data: &[u8]) -> Option<Header> {
    let &[kind, major, minor, l0, l1] = data.first_chunk()?;
    // Both at once.
    let is_data = u16::from_ne_bytes([kind, major]) == u16::from_ne_bytes([ContentType::APPLICATION_DATA.0, 3]);
    if !is_data || minor > 4 {
        return None;
    }
    let (content_type, version) = (ContentType::APPLICATION_DATA, Version(u16::from_be_bytes([major, minor])));
    let header = Header { content_type, version, length: u16::from_be_bytes([l0, l1]) };
    (header.length <= record::MAX_FRAGMENT_LEN).then_some(header)
}

/// The length of the record of application data at the front of `data`, and what
/// follows it, where all of it is there.
#[inline]
pub(super) fn whole_record(data: &[u8]) -> Option<(u16, &[u8])> {
    let header = application_data(data)?;
    Some((header.length, data.get(header.record_len()..)?))
}

impl Stream {
    /// Whether the next byte is known to begin a message.
    #[inline]
    pub(super) const fn is_between(&self) -> bool {
        matches!(self.state, State::Between) && self.held.is_empty() && self.guesses == 0
    }

    /// The next message that `data` completes; `data` is left with what follows it.
    pub(super) fn next<'d>(&mut self, data: &mut &'d [u8]) -> Option<Unit<'d>> {
        while !data.is_empty() {
            let unit = match self.state {
                State::Between => self.begin(data),
                State::Inside(inside) => self.fill(inside, data),
                State::Searching => {
                    self.search(data);
                    None
                }
                State::Ignored => {
                    *data = &[];
                    None
                }
            };
            if unit.is_some() {
                return unit;
            }
        }
        None
    }

    /// Passes over the next `count` bytes where all of them are inside a message
    /// of which nothing more is kept, and another byte of it is still to come:
    /// of a session most segments are just that. `false` where the bytes are to
    /// be looked at.
    #[inline]
    pub(super) fn pass_over(&mut self, count: usize) -> bool {
        let State::Inside(inside) = &self.state else { return false };
        let have = inside.have.saturating_add(count as u64);
        if have >= inside.len || self.kept(inside.kind) > 0 {
            return false;
        }
        if let State::Inside(inside) = &mut self.state {
            inside.have = have;
        }
        true
    }

    /// Passes over the records of application data at the front of `data`, of
    /// which nothing is kept: of a session in progress most messages are. `each` is
    /// told the length of each that ends here, and whether it wants more.
    /// `data` is left with what is not as plain as that: [`next`](Self::next) reads
    /// it.
    #[inline]
    pub(super) fn application_data(&mut self, data: &mut &[u8], mut each: impl FnMut(u16) -> bool) {
        if self.guesses > 0 || !self.held.is_empty() {
            return;
        }
        let (mut header, mut missing) = match &self.state {
            State::Between => match application_data(data) {
                Some(header) => (header, header.record_len()),
                None => return,
            },
            State::Inside(Inside { kind: Kind::Record(header), len, have, .. })
                if header.content_type == ContentType::APPLICATION_DATA =>
            {
                (*header, len.saturating_sub(*have) as usize)
            }
            _ => return,
        };
        while let Some(rest) = data.get(missing..) {
            *data = rest;
            let goes_on = each(header.length);
            match application_data(rest) {
                Some(next) if goes_on => (header, missing) = (next, next.record_len()),
                _ => {
                    self.state = State::Between;
                    return;
                }
            }
        }
        // It ends in a later segment.
        let len = header.record_len() as u64;
        let have = len.saturating_sub(missing.saturating_sub(data.len()) as u64);
        self.state = State::Inside(Inside { kind: Kind::Record(header), len, have, is_damaged: false });
        *data = &[];
    }

    /// Bytes are missing. Returns the message that they end, if they end one,
    /// and whether it is still known where the next one begins.
    pub(super) fn gap(&mut self, gap: &Gap) -> (Option<Unit<'static>>, bool) {
        self.is_under_way = true;
        let unit = match self.state {
            State::Ignored => return (None, true),
            State::Inside(inside) if gap.cause != GapCause::LateStart && gap.bytes > 0 => {
                let missing = inside.len.saturating_sub(inside.have);
                let inside = Inside { have: inside.have.saturating_add(gap.bytes), is_damaged: true, ..inside };
                if gap.bytes < missing {
                    self.state = State::Inside(inside);
                    return (None, true);
                }
                let unit = self.finish(inside);
                if gap.bytes == missing {
                    return (Some(unit), true);
                }
                Some(unit)
            }
            _ => None,
        };
        self.held.clear();
        self.state = State::Searching;
        (unit, false)
    }

    /// Nobody will read this side any more.
    pub(super) fn ignore(&mut self) {
        self.held = Vec::new();
        self.state = State::Ignored;
    }

    fn begin<'d>(&mut self, data: &mut &'d [u8]) -> Option<Unit<'d>> {
        if !self.held.is_empty() {
            return self.begin_held(data);
        }
        match front(data, self.is_under_way) {
            Front::NeedMore => {
                // Only what is shorter than a header needs more.
                self.held.extend_from_slice(data);
                *data = &[];
                None
            }
            Front::Message(kind, len) => {
                self.begun();
                let whole = usize::try_from(len).ok().and_then(|len| data.split_at_checked(len));
                let Some((message, rest)) = whole else {
                    self.state = State::Inside(Inside { kind, len, have: 0, is_damaged: false });
                    return None;
                };
                *data = rest;
                let head = message.get(..self.kept(kind)).unwrap_or(message);
                Some(self.unit(kind, len, Cow::Borrowed(head), false))
            }
            Front::Nothing if self.is_under_way => {
                self.state = State::Searching;
                // The first byte begins nothing; the search starts behind it.
                *data = data.get(1..).unwrap_or_default();
                Some(self.unit(Kind::Confused, 0, Cow::Borrowed(&[]), false))
            }
            Front::Nothing => {
                let name = Cow::Borrowed(data.get(..FOREIGN_NAME_LEN).unwrap_or(data));
                self.ignore();
                Some(self.unit(Kind::Foreign, 0, name, false))
            }
        }
    }

    /// As `begin`, where the first bytes came earlier.
    fn begin_held<'d>(&mut self, data: &mut &'d [u8]) -> Option<Unit<'d>> {
        loop {
            match front(&self.held, self.is_under_way) {
                Front::NeedMore => {
                    let (next, rest) = data.split_first()?;
                    self.held.push(*next);
                    *data = rest;
                }
                Front::Message(kind, len) => {
                    self.begun();
                    let have = self.held.len() as u64;
                    self.held.truncate(self.kept(kind));
                    let inside = Inside { kind, len, have, is_damaged: false };
                    if have >= len {
                        return Some(self.finish(inside));
                    }
                    self.state = State::Inside(inside);
                    return None;
                }
                Front::Nothing if self.is_under_way => {
                    self.state = State::Searching;
                    self.held.remove(0);
                    return Some(self.unit(Kind::Confused, 0, Cow::Borrowed(&[]), false));
                }
                Front::Nothing => {
                    let name = core::mem::take(&mut self.held);
                    self.ignore();
                    return Some(self.unit(Kind::Foreign, 0, Cow::Owned(name), false));
                }
            }
        }
    }

    fn fill<'d>(&mut self, inside: Inside, data: &mut &'d [u8]) -> Option<Unit<'d>> {
        let missing = usize::try_from(inside.len.saturating_sub(inside.have)).unwrap_or(usize::MAX);
        let (here, rest) = data.split_at_checked(missing).unwrap_or((data, &[]));
        *data = rest;
        if !inside.is_damaged {
            let room = self.kept(inside.kind).saturating_sub(self.held.len());
            self.held.extend_from_slice(here.get(..room).unwrap_or(here));
        }
        let inside = Inside { have: inside.have.saturating_add(here.len() as u64), ..inside };
        self.state = State::Inside(inside);
        (inside.have >= inside.len).then(|| self.finish(inside))
    }

    fn finish(&mut self, inside: Inside) -> Unit<'static> {
        self.state = State::Between;
        let head = core::mem::take(&mut self.held);
        self.unit(inside.kind, inside.len, Cow::Owned(head), inside.is_damaged)
    }

    fn unit<'d>(&self, kind: Kind, len: u64, head: Cow<'d, [u8]>, is_damaged: bool) -> Unit<'d> {
        Unit { kind, len, head, is_damaged, is_tentative: self.guesses > 0 }
    }

    const fn begun(&mut self) {
        self.is_under_way = true;
        self.guesses = self.guesses.saturating_sub(1);
    }

    /// Looks for bytes that hardly anything but the front of a message has.
    ///
    /// Byte by byte and not at the start of segments: the same stream must give
    /// the same facts however it was cut.
    fn search(&mut self, data: &mut &[u8]) {
        loop {
            match sync_word(&self.held) {
                Some(true) => {
                    self.state = State::Between;
                    // The guess itself, and the message that confirms it.
                    self.guesses = 2;
                    return;
                }
                Some(false) => {
                    self.held.remove(0);
                }
                None => {
                    if self.held.is_empty() {
                        let candidate = data.iter().position(|byte| matches!(byte, 3 | 20..=23));
                        *data = candidate.and_then(|at| data.get(at..)).unwrap_or_default();
                    }
                    let Some((next, rest)) = data.split_first() else { return };
                    self.held.push(*next);
                    *data = rest;
                }
            }
        }
    }

    /// How many bytes are kept of a message.
    const fn kept(&self, kind: Kind) -> usize {
        const WHOLE_RECORD: usize = record::HEADER_LEN + record::MAX_FRAGMENT_LEN as usize;
        match kind {
            Kind::Record(Header { content_type: ContentType::HANDSHAKE | ContentType::ALERT, .. })
                if !self.protected =>
            {
                WHOLE_RECORD
            }
            Kind::Tpkt if !self.bulk => u16::MAX as usize,
            Kind::Tpkt | Kind::Preconnection | Kind::ProxyHeader => KEPT_OF_BULK,
            _ => 0,
        }
    }
}
