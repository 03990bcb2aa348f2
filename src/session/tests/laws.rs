//! What must hold for every conversation.

use proptest::prelude::*;

use super::script::{Event, Timed, events, play};
use super::*;
use crate::base::{GapCause, Side};
use crate::session::{At, Session, Stage};

fn whole() -> String {
    [NLA, CREDSSP, MCS, LICENSED, ACTIVATION, "S 900\nS 36\nS 9\nC alert\n"].concat()
}

/// Every segment in pieces, each with the place of the whole.
fn in_pieces(events: &[Timed], cuts: &[usize]) -> Vec<Timed> {
    let mut cuts = cuts.iter().cycle();
    let mut pieces = Vec::new();
    for (at, event) in events {
        let Event::Bytes(side, bytes) = event else {
            pieces.push((*at, event.clone()));
            continue;
        };
        let mut rest = &bytes[..];
        while !rest.is_empty() {
            let (piece, after) = rest.split_at(rest.len().min(*cuts.next().unwrap()));
            pieces.push((*at, Event::Bytes(*side, piece.to_vec())));
            rest = after;
        }
    }
    pieces
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_chunking_gives_the_same_facts(cuts in prop::collection::vec(1usize..40, 1..12), which in 0..5usize) {
        let late = ["C late\nS late\nS 22\nC 60\nS x:ff 100 x:17 300\n".to_owned(), "S 1200\n".repeat(30)].concat();
        let script = [
            whole(),
            whole().replace("sh12", "sh10"),
            [NLA_13, "C 93\nS 233 233 162\nC 429\n"].concat(),
            "S x:5353482d322e302d31\nC cr:0b x:ffff cr:0b".to_owned(),
            late,
        ];
        let events = events(&script[which]);
        let in_pieces = play(&in_pieces(&events, &cuts));
        prop_assert_eq!(in_pieces.into_facts(), play(&events).into_facts());
    }

    /// Whether a record of a session is only counted because it is dull, or looked
    /// at like any other, shows in nothing.
    #[test]
    fn what_is_dull_says_nothing(
        which in 0..6usize,
        records in prop::collection::vec((any::<bool>(), prop_oneof![0u16..120, 0u16..2_000], 1usize..4), 0..60),
        cuts in prop::collection::vec(1usize..90, 1..6),
    ) {
        let set_up = [NLA, CREDSSP, MCS, LICENSED, ACTIVATION, "S 900\n"].concat();
        let late = ["C late\nS late\nS 22\nC 60\n", &"S 1200\nC 90\n".repeat(40)].concat();
        let script = [
            set_up.clone(),
            set_up.replace("sh12", "sh10"),
            [NLA_13, "C 93\nS 233 233 162\nC 429\nS 4\n", MCS, LICENSED, ACTIVATION, "S 900\n"].concat(),
            set_up.replace("sh12", "sh12cbc"),
            late,
            [SSL_13, MCS, LICENSED, ACTIVATION].concat(),
        ];
        let start = || play(&events(&script[which]));
        let (mut all, mut dull) = (start(), start());
        let mut cuts = cuts.iter().cycle();
        for (n, (client, length, count)) in records.into_iter().enumerate() {
            let side = if client { Side::Client } else { Side::Server };
            let bytes = super::script::record(23, &vec![0xee; length.into()]).repeat(count);
            let at = At { frame: crate::base::Frame::new(0, n as u64), ..At::default() };
            for bytes in bytes.chunks(*cuts.next().unwrap()) {
                all.in_progress.are_dull(crate::base::BySide::default());
                all.bytes(side, bytes, at);
            }
            dull.bytes(side, &bytes, at);
        }
        prop_assert_eq!(all.into_facts(), dull.into_facts());
    }

    #[test]
    fn a_gap_never_makes_more_of_a_connection(cut in 0usize..37, length in 0usize..37, missing in 1usize..4, known in any::<bool>()) {
        let all = events(&whole());
        let truth = play(&all[..length.min(all.len())]).into_facts().stage();
        let mut damaged = all[..length.min(all.len())].to_vec();
        for (at, event) in damaged.iter_mut().skip(cut).take(missing) {
            if let Event::Bytes(side, bytes) = event {
                let lost = if known { bytes.len() as u64 } else { 0 };
                *event = Event::Gap(*side, lost, GapCause::NotCaptured);
                let _ = at;
            }
        }
        let facts = play(&damaged).into_facts();
        prop_assert!(facts.stage() <= truth, "{} > {}", facts.stage(), truth);
        prop_assert!(facts.stage() == truth || facts.is_damaged());
    }

    #[test]
    fn random_bytes_never_panic_and_stay_bounded(calls in prop::collection::vec((any::<bool>(), prop::collection::vec(any::<u8>(), 0..80), 0u8..8), 0..60)) {
        let mut session = Session::new();
        for (client, bytes, kind) in calls {
            let side = if client { Side::Client } else { Side::Server };
            let at = At::default();
            match kind {
                0 => session.gap(side, crate::base::Gap { bytes: bytes.len() as u64, cause: GapCause::Limit, frame: at.frame, time: at.time }),
                1 => session.end(side, at),
                2 => session.swap_sides(),
                _ => session.bytes(side, &bytes, at),
            }
        }
        prop_assert!(session.facts().steps.list().len() <= crate::session::MAX_STEPS);
    }

    #[test]
    fn random_records_never_panic(
        prelude in 0..5usize,
        records in prop::collection::vec((any::<bool>(), 20u8..24, prop_oneof![0u16..60, 0u16..700, any::<u16>()], any::<u8>()), 0..80),
    ) {
        let prelude = [NLA, HYBRID, NLA_13, SSL_13, "C late\nS late\n"][prelude];
        let mut session = play(&events(prelude));
        for (client, kind, length, fill) in records {
            let length = length % 18_000;
            let side = if client { Side::Client } else { Side::Server };
            let record = [&[kind, 3, 3][..], &length.to_be_bytes(), &vec![fill; length.into()]].concat();
            session.bytes(side, &record, At::default());
        }
        let stages = session.facts().stages.list();
        prop_assert!(stages.windows(2).all(|pair| pair[0].stage < pair[1].stage));
        prop_assert!(session.facts().stage() >= Stage::Tcp);
    }
}

#[test]
fn a_flood_of_data_is_passed_over() {
    let mut session = play(&events(&whole()));
    let record = super::script::record(23, &[0xee; 16_000]);
    let flood: Vec<u8> = record.iter().copied().cycle().take(record.len() * 64).collect();
    for chunk in flood.chunks(1460) {
        session.bytes(Side::Server, chunk, At::default());
    }
    let records = session.facts().records.as_ref().unwrap();
    assert!(records.count.server >= 64 && records.bytes.server >= 64 * 16_000);
}
