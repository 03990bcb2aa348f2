//! Everything TCP tells about a finished connection.

use super::ending::is_silent;
use crate::base::{At, BySide, CaptureTime, Few, Seen, Side, Span};
use crate::flow::awaited::Awaited;
use crate::flow::direction_facts::DirectionFacts;
use crate::flow::habits::Habits;
use crate::flow::leap::Leap;
use crate::flow::proxied::Proxied;
use crate::flow::reset::ResetFacts;
use crate::flow::rtt::Rtt;
use crate::flow::stall::Stalls;
use crate::flow::table::Endpoint;
use crate::flow::trace::Trace;
use crate::wire::IcmpError;

/// How client and server were told apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RolesFrom {
    /// By the TCP handshake.
    Handshake,
    /// By who sent the X.224 Connection Request.
    Negotiation,
    /// By the port number alone.
    Port,
}

/// The opening of a connection.
#[derive(Clone, Debug, Default)]
pub struct Handshake {
    /// The SYNs: times of the first few.
    pub syn_times: Few<At>,
    /// How many SYNs.
    pub syns: u32,
    /// The first SYN-ACK.
    pub syn_ack: Option<At>,
    /// How many SYN-ACKs.
    pub syn_acks: u32,
    /// The client's acknowledgment that completes it.
    pub established: Option<At>,
    /// The round trip that it took to each side, where it was seen whole. An
    /// answer to data may wait for an application; these do not.
    pub round_trip: BySide<Option<Span>>,
}

impl Handshake {
    /// Whether an answer to the client's SYNs was waited for, up to `until`.
    #[must_use]
    pub fn awaited(&self, until: CaptureTime) -> Awaited {
        Awaited::of(self.syn_times.iter().map(|at| at.time), until)
    }

    /// Whether only the client's acknowledgment is missing.
    #[inline]
    pub(super) const fn waits_for_client(&self) -> bool {
        self.established.is_none() && self.syn_ack.is_some()
    }
}

/// How a connection ended, as TCP shows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EndKind {
    /// A RST.
    Reset,
    /// A FIN.
    Fin,
    /// Nothing came any more although something was owed.
    Silence,
    /// The capture ended first.
    CaptureEnd,
}

/// The end of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct End {
    /// How.
    pub kind: EndKind,
    /// Whose address the ending packet carries; for silence, who fell silent.
    pub by: Option<Side>,
    /// The packet that ended it, or the last one seen.
    pub at: At,
    /// The FIN that ended it is not in the capture: the packet acknowledges it.
    pub is_unseen: bool,
}

/// Everything TCP tells about a finished connection.
#[derive(Clone, Debug)]
pub struct TcpFacts {
    /// What stood before RDP on the connection, where a proxy passes it on.
    pub proxied: Option<Proxied>,
    /// Addresses and ports.
    pub endpoints: BySide<Endpoint>,
    /// How the roles were told apart.
    pub roles_from: RolesFrom,
    /// First packet.
    pub first: At,
    /// Last packet, copies and late strays included.
    pub last: At,
    /// When the capture ended, or when the connection was closed in the table.
    pub observed_until: CaptureTime,
    /// The opening.
    pub handshake: Handshake,
    /// Initial sequence numbers, as the SYN and the SYN-ACK say them.
    pub isns: BySide<Option<u32>>,
    /// What each side sent.
    pub directions: BySide<DirectionFacts>,
    /// How each side writes its headers.
    pub habits: BySide<Habits>,
    /// Round trips between the capture point and each side.
    pub rtt: BySide<Rtt>,
    /// Resets, in order.
    pub resets: Vec<ResetFacts>,
    /// Resets that were not kept.
    pub more_resets: u32,
    /// ICMP errors about this connection.
    pub icmp: Vec<Seen<IcmpError>>,
    /// Those that were not kept.
    pub more_icmp: u32,
    /// Times in which nothing came although bytes were unacknowledged.
    pub stalls: Stalls,
    /// The end.
    pub end: End,
    /// Index in `resets` of the one that ended the connection.
    pub ending_reset: Option<usize>,
    /// The longest time without any packet.
    pub longest_silence: Span,
    /// Packets whose time lies before that of the packet captured before them.
    pub clock_ran_back: u64,
    /// By how much at most: beyond [`OUT_OF_ORDER`](crate::base::OUT_OF_ORDER)
    /// somebody set the clock.
    pub set_back: Span,
    /// The first silence in which the clock of who ended it stood still.
    pub leap: Option<Leap>,
    /// What each segment was, where that was asked for.
    pub trace: Option<Box<Trace>>,
}

impl TcpFacts {
    /// How long it was from one packet to `until`, as far as is known: less what
    /// a [`Leap`] puts in between.
    #[must_use]
    pub fn passed(&self, from: At, until: CaptureTime) -> Span {
        let too_much = self.leap.map_or(Span::ZERO, |leap| leap.within(from.time, until));
        until.since(from.time) - too_much
    }

    /// Whether the capture went on for so long after the last packet that nobody
    /// was heard again; without that, a silence may be no more than its end.
    #[must_use]
    pub fn fell_silent(&self) -> bool {
        is_silent(self.last.time, self.observed_until)
    }

    /// The roles turn out to be the other way round.
    pub fn swap_sides(&mut self) {
        self.endpoints.swap();
        self.isns.swap();
        self.directions.swap();
        self.habits.swap();
        self.rtt.swap();
        self.roles_from = RolesFrom::Negotiation;
        self.end.by = self.end.by.map(Side::other);
        self.stalls.swap_sides();
        if let Some(leap) = &mut self.leap {
            leap.side = leap.side.other();
        }
        if let Some(trace) = &mut self.trace {
            trace.swap_sides();
        }
        for reset in &mut self.resets {
            reset.claimed_by = reset.claimed_by.other();
        }
    }
}
