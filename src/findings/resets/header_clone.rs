//! E3: the reset carries header fields of a packet of the *other* side: the device
//! that built it reused the packet which triggered it.

use super::scene::Scene;
use super::{Piece, Strength, identification};
use crate::flow::IpIdMode;

/// Packets of a host that show how it writes headers of its own.
const KNOWN: u64 = 3;

pub(super) fn weigh(scene: &Scene<'_>) -> Option<Piece> {
    let reset = scene.reset;
    let trigger = &reset.receiver;
    let id = reset.id?;
    let cloned = id != 0 && trigger.last_id == Some(id);
    // Where either side repeats itself an equal number means nothing, and two
    // counters that run close together meet by chance.
    let constant = |mode| matches!(mode, IpIdMode::Constant | IpIdMode::Zero);
    let own_series_near = reset.sender.last_id.is_some_and(|last| id.wrapping_sub(last) <= 1000);
    if !cloned || constant(trigger.id_mode()) || constant(reset.sender.id_mode()) && id == 0 || own_series_near {
        return None;
    }
    // Of 560 ordinary resets 30 had the window of the packet before them.
    let window = reset.window == trigger.last_window && reset.window != 0;
    // Whoever writes 0, or counts and is elsewhere, does not come to this number. Of
    // other senders one reset in 65,536 has it by chance: a scan shows several.
    let breaks_series = reset.sender.id_mode() == IpIdMode::Zero || identification::breaks_off(reset);
    let what = if window { format!(" and window {} are", reset.window) } else { " is".to_owned() };
    let whose = reset.claimed_by.other();
    // A small host may turn a SYN round where it refuses it, headers and all.
    let differs = window && reset.sender.packets() >= KNOWN;
    let (strength, says) = if breaks_series || differs {
        (
            Strength::Proof,
            format!("its IP identification {id}{what} copied from the {whose}'s last packet, which no host does"),
        )
    } else {
        (
            Strength::Strong,
            format!(
                "its IP identification {id}{what} that of the {whose}'s last packet, as if copied from it; chance does that once in 65,536 times"
            ),
        )
    };
    Some(Piece::other("header-clone", strength, vec![trigger.last, reset.at], says))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Certainty;
    use crate::base::Side::{Client, Server};
    use crate::findings::resets::testing::{answered, damage_accuses_nobody, foreign, judge_lines, strength, talk};
    use crate::flow::testing::{A, Line, R, S, packet};

    fn cloned(id: u16, change: impl Fn(&mut Line)) -> Option<Strength> {
        let mut lines = talk();
        lines.iter_mut().for_each(change);
        let mut rst = answered(60.0);
        rst.id = id;
        lines.push(rst);
        strength(&judge_lines(&lines), "header-clone")
    }

    #[test]
    fn an_identification_of_the_other_side_was_copied() {
        assert_eq!(cloned(106, |_| ()), Some(Strength::Proof), "the client's last");
    }

    #[test]
    fn a_number_beside_it_was_not() {
        assert_eq!(cloned(107, |_| ()), None);
        assert_eq!(cloned(105, |_| ()), None, "the client's last but one");
    }

    #[test]
    fn equal_numbers_mean_nothing_where_one_side_repeats_itself_or_both_run_close() {
        let constant = |line: &mut Line| line.id = if line.from == Client { 77 } else { line.id };
        assert_eq!(cloned(77, constant), None);
        let close = |line: &mut Line| line.id = if line.from == Server { line.id - 8_950 } else { line.id };
        assert_eq!(cloned(106, close), None, "two counters that meet");
    }

    #[test]
    fn what_a_scan_shows_by_chance_accuses_nobody() {
        let refused = |id: u16, window: u16| {
            let syn = packet(0.0, Client, S, 0, 0, b"");
            let rst = Line { id, window, ..packet(30.0, Server, A | R, 0, 1, b"") };
            judge_lines(&[Line { id: 4_711, ..syn }, rst])
        };
        for (id, window, expected) in
            [(4_710, 0, None), (4_711, 0, Some(Strength::Strong)), (4_711, 8_192, Some(Strength::Strong))]
        {
            let judged = refused(id, window);
            assert_eq!(strength(&judged, "header-clone"), expected);
            assert!(!foreign(&judged) && judged.certainty == Certainty::Possible);
        }
    }

    #[test]
    fn after_a_silence_a_counter_may_have_come_to_it() {
        let mut lines = talk();
        lines.push(Line { id: 106, ..answered(9_000.0) });
        assert_eq!(strength(&judge_lines(&lines), "header-clone"), Some(Strength::Strong));
    }

    #[test]
    fn the_number_of_a_sender_that_numbers_at_random_may_meet_it() {
        let scattered = |line: &mut Line| {
            line.id = if line.from == Server { line.id.wrapping_mul(40_503).wrapping_add(7) } else { line.id };
        };
        assert_eq!(cloned(106, scattered), Some(Strength::Strong));
    }

    #[test]
    fn a_missing_packet_makes_no_clone() {
        damage_accuses_nobody("header-clone");
    }
}
