//! What every format gives: where a packet lies in the window.

use std::ops::Range;

use super::clock::SetBack;
use super::info::CaptureInfo;
use crate::base::{CaptureTime, Frame, LinkType};

/// A packet in the window, not yet borrowed from it.
#[derive(Clone, Debug)]
pub(super) struct Record {
    /// Its frame number, from 1.
    pub(super) number: u64,
    pub(super) time: CaptureTime,
    pub(super) link: LinkType,
    pub(super) interface: u32,
    pub(super) packet_id: Option<u64>,
    /// Its captured bytes; valid until the window is refilled.
    pub(super) place: Range<usize>,
    pub(super) original_len: u32,
}

impl Record {
    /// No packet yet.
    pub(super) const NONE: Self = Self {
        number: 0,
        time: CaptureTime::from_nanos(0),
        link: LinkType(0),
        interface: 0,
        packet_id: None,
        place: 0..0,
        original_len: 0,
    };
}

/// Where the packets of a run come from.
#[derive(Clone, Copy, Debug)]
pub(super) struct Origin {
    /// The frame before the first of them.
    pub(super) before: Frame,
    pub(super) vantage: u16,
}

/// What is counted of packets that were given in one go; there is one at least.
#[derive(Clone, Copy, Debug)]
pub(super) struct Run {
    pub(super) packets: u64,
    /// Captured bytes.
    pub(super) bytes: u64,
    pub(super) cut_packets: u64,
    /// The time of the last one.
    pub(super) last: CaptureTime,
    /// The latest time of all but those behind the last step back of the clock.
    before: CaptureTime,
    /// Such steps, from the packets before it on.
    pub(super) set_back: SetBack,
}

impl Run {
    /// Behind the packets of `info`.
    pub(super) fn begin(info: &CaptureInfo) -> Self {
        let never = CaptureTime::from_nanos(i64::MIN);
        let (last, set_back) = (info.last_time.unwrap_or(never), info.set_back);
        Self { packets: 0, bytes: 0, cut_packets: 0, last, before: never, set_back }
    }

    /// Adds a packet, but to the number of them.
    #[inline]
    pub(super) fn add(&mut self, captured: usize, original_len: u32, time: CaptureTime, number: u64) {
        self.bytes = self.bytes.wrapping_add(captured as u64);
        self.cut_packets = self.cut_packets.wrapping_add(u64::from(captured < original_len as usize));
        if time < self.last {
            self.before = self.before.max(self.last);
            self.set_back.note(self.last, time, number);
        }
        self.last = time;
    }

    /// The latest time of its packets, or of one before them.
    pub(super) fn latest(&self) -> CaptureTime {
        self.before.max(self.last)
    }
}

/// The byte order of a header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Order {
    Little,
    Big,
}

impl Order {
    #[inline]
    pub(super) const fn u16(self, bytes: [u8; 2]) -> u16 {
        match self {
            Self::Little => u16::from_le_bytes(bytes),
            Self::Big => u16::from_be_bytes(bytes),
        }
    }

    #[inline]
    pub(super) const fn u32(self, bytes: [u8; 4]) -> u32 {
        match self {
            Self::Little => u32::from_le_bytes(bytes),
            Self::Big => u32::from_be_bytes(bytes),
        }
    }

    #[inline]
    pub(super) const fn u64(self, bytes: [u8; 8]) -> u64 {
        match self {
            Self::Little => u64::from_le_bytes(bytes),
            Self::Big => u64::from_be_bytes(bytes),
        }
    }

    /// The two bytes at `at`, where they are.
    #[inline]
    pub(super) fn u16_at(self, bytes: &[u8], at: usize) -> Option<u16> {
        bytes.get(at..)?.first_chunk().map(|b| self.u16(*b))
    }

    /// The four bytes at `at`, where they are.
    #[inline]
    pub(super) fn u32_at(self, bytes: &[u8], at: usize) -> Option<u32> {
        bytes.get(at..)?.first_chunk().map(|b| self.u32(*b))
    }

    /// The eight bytes at `at`, where they are.
    #[inline]
    pub(super) fn u64_at(self, bytes: &[u8], at: usize) -> Option<u64> {
        bytes.get(at..)?.first_chunk().map(|b| self.u64(*b))
    }
}

/// The largest packet that is believed. libpcap's own maximum is this (its
/// `MAXIMUM_SNAPLEN`); a larger snap length in the header raises it, up to
/// what a window holds.
pub(super) const MAX_PACKET: u32 = 256 * 1024;
