//! Everything that is tested from outside, in one binary: it links once.

#![allow(missing_docs)]

mod cases;
mod cli;
mod tidy;
