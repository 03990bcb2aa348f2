//! Values as JSON.
//!
//! A connection has a thousand of them, so this is our own: serde_json looks at
//! each byte of each name and text for what is to be escaped, and cannot tell
//! names that the program gave from texts of strangers.

use core::num::Wrapping;

use serde::ser::{self, Error as _, Impossible, Serialize};
use serde_json::{Error, Result};

use super::layout::{Bracket, Kind, Layout};
use super::page::Page;
use super::text;
use crate::report::document::{FrameRef, Millis, Time};

/// Writes `value` into `layout`: as one that stands `depth` levels deep, with
/// what stands before it on its line, or on one line without spaces.
pub(super) fn write<T: Serialize + ?Sized>(
    value: &T,
    depth: Option<usize>,
    before: &str,
    layout: &mut Layout,
) -> Result<()> {
    layout.begin(depth, before);
    value.serialize(Writer::of(layout))
}

/// Where the next value goes.
struct Writer<'a> {
    layout: &'a mut Layout,
    number: Number,
}

/// What a number means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Number {
    Itself,
    /// Nanoseconds of a time.
    Time,
    /// Microseconds, of which milliseconds are written.
    Millis,
    /// That of a frame of the only capture.
    Frame,
}

/// A list or an object that is being written.
struct Open<'a> {
    layout: &'a mut Layout,
    bracket: Bracket,
    close: u8,
}

impl<'a> Writer<'a> {
    #[inline(always)]
    const fn of(layout: &'a mut Layout) -> Self {
        Self { layout, number: Number::Itself }
    }

    #[inline(always)]
    fn list(self) -> Open<'a> {
        let bracket = self.layout.open(b'[', Kind::OTHER);
        Open { layout: self.layout, bracket, close: b']' }
    }

    #[inline(always)]
    fn object(self, kind: Kind) -> Open<'a> {
        let bracket = self.layout.open(b'{', kind);
        Open { layout: self.layout, bracket, close: b'}' }
    }

    #[inline(always)]
    const fn page(self) -> &'a mut Page {
        self.layout.page()
    }
}

impl Open<'_> {
    #[inline(always)]
    fn end(self) -> Result<()> {
        self.layout.close(&self.bracket, self.close);
        Ok(())
    }
}

impl<'a> ser::Serializer for Writer<'a> {
    type Ok = ();
    type Error = Error;
    type SerializeSeq = Open<'a>;
    type SerializeTuple = Open<'a>;
    type SerializeTupleStruct = Open<'a>;
    type SerializeTupleVariant = Impossible<(), Error>;
    type SerializeMap = Open<'a>;
    type SerializeStruct = Open<'a>;
    type SerializeStructVariant = Impossible<(), Error>;

    /// Times and durations are asked for as numbers.
    #[inline(always)]
    fn is_human_readable(&self) -> bool {
        self.number == Number::Itself
    }

    #[inline]
    fn serialize_bool(self, v: bool) -> Result<()> {
        self.page().put_scalar(if v { b"true " } else { b"false" }, Wrapping(if v { 4 } else { 5 }));
        Ok(())
    }

    fn serialize_i8(self, v: i8) -> Result<()> {
        self.serialize_i64(v.into())
    }

    fn serialize_i16(self, v: i16) -> Result<()> {
        self.serialize_i64(v.into())
    }

    fn serialize_i32(self, v: i32) -> Result<()> {
        self.serialize_i64(v.into())
    }

    #[inline]
    fn serialize_i64(self, v: i64) -> Result<()> {
        match self.number {
            Number::Itself => text::push_signed(v, self.page()),
            Number::Millis => text::push_thousandths(v, self.page()),
            Number::Time => self.layout.time(Time::from_nanos(v)),
            Number::Frame => self.layout.frame(v.unsigned_abs(), Kind::named(FrameRef::NAME)),
        }
        Ok(())
    }

    #[inline]
    fn serialize_u8(self, v: u8) -> Result<()> {
        self.serialize_u64(v.into())
    }

    #[inline]
    fn serialize_u16(self, v: u16) -> Result<()> {
        self.serialize_u64(v.into())
    }

    #[inline]
    fn serialize_u32(self, v: u32) -> Result<()> {
        self.serialize_u64(v.into())
    }

    #[inline]
    fn serialize_u64(self, v: u64) -> Result<()> {
        match self.number {
            Number::Frame => self.layout.frame(v, Kind::named(FrameRef::NAME)),
            _ => text::push_unsigned(v, self.page()),
        }
        Ok(())
    }

    fn serialize_f32(self, v: f32) -> Result<()> {
        self.serialize_f64(v.into())
    }

    #[inline]
    fn serialize_f64(self, v: f64) -> Result<()> {
        match thousandths(v) {
            Some(n) => text::push_thousandths(n, self.page()),
            // What is no number is null.
            None => self.page().extend(&serde_json::to_vec(&v)?),
        }
        Ok(())
    }

    fn serialize_char(self, v: char) -> Result<()> {
        self.serialize_str(v.encode_utf8(&mut [0; 4]))
    }

    #[inline]
    fn serialize_str(self, v: &str) -> Result<()> {
        text::push(v, self.page());
        Ok(())
    }

    fn serialize_bytes(self, v: &[u8]) -> Result<()> {
        self.collect_seq(v)
    }

    #[inline]
    fn serialize_none(self) -> Result<()> {
        self.serialize_unit()
    }

    #[inline]
    fn serialize_some<T: ?Sized + Serialize>(self, value: &T) -> Result<()> {
        value.serialize(self)
    }

    #[inline]
    fn serialize_unit(self) -> Result<()> {
        self.page().put_scalar(b"null", Wrapping(4));
        Ok(())
    }

    fn serialize_unit_struct(self, _: &'static str) -> Result<()> {
        self.serialize_unit()
    }

    #[inline]
    fn serialize_unit_variant(self, _: &'static str, _: u32, variant: &'static str) -> Result<()> {
        self.page().word(variant);
        Ok(())
    }

    #[inline(always)]
    fn serialize_newtype_struct<T: ?Sized + Serialize>(self, name: &'static str, value: &T) -> Result<()> {
        let number = match name {
            Time::NAME => Number::Time,
            Millis::NAME => Number::Millis,
            FrameRef::NAME => Number::Frame,
            _ => Number::Itself,
        };
        value.serialize(Writer { number, ..self })
    }

    fn serialize_newtype_variant<T: ?Sized + Serialize>(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        value: &T,
    ) -> Result<()> {
        let mut object = self.object(Kind::OTHER);
        ser::SerializeStruct::serialize_field(&mut object, variant, value)?;
        object.end()
    }

    #[inline(always)]
    fn serialize_seq(self, _: Option<usize>) -> Result<Open<'a>> {
        Ok(self.list())
    }

    fn serialize_tuple(self, _: usize) -> Result<Open<'a>> {
        Ok(self.list())
    }

    fn serialize_tuple_struct(self, _: &'static str, _: usize) -> Result<Open<'a>> {
        Ok(self.list())
    }

    fn serialize_tuple_variant(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        _: usize,
    ) -> Result<Self::SerializeTupleVariant> {
        Err(unheard_of(variant))
    }

    fn serialize_map(self, _: Option<usize>) -> Result<Open<'a>> {
        Ok(self.object(Kind::OTHER))
    }

    #[inline(always)]
    fn serialize_struct(self, name: &'static str, _: usize) -> Result<Open<'a>> {
        Ok(self.object(Kind::named(name)))
    }

    fn serialize_struct_variant(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        _: usize,
    ) -> Result<Self::SerializeStructVariant> {
        Err(unheard_of(variant))
    }
}

/// The number as a whole number of thousandths, where it is one: durations are.
/// Their shortest form is then known, as for all of up to 15 digits.
fn thousandths(v: f64) -> Option<i64> {
    let n = (v * 1e3 + 0.5_f64.copysign(v)) as i64;
    let is_short = n.unsigned_abs() < 1_000_000_000_000_000;
    (is_short && (n as f64 / 1e3).to_bits() == v.to_bits()).then_some(n)
}

/// No type of the report is made like this one.
fn unheard_of(variant: &str) -> Error {
    Error::custom(format_args!("{variant}: a variant with several fields"))
}

impl ser::SerializeSeq for Open<'_> {
    type Ok = ();
    type Error = Error;

    #[inline(always)]
    fn serialize_element<T: ?Sized + Serialize>(&mut self, value: &T) -> Result<()> {
        self.layout.element(&mut self.bracket);
        value.serialize(Writer::of(self.layout))
    }

    #[inline(always)]
    fn end(self) -> Result<()> {
        Open::end(self)
    }
}

impl ser::SerializeTuple for Open<'_> {
    type Ok = ();
    type Error = Error;

    fn serialize_element<T: ?Sized + Serialize>(&mut self, value: &T) -> Result<()> {
        ser::SerializeSeq::serialize_element(self, value)
    }

    fn end(self) -> Result<()> {
        Open::end(self)
    }
}

impl ser::SerializeTupleStruct for Open<'_> {
    type Ok = ();
    type Error = Error;

    fn serialize_field<T: ?Sized + Serialize>(&mut self, value: &T) -> Result<()> {
        ser::SerializeSeq::serialize_element(self, value)
    }

    fn end(self) -> Result<()> {
        Open::end(self)
    }
}

impl ser::SerializeMap for Open<'_> {
    type Ok = ();
    type Error = Error;

    fn serialize_key<T: ?Sized + Serialize>(&mut self, key: &T) -> Result<()> {
        self.layout.entry(&mut self.bracket);
        let start = self.layout.text().len();
        key.serialize(Writer::of(self.layout))?;
        if self.layout.text().get(start) != Some(&b'"') {
            return Err(Error::custom("the name of a field is no text"));
        }
        self.layout.colon();
        Ok(())
    }

    fn serialize_value<T: ?Sized + Serialize>(&mut self, value: &T) -> Result<()> {
        value.serialize(Writer::of(self.layout))
    }

    fn end(self) -> Result<()> {
        Open::end(self)
    }
}

impl ser::SerializeStruct for Open<'_> {
    type Ok = ();
    type Error = Error;

    #[inline(always)]
    fn serialize_field<T: ?Sized + Serialize>(&mut self, name: &'static str, value: &T) -> Result<()> {
        self.layout.field(&mut self.bracket, name);
        value.serialize(Writer::of(self.layout))
    }

    #[inline(always)]
    fn end(self) -> Result<()> {
        Open::end(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn written<T: Serialize>(value: T) -> String {
        let mut layout = Layout::default();
        write(&value, Some(2), "", &mut layout).unwrap();
        String::from_utf8(layout.text().to_vec()).unwrap()
    }

    #[test]
    fn numbers_are_written_as_serde_json_writes_them() {
        for v in
            [0.0, -0.0, 0.1, 0.001, -0.002, 12.34, 1e12, 1e15, 1e16, 1e300, 5e-324, 0.0005, f64::NAN, f64::INFINITY]
        {
            assert_eq!(written(v), serde_json::to_string(&v).unwrap());
        }
        assert_eq!(
            written((u64::MAX, i64::MIN, true, None::<u8>, 'c')),
            r#"[18446744073709551615, -9223372036854775808, true, null, "c"]"#
        );
    }

    #[test]
    fn what_names_a_field_is_a_text() {
        let map = |key| std::collections::BTreeMap::from([(key, 1)]);
        assert_eq!(written(map("\u{202e}")), r#"{"\u202e": 1}"#);
        let layout = &mut Layout::default();
        assert!(write(&std::collections::BTreeMap::from([(1, 1)]), Some(2), "", layout).is_err());
    }

    proptest! {
        #[test]
        fn all_numbers_are(any: f64, micros: i64) {
            for v in [any, micros as f64 / 1e3, (micros >> 20) as f64 / 1e3, (micros >> 40) as f64 / 1e3] {
                prop_assert_eq!(written(v), serde_json::to_string(&v).unwrap());
            }
        }
    }
}
