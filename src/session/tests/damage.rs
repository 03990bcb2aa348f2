//! Gaps and late starts: what stays known, and what is only a lower bound.

use super::script::{events, play};
use super::*;
use crate::session::Message;

#[test]
fn a_gap_inside_a_protected_record_loses_nothing() {
    let facts = check(
        &[NLA, "C 57\nS x:1703030128 x:eeeeee\nS gap:293\nC 677\n"],
        "x224 tls credssp; server owes the fourth CredSSP message",
    );
    assert!(!facts.is_damaged());
}

#[test]
fn a_gap_between_records_costs_certainty() {
    check(
        &[NLA, "C 57\nS gap:300\n"],
        "x224 tls credssp at least (Gap at 8); server owes the second CredSSP message; server blind 8..",
    );
    check(
        &[NLA, "C 57\nS gap:300\nC 677\n"],
        "x224 tls credssp at least (Gap at 8); server owes the second CredSSP message; server blind 8..",
    );
    // A missing join is of no consequence.
    check(
        &[NLA, CREDSSP, "C 462\nS 126\nC 12\nC 8\nS 11\nC 12\nS gap:44\nC 12\nS 15\nC 343\nS 34\n"],
        "x224 tls credssp mcs licensing at least (Gap at 19); server owes the Demand Active; server blind 19..23",
    );
    let facts = check(
        &[NLA, CREDSSP, MCS, "C gap:400\nS 34\n", ACTIVATION],
        "x224 tls credssp mcs licensing activation active; client blind 22..26",
    );
    assert!(facts.stages.lower_bound().is_none(), "nothing comes after the desktop");
}

#[test]
fn one_side_s_gap_does_not_silence_the_other() {
    check(
        &["C gap:40\nS cc:08\nC hello\nS sh12 cert done\n"],
        "x224 tls; client owes the client's TLS key exchange; client blind 1..",
    );
    check(
        &["C cr:0b\nS gap:19\nC hello\nS sh12 cert done\nC cke ccs fin\nS ccs fin\nC 57\n"],
        "x224 tls credssp; server owes the second CredSSP message; server blind 2..4",
    );
    check(&["C cr:0b\nS cc:08\nS gap:1000\nC hello\n"], "x224 tls; server owes the ServerHello; server blind 3..");
}

#[test]
fn a_cut_hello_is_still_a_hello() {
    let hello = script::record(22, &script::client_hello());
    let shown: String = hello.iter().take(30).map(|byte| format!("{byte:02x}")).collect();
    let cut = format!("C cr:0b\nS cc:08\nC x:{shown}\nC gap:{}\nS sh12 cert done\n", hello.len() - 30);
    let facts = check(
        &[&cut],
        "x224 tls; client owes the client's TLS key exchange; 1 not decoded: tls handshake: ClientHello at byte 4 needs 58 bytes, 21 were captured",
    );
    assert!(!facts.is_damaged());
}

#[test]
fn a_capture_that_begins_late_says_so() {
    let start = "C late\nS late\n";
    check(&[start, "S 22\nC 60\n"], "tls at least (LateStart at 1); client blind 1..; server blind 2..");
    let mut busy = String::from(start);
    for n in 0..60 {
        busy += if n % 4 == 0 { "C 60\n" } else { "S 12000\n" };
    }
    check(&[&busy], "tls active at least (LateStart at 1); client blind 1..7; server blind 2..5");
    let mut idle = String::from(start);
    for _ in 0..30 {
        idle += "S +3000 22\n";
    }
    check(&[&idle], "tls active at least (LateStart at 1); client blind 1..; server blind 2..4");
    // The handshake came in time.
    check(
        &[start, "C hello\nS sh12 cert done\nC cke ccs fin\nS ccs fin\nC 57\nS 295\n"],
        "tls credssp; client owes the third CredSSP message; client blind 1..5; server blind 2..4",
    );
    check(&[start, "C cr:0b\nS cc:08\n"], "x224; client owes the ClientHello; client blind 1..; server blind 2..");
}

#[test]
fn a_stream_that_is_no_protocol_is_blind_from_there() {
    check(
        &["C cr:0b\nS cc:08\nC x:ffffffffffffffff\nC hello\n"],
        "x224 tls; server owes the ServerHello; client blind 3..",
    );
}

/// The cut goes beyond the record: what was there of it counts all the same.
#[test]
fn a_message_that_a_gap_ends_has_come() {
    let cut = "C cr:0b\nS cc:08\nC hello\nS x:160303004102000041030300112233\nS gap:900\nC cke ccs fin\n";
    let facts = play(&events(cut)).into_facts();
    assert!(
        summary(&facts).starts_with("x224 tls; server owes the TLS Finished; server blind 5.."),
        "{}",
        summary(&facts)
    );
    let hello = facts.steps.find(Message::ServerHello).unwrap();
    assert_eq!((hello.at.frame.number, facts.tls.unwrap().server_hello), (5, None));
}

#[test]
fn a_cut_request_claims_nothing_about_what_it_asked_for() {
    let facts = check(
        &["C x:0300002b26e00000000000436f6f6b69653a206d737473686173683d6576\nC gap:13\nS cc:02\n"],
        "x224; client owes the ClientHello",
    );
    assert_eq!((facts.negotiation.requested(), facts.negotiation.selected_is_not_offered()), (None, false));
}

/// Short captures cut the suite off the ServerHello. The ladder tells it.
#[test]
fn an_unseen_suite_is_learned_from_the_ladder() {
    let start = "C tls13 cr:0b\nS cc:02\nC hello\nS gap:140\nS ccs flight\nC ccs fin\n";
    let to_credssp = "x224 tls credssp at least (Gap at 4); server blind 4..5";
    check(&[start, CREDSSP, "C 462\nS 126\nC 12\nC 8\n"], to_credssp);
    check(
        &[start, CREDSSP, MCS, LICENSED],
        "x224 tls credssp mcs licensing at least (Gap at 4); server owes the Demand Active; server blind 4..5",
    );
    check(
        &[start, CREDSSP, MCS, LICENSED, ACTIVATION],
        "x224 tls credssp mcs licensing activation active; server blind 4..5",
    );
}

#[test]
fn one_side_is_enough_for_most() {
    let whole = [NLA, CREDSSP, MCS, LICENSED, ACTIVATION, &"C 10\n".repeat(9)].concat();
    for (side, expected) in
        [('C', "x224 tls mcs licensing activation active"), ('S', "x224 tls credssp mcs licensing activation active")]
    {
        let only: Vec<_> = whole.lines().filter(|line| line.starts_with(side)).collect();
        let facts = script::play(&script::events(&only.join("\n"))).into_facts();
        let stages: Vec<_> = facts.stages.list().iter().map(|fact| fact.stage.name()).collect();
        assert_eq!(stages.join(" "), expected, "{side}");
    }
}
