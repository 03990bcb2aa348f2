#![allow(missing_docs)]
mod cases;
