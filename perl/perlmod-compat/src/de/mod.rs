//! From Perl to Rust. Numbers may come as numeric strings and strings as numbers, as everywhere in
//! Perl, but nothing is guessed: junk, fractions for integers, and integers out of range are
//! refused. References are followed to the data they refer to. Texts and bytes can be borrowed.

mod access;
mod key;
pub(crate) mod number;
pub(crate) mod text;

use std::marker::PhantomData;

use serde::Deserialize;
use serde::de::{self, DeserializeOwned, Error as _, Unexpected, Visitor};

use crate::error::Error;
use crate::ffi::{self, Kind, Sv, View};
use crate::interpreter::Interpreter;
use crate::{Scalar, Value, limits, raw_value};
use access::{ArrayAccess, HashAccess, VariantAccess};
use number::Number;

/// What is said of data beyond [`limits::DEPTH`].
pub(crate) const TOO_DEEP: &str = "nested deeper than 512 levels, or cyclic";

/// Converts a Perl value.
///
/// # Errors
///
/// If the value is not what `T` wants.
pub fn from_value<T: DeserializeOwned>(input: Value) -> Result<T, Error> {
    from_ref_value(&input)
}

/// Converts a Perl value; texts and bytes in `T` may be borrowed from it.
///
/// # Errors
///
/// If the value is not what `T` wants.
pub fn from_ref_value<'de, T: Deserialize<'de>>(input: &'de Value) -> Result<T, Error> {
    let thx = Interpreter::current();
    let sv = match input.plain_or_throw(thx) {
        std::borrow::Cow::Borrowed(plain) => plain.sv(),
        // It lives for the rest of the call, as do the values that conversions make.
        std::borrow::Cow::Owned(copy) => copy.into_mortal().into_raw(),
    };
    T::deserialize(Deserializer::new(thx, sv))
}

/// Reads one value.
#[derive(Clone, Copy)]
pub(crate) struct Deserializer<'de> {
    thx: Interpreter,
    /// Null for an argument that was left out.
    sv: *mut Sv,
    depth: u32,
    _data: PhantomData<&'de Sv>,
}

impl<'de> Deserializer<'de> {
    /// Reads `sv`, which must stay valid for `'de`.
    pub(crate) fn new(thx: Interpreter, sv: *mut Sv) -> Self {
        Self {
            thx,
            sv,
            depth: 0,
            _data: PhantomData,
        }
    }

    /// Reads undef.
    pub(crate) fn missing(thx: Interpreter) -> Self {
        Self::new(thx, std::ptr::null_mut())
    }

    /// The deserializer for an element; null for one that does not exist.
    fn inside(self, sv: *mut Sv) -> Self {
        Self {
            sv,
            depth: self.depth + 1,
            ..self
        }
    }

    /// The data itself, all references to it followed.
    fn look(&mut self) -> Result<View, Error> {
        let mut view = View::EMPTY;
        loop {
            if self.depth > limits::DEPTH {
                return Error::fail(TOO_DEEP);
            }
            if self.sv.is_null() {
                return Ok(View::EMPTY);
            }
            // SAFETY: a valid value.
            unsafe { ffi::pvm_look(self.thx, self.sv, &mut view) };
            match view.kind {
                Kind::Reference => {
                    self.sv = view.target;
                    self.depth += 1;
                }
                Kind::Code => return Error::fail("code where data is expected"),
                Kind::Other => {
                    return Error::fail(
                        "a file handle, pattern or the like where data is expected",
                    );
                }
                Kind::Magical => {
                    return Error::fail("a tied variable inside of an object cannot be read");
                }
                Kind::Scalar | Kind::Array | Kind::Hash => return Ok(view),
            }
        }
    }

    /// The data as a scalar, which must not be undef.
    fn look_defined(mut self, expected: &dyn de::Expected) -> Result<View, Error> {
        let view = self.look()?;
        match view.kind {
            Kind::Scalar if view.flags == 0 => {
                Err(Error::invalid_type(Unexpected::Other("undef"), expected))
            }
            Kind::Scalar => Ok(view),
            Kind::Array => Err(Error::invalid_type(Unexpected::Other("array"), expected)),
            _ => Err(Error::invalid_type(Unexpected::Other("hash"), expected)),
        }
    }

    /// Says what came instead of a container.
    fn refuse<T>(self, view: &View, expected: &dyn de::Expected) -> Result<T, Error> {
        let found = match view.kind {
            Kind::Array => Unexpected::Other("array"),
            Kind::Hash => Unexpected::Other("hash"),
            _ if view.flags == 0 => Unexpected::Other("undef"),
            // SAFETY: the text is used up here.
            _ => match unsafe { text::characters(self.thx, view, true) } {
                Some(text) => Unexpected::Str(text::excerpt(text)),
                None => Unexpected::Other("value"),
            },
        };
        Err(Error::invalid_type(found, expected))
    }

    fn integer<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        let view = self.look_defined(&visitor)?;
        match number::integer(self.thx, &view, &visitor)? {
            Number::Signed(v) => visitor.visit_i64(v),
            Number::Unsigned(v) => visitor.visit_u64(v),
            Number::Float(v) => visitor.visit_f64(v),
        }
    }

    fn characters<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        let view = self.look_defined(&visitor)?;
        // SAFETY: the text belongs to the value, which lives for 'de, or to a mortal, which lives
        // for the rest of the call, as the value does not outlive it either.
        match unsafe { text::characters(self.thx, &view, false) } {
            Some(text) => visitor.visit_borrowed_str(text),
            None => Error::fail("the string is not valid Unicode"),
        }
    }

    fn array(mut self, expected: &dyn de::Expected) -> Result<ArrayAccess<'de>, Error> {
        let view = self.look()?;
        match view.kind {
            Kind::Array => Ok(ArrayAccess::new(self, view.target)),
            _ => self.refuse(&view, expected),
        }
    }

    fn hash(mut self, expected: &dyn de::Expected) -> Result<HashAccess<'de>, Error> {
        let view = self.look()?;
        match view.kind {
            Kind::Hash => Ok(HashAccess::new(self, view.target)),
            _ => self.refuse(&view, expected),
        }
    }
}

macro_rules! integers {
    ($($method:ident),*) => {
        $(fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
            self.integer(visitor)
        })*
    };
}

impl<'de> de::Deserializer<'de> for Deserializer<'de> {
    type Error = Error;

    integers!(
        deserialize_i8,
        deserialize_i16,
        deserialize_i32,
        deserialize_i64,
        deserialize_i128,
        deserialize_u8,
        deserialize_u16,
        deserialize_u32,
        deserialize_u64,
        deserialize_u128
    );

    fn deserialize_any<V: Visitor<'de>>(mut self, visitor: V) -> Result<V::Value, Error> {
        let view = self.look()?;
        match view.kind {
            Kind::Array => return visitor.visit_seq(ArrayAccess::new(self, view.target)),
            Kind::Hash => return visitor.visit_map(HashAccess::new(self, view.target)),
            _ if view.flags == 0 => return visitor.visit_none(),
            _ if view.flags & ffi::IS_BOOL != 0 => return self.deserialize_bool(visitor),
            _ => {}
        }
        match number::as_number(&view) {
            Some(Number::Signed(v)) => visitor.visit_i64(v),
            Some(Number::Unsigned(v)) => visitor.visit_u64(v),
            Some(Number::Float(v)) => visitor.visit_f64(v),
            None => self.characters(visitor),
        }
    }

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        let mut at = self;
        let view = at.look()?;
        if view.kind == Kind::Scalar && view.flags == 0 {
            return visitor.visit_bool(false);
        }
        let view = self.look_defined(&visitor)?;
        match number::truth(&view) {
            Some(truth) => visitor.visit_bool(truth),
            None => self.refuse(&view, &"a boolean (1, 0, or an empty string)"),
        }
    }

    fn deserialize_f32<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.deserialize_f64(visitor)
    }

    fn deserialize_f64<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        let view = self.look_defined(&visitor)?;
        let v = number::float(self.thx, &view, &visitor)?;
        visitor.visit_f64(v)
    }

    fn deserialize_char<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.characters(visitor)
    }

    fn deserialize_str<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.characters(visitor)
    }

    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.characters(visitor)
    }

    fn deserialize_bytes<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        let view = self.look_defined(&visitor)?;
        // SAFETY: as in `characters`.
        match unsafe { text::bytes(self.thx, &view) } {
            Some(bytes) => visitor.visit_borrowed_bytes(bytes),
            None => Error::fail("a wide character where a byte string is expected"),
        }
    }

    fn deserialize_byte_buf<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.deserialize_bytes(visitor)
    }

    fn deserialize_option<V: Visitor<'de>>(mut self, visitor: V) -> Result<V::Value, Error> {
        let mut view = View::EMPTY;
        if !self.sv.is_null() {
            // SAFETY: a valid value.
            unsafe { ffi::pvm_look(self.thx, self.sv, &mut view) };
        }
        match view.kind {
            Kind::Scalar if view.flags == 0 => visitor.visit_none(),
            _ => {
                self.depth += 1;
                visitor.visit_some(self)
            }
        }
    }

    fn deserialize_unit<V: Visitor<'de>>(mut self, visitor: V) -> Result<V::Value, Error> {
        let view = self.look()?;
        match view.kind {
            Kind::Scalar if view.flags == 0 => visitor.visit_unit(),
            _ => self.refuse(&view, &"undef"),
        }
    }

    fn deserialize_unit_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        visitor: V,
    ) -> Result<V::Value, Error> {
        self.deserialize_unit(visitor)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        visitor: V,
    ) -> Result<V::Value, Error> {
        if name != raw_value::NAME {
            return visitor.visit_newtype_struct(self);
        }
        raw_value::pass(if self.sv.is_null() {
            Scalar::new_undef()
        } else {
            // SAFETY: a valid value.
            unsafe { Scalar::from_raw_ref(self.sv) }
        });
        let result = visitor.visit_unit();
        raw_value::take_passed();
        result
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_seq(self.array(&"an array")?)
    }

    fn deserialize_tuple<V: Visitor<'de>>(self, len: usize, visitor: V) -> Result<V::Value, Error> {
        let elements = self.array(&"an array")?;
        if elements.len() != len {
            return Err(Error::invalid_length(elements.len(), &visitor));
        }
        visitor.visit_seq(elements)
    }

    fn deserialize_tuple_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        len: usize,
        visitor: V,
    ) -> Result<V::Value, Error> {
        self.deserialize_tuple(len, visitor)
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_map(self.hash(&"a hash")?)
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        _fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        visitor.visit_map(self.hash(&"a hash")?)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        mut self,
        _name: &'static str,
        _variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        let view = self.look()?;
        match view.kind {
            Kind::Hash => visitor.visit_enum(VariantAccess::of_hash(self, view.target)?),
            _ => visitor.visit_enum(VariantAccess::unit(self)),
        }
    }

    fn deserialize_identifier<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.characters(visitor)
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_unit()
    }
}
