//! Lists that nearly always have one entry.

use smallvec::SmallVec;

/// A list for which no memory is taken where it has one entry. Of these a report
/// has dozens for each connection.
pub type Few<T> = SmallVec<[T; 1]>;
