//! A connection's name in the table: quick to make, to hash and to compare.

use core::net::IpAddr;

use super::table::Endpoint;
use crate::wire::Segment;

/// Both ends of a connection in a fixed order, whoever sent the packet, and the
/// point of view, since two captures of one connection are two sets of facts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum FlowKey {
    /// Both addresses are of IPv4.
    V4(Narrow),
    /// At least one is of IPv6.
    V6(Wide),
}

/// The lower end (address, port) and the point of view; the higher end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Narrow(u64, u64);

/// The two addresses, as four numbers: one of 128 bits would want to lie at
/// multiples of 16; then the ports, in the same order, and the point of view.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Wide(u64, u64, u64, u64, u64);

impl Narrow {
    /// No connection has this name: it is more than an address and a port.
    pub const NOBODY: Self = Self(0, u64::MAX);

    /// One of 2^`bits` places.
    #[inline]
    pub const fn place(&self, bits: u32) -> usize {
        // Odd constants without a pattern: the fractions of the golden ratio and of
        // the square root of 2.
        let mixed = (self.0.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ self.1).wrapping_mul(0x6a09_e667_f3bc_c909);
        (mixed >> (u64::BITS - bits)) as usize
    }
}

impl FlowKey {
    /// The name of the connection between two ends, in either order.
    pub fn new(a: Endpoint, b: Endpoint, vantage: u16) -> Self {
        Self::between((a.ip, a.port), (b.ip, b.port), vantage).0
    }

    /// The name of a segment's connection, and whether its sender is the lower
    /// of the two ends.
    #[inline]
    pub fn of(segment: &Segment<'_>, vantage: u16) -> (Self, bool) {
        let Segment { ip, tcp, .. } = segment;
        Self::between((ip.src, tcp.source_port), (ip.dst, tcp.destination_port), vantage)
    }

    /// The same where both addresses are of IPv4: each end's address and port as
    /// one number.
    #[inline]
    pub const fn narrow(a: u64, b: u64, vantage: u16) -> (Narrow, bool) {
        let (low, high, a_is_low) = if a <= b { (a, b, true) } else { (b, a, false) };
        (Narrow(low << 16 | vantage as u64, high), a_is_low)
    }

    #[inline]
    fn between(a: (IpAddr, u16), b: (IpAddr, u16), vantage: u16) -> (Self, bool) {
        match (a.0, b.0) {
            (IpAddr::V4(x), IpAddr::V4(y)) => {
                let x = u64::from(x.to_bits()) << 16 | u64::from(a.1);
                let y = u64::from(y.to_bits()) << 16 | u64::from(b.1);
                let (key, a_is_low) = Self::narrow(x, y, vantage);
                (Self::V4(key), a_is_low)
            }
            (x, y) => Self::wide((bits(x), a.1), (bits(y), b.1), vantage),
        }
    }

    fn wide(a: (u128, u16), b: (u128, u16), vantage: u16) -> (Self, bool) {
        let a_is_low = a <= b;
        let (low, high) = if a_is_low { (a, b) } else { (b, a) };
        let (x, y) = (low.0, high.0);
        let rest = u64::from(low.1) << 32 | u64::from(high.1) << 16 | u64::from(vantage);
        (Self::V6(Wide((x >> 64) as u64, x as u64, (y >> 64) as u64, y as u64, rest)), a_is_low)
    }

    /// The point of view.
    pub const fn vantage(&self) -> u16 {
        match self {
            Self::V4(Narrow(low, _)) => (*low & 0xffff) as u16,
            Self::V6(Wide(.., rest)) => (*rest & 0xffff) as u16,
        }
    }
}

/// The two families meet in no packet.
const fn bits(ip: IpAddr) -> u128 {
    match ip {
        IpAddr::V4(ip) => ip.to_ipv6_mapped().to_bits(),
        IpAddr::V6(ip) => ip.to_bits(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn end() -> impl Strategy<Value = Endpoint> {
        (any::<Option<u128>>(), any::<u32>(), any::<u16>()).prop_map(|(v6, v4, port)| {
            let ip = v6.map_or_else(|| IpAddr::V4(v4.into()), |v6| IpAddr::V6(v6.into()));
            Endpoint { ip, port }
        })
    }

    proptest! {
        #[test]
        fn either_order_is_the_same_connection_and_nothing_else_is(a in end(), b in end(), c in end(), from: u16) {
            let key = FlowKey::new(a, b, from);
            prop_assert_eq!(key, FlowKey::new(b, a, from));
            prop_assert_ne!(key, FlowKey::new(a, b, from.wrapping_add(1)));
            prop_assert_eq!(key == FlowKey::new(a, c, from), b == c);
        }
    }

    #[test]
    fn ports_stay_with_their_addresses() {
        let end = |last, port| Endpoint { ip: IpAddr::from([10, 0, 0, last]), port };
        assert_ne!(FlowKey::new(end(1, 5), end(2, 6), 0), FlowKey::new(end(1, 6), end(2, 5), 0));
        let alone = |port| FlowKey::new(end(1, port), end(1, 3389), 0);
        assert_ne!(alone(5), alone(6));
    }
}
