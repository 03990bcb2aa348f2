//! rdpwhy answers one question: *why did this Remote Desktop connection die?*
//!
//! A capture gives packets; wire reads them; flow orders their bytes; session
//! recognises stages; findings explain; report tells. The modules are that
//! sentence, bottom up; each may name only those before it, and [`capture`] and
//! [`wire`] do not know each other. A test keeps it so.
//!
//! | floor | module | from → to |
//! |---|---|---|
//! | 0 | [`base`] | the words that every floor speaks |
//! | 1 | [`capture`] | bytes → packets |
//! | 1 | [`wire`] | bytes → fields |
//! | 2 | [`flow`] | segments → ordered bytes with provenance |
//! | 3 | [`session`] | ordered bytes → stages as typed facts |
//! | 4 | [`findings`] | facts → findings |
//! | 5 | [`analysis`] | the pipeline on one page |
//! | 6 | [`report`] | everything serialised or rendered |
//!
//! The library is deterministic: bytes and capture time are handed in, and only
//! [`capture`] reads files. Nothing here prints, and nothing is ever sent.
//!
//! ```
//! use rdpwhy::analysis::Analyzer;
//! use rdpwhy::base::Frame;
//! use rdpwhy::capture::{CaptureOptions, Source, Timeline};
//!
//! let file = "fixtures/cases/injected-suricata-tls/client.pcap";
//! let mut timeline = Timeline::new(vec![Source::Path(file.into())], CaptureOptions::default());
//! let mut analyzer = Analyzer::default();
//! while let Some(packet) = timeline.next_packet() {
//!     analyzer.push(&packet);
//! }
//! let analysis = analyzer.finish(0);
//! let verdict = analysis.connections[0].diagnosis.verdict().expect("it failed");
//! assert_eq!(verdict.id, "injected-reset");
//! assert_eq!(verdict.primary.at.frame, Frame::new(0, 9));
//! ```

pub mod analysis;
pub mod base;
pub mod capture;
pub mod findings;
pub mod flow;
pub mod report;
pub mod session;
pub mod wire;
