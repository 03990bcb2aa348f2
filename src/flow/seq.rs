//! Sequence arithmetic, the only place for it (RFC 9293 §3.4).

/// A TCP sequence number: a point on a circle of 2³².
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Seq(pub u32);

impl Seq {
    /// `self` moved on by `n` bytes, around the circle.
    #[must_use]
    pub const fn plus(self, n: u32) -> Self {
        Self(self.0.wrapping_add(n))
    }

    /// The signed way from `earlier` to `self`; the shorter way round.
    #[must_use]
    pub const fn minus(self, earlier: Self) -> i32 {
        self.0.wrapping_sub(earlier.0).cast_signed()
    }
}

/// One direction's sequence numbers unrolled into stream offsets: offset 0 is
/// the first data byte, so that no other code needs to think about the wrap.
#[derive(Clone, Copy, Debug)]
pub struct Unrolled {
    /// The sequence number of offset `at`.
    seq: Seq,
    /// The offset nearest to which numbers are taken; moves with the stream.
    at: i64,
}

impl Unrolled {
    /// A stream whose offset 0 has sequence number `first`.
    #[must_use]
    pub const fn starting_at(first: Seq) -> Self {
        Self { seq: first, at: 0 }
    }

    /// The offset of `seq`: the one within 2³¹ of where the stream is now.
    #[must_use]
    pub const fn offset(&self, seq: Seq) -> i64 {
        self.at + seq.minus(self.seq) as i64
    }

    /// The sequence number of `offset`.
    #[must_use]
    pub const fn seq(&self, offset: i64) -> Seq {
        self.seq.plus(((offset - self.at) & 0xffff_ffff) as u32)
    }

    /// Whether numbers are taken near `offset`.
    #[must_use]
    pub const fn is_at(&self, offset: i64) -> bool {
        self.at == offset
    }

    /// The stream has come to `offset`; later numbers are taken near it.
    pub const fn advance(&mut self, offset: i64) {
        let by = offset - self.at;
        // Only ever forward: an old segment must not drag the window back.
        if by > 0 {
            self.seq = self.seq.plus((by & 0xffff_ffff) as u32);
            self.at = offset;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_circle_is_walked_the_shorter_way() {
        assert_eq!(Seq(5).minus(Seq(u32::MAX)), 6);
        assert_eq!(Seq(u32::MAX).minus(Seq(5)), -6);
        assert_eq!(Seq(u32::MAX).plus(2), Seq(1));
    }

    proptest! {
        #[test]
        fn a_long_stream_unrolls_without_a_seam(first: u32, steps in prop::collection::vec(0u32..1 << 30, 1..50)) {
            let mut stream = Unrolled::starting_at(Seq(first));
            let mut truth = 0i64;
            for step in steps {
                truth += i64::from(step);
                let seq = Seq(first.wrapping_add((truth & 0xffff_ffff) as u32));
                prop_assert_eq!(stream.offset(seq), truth);
                stream.advance(truth);
                prop_assert_eq!(stream.offset(seq.plus(1000)), truth + 1000);
                prop_assert_eq!(stream.offset(Seq(seq.0.wrapping_sub(1000))), truth - 1000);
            }
        }
    }
}
