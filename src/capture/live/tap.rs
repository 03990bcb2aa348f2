//! One interface that is listened to, and waiting for any of several.
//!
//! libpcap's own timeout ends no wait on an idle interface (Linux, 1.10): so
//! nothing here blocks, and [`wait`] polls the descriptors.

use core::time::Duration;

use pcap::{Active, Error, Linktype, Precision};
use rustix::event::{PollFd, PollFlags, Timespec, poll};

use super::filter;
use crate::base::{CaptureId, CaptureTime, Frame, LinkType};
use crate::capture::info::Interface;
use crate::capture::{CaptureInfo, Format, Packet};

/// How long the kernel may collect packets before it shows them, in
/// milliseconds, outside immediate mode.
const COLLECT: i32 = 100;

/// How to listen.
#[derive(Clone, Debug)]
pub struct TapOptions {
    /// What to let through, in the language of pcap-filter(7); `None`: what
    /// [`default_filter`](super::default_filter) says.
    pub filter: Option<String>,
    /// Bytes kept of each packet.
    pub snap_len: u32,
    /// Bytes of the kernel's buffer.
    pub buffer: u32,
    /// Show each packet at once, for more wake-ups.
    pub immediate: bool,
    /// Also what is addressed to others.
    pub promiscuous: bool,
}

/// Why an interface cannot be listened to.
#[derive(Debug, thiserror::Error)]
pub enum TapError {
    /// The system does not permit it.
    #[error("{name}: not permitted ({reason})")]
    NotPermitted {
        /// The interface.
        name: String,
        /// What libpcap says.
        reason: String,
    },
    /// The filter makes no sense.
    #[error("the filter cannot be used on {name}: {reason}")]
    Filter {
        /// The interface.
        name: String,
        /// What libpcap says.
        reason: String,
    },
    /// There is no such interface, or it cannot be opened.
    #[error("{name}: {reason}")]
    Other {
        /// The interface.
        name: String,
        /// What libpcap says.
        reason: String,
    },
}

/// What kernel and interface count since the start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TapCounters {
    /// Packets that passed the filter.
    pub received: u64,
    /// Of those, packets for which there was no room in the buffer.
    pub dropped: u64,
    /// Packets that the interface or its driver lost.
    pub dropped_by_interface: u64,
}

impl TapCounters {
    /// Everything that is missing.
    #[must_use]
    pub const fn lost(&self) -> u64 {
        self.dropped.saturating_add(self.dropped_by_interface)
    }
}

/// An interface that is listened to.
pub struct Tap {
    name: String,
    options: TapOptions,
    handle: Option<pcap::Capture<Active>>,
    link: LinkType,
    id: CaptureId,
    vantage: u16,
    info: CaptureInfo,
    counters: TapCounters,
    /// The counters of the handle as they were last read: 32 bits, which wrap.
    raw: [u32; 3],
}

impl Tap {
    /// Begins to listen. Its packets are those of capture `id`.
    ///
    /// # Errors
    /// See [`TapError`].
    pub fn open(name: &str, id: CaptureId, options: &TapOptions) -> Result<Self, TapError> {
        let mut tap = Self {
            name: name.to_owned(),
            options: options.clone(),
            handle: None,
            link: LinkType(0),
            id,
            vantage: u16::try_from(id.0).unwrap_or(u16::MAX),
            info: CaptureInfo::new(format!("live:{name}"), Format::Live),
            counters: TapCounters::default(),
            raw: [0; 3],
        };
        tap.reopen()?;
        Ok(tap)
    }

    /// Begins to listen again after the interface had gone.
    ///
    /// # Errors
    /// See [`TapError`].
    pub fn reopen(&mut self) -> Result<(), TapError> {
        let name = || self.name.clone();
        let other = |e: Error| {
            let reason = words(&e);
            if reason.contains("ermission") || reason.contains("not permitted") {
                TapError::NotPermitted { name: name(), reason }
            } else {
                TapError::Other { name: name(), reason }
            }
        };
        let cut = |bytes: u32| i32::try_from(bytes).unwrap_or(i32::MAX);
        let mut handle = pcap::Capture::from_device(self.name.as_str())
            .map_err(other)?
            .snaplen(cut(self.options.snap_len))
            .buffer_size(cut(self.options.buffer))
            .immediate_mode(self.options.immediate)
            .promisc(self.options.promiscuous)
            .precision(Precision::Nano)
            .timeout(COLLECT)
            .open()
            .map_err(other)?
            .setnonblock()
            .map_err(other)?;
        let Linktype(link) = handle.get_datalink();
        let chosen = match &self.options.filter {
            Some(asked) => handle.filter(asked, true),
            None => {
                handle.filter(&filter::default_filter(), true).or_else(|_| handle.filter(&filter::without_tags(), true))
            }
        };
        chosen.map_err(|e| TapError::Filter { name: name(), reason: words(&e) })?;
        self.link = LinkType(u32::try_from(link).unwrap_or_default());
        self.info.link(self.link);
        if self.info.interfaces.is_empty() {
            let mut interface = Interface::new(self.link);
            interface.name = Some(self.name.clone());
            interface.snap_len = Some(self.options.snap_len);
            self.info.interfaces.push(interface);
        }
        self.handle = Some(handle);
        self.raw = [0; 3];
        Ok(())
    }

    /// What the system calls it.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Whether it is listened to now.
    #[must_use]
    pub const fn is_up(&self) -> bool {
        self.handle.is_some()
    }

    /// Whether the interface is switched on, where the system says so: libpcap
    /// says nothing, and goes on when it is on again.
    #[must_use]
    pub fn is_switched_on(&self) -> Option<bool> {
        /// IFF_UP (Linux, if.h).
        const UP: u64 = 1;
        // `any` has no folder.
        let flags = std::fs::read_to_string(format!("/sys/class/net/{}/flags", self.name)).ok()?;
        let flags = u64::from_str_radix(flags.trim().trim_start_matches("0x"), 16).ok()?;
        Some(flags & UP != 0)
    }

    /// Gives the packets that wait, at most `limit`, and returns how many there
    /// were.
    ///
    /// # Errors
    /// The interface went away; what libpcap says. [`Tap::reopen`] may help
    /// later.
    pub fn read(&mut self, limit: usize, mut give: impl FnMut(&Packet<'_>)) -> Result<usize, String> {
        let Some(handle) = &mut self.handle else { return Ok(0) };
        let mut count = 0;
        while count < limit {
            match handle.next_packet() {
                Ok(packet) => {
                    count += 1;
                    // With nanosecond precision the field holds nanoseconds.
                    let (seconds, nanos) = (packet.header.ts.tv_sec, packet.header.ts.tv_usec);
                    let time = CaptureTime::from_parts(seconds, nanos);
                    self.info.packets += 1;
                    self.info.bytes += packet.data.len() as u64;
                    self.info.cut_packets += u64::from(packet.header.caplen < packet.header.len);
                    self.info.passes(time, self.info.packets);
                    give(&Packet {
                        frame: Frame { capture: self.id, number: self.info.packets },
                        time,
                        link: self.link,
                        interface: 0,
                        vantage: self.vantage,
                        packet_id: None,
                        data: packet.data,
                        original_len: packet.header.len.max(packet.header.caplen),
                    });
                }
                Err(Error::TimeoutExpired | Error::NoMorePackets) => break,
                Err(e) => {
                    let reason = words(&e);
                    self.count();
                    self.handle = None;
                    return Err(reason);
                }
            }
        }
        Ok(count)
    }

    /// Reads what kernel and interface count.
    pub fn count(&mut self) -> TapCounters {
        if let Some(Ok(now)) = self.handle.as_mut().map(pcap::Capture::stats) {
            let [received, dropped, by_interface] = self.raw;
            let more = |now: u32, before: u32| u64::from(now.wrapping_sub(before));
            self.counters.received += more(now.received, received);
            self.counters.dropped += more(now.dropped, dropped);
            self.counters.dropped_by_interface += more(now.if_dropped, by_interface);
            self.raw = [now.received, now.dropped, now.if_dropped];
            self.info.dropped = Some(self.counters.lost());
            if let Some(interface) = self.info.interfaces.first_mut() {
                interface.received = Some(self.counters.received);
                interface.dropped = Some(self.counters.lost());
            }
        }
        self.counters
    }

    /// What is known of it, as of a capture file.
    #[must_use]
    pub const fn info(&self) -> &CaptureInfo {
        &self.info
    }
}

/// Waits until a packet arrives on one of `taps`, a signal comes, or `timeout`
/// is over.
pub fn wait(taps: &[Tap], timeout: Duration) {
    let timeout = Timespec {
        tv_sec: i64::try_from(timeout.as_secs()).unwrap_or(i64::MAX),
        tv_nsec: i64::from(timeout.subsec_nanos()),
    };
    let open = taps.iter().filter_map(|tap| tap.handle.as_ref());
    let mut descriptors: Vec<PollFd<'_>> = open.map(|handle| PollFd::new(handle, PollFlags::IN)).collect();
    // Interrupted by a signal: the caller looks for one in any case.
    let _ = poll(&mut descriptors, Some(&timeout));
}

/// libpcap's words, without those of the crate around them.
fn words(error: &Error) -> String {
    match error {
        Error::PcapError(says) => says.clone(),
        other => other.to_string(),
    }
}
