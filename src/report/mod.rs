//! Floor 6: findings → a report that leaves the room.
//!
//! [`document`] says what a report holds; the other files render it. Whatever
//! is printed is derived from the document alone, so that every format tells
//! the same story and a saved report can be rendered again.

pub mod build;
pub mod document;
pub mod escape;
pub mod evidence;
pub mod html;
pub mod json;
pub mod markdown;
pub mod ndjson;
pub mod plots;
pub mod redact;
pub mod schema;
pub mod text;

mod groups;
mod mirror;
mod story;
mod summary;
mod title;
mod words;

pub use title::in_short;

#[cfg(test)]
mod samples;
