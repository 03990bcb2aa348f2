//! How a sender writes its headers: what a reset is held against.

use crate::base::At;
use crate::wire::{self, Segment};

/// TTLs remembered for each sender; a path that shows more is no baseline.
const MAX_TTLS: usize = 4;

/// The largest step between two identifications that still looks like a
/// counter which other connections share (a busy Windows host was seen to
/// step by up to 331 between two packets of one connection).
pub(super) const MAX_COUNTER_STEP: u16 = 1000;

/// How a sender numbers its IPv4 packets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IpIdMode {
    /// Too few packets, or IPv6.
    Unknown,
    /// Always 0.
    Zero,
    /// Always the same number, not 0.
    Constant,
    /// Counts up, alone or shared with other connections.
    Counter,
    /// No pattern.
    Irregular,
}

/// TTL, don't-fragment and MAC address, as one number.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Look(u64);

impl Look {
    #[inline]
    fn of(segment: &Segment<'_>) -> Self {
        let [a, b, c, d, e, f] = segment.source_mac.unwrap_or_default();
        let mac = u64::from_le_bytes([0, 0, a, b, c, d, e, f]);
        let known = u64::from(segment.source_mac.is_some()) << 8;
        // A TTL needs a byte; what is left of the second one is for two flags.
        let flags = u64::from(segment.ip.dont_fragment) << 9 | known;
        Self(mac | flags | u64::from(segment.ip.ttl))
    }

    fn mac(self) -> Option<[u8; 6]> {
        let [_, flags, a, b, c, d, e, f] = self.0.to_le_bytes();
        (flags & 1 != 0).then_some([a, b, c, d, e, f])
    }

    const fn dont_fragment(self) -> bool {
        self.0 >> 9 & 1 != 0
    }

    const fn ttl(self) -> u8 {
        (self.0 & 0xff) as u8
    }
}

/// What is known of one sender's headers, resets and copies left out.
#[derive(Clone, Debug, Default)]
pub struct Habits {
    ttls: [(u8, u32); MAX_TTLS],
    ttl_kinds: u8,
    /// Which of them the last packet had.
    ttl_now: u8,
    /// What the last packet had of what hardly ever changes.
    look: Look,
    /// TTL of its SYN or SYN-ACK, which a proxy may answer for it.
    pub handshake_ttl: Option<u8>,
    packets: u64,
    ids: u64,
    zero_ids: u64,
    equal_ids: u64,
    counted_ids: u64,
    /// The last packet: identification.
    pub last_id: Option<u16>,
    /// The last packet: unscaled window.
    pub last_window: u16,
    /// The last packet: TTL.
    pub last_ttl: u8,
    /// The last packet: where.
    pub last: At,
    /// The first timestamp value (RFC 7323), and when.
    pub first_tsval: Option<(u32, At)>,
    /// The last timestamp value, and when.
    pub last_tsval: Option<(u32, At)>,
    /// MAC address that its packets come from.
    pub mac: Option<[u8; 6]>,
    /// Whether that address ever changed.
    pub mac_changed: bool,
    /// IPv6 flow label of its last packet.
    pub flow_label: Option<u32>,
    /// Whether that label ever changed.
    pub flow_label_changed: bool,
    /// Identifications passed over just before its last packet: 0 where it
    /// counts and nothing of it is missing there.
    pub last_skip: u16,
    /// Don't-fragment was set on every packet so far.
    pub always_df: bool,
}

impl Habits {
    /// Learns from a packet of this sender.
    #[inline]
    pub fn learn(&mut self, segment: &Segment<'_>, at: At, is_handshake: bool) {
        let ip = &segment.ip;
        let look = Look::of(segment);
        if look == self.look && ip.flow_label == self.flow_label && !is_handshake && self.packets > 0 {
            // Nearly all packets of a sender look alike.
            if let Some((_, count)) = self.ttls.get_mut(usize::from(self.ttl_now)) {
                *count = count.saturating_add(1);
            }
        } else {
            self.learn_look(segment, is_handshake);
            self.look = look;
        }
        // Linux sends its SYN-ACK before there is a socket that counts.
        if let Some(id) = ip.id.filter(|id| !(is_handshake && *id == 0)) {
            self.learn_id(id);
        }
        if let Some((tsval, _)) = segment.tcp.options.timestamps {
            self.first_tsval.get_or_insert((tsval, at));
            self.last_tsval = Some((tsval, at));
        }
        self.last_window = segment.tcp.window;
        self.last = at;
        self.packets += 1;
    }

    /// What its packets look like, as long as they look like the last one.
    pub fn look(&self) -> Option<wire::Look> {
        let mac = self.look.mac().filter(|_| self.packets > 0)?;
        Some(match self.flow_label {
            Some(flow_label) => wire::Look::v6(mac, flow_label, self.look.ttl()),
            None => wire::Look::v4(mac, self.look.dont_fragment(), self.look.ttl()),
        })
    }

    /// Learns from `packets` that all look like the last one, each of whose
    /// identifications was [learned](Self::learn_id): window, timestamp and place
    /// of the last of them.
    pub fn learn_alike(&mut self, packets: u32, window: u16, tsval: Option<u32>, at: At) {
        if let Some((_, count)) = self.ttls.get_mut(usize::from(self.ttl_now)) {
            *count = count.saturating_add(packets);
        }
        if let Some(tsval) = tsval {
            self.last_tsval = Some((tsval, at));
        }
        self.last_window = window;
        self.last = at;
        self.packets = self.packets.wrapping_add(packets.into());
    }

    /// Learns what a packet has that does not look like the one before.
    #[cold]
    fn learn_look(&mut self, segment: &Segment<'_>, is_handshake: bool) {
        let ip = &segment.ip;
        if is_handshake {
            self.handshake_ttl.get_or_insert(ip.ttl);
        }
        self.learn_ttl(ip.ttl);
        self.last_ttl = ip.ttl;
        if self.packets > 0 && ip.flow_label != self.flow_label {
            self.flow_label_changed = true;
        }
        self.flow_label = ip.flow_label;
        self.always_df = ip.dont_fragment && (self.packets == 0 || self.always_df);
        if segment.source_mac.is_some() && segment.source_mac != self.mac {
            self.mac_changed |= self.mac.is_some();
            self.mac = segment.source_mac;
        }
    }

    fn learn_ttl(&mut self, ttl: u8) {
        let known = self.ttls.iter().take(self.ttl_kinds.into()).position(|(known, _)| *known == ttl);
        let place = known.unwrap_or(self.ttl_kinds.into());
        self.ttl_now = place as u8;
        if let Some(kind) = self.ttls.get_mut(place) {
            *kind = (ttl, kind.1.saturating_add(1));
            self.ttl_kinds += u8::from(known.is_none());
        }
    }

    /// Learns how it numbers its packets.
    #[inline]
    pub fn learn_id(&mut self, id: u16) {
        self.ids += 1;
        let last = self.last_id.replace(id);
        let step = id.wrapping_sub(last.unwrap_or(id));
        self.last_skip = step.saturating_sub(1);
        if step != 0 && step <= MAX_COUNTER_STEP && id != 0 {
            self.counted_ids += 1;
        } else {
            self.equal_ids += u64::from(step == 0 && last.is_some());
            self.counted_ids += u64::from(step != 0 && step <= MAX_COUNTER_STEP);
            self.zero_ids += u64::from(id == 0);
        }
    }

    /// The same for `count` that followed one another, none of them 0, up to `id`.
    pub fn count_up_to(&mut self, id: u16, count: u32) {
        self.ids = self.ids.wrapping_add(count.into());
        self.counted_ids = self.counted_ids.wrapping_add(count.into());
        self.last_id = Some(id);
        self.last_skip = 0;
    }

    /// Packets learned from.
    #[must_use]
    pub const fn packets(&self) -> u64 {
        self.packets
    }

    /// The TTLs seen, with counts.
    pub fn ttls(&self) -> impl Iterator<Item = (u8, u32)> + Clone + '_ {
        self.ttls.iter().copied().take(usize::from(self.ttl_kinds))
    }

    /// Whether those are all: one more than is remembered is with no packet.
    #[must_use]
    pub fn knows_each_ttl(&self) -> bool {
        self.ttls().map(|(_, count)| u64::from(count)).fold(0, u64::saturating_add) == self.packets
    }

    /// The TTL most of its packets carry.
    #[must_use]
    pub fn usual_ttl(&self) -> Option<u8> {
        self.ttls().max_by_key(|(_, count)| *count).map(|(ttl, _)| ttl)
    }

    /// How it numbers its packets; at least four must be known.
    #[must_use]
    pub const fn id_mode(&self) -> IpIdMode {
        if self.ids < 4 {
            return IpIdMode::Unknown;
        }
        let steps = self.ids - 1;
        if self.zero_ids == self.ids {
            IpIdMode::Zero
        } else if self.equal_ids == steps {
            IpIdMode::Constant
        } else if self.counted_ids * 10 >= steps * 9 {
            IpIdMode::Counter
        } else {
            IpIdMode::Irregular
        }
    }

    /// Whether an identification seen twice means a copy of the packet: not
    /// for a sender that repeats itself.
    #[must_use]
    pub const fn tells_copies(&self) -> bool {
        self.ids < 2 || self.equal_ids * 2 < self.ids
    }

    /// Hops between the sender and the capture point, from the usual initial
    /// TTLs (32, 64, 128, 255).
    #[must_use]
    pub fn hops(ttl: u8) -> u8 {
        let initial = match ttl {
            0..=32 => 32,
            33..=64 => 64,
            65..=128 => 128,
            129..=255 => 255u8,
        };
        initial - ttl
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mode(ids: &[u16]) -> IpIdMode {
        let mut habits = Habits::default();
        for id in ids {
            habits.learn_id(*id);
        }
        habits.id_mode()
    }

    #[test]
    fn identification_modes_are_told_apart() {
        assert_eq!(mode(&[5, 6, 7]), IpIdMode::Unknown);
        assert_eq!(mode(&[0, 0, 0, 0]), IpIdMode::Zero);
        assert_eq!(mode(&[1, 1, 1, 1]), IpIdMode::Constant);
        assert_eq!(mode(&[65534, 65535, 0, 1, 40]), IpIdMode::Counter);
        assert_eq!(mode(&[9, 40000, 17, 52000, 800]), IpIdMode::Irregular);
    }

    #[test]
    fn hops_are_counted_from_the_usual_initial_values() {
        assert_eq!([Habits::hops(128), Habits::hops(121), Habits::hops(57), Habits::hops(255)], [0, 7, 7, 0]);
    }
}
