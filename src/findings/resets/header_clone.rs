//! E3: the reset carries header fields of a packet of the *other* side: the device
//! that built it reused the packet which triggered it.

use super::scene::Scene;
use super::{Piece, Strength};
use crate::flow::IpIdMode;

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
    let window = reset.window == trigger.last_window && reset.window != 0;
    Some(Piece::other(
        "header-clone",
        Strength::Proof,
        vec![trigger.last, reset.at],
        format!(
            "its IP identification {id}{} copied from the {}'s last packet, which no host does",
            if window { format!(" and window {} are", reset.window) } else { " is".to_owned() },
            reset.claimed_by.other(),
        ),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Side::{Client, Server};
    use crate::findings::resets::testing::{answered, damage_accuses_nobody, judge_lines, strength, talk};
    use crate::flow::testing::Line;

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
    fn a_missing_packet_makes_no_clone() {
        damage_accuses_nobody("header-clone");
    }
}
