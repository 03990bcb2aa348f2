//! What may be shown of each side's stream, by place in the stream: a byte that
//! was sent three times is shown three times the same.

use std::collections::{BTreeMap, HashMap};

use super::messages::{self, Policy, Reader};
use super::selection::Flow;
use crate::base::Side;
use crate::wire::{Segment, TcpFlags};

/// The segments of all connections, not yet in order.
#[derive(Default)]
pub(super) struct Collected<'a> {
    sides: HashMap<(Flow, Side), Segments<'a>>,
}

#[derive(Default)]
struct Segments<'a> {
    places: Places,
    /// Place in the stream, bytes.
    bytes: Vec<(i64, &'a [u8])>,
}

/// Turns sequence numbers, which begin anywhere and again at 0, into places.
#[derive(Clone, Copy, Debug, Default)]
struct Places {
    /// The number of the stream's first byte, once one is known.
    base: Option<u32>,
    /// The place of what came last.
    last: i64,
}

/// What may be shown.
#[derive(Default)]
pub(super) struct Streams {
    sides: HashMap<(Flow, Side), Shown>,
}

struct Shown {
    base: Option<u32>,
    /// By place: bytes to be shown there. They do not overlap.
    parts: BTreeMap<i64, Vec<u8>>,
}

impl Places {
    fn place(&mut self, segment: &Segment<'_>) -> i64 {
        let is_syn = segment.tcp.flags.has(TcpFlags::SYN);
        let first = segment.tcp.seq.wrapping_add(u32::from(is_syn));
        let base = *self.base.get_or_insert(first);
        let place = near(base, first, self.last);
        if segment.payload_len > 0 {
            self.last = place;
        }
        place
    }
}

/// The place of number `seq` that is nearest to `last`.
fn near(base: u32, seq: u32, last: i64) -> i64 {
    let here = base.wrapping_add(last as u32);
    last.saturating_add(i64::from(seq.wrapping_sub(here).cast_signed()))
}

impl<'a> Collected<'a> {
    /// Adds a segment; nothing of the stream before `begins_at` is read.
    pub(super) fn add(&mut self, flow: Flow, side: Side, segment: &Segment<'a>, begins_at: i64) {
        if segment.tcp.flags.has(TcpFlags::RST) {
            return;
        }
        let segments = self.sides.entry((flow, side)).or_default();
        let place = segments.places.place(segment);
        let before = usize::try_from(begins_at.saturating_sub(place)).unwrap_or(0);
        if let Some(payload @ [_, ..]) = segment.payload.get(before..) {
            segments.bytes.push((place.max(begins_at), payload));
        }
    }

    pub(super) fn show(self, policy: Policy<'_>) -> Streams {
        let sides = self.sides.into_iter().map(|(key, segments)| (key, segments.show(policy)));
        Streams { sides: sides.collect() }
    }
}

impl Segments<'_> {
    fn show(mut self, policy: Policy<'_>) -> Shown {
        // Of two that begin at one place the first one came first.
        self.bytes.sort_by_key(|(place, _)| *place);
        let mut reader = Reader::new(policy);
        let mut parts = BTreeMap::new();
        let mut run: Vec<u8> = Vec::new();
        let mut start = 0_i64;
        for (place, bytes) in self.bytes {
            let end = start.saturating_add_unsigned(run.len() as u64);
            if run.is_empty() || place > end {
                read(&mut reader, start, &run, &mut parts);
                if !run.is_empty() {
                    reader.gap(place.abs_diff(end));
                }
                (start, run) = (place, bytes.to_vec());
            } else {
                let known = usize::try_from(end.abs_diff(place)).unwrap_or(usize::MAX);
                run.extend_from_slice(bytes.get(known..).unwrap_or_default());
            }
        }
        read(&mut reader, start, &run, &mut parts);
        Shown { base: self.places.base, parts }
    }
}

fn read(reader: &mut Reader<'_>, start: i64, run: &[u8], parts: &mut BTreeMap<i64, Vec<u8>>) {
    for messages::Part { at, bytes } in reader.run(run) {
        parts.insert(start.saturating_add_unsigned(at as u64), bytes);
    }
}

impl Streams {
    /// Fills `payload`, which is zeros, with what may be shown of this segment;
    /// gives how far that reaches.
    pub(super) fn copy(&self, flow: Flow, side: Side, segment: &Segment<'_>, payload: &mut [u8]) -> usize {
        let Some(shown) = self.sides.get(&(flow, side)) else { return 0 };
        let Some(base) = shown.base else { return 0 };
        let is_syn = segment.tcp.flags.has(TcpFlags::SYN);
        let first = segment.tcp.seq.wrapping_add(u32::from(is_syn));
        let mut reach = 0;
        // Streams of more than 2 GiB: the parts nearest to each turn of the
        // number are looked at.
        let highest = shown.parts.last_key_value().map_or(0, |(place, _)| *place);
        let mut place = near(base, first, 0);
        while place <= highest {
            reach = reach.max(shown.copy(place, payload));
            place = place.saturating_add(1 << 32);
        }
        reach
    }
}

impl Shown {
    fn copy(&self, place: i64, payload: &mut [u8]) -> usize {
        let end = place.saturating_add_unsigned(payload.len() as u64);
        let before = self.parts.range(..place).next_back();
        let mut reach = 0;
        for (at, bytes) in before.into_iter().chain(self.parts.range(place..end)) {
            let skipped = usize::try_from(place.saturating_sub(*at)).unwrap_or(0);
            let to = usize::try_from(at.saturating_sub(place)).unwrap_or(0);
            let bytes = bytes.get(skipped..).unwrap_or_default();
            let into = payload.get_mut(to..).unwrap_or_default();
            let len = bytes.len().min(into.len());
            for (into, byte) in into.iter_mut().zip(bytes) {
                *into = *byte;
            }
            if len > 0 {
                reach = reach.max(to.saturating_add(len));
            }
        }
        reach
    }
}
