//! Whole and broken connection sequences behind TLS.

use super::script::{events, play};
use super::*;
use crate::base::{BySide, Frame, Side, Visibility};
use crate::session::{Mechanism, Message, Stage};

#[test]
fn a_whole_connection_is_followed_to_the_desktop() {
    let facts = check(&[NLA, CREDSSP, MCS, LICENSED, ACTIVATION], "x224 tls credssp mcs licensing activation active");
    let seen: Vec<_> = facts.stages.list().iter().map(|fact| (fact.stage, fact.visibility)).collect();
    assert_eq!(
        seen[..3],
        [(Stage::X224, Visibility::Clear), (Stage::Tls, Visibility::Clear), (Stage::Credssp, Visibility::Inferred)]
    );
    let mcs = facts.mcs.unwrap();
    assert_eq!((mcs.joins_requested, mcs.joins_confirmed, mcs.joins_skipped), (2, 2, false));
    assert_eq!(facts.credssp.unwrap().mechanism, Some(Mechanism::Ntlm));
    let stages = facts.stages.list();
    assert!(stages.windows(2).all(|pair| pair[0].end == Some(pair[1].first.time)));
}

#[test]
fn every_message_says_what_is_owed_next() {
    let whole = [NLA, CREDSSP, MCS, LICENSED, ACTIVATION].concat();
    let lines: Vec<&str> = whole.lines().collect();
    let owed: Vec<String> = (1..=lines.len())
        .map(|n| {
            let facts = play(&events(&lines[..n].join("\n"))).into_facts();
            facts.waiting.map_or("-".to_owned(), |waiting| format!("{} {}", waiting.side, waiting.owed))
        })
        .collect();
    assert_eq!(
        owed,
        [
            "server the X.224 Connection Confirm",
            "client the ClientHello",
            "server the ServerHello",
            "client the client's TLS key exchange",
            "server the TLS Finished",
            "client the first CredSSP message",
            "server the second CredSSP message",
            "client the third CredSSP message",
            "server the fourth CredSSP message",
            "client the fifth CredSSP message",
            "server the Early User Authorization Result",
            "client the MCS Connect Initial",
            "server the MCS Connect Response",
            "client the MCS Attach User Request",
            "client the MCS Attach User Request",
            "server the MCS Attach User Confirm",
            "client the next MCS Channel Join Request or the Client Info",
            "server the MCS Channel Join Confirm",
            "client the next MCS Channel Join Request or the Client Info",
            "server the MCS Channel Join Confirm",
            "client the next MCS Channel Join Request or the Client Info",
            "server the licence reply",
            "server the Demand Active",
            "client the Confirm Active",
            "client the Font List",
            "client the Font List",
            "client the Font List",
            "client the Font List",
            "server the Font Map",
            "server the Font Map",
            "server the Font Map",
            "server the Font Map",
            "-",
        ]
    );
}

#[test]
fn negotiation_ends_in_words() {
    check(&["C cr:0b"], "x224; server owes the X.224 Connection Confirm");
    let facts = check(&["C cr:01\nS fail:5"], "x224; server owes the end of the connection");
    assert_eq!(facts.negotiation.failure().unwrap().value.name(), Some("HYBRID_REQUIRED_BY_SERVER"));
    let facts = check(&["C cr:01\nS cc:00"], "x224; client owes the MCS Connect Initial");
    assert!(facts.negotiation.selected_is_not_offered());
    let facts = check(&["C cr\nS cc"], "x224; client owes the MCS Connect Initial");
    assert_eq!(
        (facts.is_rdp, facts.negotiation.selected_is_not_offered()),
        (IsRdp::Unknown, false),
        "COTP opens so too"
    );
    check(&["C x:10000000000000000100000007000000\nC cr:02"], "x224; server owes the X.224 Connection Confirm");
}

#[test]
fn what_does_not_belong_is_a_fact_and_no_more() {
    check(
        &["C cr:0b\nC cr:0b\nC cr:0b"],
        "x224; server owes the X.224 Connection Confirm; misplaced X.224 Connection Request by client ×2",
    );
    check(
        &[NLA, "C cr:0b"],
        "x224 tls; client owes the first CredSSP message; misplaced X.224 Connection Request by client ×1",
    );
    check(
        &["S x:5353482d322e302d4f70656e5353480d0a\nC cr:0b"],
        "x224; server owes the X.224 Connection Confirm; server speaks Ssh",
    );
    check(
        &["C cr:0b\nS x:485454502f312e3120343030"],
        "x224; server owes the X.224 Connection Confirm; server speaks Http",
    );
    check(&["S x:524642203030332e3030380a"], "; server speaks Vnc");
    check(&["C cr:01\nS cc:01\nC hello\nS alert:40"], "x224 tls; server owes the end of the connection");
    check(&["C cr:00\nS cc:00\nC hello"], "x224 tls; server owes the ServerHello");
}

#[test]
fn tls_without_negotiation_is_something_else() {
    let web = "C hello\nS sh13 ccs flight\nC ccs fin\nC 80\nS 2000\n";
    check(&[web], "tls at least (NotUnderstood at 4); client speaks Tls");
}

#[test]
fn handshakes_of_every_shape() {
    check(&["C cr:0b\nS cc:08\nC hello\nS hrr ccs"], "x224 tls; client owes the second ClientHello");
    check(
        &["C cr:0b\nS cc:08\nC hello\nS hrr ccs\nC ccs hello\nS sh13"],
        "x224 tls; server owes the rest of the server's TLS handshake",
    );
    check(&["C cr:0b\nS cc:08\nC hello\nS sh13 ccs flight"], "x224 tls; client owes the TLS Finished");
    let coalesced = "C cr:0b\nS cc:08\nC hello\nS sh13 ccs 1100";
    check(&[coalesced], "x224 tls; client owes the TLS Finished");
    check(&[coalesced, "\nC alert"], "x224 tls; client owes the end of the connection");
    let resumed = check(
        &["C cr:0b\nS cc:08\nC hello\nS sh12 ccs fin\nC ccs fin"],
        "x224 tls; client owes the first CredSSP message",
    );
    assert!(resumed.tls.unwrap().resumed);
    let certificate_asked = "C cr:0b\nS cc:08\nC hello\nS sh13 ccs flight\nC ccs 8 fin\nC 57";
    check(&[certificate_asked], "x224 tls credssp; server owes the second CredSSP message");
}

#[test]
fn a_message_may_span_records_and_a_record_messages() {
    let hello = super::script::client_hello();
    let (front, back) = hello.split_at(20);
    let split = [super::script::record(22, front), super::script::record(22, back)].concat();
    let mut text = String::from("C cr:0b\nS cc:08\nC x:");
    for byte in split {
        let _ = write!(text, "{byte:02x}");
    }
    let facts = check(&[&text], "x224 tls; server owes the ServerHello");
    assert_eq!(facts.tls.unwrap().client_hello.unwrap().value.suites.len(), 4);
}

#[test]
fn tickets_are_no_answers() {
    let answer = "x224 tls credssp; client owes the third CredSSP message";
    let silence = "x224 tls credssp; server owes the second CredSSP message";
    for (after_leg_1, expected) in [
        ("C 93\nS 233\nS 233\n", silence),
        ("C 93\nS 233\nS 233\nS 162\n", answer),
        ("S 233\nS 233\nC 93\n", silence),
        ("S 233\nS 233\nC 93\nS 162\n", answer),
        ("S 233\nC 93\nS 233\n", silence),
        ("C 93\nS 162\n", answer),
        ("C 93\nS 250\nS 162\n", answer),
    ] {
        let facts = check(&[NLA_13, after_leg_1], expected);
        assert_eq!(facts.credssp.unwrap().legs.len(), if expected == answer { 2 } else { 1 });
    }
    for before in ["", "S 233\nS 233\n", "S 250\n"] {
        check(
            &[NLA_13, "C 93\n", before, "S 162\nC 429\nS 95\nC 122\nC 462\n"],
            "x224 tls credssp mcs; server owes the MCS Connect Response",
        );
        check(
            &[SSL_13, before, "C 443\nS 105\nC 12\nC 8\nS 11"],
            "x224 tls mcs; client owes the next MCS Channel Join Request or the Client Info",
        );
        check(
            &[SSL_13, "C 443\n", before, "S 105\nC 12\nC 8\n"],
            "x224 tls mcs; server owes the MCS Attach User Confirm",
        );
    }
    check(&[SSL_13, "C 443\nS 233\nS 233\n"], "x224 tls mcs; server owes the MCS Connect Response");
}

#[test]
fn a_refused_logon_has_two_forms() {
    let facts = check(&[NLA, "C 57\nS 295\nC 677\nS 15\n"], "x224 tls credssp; server owes the end of the connection");
    assert_eq!(facts.credssp.unwrap().error.unwrap().frame, Frame::new(0, 10));
    let facts = check(
        &[NLA, "C 57\nS 295\nC 677\nS alert\nC 37\nC 9\n"],
        "x224 tls credssp; server owes the end of the connection",
    );
    assert!(facts.tls.unwrap().encrypted_alert.server.is_some());
    check(&[NLA_13, "C 57\nS 233\nS 233\nS 15\n"], "x224 tls credssp; server owes the end of the connection");
}

#[test]
fn kerberos_takes_its_own_number_of_messages() {
    let kerberos = "C 175\nS 1351\nC 1887\nS 227\nC 191\nS 103\nC 183\n";
    let facts = check(&[NLA, kerberos], "x224 tls credssp; server owes the eighth CredSSP message");
    assert_eq!(facts.credssp.unwrap().mechanism, Some(Mechanism::Kerberos));
    check(
        &[NLA, kerberos, "S 4\n", MCS],
        "x224 tls credssp mcs; client owes the next MCS Channel Join Request or the Client Info",
    );
    check(
        &[HYBRID, kerberos, MCS],
        "x224 tls credssp mcs; client owes the next MCS Channel Join Request or the Client Info",
    );
}

#[test]
fn joins_may_be_batched_or_skipped() {
    let attached = "C 462\nS 126\nC 12\nC 8\nS 11\n";
    let facts = check(
        &[NLA, CREDSSP, attached, "C 12\nC 12\nC 12\nS 15\nS 15\n"],
        "x224 tls credssp mcs; server owes the MCS Channel Join Confirm",
    );
    assert_eq!(facts.mcs.map(|mcs| (mcs.joins_requested, mcs.joins_confirmed)), Some((3, 2)));
    let facts =
        check(&[NLA, CREDSSP, attached, LICENSED], "x224 tls credssp mcs licensing; server owes the Demand Active");
    assert!(facts.mcs.unwrap().joins_skipped);
    check(
        &[NLA, CREDSSP, "C 462\nS 126\nC 20\nS 11\nC 36\nS 45\nC 343\n"],
        "x224 tls credssp mcs licensing; server owes the licence reply",
    );
}

#[test]
fn licensing_of_every_kind() {
    let info = [NLA, CREDSSP, MCS, "C 343\n"].concat();
    let to = |rest: &str, expected: &str| check(&[&info, rest], &format!("x224 tls credssp mcs licensing{expected}"));
    to("S 539\n", "; client owes the client's licence answer");
    let facts = to("S 539\nC 363\n", "; server owes the licence reply");
    assert!(facts.licensing.is_asked_for() && facts.licensing.granted.is_none());
    let facts = to("S 539\nC 363\nS 34\n", "; server owes the Demand Active");
    assert!(facts.licensing.granted.is_some());
    // A new licence concludes licensing without a word.
    let facts = to("S 539\nC 363\nS 120\nC 150\nS 2200\nS 472\n", " activation; client owes the Confirm Active");
    assert_eq!(facts.licensing.granted.unwrap().frame, Frame::new(0, 27));
    // Auto-detection with a bandwidth payload.
    to("S 24\nC 24\nS 24\nS 1026\nS 1026\nS 26\nC 32\nS 32\nS 34\n", "; server owes the Demand Active");
    to("S 24\nC 24\nS 539\nC 363\nS 34\n", "; server owes the Demand Active");
    to("S 34\nS 42\nS 42\nC 27\nS 472\n", " activation; client owes the Confirm Active");
    // A server that does without licensing.
    let facts = to("S 472\nC 611\nC 36\nC 40\nC 40\nC 40\n", " activation; server owes the Font Map");
    assert!(facts.licensing.messages.is_empty() && facts.steps.find(Message::DemandActive).is_some());
}

#[test]
fn the_desktop_may_come_as_graphics() {
    let demanded = [NLA, CREDSSP, MCS, LICENSED, "S 472\nC 611\nC 36\nC 40\nC 40\nC 40\nS 36\n"].concat();
    check(&[&demanded, "S 2000\n"], "x224 tls credssp mcs licensing activation; server owes the Font Map");
    check(&[&demanded, "S 2000\nS 4000\n"], "x224 tls credssp mcs licensing activation active");
}

#[test]
fn an_orderly_end_is_told_from_a_cut() {
    let active = [NLA, CREDSSP, MCS, LICENSED, ACTIVATION].concat();
    let stages = "x224 tls credssp mcs licensing activation active";
    check(&[&active, "S 900\nS 36\nS 9\n"], &format!("{stages}; error info None at 35; ultimatum by server at 36"));
    check(
        &[&active, "S 900\nS 36\nS 100\nS 9\n"],
        &format!("{stages}; error info None at 35; ultimatum by server at 37"),
    );
    check(&[&active, "S 900\nS 36\nS 900\n"], stages);
    check(&[&active, "S 36\nS 9\nS 900\n"], stages);
    // A mouse event of mstsc is as long as an ultimatum.
    check(&[&active, "C 9\n"], stages);
    let joined = [NLA, CREDSSP, MCS].concat();
    check(&[&joined, "S 36\n"], "x224 tls credssp mcs; server owes the end of the connection; error info None at 22");
    check(
        &[&joined, "C 343\nS 36\nS 9\n"],
        "x224 tls credssp mcs licensing; server owes the end of the connection; error info None at 23; ultimatum by server at 24",
    );
    check(
        &[&joined, "C 9\n"],
        "x224 tls credssp mcs; client owes the next MCS Channel Join Request or the Client Info; ultimatum by client at 22",
    );
}

#[test]
fn block_ciphers_blur_and_the_order_decides() {
    for hello in ["sh12cbc", "sh10"] {
        let nla = NLA.replace("sh12", hello);
        check(&[&nla, CREDSSP, MCS, LICENSED, ACTIVATION], "x224 tls credssp mcs licensing activation active");
        check(&[&nla, "C 57\nS 295\nC 677\nS 15\n"], "x224 tls credssp; server owes the end of the connection");
        check(&[&nla, "C 57\nS 295\nC 677\nS alert\n"], "x224 tls credssp; server owes the end of the connection");
    }
    // One byte of each message comes alone.
    let nla = NLA.replace("sh12", "sh10");
    let split = [CREDSSP, MCS, LICENSED, ACTIVATION].concat().replace("C ", "C 1\nC ");
    check(&[&nla, &split], "x224 tls credssp mcs licensing activation active");
}

#[test]
fn authentication_that_the_server_begins() {
    let rdstls = "C cr:05\nS cc:04\nC hello\nS sh12 cert done\nC cke ccs fin\nS ccs fin\n";
    check(&[rdstls], "x224 tls; server owes the first authentication message");
    check(&[rdstls, "S 8\nC 300\n"], "x224 tls; server owes the third authentication message");
    check(&[rdstls, "S 8\nC 300\nS 10\nC 462\n"], "x224 tls mcs; server owes the MCS Connect Response");
}

#[test]
fn an_unknown_order_or_suite_gives_a_lower_bound() {
    let unknown = NLA.replace("sh12", "unknown");
    check(&[&unknown, "C 57\nS 295\n"], "x224 tls credssp at least (UnknownProtection at 7)");
    check(&[NLA, "C 57\nC 57\n"], "x224 tls credssp at least (NotUnderstood at 8)");
    check(&[NLA, CREDSSP, "C 100\n"], "x224 tls credssp at least (NotUnderstood at 13)");
    // The landmark of activation is believed wherever it comes.
    check(
        &[NLA, CREDSSP, "C 100\nS 472\nC 611\nC 36\nC 40\nC 40\nC 40\nS 36\nS 40\nS 40\nS 40\n"],
        "x224 tls credssp activation active",
    );
}

#[test]
fn roles_come_from_the_messages() {
    let turned: String = NLA
        .lines()
        .map(|line| if line.starts_with('C') { line.replacen('C', "S", 1) } else { line.replacen('S', "C", 1) } + "\n")
        .collect();
    let session = play(&events(&turned));
    assert!(session.roles().unwrap().are_reversed());
    assert_eq!(session.roles().unwrap().client, Side::Server);
    assert_eq!(summary(session.facts()), "x224 tls; client owes the first CredSSP message");
    assert_eq!(session.facts().blind, BySide::default());
    // Who is told so may go on under either names.
    let both = [
        &NLA.lines().take(2).collect::<Vec<_>>().join("\n"),
        "\nC swap\n",
        &turned.lines().skip(2).collect::<Vec<_>>().join("\n"),
    ]
    .concat();
    let session = play(&events(&both));
    assert_eq!(summary(session.facts()), "x224 tls; client owes the first CredSSP message");
    assert!(session.roles().unwrap().are_reversed());
}

#[test]
fn what_has_begun_is_owed_until_it_is_whole() {
    check(&["C cr:0b\nS cc:08\nC hello\nS x:1603030400020000"], "x224 tls; server owes the ServerHello");
    let facts = check(&["C cr:0b\nS end"], "x224; server owes the X.224 Connection Confirm");
    assert_eq!(facts.ended.server.unwrap().frame, Frame::new(0, 2));
}

#[test]
fn a_session_stays_small() {
    assert!(size_of::<Session>() < 2048, "{}", size_of::<Session>());
}
use crate::session::Session;
