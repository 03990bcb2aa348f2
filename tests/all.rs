//! Everything that is tested from outside, in one binary.

#![allow(missing_docs)]

mod cases;
mod cli;
mod losses;
