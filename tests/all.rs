//! Everything that is tested from outside, in one binary: it links once.

#![allow(missing_docs, reason = "nobody outside reads it")]
#![allow(
    clippy::disallowed_methods,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a test may fail, and reads and writes files"
)]

mod attacks;
mod browser;
mod cases;
mod cli;
mod containers;
mod corpus;
mod counted;
mod decrypted;
mod dropped;
mod generator;
mod golden;
mod imperfect;
#[path = "fuzz/inputs.rs"]
mod inputs;
mod laws_resets;
mod losses;
mod many_connections;
mod mutation;
mod one_direction;
mod public;
mod readme;
mod redaction;
mod ruled_out;
mod stalls;
mod streams;
mod tidy;
mod trials;
mod two_captures;
