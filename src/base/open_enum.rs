//! Wire enumerations stay open: an observer must be able to say what it saw.

/// Declares a newtype over an integer with named constants. Unknown values
/// survive; `Display` and `Debug` print the name, or the number in hex. What
/// the documentation of a constant says is its `meaning` at run time too.
macro_rules! open_enum {
    (
        $(#[$meta:meta])*
        pub struct $name:ident($int:ty) {
            $( $(#[doc = $doc:literal])+ $variant:ident = $value:expr, )+
        }
    ) => {
        $(#[$meta])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub $int);

        #[allow(non_upper_case_globals, reason = "constants of an open enumeration read like its variants")]
        impl $name {
            $( $(#[doc = $doc])+ pub const $variant: Self = Self($value); )+

            /// Every value that has a name, in declaration order.
            pub const NAMED: &'static [Self] = &[$(Self::$variant),+];

            /// The specification's name, where the value has one.
            #[must_use]
            pub const fn name(self) -> Option<&'static str> {
                match self {
                    $( Self::$variant => Some(stringify!($variant)), )+
                    _ => None,
                }
            }

            /// What the value means, in words, where it has a name.
            #[must_use]
            pub const fn meaning(self) -> Option<&'static str> {
                match self {
                    $( Self::$variant => Some(concat!($($doc),+).trim_ascii_start()), )+
                    _ => None,
                }
            }
        }

        impl ::core::fmt::Display for $name {
            fn fmt(&self, f: &mut ::core::fmt::Formatter<'_>) -> ::core::fmt::Result {
                match self.name() {
                    Some(name) => f.write_str(name),
                    None => write!(f, "{:#x}", self.0),
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
pub(crate) use open_enum;

#[cfg(test)]
#[expect(unreachable_pub, reason = "the macro declares for the library")]
mod tests {
    open_enum! {
        /// A sample.
        pub struct Sample(u8) {
            /// One, which is
            /// not two.
            ONE = 1,
        }
    }

    #[test]
    fn unknown_values_survive() {
        assert_eq!(Sample(1).to_string(), "ONE");
        assert_eq!(Sample(0xfe).to_string(), "0xfe");
        assert_eq!(Sample::NAMED, [Sample::ONE]);
        assert_eq!((Sample::ONE.meaning(), Sample(2).meaning()), (Some("One, which is not two."), None));
    }
}
