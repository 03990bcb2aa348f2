//! One TCP connection: a script's acts become segments, acknowledgments,
//! losses and their repair, seen from a capture beside the client.

use std::collections::VecDeque;
use std::ops::Range;

use super::dice::Dice;
use super::frame::{self, ACK, Endpoint, FIN, Ip, PSH, RST, SYN, Tcp};

pub const MICROSECOND: u64 = 1_000;
pub const MILLISECOND: u64 = 1_000_000;
pub const SECOND: u64 = 1_000_000_000;

/// A full segment on a gigabit link.
const SERIALISATION: u64 = 12 * MICROSECOND;
/// What a sender puts on the wire before it waits for a round trip.
const FLIGHT: usize = 32;
/// RFC 6298 asks for 1 s; Windows and Linux start near 300 ms.
const RETRANSMISSION_TIMEOUT: u64 = 300 * MILLISECOND;
const DELAYED_ACK: u64 = 40 * MILLISECOND;
const MSS: u16 = 1460;
const WINDOW_SCALE: u8 = 8;
/// TTL of a device four hops away that began with 64.
const DEVICE_TTL: u8 = 60;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    Client,
    Server,
}

/// What happens next in a connection.
#[derive(Debug)]
pub enum Act {
    /// Three-way handshake.
    Open,
    /// SYN, answered by a RST.
    Refused,
    /// SYN and its repetitions, never answered.
    Unanswered,
    /// SYN, SYN-ACK, and the client turns away by a RST, as scanners do.
    HalfOpen,
    /// One side thinks for a while and then speaks.
    Say { side: Side, after: u64, bytes: Vec<u8> },
    /// The side's packets get no answer any more: it repeats until it gives up.
    Vanish { side: Side, bytes: Vec<u8> },
    /// Orderly end, begun by one side.
    Fin(Side),
    /// RST of a host.
    Reset(Side),
    /// RSTs of a device between the two, one to each.
    Forged,
}

/// Where acts come from, one at a time: a long session need not be in memory.
pub trait Script {
    fn next(&mut self, dice: &mut Dice) -> Option<Act>;
}

/// How an operating system writes its headers.
#[derive(Clone, Copy, Debug)]
pub struct Stack {
    pub ttl: u8,
    pub timestamps: bool,
}

pub struct Connection {
    client: Peer,
    server: Peer,
    script: Box<dyn Script>,
    dice: Dice,
    round_trip: u64,
    /// A segment is lost once in so many.
    loss: u64,
    clock: u64,
    message: Vec<u8>,
    queue: VecDeque<Event>,
}

struct Peer {
    endpoint: Endpoint,
    stack: Stack,
    id: u16,
    /// Next sequence number to send.
    next: u32,
    /// Next sequence number expected from the other side.
    expected: u32,
    /// Last timestamp value heard from the other side (RFC 7323, 4.3).
    echo: u32,
}

/// A packet that will be seen; its payload is a range of the message.
struct Event {
    time: u64,
    side: Side,
    seq: u32,
    ack: u32,
    flags: u8,
    sack: Option<(u32, u32)>,
    payload: Range<usize>,
    forged: bool,
}

impl Connection {
    pub fn new(ends: [(Endpoint, Stack); 2], script: Box<dyn Script>, mut dice: Dice, start: u64, loss: u64) -> Self {
        let mut peer = |(endpoint, stack)| Peer {
            endpoint,
            stack,
            id: dice.roll() as u16,
            next: dice.roll() as u32,
            expected: 0,
            echo: 0,
        };
        let [client, server] = ends.map(&mut peer);
        let round_trip = dice.between(MILLISECOND, 40 * MILLISECOND);
        Self {
            client,
            server,
            script,
            dice,
            round_trip,
            loss,
            clock: start,
            message: Vec::new(),
            queue: VecDeque::new(),
        }
    }

    /// When the next packet is seen; `None`: the connection is over.
    pub fn next_time(&mut self) -> Option<u64> {
        while self.queue.is_empty() {
            let act = self.script.next(&mut self.dice)?;
            self.play(act);
            // Packets of the two sides cross, so acts add them out of order.
            self.queue.make_contiguous().sort_by_key(|event| event.time);
            self.clock = self.queue.back().map_or(self.clock, |last| last.time + MICROSECOND);
        }
        self.queue.front().map(|event| event.time)
    }

    /// Writes the next packet into `out`.
    pub fn packet(&mut self, out: &mut Vec<u8>) {
        let Some(event) = self.queue.pop_front() else { return };
        let now = (event.time / MILLISECOND) as u32;
        let (from, to) = match event.side {
            Side::Client => (&mut self.client, &mut self.server),
            Side::Server => (&mut self.server, &mut self.client),
        };
        from.id = from.id.wrapping_add(1);
        let ip = if event.forged { Ip { ttl: DEVICE_TTL, id: 0 } } else { Ip { ttl: from.stack.ttl, id: from.id } };
        let timestamps = from.stack.timestamps && to.stack.timestamps && !event.forged;
        let mut options = Vec::with_capacity(40);
        if event.flags & SYN != 0 {
            let [high, low] = MSS.to_be_bytes();
            options.extend_from_slice(&[2, 4, high, low, 1, 3, 3, WINDOW_SCALE, 1, 1, 4, 2]);
        }
        if timestamps {
            options.extend_from_slice(&[1, 1, 8, 10]);
            options.extend_from_slice(&now.to_be_bytes());
            options.extend_from_slice(&from.echo.to_be_bytes());
            to.echo = now;
        }
        if let Some((left, right)) = event.sack {
            options.extend_from_slice(&[1, 1, 5, 10]);
            options.extend_from_slice(&left.to_be_bytes());
            options.extend_from_slice(&right.to_be_bytes());
        }
        let window = if event.flags & RST != 0 {
            0
        } else if event.flags & SYN != 0 {
            65_535
        } else {
            1_026
        };
        let payload = &self.message[event.payload];
        let tcp = Tcp { seq: event.seq, ack: event.ack, flags: event.flags, window, options: &options, payload };
        frame::tcp(out, &from.endpoint, &to.endpoint, ip, &tcp);
    }

    fn play(&mut self, act: Act) {
        match act {
            Act::Open => self.open(),
            Act::Refused => {
                let syn = self.syn();
                self.push(self.clock + self.round_trip, Side::Server, 0, syn.wrapping_add(1), RST | ACK);
            }
            Act::Unanswered => {
                let syn = self.syn();
                // Windows and Linux repeat after 1 s, doubling.
                for after in [1, 3] {
                    self.push(self.clock + after * SECOND, Side::Client, syn, 0, SYN);
                }
            }
            Act::HalfOpen => {
                let syn = self.syn();
                let time = self.clock + self.round_trip;
                self.push(time, Side::Server, self.server.next, syn.wrapping_add(1), SYN | ACK);
                self.push(time + 20 * MICROSECOND, Side::Client, syn.wrapping_add(1), 0, RST);
            }
            Act::Say { side, after, bytes } => {
                self.clock += after;
                self.message = bytes;
                self.say(side);
            }
            Act::Vanish { side, bytes } => self.vanish(side, bytes),
            Act::Fin(side) => self.fin(side),
            Act::Reset(side) => {
                let (seq, ack) = (self.peer(side).next, self.peer(side).expected);
                self.push(self.clock, side, seq, ack, RST | ACK);
            }
            Act::Forged => {
                for side in [Side::Server, Side::Client] {
                    let (seq, ack) = (self.peer(side).next, self.peer(side).expected);
                    self.push(self.clock, side, seq, ack, RST | ACK);
                    if let Some(event) = self.queue.back_mut() {
                        event.forged = true;
                    }
                }
            }
        }
    }

    fn syn(&mut self) -> u32 {
        let seq = self.client.next;
        self.push(self.clock, Side::Client, seq, 0, SYN);
        seq
    }

    fn open(&mut self) {
        let syn = self.syn();
        let answered = self.clock + self.round_trip;
        self.client.next = syn.wrapping_add(1);
        self.server.expected = self.client.next;
        self.push(answered, Side::Server, self.server.next, self.server.expected, SYN | ACK);
        self.server.next = self.server.next.wrapping_add(1);
        self.client.expected = self.server.next;
        self.push(answered + 20 * MICROSECOND, Side::Client, self.client.next, self.client.expected, ACK);
    }

    /// Sends the message: segments in flights, every second one acknowledged,
    /// at most one lost and repaired.
    fn say(&mut self, side: Side) {
        let answer = self.answer_after(side);
        let mss = usize::from(MSS) - if self.client.stack.timestamps && self.server.stack.timestamps { 12 } else { 0 };
        let total = self.message.len();
        let (first, ack) = (self.peer(side).next, self.peer(side).expected);
        let at = |offset: usize| first.wrapping_add(offset as u32);
        let (mut time, mut lost, mut duplicates, mut unacknowledged) = (self.clock, None, 0, 0);
        for (i, start) in (0..total).step_by(mss).enumerate() {
            let end = (start + mss).min(total);
            let flags = if end == total { PSH | ACK } else { ACK };
            time += if i > 0 && i % FLIGHT == 0 { self.round_trip } else { SERIALISATION };
            if lost.is_none() && self.dice.one_in(self.loss) {
                lost = Some(start..end);
                // Lost behind the capture when the client sends, before it when
                // the server does.
                if side == Side::Client {
                    self.data(time, side, at(start), ack, flags, start..end);
                }
                continue;
            }
            self.data(time, side, at(start), ack, flags, start..end);
            if let Some(hole) = &lost {
                duplicates += 1;
                self.push(time + answer, side.other(), self.peer(side.other()).next, at(hole.start), ACK);
                if let Some(event) = self.queue.back_mut() {
                    event.sack = Some((at(hole.end), at(end)));
                }
            } else {
                unacknowledged += 1;
                if unacknowledged == 2 {
                    unacknowledged = 0;
                    self.push(time + answer, side.other(), self.peer(side.other()).next, at(end), ACK);
                }
            }
        }
        self.peer_mut(side).next = at(total);
        self.peer_mut(side.other()).expected = at(total);
        if let Some(hole) = lost {
            // Three duplicates start a fast retransmission (RFC 5681, 3.2).
            time += if duplicates >= 3 { self.round_trip } else { RETRANSMISSION_TIMEOUT };
            self.data(time, side, at(hole.start), ack, ACK, hole);
            self.push(time + answer, side.other(), self.peer(side.other()).next, at(total), ACK);
        } else if unacknowledged > 0 && self.dice.one_in(2) {
            let delayed = time + answer + DELAYED_ACK;
            self.push(delayed, side.other(), self.peer(side.other()).next, at(total), ACK);
        }
    }

    /// Five repetitions with doubled pauses, then the sender gives up.
    fn vanish(&mut self, side: Side, bytes: Vec<u8>) {
        let (seq, ack) = (self.peer(side).next, self.peer(side).expected);
        let len = bytes.len().min(usize::from(MSS) - 12);
        self.message = bytes;
        let mut time = self.clock;
        for repetition in 0..6 {
            self.data(time, side, seq, ack, PSH | ACK, 0..len);
            time += RETRANSMISSION_TIMEOUT << repetition;
        }
        self.push(time, side, seq.wrapping_add(len as u32), ack, RST | ACK);
    }

    fn fin(&mut self, side: Side) {
        let other = side.other();
        let mut time = self.clock;
        for from in [side, other] {
            let (seq, ack) = (self.peer(from).next, self.peer(from).expected);
            self.push(time, from, seq, ack, FIN | ACK);
            self.peer_mut(from).next = seq.wrapping_add(1);
            self.peer_mut(from.other()).expected = seq.wrapping_add(1);
            time += self.answer_after(from);
        }
        self.push(time, side, self.peer(side).next, self.peer(side).expected, ACK);
    }

    /// Until the answer to a packet of `side` passes the capture.
    fn answer_after(&self, side: Side) -> u64 {
        match side {
            Side::Client => self.round_trip,
            Side::Server => 20 * MICROSECOND,
        }
    }

    fn push(&mut self, time: u64, side: Side, seq: u32, ack: u32, flags: u8) {
        self.queue.push_back(Event { time, side, seq, ack, flags, sack: None, payload: 0..0, forged: false });
    }

    fn data(&mut self, time: u64, side: Side, seq: u32, ack: u32, flags: u8, payload: Range<usize>) {
        self.queue.push_back(Event { time, side, seq, ack, flags, sack: None, payload, forged: false });
    }

    fn peer(&self, side: Side) -> &Peer {
        match side {
            Side::Client => &self.client,
            Side::Server => &self.server,
        }
    }

    fn peer_mut(&mut self, side: Side) -> &mut Peer {
        match side {
            Side::Client => &mut self.client,
            Side::Server => &mut self.server,
        }
    }
}

impl Side {
    fn other(self) -> Self {
        match self {
            Self::Client => Self::Server,
            Self::Server => Self::Client,
        }
    }
}
