//! Sets of wire flags stay open, like the enumerations beside them.

/// Declares a newtype over an integer whose bits have names. Bits without a
/// name survive; `Display` and `Debug` print the names that are set, then the
/// rest in hex, and the given text where no bit is set.
macro_rules! open_flags {
    (
        $(#[$meta:meta])*
        pub struct $name:ident($int:ty, $empty:literal) {
            $( $(#[$vmeta:meta])* $flag:ident = $value:expr, )+
        }
    ) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Default, PartialEq, Eq, Hash)]
        pub struct $name(pub $int);

        impl $name {
            $( $(#[$vmeta])* pub const $flag: Self = Self($value); )+

            /// Every bit that has a name, in declaration order.
            pub const NAMED: &'static [(Self, &'static str)] = &[$((Self::$flag, stringify!($flag))),+];

            /// Whether every bit of `flags` is set.
            #[must_use]
            pub const fn contains(self, flags: Self) -> bool {
                self.0 & flags.0 == flags.0
            }

            /// The specification's names of the bits that are set.
            pub fn names(self) -> impl Iterator<Item = &'static str> {
                Self::NAMED.iter().filter(move |(flag, _)| self.contains(*flag)).map(|(_, name)| *name)
            }

            /// What `Display` prints. Where that is one name, nothing is copied.
            #[must_use]
            pub fn text(self) -> $crate::base::Text {
                match Self::NAMED.iter().find(|(flag, _)| *flag == self) {
                    Some((_, name)) => (*name).into(),
                    None if self.0 == 0 => $empty.into(),
                    None => self.to_string().into(),
                }
            }

            /// The bits that are set and have no name.
            #[must_use]
            pub fn unnamed(self) -> Self {
                Self(Self::NAMED.iter().fold(self.0, |left, (flag, _)| left & !flag.0))
            }
        }

        impl ::core::fmt::Display for $name {
            fn fmt(&self, f: &mut ::core::fmt::Formatter<'_>) -> ::core::fmt::Result {
                if self.0 == 0 {
                    return f.write_str($empty);
                }
                let mut separator = "";
                for name in self.names() {
                    f.write_str(separator)?;
                    f.write_str(name)?;
                    separator = " | ";
                }
                match self.unnamed().0 {
                    0 => Ok(()),
                    unnamed => write!(f, "{separator}{unnamed:#x}"),
                }
            }
        }

        impl ::core::fmt::Debug for $name {
            fn fmt(&self, f: &mut ::core::fmt::Formatter<'_>) -> ::core::fmt::Result {
                write!(f, "{self}")
            }
        }
    };
}
pub(crate) use open_flags;

#[cfg(test)]
#[expect(unreachable_pub, reason = "the macro declares for the library")]
mod tests {
    open_flags! {
        /// A sample.
        pub struct Sample(u8, "none") {
            /// One.
            ONE = 1,
            /// Two.
            TWO = 2,
        }
    }

    #[test]
    fn bits_without_a_name_survive() {
        assert_eq!(Sample(0).to_string(), "none");
        assert_eq!(Sample(3).to_string(), "ONE | TWO");
        assert_eq!(Sample(0x42).to_string(), "TWO | 0x40");
        assert!((0..=u8::MAX).all(|flags| Sample(flags).text() == Sample(flags).to_string()));
        assert_eq!(Sample(0x42).unnamed(), Sample(0x40));
        assert!(Sample(0x43).contains(Sample(3)) && !Sample(0x42).contains(Sample::ONE));
    }
}
