//! What a RST looked like, and what stood around it: everything that later
//! floors need to say who built it.

use core::net::IpAddr;

use super::habits::{Habits, MAX_COUNTER_STEP};
use super::seq::Seq;
use super::triggers::Answerable;
use crate::base::{At, CaptureTime, Side, Span};
use crate::wire::{Segment, TcpFlags};

/// Payload bytes of a RST that are kept (RFC 1122 §4.2.2.12 allows a cause in
/// text; load balancers write one).
const MAX_PAYLOAD: usize = 80;

/// Packets of the claimed sender after the RST are looked at for this long;
/// later ones say nothing (a new connection, a stray).
const AFTERLIFE: Span = Span::from_secs(2);

/// Where the round trip to the receiver is not known, its packets may be on
/// their way for so long.
const UNKNOWN_TRIP: Span = Span::from_millis(500);

/// Queues and scheduling add this to a round trip.
const TRIP_SLACK: Span = Span::from_millis(20);

/// Packets further from what the sender had sent belong to another connection of
/// the same addresses and ports, whose SYN is missing. Initial sequence numbers
/// of one 4-tuple go up by 250 each millisecond (RFC 6528 §3), so that this must
/// be no larger than what may be missing from the capture in between.
const MAX_JUMP: u32 = 1 << 16;

/// A RST overtakes what was sent just before it: other connections of its host
/// take few identifications in between. More, and numbers that somebody drew at
/// random were taken for the host's.
const MAX_BETWEEN: u16 = 64;

/// How a RST's sequence number fits what its receiver expects (RFC 5961 §3.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SequenceFit {
    /// The receiver was waiting for this number: the connection dies.
    Exact,
    /// Inside the receiver's window: a challenge ACK, older stacks die.
    InWindow,
    /// Outside: ignored.
    Outside,
    /// Answers a SYN, which acknowledges it.
    AnswersSyn,
    /// Too little of the connection was seen to tell.
    Unknown,
}

/// A RST with its surroundings.
#[derive(Clone, Debug)]
pub struct ResetFacts {
    /// The side whose address it carries.
    pub claimed_by: Side,
    /// Where.
    pub at: At,
    /// Its control bits.
    pub flags: TcpFlags,
    /// Sequence number as sent.
    pub seq: u32,
    /// Acknowledgment number as sent, whether or not the ACK bit is set.
    pub ack: u32,
    /// Its stream offset less that of the sender's next new byte.
    pub seq_beyond_sent: Option<i64>,
    /// How it fits what the receiver had acknowledged.
    pub fit: SequenceFit,
    /// Whether the sequence number repeats an acknowledgment of the receiver,
    /// as RFC 9293 §3.10.7 wants of a RST from a closed socket.
    pub seq_is_peers_ack: bool,
    /// TTL or hop limit.
    pub ttl: u8,
    /// IPv4 identification.
    pub id: Option<u16>,
    /// Don't-fragment bit.
    pub dont_fragment: bool,
    /// Type of service or traffic class.
    pub traffic_class: u8,
    /// Window, unscaled.
    pub window: u16,
    /// Whether it carries a timestamp option, and its value.
    pub tsval: Option<u32>,
    /// Source MAC address.
    pub mac: Option<[u8; 6]>,
    /// The source address it claims.
    pub source: IpAddr,
    /// The first bytes of its payload.
    pub payload: Vec<u8>,
    /// The claimed sender's headers up to here.
    pub sender: Habits,
    /// The receiver's headers up to here; its last packet is what the RST may
    /// answer.
    pub receiver: Habits,
    /// The sequence number is that of the sender's last packet, which carried
    /// data: its start, where a host would use its end.
    pub repeats_last_start: bool,
    /// For a RST without the ACK bit: the packets that it may answer.
    pub answers: Answerable,
    /// IPv6 flow label.
    pub flow_label: Option<u32>,
    /// The claimed sender had sent a FIN.
    pub after_own_fin: bool,
    /// The receiver had sent a FIN.
    pub after_peer_fin: bool,
    /// A RST of the other side came before it.
    pub after_peer_reset: Option<At>,
    /// Silence on the connection before it.
    pub silence_before: Span,
    /// The shortest round trip between capture point and claimed sender so
    /// far, the handshake's among them.
    pub sender_min_rtt: Option<Span>,
    /// Whether that minimum can be relied on.
    pub sender_rtt_is_steady: bool,
    /// When the newest byte that the RST acknowledges passed the capture point.
    pub acknowledges_byte_seen_at: Option<At>,
    /// What the claimed sender sent afterwards.
    pub afterlife: Afterlife,
    /// The receiver's challenge ACK (RFC 5961 §3.2), where it sent one.
    pub challenged: Option<At>,
    /// Packets with data, FIN or SYN that the receiver sent afterwards, within
    /// two seconds, as if it had met no reset. What was on its way already does
    /// not count.
    pub receiver_went_on: u32,
    /// The shortest round trip between capture point and receiver so far.
    pub receiver_min_rtt: Option<Span>,
}

/// Packets of the claimed sender after its RST.
#[derive(Clone, Debug, Default)]
pub struct Afterlife {
    /// The first.
    pub first: Option<At>,
    /// How many within two seconds.
    pub packets: u32,
    /// How many carried new data or acknowledged new data.
    pub progress: u32,
    /// How many continue the sender's identification or timestamp series from
    /// before the RST, later than the RST.
    pub continues_series: u32,
}

impl ResetFacts {
    /// Copies what the packet itself says.
    pub fn of(segment: &Segment<'_>, side: Side, at: At, sender: &Habits, receiver: &Habits) -> Self {
        Self {
            claimed_by: side,
            at,
            flags: segment.tcp.flags,
            seq: segment.tcp.seq,
            ack: segment.tcp.ack,
            seq_beyond_sent: None,
            fit: SequenceFit::Unknown,
            seq_is_peers_ack: false,
            ttl: segment.ip.ttl,
            id: segment.ip.id,
            dont_fragment: segment.ip.dont_fragment,
            traffic_class: segment.ip.traffic_class,
            window: segment.tcp.window,
            tsval: segment.tcp.options.timestamps.map(|(value, _)| value),
            mac: segment.source_mac,
            source: segment.ip.src,
            payload: segment.payload.iter().copied().take(MAX_PAYLOAD).collect(),
            sender: sender.clone(),
            receiver: receiver.clone(),
            repeats_last_start: false,
            answers: Answerable::default(),
            flow_label: segment.ip.flow_label,
            after_own_fin: false,
            after_peer_fin: false,
            after_peer_reset: None,
            silence_before: Span::ZERO,
            sender_min_rtt: None,
            sender_rtt_is_steady: false,
            acknowledges_byte_seen_at: None,
            afterlife: Afterlife::default(),
            challenged: None,
            receiver_went_on: 0,
            receiver_min_rtt: None,
        }
    }

    /// A later packet of the claimed sender, which is no RST and no copy.
    pub fn sender_lives(&mut self, segment: &Segment<'_>, at: At, progress: bool) {
        if !self.in_afterlife(at.time) || !self.is_same_stream(segment.tcp.seq) {
            return;
        }
        let is_known = self.knew_of(segment);
        if is_known && self.is_numbered_after(segment) {
            return;
        }
        let life = &mut self.afterlife;
        life.first.get_or_insert(at);
        life.packets = life.packets.saturating_add(1);
        // A packet that was sent before the RST and overtaken by it carries an
        // older identification or timestamp than the sender's last packet did.
        let newer_ts = match (segment.tcp.options.timestamps, self.sender.last_tsval) {
            (Some((now, _)), Some((before, _))) => Some(now.wrapping_sub(before).cast_signed() >= 0),
            _ => None,
        };
        let newer_id = match (segment.ip.id, self.sender.last_id) {
            (Some(now), Some(before)) if now != 0 && before != 0 => Some(comes_next(now, before)),
            _ => None,
        };
        let continues = newer_ts.unwrap_or(true) && newer_id.unwrap_or(true) && newer_ts.or(newer_id).is_some();
        life.continues_series = life.continues_series.saturating_add(u32::from(continues));
        // Where no number puts it behind the RST, only what goes beyond that tells.
        let progress = progress && (continues || !is_known);
        life.progress = life.progress.saturating_add(u32::from(progress));
    }

    /// A later packet of the receiver, which is no RST and no copy.
    pub fn receiver_lives(&mut self, segment: &Segment<'_>, at: At, progress: bool) {
        if !self.in_afterlife(at.time) {
            return;
        }
        let pure = segment.tcp.flags.0 & !TcpFlags::PSH == TcpFlags::ACK && segment.payload_len == 0;
        if !pure {
            // The reset goes there and the receiver's packets come back.
            let on_their_way = self.receiver_min_rtt.map_or(UNKNOWN_TRIP, |trip| trip.times(2) + TRIP_SLACK);
            let late = at.time.since(self.at.time) > on_their_way;
            self.receiver_went_on = self.receiver_went_on.saturating_add(u32::from(late));
        } else if self.fit == SequenceFit::InWindow && !progress && self.receiver_went_on == 0 {
            self.challenged.get_or_insert(at);
        }
    }

    /// Whether a packet of the claimed sender brings and acknowledges no more
    /// than the RST says that the sender had sent and received.
    fn knew_of(&self, segment: &Segment<'_>) -> bool {
        let (tcp, has_ack) = (&segment.tcp, self.flags.has(TcpFlags::ACK));
        let end = Seq(tcp.seq).plus(segment.payload_len).plus(u32::from(tcp.flags.has(TcpFlags::FIN)));
        end.minus(Seq(self.seq)) <= 0 && has_ack && Seq(tcp.ack).minus(Seq(self.ack)) <= 0
    }

    /// Whether the RST carries on the claimed sender's identifications or
    /// timestamps, and from behind that packet: it was sent later, and arrived or
    /// was captured first. An equal number was given twice, which nobody does who
    /// counts.
    fn is_numbered_after(&self, segment: &Segment<'_>) -> bool {
        let by_id = match (self.id, segment.ip.id, self.sender.last_id) {
            (Some(own), Some(id), Some(before)) if own != 0 && id != 0 && comes_next(own, before) => {
                Some((1..=MAX_BETWEEN).contains(&own.wrapping_sub(id)))
            }
            _ => None,
        };
        let by_time = match (self.tsval, segment.tcp.options.timestamps, self.sender.last_tsval) {
            (Some(own), Some((value, _)), Some((before, _))) if own.wrapping_sub(before).cast_signed() >= 0 => {
                // Several are sent within one tick.
                Some(own.wrapping_sub(value).cast_signed() >= i32::from(by_id.is_none()))
            }
            _ => None,
        };
        by_id.unwrap_or(true) && by_time.unwrap_or(true) && by_id.or(by_time).is_some()
    }

    fn is_same_stream(&self, seq: u32) -> bool {
        let Some(beyond) = self.seq_beyond_sent else { return false };
        // Sequence numbers wrap; what lies behind counts as well.
        let next = self.seq.wrapping_sub(beyond as u32);
        seq.wrapping_sub(next).cast_signed().unsigned_abs() <= MAX_JUMP
    }

    /// Whether `time` is close enough behind the RST to say something about it.
    #[must_use]
    pub fn in_afterlife(&self, time: CaptureTime) -> bool {
        let since = time.since(self.at.time);
        since >= Span::ZERO && since <= AFTERLIFE
    }
}

/// Whether identification `id` is a later one than `before` of the same counter,
/// which other connections may share.
fn comes_next(id: u16, before: u16) -> bool {
    (1..=MAX_COUNTER_STEP).contains(&id.wrapping_sub(before))
}

impl ResetFacts {
    /// Whether its receiver can have obeyed it (RFC 5961 §3.2; older stacks
    /// obey anything inside the window).
    #[must_use]
    pub const fn is_effective(&self) -> bool {
        !matches!(self.fit, SequenceFit::Outside)
    }
}
