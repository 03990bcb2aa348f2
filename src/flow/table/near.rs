//! Connections in progress, found at once.
//!
//! The name of a connection takes a dozen steps to make, and as many to look up
//! in a map. Where the same few hundred connections send packet after packet, the
//! bytes of the header that tell connections apart lead to a place of their own,
//! and what stands there is the connection, or it is looked up.

use core::net::IpAddr;

use super::FlowKey;
use crate::wire::Outline;

/// Places for each family: 512 connections have two each, 64 or 128 KiB in all,
/// which is what a core has at hand.
const PLACES: usize = 1 << BITS;
const BITS: u32 = 11;

/// A slot of the table, and whether the sender is the lower of the two ends.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Found {
    pub(super) slot: u32,
    pub(super) source_is_low: bool,
}

/// One direction of a connection, as the bytes lie in a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Name<const N: usize> {
    addresses: [u64; N],
    /// Both ports, and the point of view.
    rest: u64,
}

/// What stands at a place.
// Aligned: none of IPv4 lies in two cache lines.
#[derive(Clone, Copy, Debug)]
#[repr(align(32))]
struct Place<const N: usize> {
    name: Name<N>,
    found: Found,
}

/// The directions that were looked up last; `N` numbers are the addresses.
#[derive(Debug)]
pub(super) struct Near<const N: usize> {
    places: Vec<Place<N>>,
}

impl<const N: usize> Default for Near<N> {
    /// No place before the first connection of the family.
    fn default() -> Self {
        Self { places: Vec::new() }
    }
}

impl<const N: usize> Name<N> {
    /// Of no packet: more than two ports and a point of view.
    const NOBODY: Self = Self { addresses: [0; N], rest: u64::MAX };

    #[inline(always)]
    fn of<const HEADERS: usize>(outline: &Outline<'_, HEADERS>, vantage: u16) -> Self {
        Self { addresses: outline.addresses(), rest: u64::from(vantage) << 32 | u64::from(outline.ports()) }
    }

    /// From the two ends, the sender's first.
    fn between(source: (IpAddr, u16), destination: (IpAddr, u16), vantage: u16) -> Self {
        let mut numbers = match (source.0, destination.0) {
            (IpAddr::V4(source), IpAddr::V4(destination)) => {
                let ([a, b, c, d], [e, f, g, h]) = (source.octets(), destination.octets());
                [[a, b, c, d, e, f, g, h], [0; 8], [0; 8], [0; 8]]
            }
            (source, destination) => {
                let [a, b] = halves(source);
                let [c, d] = halves(destination);
                [a, b, c, d]
            }
        }
        .into_iter();
        let addresses = [(); N].map(|()| u64::from_ne_bytes(numbers.next().unwrap_or_default()));
        let ([a, b], [c, d]) = (source.1.to_be_bytes(), destination.1.to_be_bytes());
        let ports = u32::from_ne_bytes([a, b, c, d]);
        Self { addresses, rest: u64::from(vantage) << 32 | u64::from(ports) }
    }

    #[inline(always)]
    fn place(&self) -> usize {
        // An odd constant without a pattern: the fraction of the golden ratio.
        const MIX: u64 = 0x9e37_79b9_7f4a_7c15;
        let mixed = self.addresses.iter().fold(self.rest, |mixed, number| mixed.wrapping_mul(MIX) ^ number);
        (mixed.wrapping_mul(MIX) >> (u64::BITS - BITS)) as usize
    }
}

/// Both halves of an address of IPv6; the two families meet in no packet.
fn halves(ip: IpAddr) -> [[u8; 8]; 2] {
    let octets = match ip {
        IpAddr::V4(ip) => ip.to_ipv6_mapped().octets(),
        IpAddr::V6(ip) => ip.octets(),
    };
    let [a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p] = octets;
    [[a, b, c, d, e, f, g, h], [i, j, k, l, m, n, o, p]]
}

impl<const N: usize> Near<N> {
    /// The connection of a packet, where it is near.
    #[inline(always)]
    pub(super) fn known<const HEADERS: usize>(&self, outline: &Outline<'_, HEADERS>, vantage: u16) -> Option<Found> {
        let name = Name::of(outline, vantage);
        let known = self.places.get(name.place())?;
        (known.name == name).then_some(known.found)
    }

    /// The connection of a packet, `look_up` where it is not near.
    #[inline(always)]
    pub(super) fn find<const HEADERS: usize>(
        &mut self,
        outline: &Outline<'_, HEADERS>,
        vantage: u16,
        look_up: impl FnOnce() -> Option<Found>,
    ) -> Option<Found> {
        let name = Name::of(outline, vantage);
        let place = name.place();
        if let Some(known) = self.places.get(place)
            && known.name == name
        {
            return Some(known.found);
        }
        let found = look_up()?;
        self.come_near(place, name, found);
        Some(found)
    }

    #[cold]
    fn come_near(&mut self, place: usize, name: Name<N>, found: Found) {
        if self.places.is_empty() {
            self.places = vec![Place { name: Name::NOBODY, found: Found::default() }; PLACES];
        }
        if let Some(near) = self.places.get_mut(place) {
            *near = Place { name, found };
        }
    }

    /// The connection is over.
    pub(super) fn remove(&mut self, key: &FlowKey) {
        if self.places.is_empty() {
            return;
        }
        let [low, high] = key.ends();
        for (source, destination) in [(low, high), (high, low)] {
            let name = Name::between(source, destination, key.vantage());
            if let Some(known) = self.places.get_mut(name.place()).filter(|known| known.name == name) {
                known.name = Name::NOBODY;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::LinkType;
    use crate::flow::table::Endpoint;
    use crate::wire::{Plain, V4, V6};
    use proptest::prelude::*;

    /// A bare acknowledgment.
    fn frame(source: (IpAddr, u16), destination: (IpAddr, u16)) -> Vec<u8> {
        let mut frame = vec![2; 12];
        let addresses = |frame: &mut Vec<u8>| {
            for ip in [source.0, destination.0] {
                match ip {
                    IpAddr::V4(ip) => frame.extend(ip.octets()),
                    IpAddr::V6(ip) => frame.extend(ip.octets()),
                }
            }
        };
        if source.0.is_ipv4() {
            frame.extend([8, 0, 0x45, 0, 0, 40, 0, 1, 0x40, 0, 64, 6, 0, 0]);
        } else {
            frame.extend([0x86, 0xdd, 0x60, 0, 0, 0, 0, 20, 6, 64]);
        }
        addresses(&mut frame);
        frame.extend(source.1.to_be_bytes());
        frame.extend(destination.1.to_be_bytes());
        frame.extend([0, 0, 0, 1, 0, 0, 0, 1, 0x50, 0x10, 1, 0, 0, 0, 0, 0]);
        frame
    }

    /// Whether both directions are known without being looked up, each as itself.
    fn are_known<const N: usize, const HEADERS: usize>(
        near: &mut Near<N>,
        [a, b]: [(IpAddr, u16); 2],
        vantage: u16,
        looks_up: bool,
    ) -> [bool; 2] {
        [(a, b, 1), (b, a, 2)].map(|(source, destination, slot)| {
            let frame = frame(source, destination);
            let plain = Plain::of(LinkType::ETHERNET, &frame).unwrap();
            let outline = plain.outline::<HEADERS>().unwrap();
            let segment = plain.segment(0).unwrap();
            assert_eq!((segment.ip.src, segment.tcp.source_port), source);
            let mut was_looked_up = false;
            let found = near.find(&outline, vantage, || {
                was_looked_up = true;
                looks_up.then_some(Found { slot, source_is_low: false })
            });
            assert!(found.is_none_or(|found| found.slot == slot));
            !was_looked_up
        })
    }

    fn check<const N: usize, const HEADERS: usize>(ends: [(IpAddr, u16); 2], vantage: u16) {
        let mut near = Near::<N>::default();
        let [a, b] = ends.map(|(ip, port)| Endpoint { ip, port });
        let key = FlowKey::new(a, b, vantage);
        are_known::<N, HEADERS>(&mut near, ends, vantage, true);
        // Where both directions lead to one place, the later one has it.
        let known = are_known::<N, HEADERS>(&mut near, ends, vantage, false);
        assert!(known[1], "{known:?}");
        assert!(!are_known::<N, HEADERS>(&mut near, ends, vantage.wrapping_add(1), false).contains(&true));
        // Its slot will be another's.
        near.remove(&key);
        assert_eq!(are_known::<N, HEADERS>(&mut near, ends, vantage, false), [false; 2]);
    }

    proptest! {
        #[test]
        fn a_connection_that_is_over_is_known_no_more(a: (u32, u16), b: (u32, u16), vantage: u16) {
            prop_assume!(a != b);
            check::<1, V4>([a, b].map(|(ip, port)| (IpAddr::V4(ip.into()), port)), vantage);
        }

        #[test]
        fn nor_is_one_over_ipv6(a: (u128, u16), b: (u128, u16), vantage: u16) {
            prop_assume!(a != b);
            check::<4, V6>([a, b].map(|(ip, port)| (IpAddr::V6(ip.into()), port)), vantage);
        }
    }
}
