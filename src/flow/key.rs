//! A connection's name in the table: quick to make, to hash and to compare.

use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};

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

    #[inline]
    fn between(a: (IpAddr, u16), b: (IpAddr, u16), vantage: u16) -> (Self, bool) {
        match (a.0, b.0) {
            (IpAddr::V4(x), IpAddr::V4(y)) => {
                let x = u64::from(x.to_bits()) << 16 | u64::from(a.1);
                let y = u64::from(y.to_bits()) << 16 | u64::from(b.1);
                (Self::V4(Narrow(x.min(y) << 16 | u64::from(vantage), x.max(y))), x <= y)
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

    /// The two ends, the lower one first.
    pub const fn ends(&self) -> [(IpAddr, u16); 2] {
        const fn v4(end: u64) -> (IpAddr, u16) {
            (IpAddr::V4(Ipv4Addr::from_bits((end >> 16) as u32)), end as u16)
        }
        const fn v6(high: u64, low: u64, port: u64) -> (IpAddr, u16) {
            (IpAddr::V6(Ipv6Addr::from_bits((high as u128) << 64 | low as u128)), port as u16)
        }
        match *self {
            Self::V4(Narrow(low, high)) => [v4(low >> 16), v4(high)],
            Self::V6(Wide(x1, x2, y1, y2, rest)) => [v6(x1, x2, rest >> 32), v6(y1, y2, rest >> 16)],
        }
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
            let [low, high] = key.ends().map(|(ip, port)| Endpoint { ip, port });
            prop_assert_eq!((FlowKey::new(low, high, from), key.vantage()), (key, from));
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
