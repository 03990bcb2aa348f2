//! The loop: wait, read, explain what has ended, and now and then look at the
//! clock, the counters and the signals.

use std::time::{Duration, Instant};

use rdpwhy::analysis::{Analyzer, Ends};
use rdpwhy::base::{CaptureTime, Span};
use rdpwhy::capture::{Packet, Tap, TapCounters, wait};

use super::asked::Live;
use super::attempts::Attempts;
use super::clock::{Clock, Look};
use super::crowds::Crowds;
use super::recording::{Recording, Remark};
use super::remarks::Remarks;
use super::signals::Signals;
use super::tally::Tally;
use super::telling::Telling;
use crate::cli::exit::Exit;

/// How often the clock is looked at when no packet comes. Two wake-ups a second
/// cost nothing that can be measured.
const TICK: Duration = Duration::from_millis(500);

/// Packets read from one interface before the next has its turn, and before it
/// is looked for signals: in a flood each may end a connection that is explained.
const TURN: usize = 256;

/// A signal ends the program within two seconds. Of these, so much is for
/// packets that had arrived before it, …
const READING: Duration = Duration::from_millis(200);

/// … until then all connections in progress end at once. A flood leaves more
/// than can be explained; what is more than a flood comes first, …
const EXPLAINING: Duration = Duration::from_millis(700);

/// … until then lines and files that wait are written, side by side, …
const LAST_WORDS: Duration = Duration::from_millis(1_400);

/// … and until then a reader of standard error may take the summary.
const SUMMARY: Duration = Duration::from_millis(1_600);

/// Connections explained at a time, before the clock is looked at again.
const AT_ONCE: usize = 32;

/// An interface that is away is tried again after this, then after twice as
/// long, up to [`SLOWEST_RETRY`].
const FIRST_RETRY: Span = Span::from_secs(1);
/// See [`FIRST_RETRY`].
const SLOWEST_RETRY: Span = Span::from_secs(30);

/// An interface, and what was last heard of it.
struct Post {
    counted: TapCounters,
    counted_at: CaptureTime,
    /// Away since, to be tried again then, and after which wait.
    away: Option<(CaptureTime, CaptureTime, Span)>,
    /// Switched off since.
    off: Option<CaptureTime>,
}

/// Everything that goes on.
pub(super) struct Watch<'a> {
    asked: &'a Live,
    started: Instant,
    clock: Clock,
    taps: Vec<Tap>,
    posts: Vec<Post>,
    analyzer: Analyzer,
    attempts: Attempts,
    crowds: Crowds,
    telling: Telling,
    recording: Recording,
    tally: Tally,
    next_id: u32,
    next_tick: Duration,
    remarks: Remarks,
}

impl<'a> Watch<'a> {
    #[expect(clippy::disallowed_methods, reason = "a live capture is where the clock comes in")]
    pub(super) fn new(
        asked: &'a Live,
        taps: Vec<Tap>,
        telling: Telling,
        recording: Recording,
        remarks: Remarks,
    ) -> Self {
        let started = Instant::now();
        let clock = Clock::new(Look::now(started));
        let posts = taps.iter().map(|_| Post {
            counted: TapCounters::default(),
            counted_at: clock.now(),
            away: None,
            off: None,
        });
        Self {
            asked,
            started,
            posts: posts.collect(),
            clock,
            taps,
            analyzer: Analyzer::default(),
            attempts: Attempts::default(),
            crowds: Crowds::default(),
            telling,
            recording,
            tally: Tally::default(),
            next_id: 1,
            next_tick: Duration::ZERO,
            remarks,
        }
    }

    /// Until a signal, the end that was asked for, or a reader who has gone.
    pub(super) fn run(mut self, signals: &Signals) -> anyhow::Result<Exit> {
        while !self.is_over(signals) {
            // Packets that wait already are not waited for.
            let busy = self.read();
            self.tell();
            if self.started.elapsed() >= self.next_tick {
                self.tick(signals);
            } else if !busy {
                wait(&self.taps, self.next_tick.saturating_sub(self.started.elapsed()));
            }
            self.look();
        }
        Ok(self.finish())
    }

    fn is_over(&self, signals: &Signals) -> bool {
        signals.end()
            || self.telling.is_closed()
            || self.asked.duration.is_some_and(|duration| self.started.elapsed() >= duration)
            || self.asked.count.is_some_and(|count| self.tally.ended() >= count)
    }

    /// Reads what has arrived; whether there may be more.
    fn read(&mut self) -> bool {
        let Self { taps, analyzer, clock, tally, recording, .. } = self;
        let mut busy = false;
        let mut gone = Vec::new();
        for (i, tap) in taps.iter_mut().enumerate() {
            let read = tap.read(TURN, |packet| {
                let packet = Packet { time: clock.of(packet.time), ..*packet };
                tally.packets += 1;
                tally.bytes += packet.data.len() as u64;
                recording.passed(&packet);
                let ended = analyzer.ended().len();
                let ends = if analyzer.push(&packet) { Ends::of_packet(&packet) } else { None };
                recording.pushed(ends, &packet, analyzer, ended);
            });
            match read {
                Ok(count) => busy |= count >= TURN,
                Err(reason) => gone.push((i, reason)),
            }
        }
        for (i, reason) in gone {
            self.away(i, &reason);
        }
        busy
    }

    /// Tells of the connections that have ended.
    fn tell(&mut self) {
        let connections = self.analyzer.take();
        connections.iter().for_each(|connection| self.crowds.remember(connection));
        for mut connection in connections {
            connection.id = self.next_id;
            self.next_id = self.next_id.wrapping_add(1);
            self.tally.add(&connection.diagnosis);
            let now = self.clock.now();
            let shared = self.crowds.shared(&connection, &self.analyzer, now);
            for finding in &shared {
                if self.crowds.is_news(finding, connection.tcp.endpoints.server, now) {
                    self.telling.shared(finding, now);
                }
            }
            if let Some((number, attempt)) = self.attempts.add(&connection) {
                self.recording.ended(&connection, &attempt, &self.taps, now);
                self.telling.ended(connection, (number, attempt), shared, &self.taps);
            }
        }
    }

    fn look(&mut self) {
        if let Some(step) = self.clock.look(Look::now(self.started)) {
            self.remarks.complain(&format!(
                "the system's clock was stepped by {step}; times are told as before, until the connections that are open now have ended"
            ));
        }
    }

    /// What is due twice a second.
    fn tick(&mut self, signals: &Signals) {
        let now = self.clock.now();
        self.count(now);
        self.try_again(now);
        // What a flood leaves is explained bit by bit, and packets are read in
        // between.
        let more = self.analyzer.tick(now);
        self.next_tick = self.started.elapsed() + if more { Duration::ZERO } else { TICK };
        self.tell();
        self.analyzer.forget(now);
        self.crowds.tick();
        self.attempts.forget(now);
        if self.analyzer.progress().0 == 0 && self.clock.correction() != Span::ZERO {
            self.clock.settle();
            self.remarks.complain("times are the system's again");
        }
        self.recording.tick(now, &self.analyzer, &self.tally);
        self.say_what_was_recorded();
        self.update();
        let last = self.remarks.last();
        let is_up = |(tap, post): (&'_ Tap, &Post)| tap.is_up() && post.off.is_none();
        let interfaces: Vec<(&str, bool)> =
            self.taps.iter().zip(&self.posts).map(|both| (both.0.name(), is_up(both))).collect();
        self.telling.draw(&interfaces, &self.tally, self.analyzer.in_progress(), last, now);
        if signals.reopen() {
            self.telling.reopen();
        }
        if signals.statistics() {
            self.tally.sentences().iter().for_each(|line| self.remarks.complain(line));
        }
    }

    fn update(&mut self) {
        self.tally.uptime = Span::from_nanos(i64::try_from(self.started.elapsed().as_nanos()).unwrap_or(i64::MAX));
        self.tally.open = self.analyzer.progress().0;
        self.tally.clock_steps = self.clock.steps();
        self.tally.lines_lost = self.telling.lost();
        self.tally.evidence = self.recording.tally();
        self.tally.ring = self.recording.ring_tally();
    }

    /// Reads the drop counters: what is said of connections of that time is
    /// less certain.
    fn count(&mut self, now: CaptureTime) {
        let (mut dropped, mut by_interface) = (0, 0);
        for (i, (tap, post)) in self.taps.iter_mut().zip(&mut self.posts).enumerate() {
            let counters = tap.count();
            self.recording.count(i, counters, now);
            let lost = counters.lost().saturating_sub(post.counted.lost());
            if lost > 0 {
                self.analyzer.lost(lost, post.counted_at, now);
            }
            (post.counted, post.counted_at) = (counters, now);
            dropped += counters.dropped;
            by_interface += counters.dropped_by_interface;
        }
        if self.tally.lost() == 0 && dropped + by_interface > 0 {
            self.remarks.complain(
                "packets are being dropped: what is said of connections of that time is less certain; a larger --buffer-size or a narrower --filter may help",
            );
        }
        (self.tally.dropped, self.tally.dropped_by_interface) = (dropped, by_interface);
    }

    fn away(&mut self, i: usize, reason: &str) {
        let now = self.clock.now();
        self.tally.interfaces_lost += 1;
        if let (Some(tap), Some(post)) = (self.taps.get(i), self.posts.get_mut(i)) {
            post.away = Some((now, now + FIRST_RETRY, FIRST_RETRY));
            let says = format!("{}: {reason}; it is listened to again as soon as it is back", tap.name());
            self.remarks.complain(&says);
        }
    }

    /// Interfaces that were away may be back.
    fn try_again(&mut self, now: CaptureTime) {
        let mut back = Vec::new();
        for (tap, post) in self.taps.iter_mut().zip(&mut self.posts) {
            match (post.off, tap.is_switched_on()) {
                (None, Some(false)) => {
                    post.off = Some(now);
                    self.tally.interfaces_lost += 1;
                    back.push(format!("{}: switched off; it is listened to again as soon as it is back", tap.name()));
                }
                (Some(since), Some(true)) => {
                    post.off = None;
                    self.analyzer.lost(0, since, now);
                    back.push(format!("{}: back after {}", tap.name(), now.since(since)));
                }
                _ => {}
            }
            let Some((since, due, wait)) = post.away else { continue };
            if now < due {
                continue;
            }
            match tap.reopen() {
                Ok(()) => {
                    post.away = None;
                    self.analyzer.lost(0, since, now);
                    back.push(format!("{}: back after {}", tap.name(), now.since(since)));
                }
                Err(_) => {
                    let wait = wait.times(2).min(SLOWEST_RETRY);
                    post.away = Some((since, now + wait, wait));
                }
            }
        }
        back.iter().for_each(|says| self.remarks.complain(says));
    }

    fn say_what_was_recorded(&mut self) {
        for remark in self.recording.said() {
            match remark {
                Remark::Note(says) => self.remarks.note(&says),
                Remark::Complaint(says) => self.remarks.complain(&says),
            }
        }
    }

    /// The last reports, and a summary.
    fn finish(mut self) -> Exit {
        let ending = self.started.elapsed();
        let started = self.started;
        let spent = || started.elapsed().saturating_sub(ending);
        self.crowds.tick();
        // What arrived before the signal still counts.
        while spent() < READING && self.read() {
            self.tell();
        }
        let now = self.clock.now();
        self.count(now);
        self.analyzer.tick(now);
        self.tell();
        while spent() < EXPLAINING && self.analyzer.end_some(AT_ONCE) {
            self.tell();
        }
        self.tell();
        self.tally.not_explained = self.analyzer.progress().0;
        let together = self.crowds.summary(&self.analyzer, now);
        let closed = self.telling.is_closed();
        self.update();
        // All end at once, so that a reader who sleeps does not take the disk's
        // time, nor the other way round.
        self.recording.close(&self.tally);
        self.telling.close();
        let written = self.recording.finish(|| LAST_WORDS.saturating_sub(spent()));
        let told = self.telling.finish(LAST_WORDS.saturating_sub(spent()));
        self.update();
        self.remarks.release();
        self.say_what_was_recorded();
        for line in self.tally.sentences().iter().chain(&together) {
            self.remarks.note(line);
        }
        let exit = if closed {
            Exit::Success
        } else if !told || !written || self.tally.unwritten() > 0 {
            self.remarks.complain("not everything could be written");
            Exit::Unreadable
        } else if self.tally.failed() > 0 && !self.asked.exit_zero {
            Exit::FailedAttempts
        } else {
            Exit::Success
        };
        self.remarks.finish(SUMMARY.saturating_sub(spent()));
        // What a flood left takes longer to free than to leave to the system.
        std::mem::forget(self);
        exit
    }
}
