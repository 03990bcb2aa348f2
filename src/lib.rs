//! rdpwhy answers one question: *why did this Remote Desktop connection die?*
//!
//! A capture gives packets; wire reads them; flow orders their bytes; session
//! recognises stages; findings explain; report tells. The folders are that
//! sentence, bottom up; each may name only those before it, and `capture` and
//! `wire` do not know each other.

pub mod analysis;
pub mod base;
pub mod capture;
pub mod findings;
pub mod flow;
pub mod report;
pub mod session;
pub mod wire;
