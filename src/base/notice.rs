//! What the reader of a report must know about how it came to be: limits that
//! were reached, damage, things that were passed over. Counted, never silent.

use super::Frame;

/// What happened. The name is stable and printed in reports.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NoticeKind(pub &'static str);

/// One kind of notice with its count.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notice {
    /// Stable id, such as `file-cut-short`.
    pub kind: NoticeKind,
    /// A sentence for people, about the first time it happened.
    pub says: String,
    /// How often it happened.
    pub count: u64,
    /// The frame at which it first happened, where one is to blame.
    pub frame: Option<Frame>,
}

/// Notices by kind: the first is kept whole, the rest are counted.
#[derive(Clone, Debug, Default)]
pub struct Notices {
    list: Vec<Notice>,
}

impl Notices {
    /// Counts one; `says` is called only the first time, so that a flood costs
    /// no allocation.
    pub fn add(&mut self, kind: NoticeKind, frame: Option<Frame>, says: impl FnOnce() -> String) {
        match self.list.iter_mut().find(|n| n.kind == kind) {
            Some(known) => known.count = known.count.saturating_add(1),
            None => self.list.push(Notice { kind, says: says(), count: 1, frame }),
        }
    }

    /// All of them, in the order of their first appearance.
    #[must_use]
    pub fn list(&self) -> &[Notice] {
        &self.list
    }

    /// Whether nothing was noticed.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// Takes over everything in `other`.
    pub fn absorb(&mut self, other: Self) {
        for notice in other.list {
            match self.list.iter_mut().find(|n| n.kind == notice.kind) {
                Some(known) => known.count = known.count.saturating_add(notice.count),
                None => self.list.push(notice),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flood_is_one_notice_with_a_count() {
        let kind = NoticeKind("flow-table-full");
        let mut notices = Notices::default();
        for i in 0..1000 {
            notices.add(kind, Some(Frame::new(0, i + 1)), || format!("first at {i}"));
        }
        assert_eq!(notices.list().len(), 1);
        assert_eq!((notices.list()[0].count, notices.list()[0].says.as_str()), (1000, "first at 0"));
    }
}
