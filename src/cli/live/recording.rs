//! The flight recorder at work: what to keep, what of it is evidence, and what
//! became of that.

use std::collections::{HashSet, VecDeque};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use rdpwhy::analysis::{Analyzer, Connection, Ends};
use rdpwhy::base::{CaptureTime, Span};
use rdpwhy::capture::{Packet, Tap, TapCounters};
use rdpwhy::findings::attempts::Attempt;
use rdpwhy::findings::{Outcome, pages};
use rdpwhy::report::redact::Redactor;

use super::archive::{self, Room};
use super::asked::Live;
use super::disk::{Disk, Done};
use super::evidence::{Evidence, Origin};
use super::held::Held;
use super::metrics;
use super::recorder::{Budget, Recorder, key};
use super::ring::{Ring, RingSize, RingTally};
use super::tally::{EvidenceTally, Tally};
use crate::cli::exit::Told;

/// How often metrics are written, and packets that nobody needs are forgotten.
const NOW_AND_THEN: Span = Span::from_secs(10);

/// What passed between the hosts of an attempt so long before it belongs to it:
/// fragments of its first packet.
const BEFORE: Span = Span::from_secs(1);

/// A disk that is full fails every time: it is complained about no more often.
const SAID: Span = Span::from_secs(60);

/// Something to be said.
pub(super) enum Remark {
    /// It went as it should.
    Note(String),
    /// It did not.
    Complaint(String),
}

/// The recorder, its folder, the ring and the metrics, as far as each was asked for.
pub(super) struct Recording {
    recorder: Option<Recorder>,
    held: Held,
    triggers: Vec<String>,
    redactor: Option<Arc<Redactor>>,
    metrics: Option<PathBuf>,
    disk: Option<Disk>,
    ring: Option<Ring>,
    tally: EvidenceTally,
    says: VecDeque<Remark>,
    complained: Option<CaptureTime>,
    next: CaptureTime,
    now: CaptureTime,
}

impl Recording {
    /// Begins what was asked for.
    pub(super) fn new(live: &Live, taps: &[Tap], redactor: Option<Arc<Redactor>>) -> anyhow::Result<Self> {
        let asked = &live.recorder;
        let known: Vec<&str> = pages().map(|page| page.id).collect();
        if let Some(unknown) = asked.trigger.iter().find(|trigger| !known.contains(&trigger.as_str())) {
            return Err(Told::usage(format!(
                "--trigger {unknown}: there is no such finding; rdpwhy explain lists all"
            )));
        }
        let folder = asked.out.as_ref().map(|folder| {
            let bytes = u64::from(asked.max_bytes) * 1024 * 1024;
            (folder.clone(), Room { keep: asked.keep as usize, bytes })
        });
        if let Some((folder, _)) = &folder {
            archive::tidy_up(folder).with_context(|| format!("{}: evidence cannot be kept there", folder.display()))?;
        }
        let ring = live.ring.ring.as_ref().map(|folder| {
            let bytes = u64::from(live.ring.ring_file_size) * 1024 * 1024;
            let size = RingSize { files: live.ring.ring_files as usize, bytes };
            Ring::new(folder, size, taps).with_context(|| format!("{}: no ring can be kept there", folder.display()))
        });
        let budget = Budget { each: asked.flow_memory as usize * 1024, all: asked.memory as usize * 1024 * 1024 };
        Ok(Self {
            recorder: folder.is_some().then(|| Recorder::new(budget)),
            // The other half is for what goes on.
            held: Held::new(budget.all / 2),
            triggers: asked.trigger.clone(),
            redactor,
            metrics: live.metrics.clone(),
            disk: (folder.is_some() || live.metrics.is_some()).then(|| Disk::new(folder)),
            ring: ring.transpose()?,
            tally: EvidenceTally::default(),
            says: VecDeque::new(),
            complained: None,
            next: CaptureTime::default(),
            now: CaptureTime::default(),
        })
    }

    /// A packet passed the filter.
    pub(super) fn passed(&mut self, packet: &Packet<'_>) {
        if let Some(ring) = &mut self.ring {
            ring.keep(packet);
        }
    }

    /// What interface number `i` counts now.
    pub(super) fn count(&mut self, i: usize, counters: TapCounters, now: CaptureTime) {
        if let Some(ring) = &mut self.ring {
            ring.count(i, counters, now);
        }
    }

    /// `analyzer` was given a packet, which is about the connection between `ends`;
    /// after `before` connections that had ended by then.
    pub(super) fn pushed(&mut self, ends: Option<Ends>, packet: &Packet<'_>, analyzer: &Analyzer, before: usize) {
        if let Some(recorder) = &mut self.recorder {
            recorder.pushed(ends, packet, analyzer, before);
        }
    }

    /// A connection has ended, as part of `attempt`: its packets are evidence, or
    /// are forgotten.
    pub(super) fn ended(&mut self, connection: &Connection, attempt: &Attempt, taps: &[Tap], now: CaptureTime) {
        let Some(recorder) = &mut self.recorder else { return };
        let key @ (ends, vantage) = key(connection);
        let kept = recorder.take(&key);
        let worked = |outcome| matches!(outcome, Outcome::Active | Outcome::Open);
        if worked(attempt.outcome) {
            if attempt.connections.len() > 1
                && let Some(disk) = &self.disk
            {
                disk.withdraw(attempt.connections.to_vec());
            }
            return;
        }
        if let Some(kept) = kept
            && !worked(connection.diagnosis.outcome)
        {
            self.held.hold(connection, kept, vantage, now);
            recorder.reserve(self.held.size());
        }
        let Some((finding, _)) = attempt.verdict.filter(|_| attempt.outcome == Outcome::Failed) else { return };
        let parts = self.held.parts(&attempt.connections);
        let wanted = |id: &&str| self.triggers.is_empty() || self.triggers.iter().any(|trigger| trigger == id);
        let own = connection.diagnosis.findings.iter().map(|finding| finding.id);
        if !parts.iter().flat_map(|part| part.findings.iter().copied()).chain(own).any(|id| wanted(&id)) {
            return;
        }
        let (Some(first), Some(disk)) = (parts.first(), &mut self.disk) else {
            self.tally.left_out += 1;
            return;
        };
        let Some(tap) = taps.get(usize::from(first.vantage)).filter(|_| first.vantage == vantage) else { return };
        let kept = parts.iter().map(|part| Arc::clone(&part.kept));
        let taken = disk.evidence(Evidence {
            connections: attempt.connections.to_vec(),
            time: attempt.end,
            finding,
            sentence: attempt.sentence.clone(),
            kept: kept.chain(recorder.beside(ends, vantage).map(Arc::new)).collect(),
            since: attempt.start - BEFORE,
            until: now.max(connection.tcp.last.time),
            interface: Origin::of(tap.info(), tap.name()),
            lost: parts.iter().filter_map(|part| part.lost).reduce(u64::saturating_add),
            redactor: self.redactor.clone(),
        });
        if !taken {
            self.tally.left_out += 1;
        }
    }

    /// What is due now and then.
    pub(super) fn tick(&mut self, now: CaptureTime, analyzer: &Analyzer, tally: &Tally) {
        self.now = now;
        self.hear(None);
        if let Some(ring) = &mut self.ring {
            ring.tick(now);
            let said = ring.hear();
            said.into_iter().for_each(|says| self.complain(says));
        }
        if now < self.next && self.next.since(now) <= NOW_AND_THEN {
            return;
        }
        self.next = now + NOW_AND_THEN;
        if let Some(recorder) = &mut self.recorder {
            self.held.forget(now);
            recorder.reserve(self.held.size());
            let hosts: HashSet<Ends> =
                if recorder.keeps_pairs() { analyzer.hosts_in_progress().collect() } else { HashSet::new() };
            recorder.forget(
                now,
                |ends, vantage| {
                    if ends.are_hosts() { hosts.contains(ends) } else { analyzer.follows(ends, vantage) }
                },
            );
        }
        if let (Some(path), Some(disk)) = (&self.metrics, &self.disk) {
            disk.file(path, metrics::text(tally));
        }
    }

    /// Reads what became of jobs; those in `last`, or those that are done.
    fn hear(&mut self, last: Option<Vec<Done>>) {
        let done = last.unwrap_or_else(|| self.disk.iter().flat_map(Disk::done).collect());
        for done in done {
            match done {
                Done::Written(name, replaced) => {
                    self.tally.written = (self.tally.written + 1).saturating_sub(replaced);
                    self.says.push_back(Remark::Note(format!("written: {name}")));
                }
                Done::NotWritten(says) => {
                    self.tally.failed += 1;
                    self.complain(says);
                }
                Done::Trouble(says) => {
                    self.tally.troubles += 1;
                    self.complain(says);
                }
                Done::Withdrawn(n) => self.tally.written = self.tally.written.saturating_sub(n),
                Done::Forgotten(n) => self.tally.forgotten += n,
                Done::End => {}
            }
        }
    }

    fn complain(&mut self, says: String) {
        if self.complained.is_none_or(|then| self.now.since(then).abs() >= SAID) {
            self.complained = Some(self.now);
            self.says.push_back(Remark::Complaint(says));
        }
    }

    /// What is to be said, once.
    pub(super) fn said(&mut self) -> impl Iterator<Item = Remark> {
        self.says.drain(..)
    }

    /// The numbers.
    pub(super) fn tally(&self) -> EvidenceTally {
        let held = self.recorder.as_ref();
        EvidenceTally {
            not_held: held.map_or(0, Recorder::left_out),
            held: held.map_or(0, Recorder::size),
            waiting: self.disk.as_ref().map_or(0, Disk::waiting),
            ..self.tally
        }
    }

    /// What became of the packets of the ring, where there is one.
    pub(super) fn ring_tally(&self) -> Option<RingTally> {
        self.ring.as_ref().map(Ring::tally)
    }

    /// Nothing more comes: the last is handed over.
    pub(super) fn close(&mut self, tally: &Tally) {
        if let Some(disk) = &mut self.disk {
            if let Some(path) = &self.metrics {
                disk.file(path, metrics::text(tally));
            }
            disk.close();
        }
        if let Some(ring) = &mut self.ring {
            ring.close(self.now);
        }
    }

    /// Whether all could be written within `patience`, after [`Recording::close`].
    pub(super) fn finish(&mut self, patience: impl Fn() -> Duration) -> bool {
        let mut complete = true;
        if let Some(disk) = &mut self.disk {
            let done = disk.finish(&patience);
            complete &= matches!(done.last(), Some(Done::End));
            self.hear(Some(done));
        }
        if let Some(ring) = &mut self.ring {
            let (whole, said) = ring.finish(&patience);
            complete &= whole;
            said.into_iter().for_each(|says| self.complain(says));
        }
        complete
    }
}
