//! Floor 0: the words that every floor speaks.
//!
//! Frame numbers, capture time, the two sides of a connection, what was not
//! captured, and how a parse failed. Nothing here knows a protocol.

mod cursor;
mod digits;
mod error;
mod few;
mod frame;
mod gap;
mod link_type;
mod notice;
mod open_enum;
mod open_flags;
mod secret;
mod seen;
mod side;
mod text;
mod time;

pub use cursor::Cursor;
pub(crate) use digits::{Digits, Thousand};
pub use error::{Cause, LimitSource, ParseError};
pub use few::Few;
pub use frame::{CaptureId, Frame};
pub use gap::{Gap, GapCause};
pub use link_type::LinkType;
pub use notice::{Notice, NoticeKind, Notices};
pub(crate) use open_enum::open_enum;
pub(crate) use open_flags::open_flags;
pub use secret::Secret;
pub use seen::{At, Certainty, Seen, Visibility};
pub use side::{BySide, Side};
pub use text::{Text, at_most, lossy_at_most};
pub use time::{CaptureTime, OUT_OF_ORDER, Span};
