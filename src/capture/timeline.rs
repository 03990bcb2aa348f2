//! Several captures as one timeline.
//!
//! Rings of captures count thousands of files of which one or two hold the
//! present moment. So each is opened for its first time stamp, closed, and
//! opened again when its time comes: a run over 10,000 files holds a few
//! descriptors and buffers.
//!
//! They are read one after the other, in the order of time, and not on all cores
//! at once: a connection goes on from one file of a ring to the next, two
//! captures may show the two ends of one, and that files have nothing to do with
//! each other is known only when all have been read, or by who gives them.

mod passed_over;
mod source;
#[cfg(test)]
mod tests;
mod vantages;

pub use passed_over::PassedOver;
use passed_over::is_beside_the_point;
use source::files_in;
pub use source::{Problem, Source};
use vantages::Vantages;

use core::cmp::Reverse;
use std::collections::{BinaryHeap, HashSet};
use std::path::{Path, PathBuf};

use super::error::{OpenError, OpenReason};
use super::info::CaptureInfo;
use super::packet::{Packet, Passed, Taker};
use super::saved::{Capture, CaptureOptions, Progress, from_reader, open, open_sized};
use super::window::PEEK_SIZE;
use crate::base::{CaptureId, CaptureTime, NoticeKind, Notices, Span};

/// What lies in a folder and is no capture.
pub const FILE_PASSED_OVER: NoticeKind = NoticeKind("file-passed-over");
/// A file that was given more than once.
pub const FILE_REPEATED: NoticeKind = NoticeKind("file-repeated");
/// More captures overlap in time than are held open at once.
pub const TIMELINE_LIMIT: NoticeKind = NoticeKind("timeline-limit");

/// Captures held open at once. Each costs a descriptor (of 1,024 by default)
/// and up to half a MiB of buffers.
const MAX_OPEN: usize = 128;

/// The packets of several captures in the order of their times. Within one
/// capture its own order is kept, even where its clock runs back; at equal
/// times the capture that was named first comes first.
pub struct Timeline {
    options: CaptureOptions,
    /// By [`CaptureId`].
    members: Vec<Member>,
    /// Members not open: when they begin.
    waiting: BinaryHeap<Reverse<(CaptureTime, u32)>>,
    /// Open members but the current one: the time of their next packet.
    ready: BinaryHeap<Reverse<(CaptureTime, u32)>>,
    /// The member that gave the last packet.
    current: Option<u32>,
    vantages: Vantages,
    /// That of the current member.
    vantage: u16,
    /// The earliest next packet of all others.
    horizon: Option<(CaptureTime, u32)>,
    problems: Vec<Problem>,
    notices: Notices,
    passed_over: PassedOver,
    /// Bytes read of members that are done.
    done: u64,
    total: Option<u64>,
}

enum Member {
    Waiting(PathBuf, Box<CaptureInfo>),
    Open(Box<Capture>),
    Done(Box<CaptureInfo>),
}

impl Timeline {
    /// Looks into every source; the captures among them get their ids in the
    /// order given, those of a folder in the order of their names.
    #[must_use]
    pub fn new(sources: Vec<Source>, options: CaptureOptions) -> Self {
        let mut timeline = Self {
            options,
            members: Vec::new(),
            waiting: BinaryHeap::new(),
            ready: BinaryHeap::new(),
            current: None,
            vantages: Vantages::default(),
            vantage: 0,
            horizon: None,
            problems: Vec::new(),
            notices: Notices::default(),
            passed_over: PassedOver::default(),
            done: 0,
            total: Some(0),
        };
        let mut seen = HashSet::new();
        for source in sources {
            match source {
                Source::Reader { name, reader } => {
                    let opened = from_reader(&name, reader, timeline.next_id(), &options);
                    timeline.join(opened);
                }
                Source::Path(path) if path.is_dir() => match files_in(&path) {
                    Ok(files) => files.into_iter().for_each(|file| timeline.look_into(file, true, &mut seen)),
                    Err(e) => timeline.problems.push(Problem::Open(OpenError {
                        name: path.to_string_lossy().into_owned(),
                        inside: Vec::new(),
                        reason: OpenReason::Io(e),
                    })),
                },
                Source::Path(path) => timeline.look_into(path, false, &mut seen),
            }
        }
        timeline
    }

    /// The next packet in time; `None` when all captures are at their end.
    #[inline]
    pub fn next_packet(&mut self) -> Option<Packet<'_>> {
        if !self.stays() {
            self.turn();
        }
        let vantage = self.vantage;
        match self.members.get_mut(self.current? as usize)? {
            Member::Open(capture) => capture.take_packet().map(|packet| Packet { vantage, ..packet }),
            Member::Waiting(..) | Member::Done(_) => None,
        }
    }

    /// Gives `taker` the next packets in time, for as long as it wants more and
    /// they are at hand: at least one, `false` when there is none. For whoever
    /// takes millions of packets; each costs a third of what
    /// [`next_packet`](Self::next_packet) takes.
    pub fn next_packets(&mut self, taker: &mut impl Taker) -> bool {
        let Some(packet) = self.next_packet() else { return false };
        if take_one(taker, &packet)
            && let Some(id) = self.current
            && let Some(Member::Open(capture)) = self.members.get_mut(id as usize)
        {
            // At equal times the capture that was named first comes first.
            let until = self.horizon.map_or(CaptureTime::from_nanos(i64::MAX), |(time, other)| {
                if id < other { time } else { time - Span::from_nanos(1) }
            });
            if let Err(e) = capture.run(until, self.vantage, taker) {
                self.problems.push(Problem::Read(e));
            }
        }
        true
    }

    /// What is known of each capture, by [`CaptureId`]; complete at the end.
    pub fn captures(&self) -> impl Iterator<Item = &CaptureInfo> {
        self.members.iter().map(|member| match member {
            Member::Waiting(_, info) | Member::Done(info) => info,
            Member::Open(capture) => capture.info(),
        })
    }

    /// The files among the captures that are not being read yet: before the first
    /// packet is taken, all of them, by name and in the order given.
    pub fn files(&self) -> impl Iterator<Item = &Path> {
        self.members.iter().filter_map(|member| match member {
            Member::Waiting(path, _) => Some(path.as_path()),
            Member::Open(_) | Member::Done(_) => None,
        })
    }

    /// The sources that gave less than they should, and why.
    #[must_use]
    pub fn problems(&self) -> &[Problem] {
        &self.problems
    }

    /// What concerns no capture in particular.
    #[must_use]
    pub const fn notices(&self) -> &Notices {
        &self.notices
    }

    /// Which files of folders were taken for no captures: a notice tells only of
    /// the first.
    #[must_use]
    pub const fn passed_over(&self) -> &PassedOver {
        &self.passed_over
    }

    /// Whether part of the input could not be read.
    #[must_use]
    pub fn is_incomplete(&self) -> bool {
        !self.problems.is_empty() || self.captures().any(|info| info.incomplete)
    }

    /// How far reading has come, over all sources.
    #[must_use]
    pub fn progress(&self) -> Progress {
        let open = self.ready.iter().map(|Reverse((_, id))| *id).chain(self.current);
        let read = open.filter_map(|id| match self.members.get(id as usize)? {
            Member::Open(capture) => Some(capture.position().read),
            Member::Waiting(..) | Member::Done(_) => None,
        });
        Progress { read: read.fold(self.done, u64::saturating_add), total: self.total }
    }

    fn next_id(&self) -> CaptureId {
        CaptureId(u32::try_from(self.members.len()).unwrap_or(u32::MAX))
    }

    /// Opens a file for its first time stamp, and closes it again.
    fn look_into(&mut self, path: PathBuf, from_folder: bool, seen: &mut HashSet<PathBuf>) {
        if path.canonicalize().is_ok_and(|path| !seen.insert(path)) {
            let says = || format!("{} was given more than once; it is read once", path.display());
            self.notices.add(FILE_REPEATED, None, says);
            return;
        }
        if path.exists() && !path.is_file() {
            if from_folder {
                // Opening a pipe waits for whoever writes to it, perhaps forever.
                let name = path.to_string_lossy().into_owned();
                return self.pass_over(&OpenError { name, inside: Vec::new(), reason: OpenReason::Special });
            }
            // A pipe with a name: it cannot be opened twice.
            let opened = open(&path, self.next_id(), &self.options);
            return self.join(opened);
        }
        match open_sized(&path, self.next_id(), &CaptureOptions::default(), PEEK_SIZE) {
            Err(e) if from_folder && is_beside_the_point(&e) => self.pass_over(&e),
            Err(e) => self.problems.push(Problem::Open(e)),
            Ok(mut capture) => {
                let total = capture.position().total;
                self.total = self.total.zip(total).map(|(all, more)| all.saturating_add(more));
                // What failed or is empty comes first, and is told then.
                let first = capture.advance().ok().flatten().unwrap_or(CaptureTime::from_nanos(i64::MIN));
                self.waiting.push(Reverse((first, self.next_id().0)));
                let CaptureInfo { name, format, .. } = capture.into_info();
                self.members.push(Member::Waiting(path, Box::new(CaptureInfo::new(name, format))));
            }
        }
    }

    fn pass_over(&mut self, why: &OpenError) {
        self.notices.add(FILE_PASSED_OVER, None, || why.to_string());
        self.passed_over.add(why);
    }

    /// Takes a pipe in, which stays open.
    fn join(&mut self, opened: Result<Capture, OpenError>) {
        self.total = None;
        match opened {
            Ok(capture) => {
                // Its first packet is waited for only once packets are wanted.
                self.ready.push(Reverse((CaptureTime::from_nanos(i64::MIN), self.next_id().0)));
                self.members.push(Member::Open(Box::new(capture)));
            }
            Err(e) => self.problems.push(Problem::Open(e)),
        }
    }

    /// Whether the next packet of all is one more of the current member: true
    /// for all but a few in a ring, and decided without a heap.
    #[inline]
    fn stays(&mut self) -> bool {
        let Some(id) = self.current else { return false };
        let Some(Member::Open(capture)) = self.members.get_mut(id as usize) else { return false };
        match capture.advance() {
            Ok(Some(time)) => self.horizon.is_none_or(|horizon| (time, id) < horizon),
            Ok(None) => false,
            Err(e) => {
                self.problems.push(Problem::Read(e));
                false
            }
        }
    }

    /// Turns to the member whose packet comes next.
    #[cold]
    fn turn(&mut self) {
        self.current = self.earliest();
        let next = |heap: &BinaryHeap<Reverse<_>>| heap.peek().map(|Reverse(next)| *next);
        self.horizon = [next(&self.ready), next(&self.waiting)].into_iter().flatten().min();
        self.vantage = self.current.map_or(0, |id| self.vantages.of(id));
    }

    /// The member whose next packet is the earliest of all; out of the heaps.
    fn earliest(&mut self) -> Option<u32> {
        let current = self.current.take().and_then(|id| self.advance(id));
        self.ready.extend(current.map(Reverse));
        loop {
            let next = self.ready.peek().map(|Reverse(next)| *next);
            if let Some(Reverse(waiting)) = self.waiting.peek().copied()
                && next.is_none_or(|next| waiting < next)
            {
                if self.ready.len() < MAX_OPEN {
                    self.waiting.pop();
                    self.reopen(waiting.1);
                    continue;
                }
                self.notices.add(TIMELINE_LIMIT, None, || {
                    format!("more than {MAX_OPEN} captures overlap in time; their packets are not all in order")
                });
            }
            let next = next?;
            self.ready.pop();
            match self.advance(next.1) {
                Some(found) if found == next => return Some(next.1),
                // A pipe had held its place without a packet.
                found => self.ready.extend(found.map(Reverse)),
            }
        }
    }

    /// Moves a member to its next packet; at its end, closes it.
    fn advance(&mut self, id: u32) -> Option<(CaptureTime, u32)> {
        let member = self.members.get_mut(id as usize)?;
        let Member::Open(capture) = member else { return None };
        match capture.advance() {
            Ok(Some(time)) => return Some((time, id)),
            Ok(None) => {}
            Err(e) => self.problems.push(Problem::Read(e)),
        }
        self.done = self.done.saturating_add(capture.position().total.unwrap_or(capture.position().read));
        self.vantages.ended(id);
        *member = Member::Done(Box::new(capture.info().clone()));
        None
    }

    /// Opens a member whose time has come.
    fn reopen(&mut self, id: u32) {
        let Some(member) = self.members.get_mut(id as usize) else { return };
        let Member::Waiting(path, info) = member else { return };
        match open(path, CaptureId(id), &self.options) {
            Ok(capture) => {
                *member = Member::Open(Box::new(capture));
                let found = self.advance(id);
                self.ready.extend(found.map(Reverse));
            }
            Err(e) => {
                info.incomplete = true;
                *member = Member::Done(info.clone());
                self.problems.push(Problem::Open(e));
            }
        }
    }
}

/// Out of line, so that what the taker does lies in the loop over a run and
/// nowhere else.
#[inline(never)]
fn take_one(taker: &mut impl Taker, packet: &Packet<'_>) -> bool {
    let more = taker.take(packet);
    taker.passed(Passed::one(packet));
    more
}
