//! A connection's name in the table: quick to make, to hash and to compare.

use core::hash::{Hash, Hasher};
use core::net::IpAddr;

use super::table::Endpoint;

/// Both ends of a connection in a fixed order, whoever sent the packet, and the
/// point of view, since two captures of one connection are two sets of facts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FlowKey {
    /// The addresses: 32 bits each, or 128.
    addresses: Addresses,
    /// Their ports in the same order, and the point of view.
    rest: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Addresses {
    /// Both in one number.
    V4(u64),
    /// As four: a number of 128 bits would want to lie at multiples of 16.
    V6([u64; 4]),
}

impl FlowKey {
    /// The name of the connection between two ends, in either order.
    #[inline]
    pub fn new(a: Endpoint, b: Endpoint, vantage: u16) -> Self {
        let (addresses, in_order) = match (a.ip, b.ip) {
            (IpAddr::V4(x), IpAddr::V4(y)) => {
                let (x, y) = (u64::from(x.to_bits()), u64::from(y.to_bits()));
                let in_order = (x, a.port) <= (y, b.port);
                (Addresses::V4(if in_order { x << 32 | y } else { y << 32 | x }), in_order)
            }
            (x, y) => {
                let (x, y) = (bits(x), bits(y));
                let in_order = (x, a.port) <= (y, b.port);
                let (low, high) = if in_order { (x, y) } else { (y, x) };
                (Addresses::V6([(low >> 64) as u64, low as u64, (high >> 64) as u64, high as u64]), in_order)
            }
        };
        let (low, high) = if in_order { (a.port, b.port) } else { (b.port, a.port) };
        Self { addresses, rest: u64::from(low) << 32 | u64::from(high) << 16 | u64::from(vantage) }
    }

    /// The point of view.
    pub const fn vantage(&self) -> u16 {
        (self.rest & 0xffff) as u16
    }
}

/// The two families meet in no packet.
const fn bits(ip: IpAddr) -> u128 {
    match ip {
        IpAddr::V4(ip) => ip.to_ipv6_mapped().to_bits(),
        IpAddr::V6(ip) => ip.to_bits(),
    }
}

/// As few numbers as tell keys apart. Equal keys hash equally, which is all
/// that is asked.
impl Hash for FlowKey {
    #[inline]
    fn hash<H: Hasher>(&self, state: &mut H) {
        match self.addresses {
            Addresses::V4(both) => state.write_u64(both),
            Addresses::V6(parts) => parts.iter().for_each(|part| state.write_u64(*part)),
        }
        state.write_u64(self.rest);
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
