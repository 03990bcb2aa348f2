//! The truth of every packet: what left one end, and what came to the other.

use std::collections::HashMap;
use std::path::Path;

use rdpwhy::capture::{CaptureOptions, Source, Timeline};
use rdpwhy::flow::Place;
use rdpwhy::wire::{Decoded, TcpFlags};

/// A TCP packet of a capture, without what a router changes.
#[derive(Clone, Debug)]
pub(super) struct Seen {
    frame: u64,
    nanos: i64,
    pub(super) flow: ((std::net::IpAddr, u16), (std::net::IpAddr, u16)),
    seq: u32,
    ack: u32,
    flags: u8,
    id: Option<u16>,
    window: u16,
    len: u32,
    timestamps: Option<(u32, u32)>,
    /// A block of data behind a hole, or received twice, was reported.
    sack: Vec<(u32, u32)>,
}

type Identity =
    ((std::net::IpAddr, u16), (std::net::IpAddr, u16), u32, u32, u8, Option<u16>, u16, u32, Option<(u32, u32)>);

impl Seen {
    fn identity(&self) -> Identity {
        (self.flow.0, self.flow.1, self.seq, self.ack, self.flags, self.id, self.window, self.len, self.timestamps)
    }

    fn has(&self, flag: u8) -> bool {
        self.flags & flag != 0
    }

    /// Sequence numbers that it takes, relative to `origin`.
    fn range(&self, origin: u32) -> (i64, i64) {
        let start = i64::from(self.seq.wrapping_sub(origin).cast_signed());
        let control = i64::from(self.has(TcpFlags::SYN)) + i64::from(self.has(TcpFlags::FIN));
        (start, start + i64::from(self.len) + control)
    }
}

pub(super) fn read(path: &Path) -> Vec<Seen> {
    let mut timeline = Timeline::new(vec![Source::named(path)], CaptureOptions::default());
    let mut all = Vec::new();
    while let Some(packet) = timeline.next_packet() {
        let Decoded::Tcp(s) = rdpwhy::wire::decode(packet.link, packet.data, packet.original_len) else { continue };
        let options = &s.tcp.options;
        all.push(Seen {
            frame: packet.frame.number,
            nanos: packet.time.nanos(),
            flow: ((s.ip.src, s.tcp.source_port), (s.ip.dst, s.tcp.destination_port)),
            seq: s.tcp.seq,
            ack: s.tcp.ack,
            flags: s.tcp.flags.0,
            id: s.ip.id,
            window: s.tcp.window,
            len: s.payload_len,
            timestamps: options.timestamps,
            sack: options.sack[..usize::from(options.sack_count)].to_vec(),
        });
    }
    all
}

/// What became of a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Truth {
    /// Sent for the first time, in order.
    New,
    /// A probe without (new) data.
    Probe,
    /// Sent again, because what it repeats was lost.
    LostAndSentAgain,
    /// The same, and nothing that came before shows at this end that anything
    /// was missing.
    LostWithoutTrace,
    /// A SYN, SYN-ACK or FIN sent again, needed or not.
    Control,
    /// Sent again although it had arrived.
    Needless,
    /// Sent once, arrived behind later ones.
    Overtaken,
    /// The second arrival of a packet that the network doubled.
    Doubled,
}

/// The truth of one packet, and where its original was lost.
#[derive(Clone, Copy, Debug)]
pub(super) struct Label {
    pub(super) truth: Truth,
    pub(super) place: Option<Place>,
    /// Sent again at once after a report of a hole; else a timer ran out.
    pub(super) asked_for: Option<bool>,
}

/// What left `sender`'s end and what came of it at the other, as labels by
/// frame: at the sender's end, and at the receiver's.
pub(super) fn label(sent: &[Seen], arrived: &[Seen], back: &[Seen]) -> (HashMap<u64, Label>, HashMap<u64, Label>) {
    let mut arrivals: HashMap<Identity, Vec<&Seen>> = HashMap::new();
    for packet in arrived.iter().rev() {
        arrivals.entry(packet.identity()).or_default().push(packet);
    }
    let origin = sent.first().map_or(0, |p| p.seq);
    let (mut at_sender, mut at_receiver) = (HashMap::new(), HashMap::new());
    let mut max_end = i64::MIN / 2;
    let mut probed = None;
    let mut transmissions: Vec<(i64, i64, i64, bool)> = Vec::new();
    // Frames that arrived, with their truth so far; order of arrival decides the rest.
    let mut fate: HashMap<u64, (Truth, Option<bool>)> = HashMap::new();
    for (i, packet) in sent.iter().enumerate() {
        let (start, end) = packet.range(origin);
        // A kernel that answers a doubled SYN at once sends the very same packet.
        let twin = i
            .checked_sub(1)
            .is_some_and(|i| sent[i].identity() == packet.identity() && packet.nanos - sent[i].nanos < 1_000_000);
        let came: Option<u64> = arrivals.get_mut(&packet.identity()).and_then(Vec::pop).map(|p| p.frame);
        if packet.has(TcpFlags::RST) || (end == start && start >= max_end - 1) && start != max_end - 1 {
            continue;
        }
        let closed =
            back.iter().rfind(|p| p.nanos < packet.nanos).is_some_and(|p| p.window == 0 && !p.has(TcpFlags::RST));
        let control = packet.flags & (TcpFlags::FIN | TcpFlags::SYN) != 0;
        let truth = if twin {
            Truth::Doubled
        } else if end - start <= 1 && (start == max_end - 1 || closed && packet.len == 1) && !control {
            Truth::Probe
        } else if control && packet.len == 0 && start < max_end {
            Truth::Control
        } else if end == start || start >= max_end || probed == Some(start) {
            Truth::New
        } else {
            let mut missing = vec![(start, end.min(max_end))];
            for (from, to, _, _) in transmissions.iter().filter(|t| t.3) {
                missing = missing
                    .into_iter()
                    .flat_map(|(a, b)| [(a, b.min(*from)), (a.max(*to), b)])
                    .filter(|(a, b)| a < b)
                    .collect();
            }
            if missing.is_empty() { Truth::Needless } else { Truth::LostAndSentAgain }
        };
        let asked_for = matches!(truth, Truth::LostAndSentAgain | Truth::Needless)
            .then(|| asked_for(packet, origin, &transmissions, back));
        if truth == Truth::Probe {
            probed = Some(start);
        }
        if end > start {
            transmissions.push((start, end, packet.nanos, came.is_some()));
        }
        max_end = max_end.max(end);
        let place = (truth == Truth::LostAndSentAgain).then_some(Place::After);
        at_sender.insert(packet.frame, Label { truth, place, asked_for: asked_for.flatten() });
        if let Some(frame) = came {
            fate.insert(frame, (truth, asked_for.flatten()));
        }
    }
    let mut reached = i64::MIN / 2;
    for packet in arrived {
        let (start, end) = packet.range(origin);
        let bare = end == start;
        match fate.get(&packet.frame) {
            Some((truth, asked)) => {
                let truth = match truth {
                    Truth::New if !bare && start < reached => Truth::Overtaken,
                    Truth::LostAndSentAgain | Truth::Control if start >= reached => Truth::LostWithoutTrace,
                    // The repetition was faster than the original.
                    Truth::Needless if start >= reached => Truth::New,
                    truth => *truth,
                };
                let place = (truth == Truth::LostAndSentAgain).then_some(Place::Before);
                at_receiver.insert(packet.frame, Label { truth, place, asked_for: *asked });
            }
            None if !bare && start < reached && !packet.has(TcpFlags::RST) => {
                let label = Label { truth: Truth::Doubled, place: None, asked_for: None };
                at_receiver.insert(packet.frame, label);
            }
            None => {}
        }
        let is_probe = fate.get(&packet.frame).is_some_and(|(truth, _)| *truth == Truth::Probe);
        if !packet.has(TcpFlags::RST) && !is_probe {
            reached = reached.max(end);
        }
    }
    (at_sender, at_receiver)
}

/// Whether a report of a hole had just come to the sender when it repeated
/// `packet`. `None` where both explain it.
fn asked_for(packet: &Seen, origin: u32, transmissions: &[(i64, i64, i64, bool)], back: &[Seen]) -> Option<bool> {
    let (start, end) = packet.range(origin);
    let before = transmissions.iter().filter(|t| t.0 < end && t.1 > start).map(|t| t.2).max()?;
    let reports = |p: &&Seen| {
        p.sack.iter().any(|(_, to)| i64::from(to.wrapping_sub(origin).cast_signed()) > end)
            && i64::from(p.ack.wrapping_sub(origin).cast_signed()) <= start
    };
    let told = back.iter().filter(|p| p.nanos > before && p.nanos <= packet.nanos).find(reports);
    let waited = packet.nanos - before;
    match told {
        // RACK waits a quarter of the round trip; a kernel's tick is 4 ms.
        Some(report) if packet.nanos - report.nanos < 12_000_000 => Some(true),
        Some(_) if waited < 190_000_000 => Some(true),
        Some(_) => None,
        None => Some(false),
    }
}
