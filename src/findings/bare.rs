//! Connections that carried nothing, by what they have in common.
//!
//! What becomes of a probe depends on little, and a scan has a million of them:
//! the first of each class is explained as any connection is, and what was found
//! is true of the others. A class has everything that the rules read of such a
//! connection; where that is a time, the rule's own threshold decides. That both
//! ways say the same is held by tests in `analysis::probes`.

use foldhash::HashMap;

use super::diagnosis::Diagnosis;
use super::link::{Link, Opener};
use super::probe::Told;
use super::resets::{BareReset, Builder, Neighbours, Unusual};
use super::rule::Coverage;
use crate::base::BySide;
use crate::flow::{Awaited, Bare, TcpFacts};
use crate::session::{SessionFacts, Stage};

/// Classes remembered, of some 100 bytes each. Hosts write few kinds of headers;
/// whoever makes up new ones for each probe is looked at probe by probe.
const MAX_CLASSES: usize = 4_096;

/// The classes that were met, and what was found of each; nothing where each
/// connection is to be looked at by itself.
#[derive(Debug, Default)]
pub struct Classes {
    known: HashMap<Class, Option<Told>>,
}

/// All that a diagnosis depends on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Class {
    syns: u8,
    client_ttl: u8,
    is_answered: bool,
    awaited: Awaited,
    fell_silent: bool,
    may_lack_packets: bool,
    reset: Option<BareReset>,
}

/// What is known of a connection by its class.
#[derive(Clone, Copy, Debug)]
pub enum Known {
    /// All that is to be said.
    Told(Told),
    /// It is to be looked at by itself.
    Unusual,
    /// It is the first of this class.
    First(Class),
}

impl Class {
    /// That of a connection. `dropped`: the capture lost packets while it was
    /// open.
    fn of(bare: &Bare, dropped: bool, neighbours: &Neighbours) -> Result<Self, Unusual> {
        Ok(Self {
            syns: u8::try_from(bare.syns().count()).unwrap_or(u8::MAX),
            client_ttl: bare.syn().ip().ttl,
            is_answered: bare.answer().is_some(),
            awaited: bare.awaited(),
            fell_silent: bare.is_silent(),
            may_lack_packets: dropped,
            reset: BareReset::of(bare, neighbours)?,
        })
    }
}

impl Classes {
    /// What is known of a connection by those that are like it.
    pub fn of(&self, bare: &Bare, dropped: bool, neighbours: &Neighbours) -> Known {
        let Ok(class) = Class::of(bare, dropped, neighbours) else { return Known::Unusual };
        match self.known.get(&class) {
            Some(Some(told)) => Known::Told(*told),
            Some(None) => Known::Unusual,
            None if self.known.len() >= MAX_CLASSES => Known::Unusual,
            None => Known::First(class),
        }
    }

    /// The first of a class was explained. Returns what may be said of it, and of
    /// the others: nothing where another device is accused, which has to be found
    /// anew in each.
    pub fn learn(
        &mut self,
        class: Class,
        tcp: &TcpFacts,
        session: &SessionFacts,
        diagnosis: &Diagnosis,
    ) -> Option<Told> {
        let Diagnosis { coverage, resets, .. } = diagnosis;
        let is_bare = session.stage() == Stage::Tcp
            && *coverage == Coverage { dropped: coverage.dropped, ..Coverage::default() }
            && tcp.resets.len() == usize::from(class.reset.is_some());
        let accuses = resets.iter().any(|reset| reset.built_by == Builder::OtherDevice);
        let told = (is_bare && !accuses).then(|| Told::of(diagnosis));
        self.known.insert(class, told);
        told
    }
}

impl Link {
    /// The summary of a connection that carried nothing, without its sentence.
    #[must_use]
    pub fn of_bare(id: u32, bare: &Bare, told: &Told, dropped: bool) -> Self {
        let BySide { client, server } = bare.endpoints();
        let (first, last) = (bare.first(), bare.last());
        Self {
            id,
            client,
            server,
            start: first.time,
            end: last.time,
            first,
            isns: bare.isns(),
            open_until: if bare.reset().is_some() { last.time } else { bare.observed_until() },
            desktop: None,
            server_answered: bare.answer().is_some() || bare.reset().is_some(),
            is_sound: !dropped,
            opener: Opener { stack: stack(bare), ..Opener::default() },
            outcome: told.outcome,
            stage: Stage::Tcp,
            how: told.how,
            verdict: told.verdict.map(|(id, _)| id),
            certainty: told.verdict.map(|(_, certainty)| certainty),
            leaves_open: told.leaves_open,
            sentence: String::new(),
        }
    }
}

/// How its SYNs are made; a later one need not say all again.
fn stack(bare: &Bare) -> Option<(u16, Option<u8>, bool)> {
    let none = (None, None, false);
    let (mss, scale, sack) = bare.syns().fold(none, |(mss, scale, sack), syn| {
        let options = &syn.tcp().options;
        (options.mss.or(mss), options.window_scale.or(scale), sack | options.sack_permitted)
    });
    mss.map(|mss| (mss, scale, sack))
}
