//! Places of the connection sequence that are known by a few records in a row,
//! wherever they come: there the reader finds its feet again, and where the
//! suite is not known, it learns from them what the suite adds to a record.

use crate::base::{BySide, Side};

/// A place that was recognised.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Landmark {
    /// The user is attached to the MCS domain: Erect Domain, Attach User
    /// Request, Attach User Confirm.
    Attached,
    /// The client's first channel join, where only the client is captured.
    FirstJoin,
    /// The server's second join confirm, where only the server is captured.
    SecondConfirm,
    /// Synchronize and two Controls of the client, behind its Confirm Active.
    Finalizing,
    /// Synchronize, two Controls and the Font Map of the server.
    FontMap,
}

/// Among which records the pattern stands in a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Among {
    /// Those of one side; the other may speak in between.
    Own,
    /// All.
    Both,
    /// Those of one side, and the other has sent none at all.
    Alone,
}

use Among::{Alone, Both, Own};
use Side::{Client, Server};

/// Senders and plaintext lengths.
type Row = &'static [(Side, u16)];

/// The rows that are known. The second form of the last two is that of peers
/// that write the PER length in two bytes.
const PATTERNS: [(Landmark, Among, Row); 7] = [
    (Landmark::FontMap, Own, &[(Server, 36), (Server, 40), (Server, 40), (Server, 40)]),
    (Landmark::FontMap, Own, &[(Server, 37), (Server, 41), (Server, 41), (Server, 41)]),
    (Landmark::Finalizing, Own, &[(Client, 36), (Client, 40), (Client, 40)]),
    (Landmark::Finalizing, Own, &[(Client, 37), (Client, 41), (Client, 41)]),
    (Landmark::Attached, Both, &[(Client, 12), (Client, 8), (Server, 11)]),
    (Landmark::FirstJoin, Alone, &[(Client, 12), (Client, 8), (Client, 12)]),
    (Landmark::SecondConfirm, Alone, &[(Server, 11), (Server, 15), (Server, 15)]),
];

/// The longest pattern.
const REACH: usize = 4;

/// What suites add to a record: AES-GCM in TLS 1.2, everything in TLS 1.3,
/// ChaCha20-Poly1305 in TLS 1.2. Block ciphers blur the lengths.
const OVERHEADS: [u16; 3] = [24, 17, 16];

/// The lengths of the last records.
#[derive(Debug)]
pub(super) struct Landmarks {
    both: [(Side, u16); REACH],
    own: BySide<[(Side, u16); REACH]>,
    /// What was learned: a record is so much longer than its plaintext.
    pub overhead: Option<u16>,
}

impl Landmarks {
    /// A record of `side`. `overhead` is what its suite adds, where that is
    /// known; `alone` whether the other side has sent none.
    pub(super) fn see(&mut self, side: Side, length: u16, overhead: Option<u16>, alone: bool) -> Option<Landmark> {
        for history in [&mut self.both, self.own.of_mut(side)] {
            let [_, a, b, c] = *history;
            *history = [a, b, c, (side, length)];
        }
        let found = PATTERNS.iter().find_map(|(landmark, among, pattern)| {
            let history = match among {
                Alone if !alone => return None,
                Own | Alone => self.own.of(side),
                Both => &self.both,
            };
            let added = added(history.get(REACH.saturating_sub(pattern.len())..)?, pattern)?;
            overhead.is_none_or(|known| known == added).then_some((*landmark, added))
        });
        let (landmark, added) = found?;
        self.overhead = Some(added);
        Some(landmark)
    }
}

impl Default for Landmarks {
    fn default() -> Self {
        let none = [(Client, 0); REACH];
        Self { both: none, own: BySide { client: none, server: none }, overhead: None }
    }
}

/// How much longer the records are than the pattern, where it is the same for
/// all and a suite does that.
fn added(records: &[(Side, u16)], pattern: &[(Side, u16)]) -> Option<u16> {
    let mut all = records.iter().zip(pattern).map(|((sender, length), (side, plaintext))| {
        length.checked_sub(*plaintext).filter(|added| sender == side && OVERHEADS.contains(added))
    });
    let first = all.next()??;
    all.all(|other| other == Some(first)).then_some(first)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_of_lengths_gives_away_place_and_suite() {
        let mut landmarks = Landmarks::default();
        let mut see = |side, length| landmarks.see(side, length, None, false);
        assert_eq!([see(Client, 36), see(Client, 32), see(Server, 35)], [None, None, Some(Landmark::Attached)]);
        assert_eq!(landmarks.overhead, Some(24));
        let mut see = |side, length| landmarks.see(side, length, Some(17), false);
        assert_eq!([see(Client, 54), see(Client, 58), see(Server, 9), see(Client, 58)][3], Some(Landmark::Finalizing));
        assert_eq!([see(Client, 60), see(Client, 64), see(Client, 64)][2], None, "that is 24 more, not 17");
    }

    #[test]
    fn one_side_alone_needs_silence_of_the_other() {
        for (alone, expected) in [(true, Some(Landmark::SecondConfirm)), (false, None)] {
            let mut landmarks = Landmarks::default();
            let mut see = |length| landmarks.see(Server, length, None, alone);
            assert_eq!([see(28), see(32), see(32)][2], expected);
        }
    }
}
