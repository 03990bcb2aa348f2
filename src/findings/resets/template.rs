//! E5: header shapes that only certain reset builders emit, and text in a reset.

use super::scene::Scene;
use super::{Piece, Strength};
use crate::flow::{ResetFacts, SequenceFit};
use crate::wire::TcpFlags;

/// Fewer printable bytes are chance.
const MIN_TEXT: usize = 4;

pub(super) fn weigh(scene: &Scene<'_>) -> Option<Piece> {
    let reset = scene.reset;
    text(reset).or_else(|| raw_socket(reset)).or_else(|| active_response(reset))
}

/// An identification this close to the sender's last one may be its own.
const OWN_SERIES: u16 = 64;

/// Load balancers write the cause of a reset into it (RFC 1122 §4.2.2.12).
fn text(reset: &ResetFacts) -> Option<Piece> {
    let printable = reset.payload.iter().take_while(|b| (0x20..0x7f).contains(*b)).count();
    if printable < MIN_TEXT || printable * 10 < reset.payload.len() * 8 {
        return None;
    }
    let text: String = reset.payload.iter().take(printable).map(|b| char::from(*b)).collect();
    Some(Piece::other(
        "reset-text",
        Strength::Proof,
        vec![reset.at],
        format!("it carries a text, as load balancers and firewalls write: \"{text}\""),
    ))
}

/// Identification 0 with the don't-fragment bit clear: Suricata's rejecting
/// responder, zeek-aux and other builders on raw sockets. Stacks write 0 only
/// into packets that must not be fragmented (RFC 6864 §4.1).
fn raw_socket(reset: &ResetFacts) -> Option<Piece> {
    let shape = reset.id == Some(0) && !reset.dont_fragment;
    // A sender that itself clears the bit is no contrast.
    if !shape || !reset.sender.always_df || reset.sender.packets() == 0 {
        return None;
    }
    let copied = reset.window != 0 && reset.window == reset.receiver.last_window;
    let window =
        if copied { format!(" and the window ({}) of the packet before it", reset.window) } else { String::new() };
    Some(Piece::other(
        "raw-socket-template",
        Strength::Strong,
        vec![reset.sender.last, reset.at],
        format!(
            "identification 0 with don't-fragment clear{window}: the shape of a packet that an intrusion prevention system writes by itself; no stack does, and none of the {}'s packets looks like that",
            reset.claimed_by
        ),
    ))
}

/// Snort 3's active response: a random identification, no don't-fragment bit,
/// window 0, RST+ACK (it copies the TTL).
fn active_response(reset: &ResetFacts) -> Option<Piece> {
    let (id, last) = (reset.id?, reset.sender.last_id?);
    let near = |a: u16, b: u16| a.wrapping_sub(b) <= OWN_SERIES || b.wrapping_sub(a) <= OWN_SERIES;
    let shape = id != 0
        && !reset.dont_fragment
        && reset.window == 0
        && reset.payload.is_empty()
        && reset.fit != SequenceFit::AnswersSyn
        && reset.flags.has(TcpFlags::RST | TcpFlags::ACK);
    if !shape || !reset.sender.always_df || reset.sender.packets() < 3 || near(id, last) {
        return None;
    }
    Some(Piece::other(
        "active-response-template",
        Strength::Strong,
        vec![reset.sender.last, reset.at],
        format!(
            "don't-fragment clear and an identification ({id}) out of nowhere: the shape of an intrusion prevention system's active response, unlike the {}'s packets",
            reset.claimed_by
        ),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::findings::resets::testing::{answered, damage_accuses_nobody, judge_one, strength, with};
    use crate::flow::TcpFacts;

    fn shaped(id: u16, window: u16, dont_fragment: bool) -> TcpFacts {
        let mut rst = answered(60.0);
        (rst.id, rst.window) = (id, window);
        let mut tcp = with(rst);
        tcp.resets[0].dont_fragment = dont_fragment;
        tcp
    }

    fn piece(tcp: &TcpFacts, id: &str) -> Option<Strength> {
        strength(&judge_one(tcp), id)
    }

    #[test]
    fn shapes_that_no_stack_writes() {
        assert_eq!(piece(&shaped(0, 8_192, false), "raw-socket-template"), Some(Strength::Strong));
        assert_eq!(piece(&shaped(31_000, 0, false), "active-response-template"), Some(Strength::Strong));
        let mut tcp = with(answered(60.0));
        tcp.resets[0].payload = b"BIG-IP: [0x2] {1} idle timeout".to_vec();
        assert_eq!(piece(&tcp, "reset-text"), Some(Strength::Proof));
    }

    #[test]
    fn one_field_that_differs_is_another_shape() {
        assert_eq!(piece(&shaped(0, 0, true), "raw-socket-template"), None, "Linux without a socket");
        assert_eq!(piece(&shaped(9_004, 0, false), "active-response-template"), None, "the server's own series");
        assert_eq!(piece(&shaped(31_000, 512, false), "active-response-template"), None, "a window");
        let mut tcp = with(answered(60.0));
        tcp.resets[0].payload = vec![0, 1, 2, 3, 4, 5];
        assert_eq!(piece(&tcp, "reset-text"), None, "no text");
        tcp.resets[0].payload = b"oof".to_vec();
        assert_eq!(piece(&tcp, "reset-text"), None, "chance");
    }

    #[test]
    fn without_the_senders_packets_or_against_its_own_habit_a_shape_says_nothing() {
        let mut alone = shaped(0, 8_192, false);
        alone.resets[0].sender = crate::flow::Habits::default();
        assert_eq!(piece(&alone, "raw-socket-template"), None, "none of them captured");
        let mut same = shaped(0, 8_192, false);
        same.resets[0].sender.always_df = false;
        assert_eq!(piece(&same, "raw-socket-template"), None, "the sender clears the bit itself");
        for id in ["raw-socket-template", "active-response-template", "reset-text"] {
            damage_accuses_nobody(id);
        }
    }
}
