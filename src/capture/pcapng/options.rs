//! pcapng options (draft-ietf-opsawg-pcapng §3.5): code, length, value, padding.

use crate::capture::record::Order;

/// Iterates over the options in some bytes; ends at the end mark, and at an
/// option that does not fit.
pub(super) struct Options<'a> {
    order: Order,
    rest: &'a [u8],
}

impl<'a> Options<'a> {
    pub(super) const fn new(order: Order, bytes: &'a [u8]) -> Self {
        Self { order, rest: bytes }
    }
}

impl<'a> Iterator for Options<'a> {
    type Item = (u16, &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        let code = self.order.u16_at(self.rest, 0)?;
        let len = usize::from(self.order.u16_at(self.rest, 2)?);
        if code == 0 {
            self.rest = &[];
            return None;
        }
        let (value, rest) = self.rest.get(4..)?.split_at_checked(len)?;
        let padding = len.next_multiple_of(4).saturating_sub(len);
        self.rest = rest.get(padding..).unwrap_or_default();
        Some((code, value))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_mark_and_a_length_that_lies_both_end_the_list() {
        let bytes = [1, 0, 3, 0, b'a', b'b', b'c', 0, 5, 0, 0, 0, 0, 0, 0, 0, 9, 0, 1, 0];
        let list: Vec<_> = Options::new(Order::Little, &bytes).collect();
        assert_eq!(list, [(1, &b"abc"[..]), (5, &b""[..])]);
        assert_eq!(Options::new(Order::Big, &[0, 1, 0, 9, 1, 2, 3]).count(), 0);
        assert_eq!(Options::new(Order::Big, &[0, 1, 0, 3, 1, 2, 3]).count(), 1, "unpadded at the end");
    }
}
