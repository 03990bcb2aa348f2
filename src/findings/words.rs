//! What several rules say in the same words.

/// What is said, and that it was not read but told from the shape of what is
/// encrypted, where that is so.
macro_rules! as_told {
    ($what:literal, $visibility:expr) => {
        match $visibility {
            crate::base::Visibility::Inferred => concat!($what, ", by the size and order of its messages"),
            _ => $what,
        }
    };
}
pub(super) use as_told;

/// `1 hop`, `3 hops`.
pub(super) fn counted(n: impl Into<u64>, one: &str, many: &str) -> String {
    match n.into() {
        1 => format!("1 {one}"),
        n => format!("{n} {many}"),
    }
}

/// Routers between here and there: `1 hop`.
pub(super) fn hops(n: u8) -> String {
    counted(n, "hop", "hops")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_is_not_many() {
        assert_eq!((hops(0).as_str(), hops(1).as_str()), ("0 hops", "1 hop"));
        assert_eq!(counted(2_u64, "copy", "copies"), "2 copies");
    }
}
