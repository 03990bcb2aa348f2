//! E2: the claimed sender goes on after "its" reset.
//!
//! A host that has reset a connection forgets it: no data, no acknowledgments.
//! Packets that were merely overtaken by the reset are recognised by an older
//! timestamp or identification and prove nothing.

use super::scene::Scene;
use super::{Piece, Strength};

pub(super) fn weigh(scene: &Scene<'_>) -> Option<Piece> {
    let reset = scene.reset;
    let life = &reset.afterlife;
    let first = life.first?;
    if life.progress == 0 && life.continues_series == 0 {
        return None;
    }
    // Where clocks ran back, "after" is not what it says.
    let in_order = scene.tcp.clock_ran_back == 0;
    let proof = in_order && life.progress > 0 && life.continues_series > 0;
    let series = if proof { ", and their numbering continues its own from before the reset" } else { "" };
    Some(Piece::other(
        "sender-lives",
        match (proof, in_order) {
            (true, _) => Strength::Proof,
            (false, true) => Strength::Strong,
            (false, false) => Strength::Weak,
        },
        vec![reset.at, first],
        format!(
            "the {} sent {} more packet{} on this connection within 2 s after it{series}: a host that resets a connection sends nothing more",
            reset.claimed_by,
            life.packets,
            if life.packets == 1 { "" } else { "s" },
        ),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Side::Server;
    use crate::findings::resets::testing::{answered, damage_accuses_nobody, judge_lines, strength, talk};
    use crate::flow::testing::{A, Line, S, packet, stamped};

    /// What a packet of the server after its reset says.
    fn after(ms: f64, seq: u32, ack: u32, data: &[u8], id: u16) -> Option<Strength> {
        let mut line = packet(ms, Server, A, seq, ack, data);
        line.id = id;
        weighed(&[line])
    }

    fn weighed(more: &[Line]) -> Option<Strength> {
        let mut lines = talk();
        let mut rst = answered(60.0);
        rst.id = 0;
        lines.push(rst);
        lines.extend_from_slice(more);
        strength(&judge_lines(&lines), "sender-lives")
    }

    #[test]
    fn a_sender_that_goes_on_did_not_reset() {
        assert_eq!(after(61.0, 13, 21, b"answer", 9_004), Some(Strength::Proof));
    }

    #[test]
    fn an_overtaken_packet_is_less() {
        assert_eq!(after(61.0, 13, 21, b"answer", 8_990), Some(Strength::Strong));
    }

    /// The server's last acknowledgment, captured behind its reset of number `id`.
    fn swapped(id: u16, ack: u32, last: u16) -> Option<Strength> {
        let mut lines = talk();
        let mut rst = answered(60.1);
        rst.id = id;
        let mut overtaken = packet(61.0, Server, A, 13, ack, b"");
        overtaken.id = last;
        lines.extend([rst, overtaken]);
        strength(&judge_lines(&lines), "sender-lives")
    }

    #[test]
    fn what_the_reset_overtook_is_no_life() {
        assert_eq!(swapped(9_005, 21, 9_004), None);
        assert_eq!(swapped(9_005, 21, 9_006), Some(Strength::Proof), "sent behind it");
        assert_eq!(swapped(9_005, 21, 9_005), Some(Strength::Proof), "no counter gives a number twice");
        assert_eq!(swapped(0, 21, 9_004), Some(Strength::Proof), "the reset has no number of the server's");
        assert_eq!(swapped(9_005, 21, 0), None, "without a number it shows nothing that the reset does not");
    }

    #[test]
    fn what_the_reset_knows_nothing_of_was_not_overtaken() {
        let mut lines = talk();
        let mut rst = answered(60.1);
        rst.id = 9_006;
        let mut more = packet(61.0, Server, A, 13, 21, b"answer");
        more.id = 9_004;
        lines.extend([rst, more]);
        assert_eq!(strength(&judge_lines(&lines), "sender-lives"), Some(Strength::Proof));
    }

    #[test]
    fn timestamps_put_packets_in_order_as_well() {
        let swapped = |reset: u32, last: u32| {
            let mut lines: Vec<Line> = talk().into_iter().map(|line| stamped(line, 500)).collect();
            lines.push(stamped(answered(60.1), reset));
            lines.push(stamped(packet(61.0, Server, A, 13, 21, b""), last));
            // As over IPv6.
            lines.iter_mut().for_each(|line| line.id = 0);
            strength(&judge_lines(&lines), "sender-lives")
        };
        assert_eq!(swapped(511, 510), None);
        assert_eq!(swapped(511, 512), Some(Strength::Proof));
    }

    #[test]
    fn another_connection_of_the_same_ports_is_no_life() {
        assert_eq!(after(3_500.0, 13, 21, b"answer", 9_004), None, "three seconds later");
        assert_eq!(after(61.0, 5_000_000, 21, b"answer", 9_004), None, "its SYN is missing");
    }

    #[test]
    fn repetitions_and_copies_are_no_life() {
        let mut again = talk();
        again.retain(|line| line.from == Server && line.flags & S == 0);
        again.iter_mut().for_each(|line| line.ms += 21.0);
        assert_eq!(weighed(&again), None, "copies of what had passed");
        damage_accuses_nobody("sender-lives");
    }
}
