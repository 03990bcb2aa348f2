//! The stages of a connection, and when each began.

use core::fmt;

use super::At;
use crate::base::{CaptureTime, Frame, Visibility};

/// A stage of an RDP connection, in the order of [MS-RDPBCGR] 1.3.1.1. It
/// begins with its first message and lasts until the next one begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Stage {
    /// From the SYN on. Never in [`Stages`]: this floor sees no segments.
    Tcp,
    /// From the Connection Request on.
    X224,
    /// From the ClientHello on.
    Tls,
    /// From the first TSRequest on.
    Credssp,
    /// From the MCS Connect Initial on.
    Mcs,
    /// From the Client Info on.
    Licensing,
    /// From the Demand Active on.
    Activation,
    /// From the Font Map, or bulk graphics, on.
    Active,
}

impl Stage {
    /// All of them, in order.
    pub const ALL: [Self; 8] =
        [Self::Tcp, Self::X224, Self::Tls, Self::Credssp, Self::Mcs, Self::Licensing, Self::Activation, Self::Active];

    /// The name that reports print.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Tcp => "tcp",
            Self::X224 => "x224",
            Self::Tls => "tls",
            Self::Credssp => "credssp",
            Self::Mcs => "mcs",
            Self::Licensing => "licensing",
            Self::Activation => "activation",
            Self::Active => "active",
        }
    }

    /// The stage in the words of somebody who has never read a capture.
    #[must_use]
    pub const fn words(self) -> StageWords {
        let (short, long, during) = match self {
            Self::Tcp => ("TCP", "TCP connect", "while connecting (TCP)"),
            Self::X224 => ("negotiation", "negotiation (X.224)", "in the negotiation (X.224)"),
            Self::Tls => ("TLS", "TLS handshake", "in the TLS handshake"),
            Self::Credssp => {
                ("logon", "logon before the desktop (NLA, CredSSP)", "in the logon before the desktop (NLA)")
            }
            Self::Mcs => ("channels", "channel set-up (MCS)", "in the channel set-up (MCS)"),
            Self::Licensing => ("licensing", "licensing", "in the licensing stage"),
            Self::Activation => ("capabilities", "exchange of capabilities", "in the exchange of capabilities"),
            Self::Active => ("desktop", "desktop", "in the running session"),
        };
        StageWords { short, long, during }
    }
}

/// What people call a stage.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StageWords {
    /// One word, for a line of stages.
    pub short: &'static str,
    /// What it is about.
    pub long: &'static str,
    /// When: to stand in a sentence, as in `it failed in the TLS handshake`.
    pub during: &'static str,
}

impl fmt::Display for Stage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A stage that had begun.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StageFact {
    /// Which.
    pub stage: Stage,
    /// How its beginning became visible.
    pub visibility: Visibility,
    /// Its first message.
    pub first: At,
    /// The last frame that brought bytes while the stage lasted.
    pub last: At,
    /// When the next stage began; `None` for the last one.
    pub end: Option<CaptureTime>,
}

/// Why the connection may have come further than the stage that was recognised.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Doubt {
    /// The capture began after the connection had.
    LateStart,
    /// Bytes are missing, and messages may have been among them.
    Gap,
    /// The messages do not follow the order that is known.
    NotUnderstood,
    /// The records are protected in a way whose shape is not known.
    UnknownProtection,
}

impl fmt::Display for Doubt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::LateStart => "the capture begins after the connection did",
            Self::Gap => "bytes are missing from the capture",
            Self::NotUnderstood => "the order of the messages is not one that is known",
            Self::UnknownProtection => "the sizes of the protected records cannot be read",
        })
    }
}

/// The stages that had begun, in order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Stages {
    list: Vec<StageFact>,
    /// The last frame that brought bytes in the current stage, until that is
    /// written into the list.
    touched: Option<At>,
    doubt: Option<(Doubt, Frame)>,
}

impl Stages {
    /// The stages that had begun, first to last. INVARIANT: strictly ascending.
    #[must_use]
    pub fn list(&self) -> &[StageFact] {
        &self.list
    }

    /// The last stage that had begun.
    #[must_use]
    pub fn last(&self) -> Stage {
        self.list.last().map_or(Stage::Tcp, |fact| fact.stage)
    }

    /// The facts of `stage`, where it had begun.
    #[must_use]
    pub fn of(&self, stage: Stage) -> Option<&StageFact> {
        self.list.iter().find(|fact| fact.stage == stage)
    }

    /// Why the last stage is only a lower bound, and from which frame on;
    /// `None` where it is the stage. Nothing follows [`Stage::Active`], so that
    /// one is a bound only where the capture begins late: its start is missing.
    #[must_use]
    pub fn lower_bound(&self) -> Option<(Doubt, Frame)> {
        self.doubt.filter(|(doubt, _)| self.last() < Stage::Active || *doubt == Doubt::LateStart)
    }

    pub(super) fn begin(&mut self, stage: Stage, visibility: Visibility, at: At) {
        if stage <= self.last() {
            return;
        }
        self.write_touched();
        if let Some(before) = self.list.last_mut() {
            before.end = Some(at.time);
        }
        self.list.push(StageFact { stage, visibility, first: at, last: at, end: None });
    }

    #[inline]
    pub(super) const fn touch(&mut self, at: At) {
        self.touched = Some(at);
    }

    /// Nothing more will be touched, or something else.
    pub(super) fn write_touched(&mut self) {
        if let (Some(current), Some(at)) = (self.list.last_mut(), self.touched.take()) {
            current.last = at;
        }
    }

    /// The first doubt stays until it is lifted.
    pub(super) fn doubt(&mut self, why: Doubt, frame: Frame) {
        self.doubt.get_or_insert((why, frame));
    }

    /// It is clear again where the connection stands.
    pub(super) fn settled(&mut self) {
        self.doubt = None;
    }
}
