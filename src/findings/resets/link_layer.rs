//! E13: the reset came from another MAC address than all packets of its sender.

use super::scene::Scene;
use super::{Piece, Strength};
use crate::flow::Habits;

/// Packets with the same address that make it the sender's way.
const MIN_PACKETS: u64 = 4;

pub(super) fn weigh(scene: &Scene<'_>) -> Option<Piece> {
    let reset = scene.reset;
    let (got, usual) = (reset.mac?, reset.sender.mac?);
    if got == usual || reset.sender.mac_changed || reset.sender.packets() < MIN_PACKETS {
        return None;
    }
    // Two routers (VRRP, asymmetric routes) bring the packets of a distant
    // host; a host of the same segment has one address.
    let neighbour = reset.sender.usual_ttl().map(Habits::hops) == Some(0);
    Some(Piece::other(
        "link-layer",
        if neighbour { Strength::Strong } else { Strength::Weak },
        scene.compared(),
        format!("it came from another MAC address than every packet of the {}", reset.claimed_by),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Side::Server;
    use crate::findings::resets::testing::{answered, damage_accuses_nobody, judge_one, strength, talk};
    use crate::flow::testing::{A, packet, play_one, segment};

    /// A reset from the address `mac`; the server, `hops` away, has another.
    fn from(hops: u8, mac: [u8; 6], changed: bool, packets: usize) -> Option<Strength> {
        let mut lines = talk();
        for line in lines.iter_mut().filter(|line| line.from == Server) {
            line.ttl = 128 - hops;
        }
        let mut rst = answered(60.0);
        (rst.ttl, rst.id) = (128 - hops, 0);
        lines.push(rst);
        let mut tcp = play_one(&lines).0;
        let reset = &mut tcp.resets[0];
        (reset.sender.mac, reset.sender.mac_changed, reset.mac) = (Some([1; 6]), changed, Some(mac));
        for _ in 0..packets {
            let line = packet(41.0, Server, A, 13, 13, b"");
            let mut segment = segment(&line);
            segment.ip.ttl = 128 - hops;
            segment.source_mac = Some([1; 6]);
            reset.sender.learn(&segment, reset.sender.last, false);
        }
        strength(&judge_one(&tcp), "link-layer")
    }

    #[test]
    fn another_mac_address_counts_on_the_senders_own_segment() {
        assert_eq!(from(0, [2; 6], false, 2), Some(Strength::Strong));
        assert_eq!(from(0, [1; 6], false, 2), None);
    }

    #[test]
    fn a_distant_host_comes_over_two_routers() {
        assert_eq!(from(7, [2; 6], false, 2), Some(Strength::Weak));
    }

    #[test]
    fn a_sender_with_two_addresses_has_no_way_of_its_own() {
        assert_eq!(from(0, [2; 6], true, 2), None);
        damage_accuses_nobody("link-layer");
    }
}
