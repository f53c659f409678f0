//! Single Perl values: owned ([`Scalar`]), left to Perl ([`Mortal`]), and what can be read from
//! either ([`ScalarRef`]). Reading never changes the value; a tied or overloaded one is read from a
//! plain copy, and if making that dies, the running function is left with that exception.

use std::borrow::Cow;
use std::ffi::{CStr, c_char};
use std::fmt;
use std::marker::PhantomData;
use std::ops::{Deref, DerefMut};
use std::ptr::NonNull;

use crate::Value;
use crate::ffi::{self, Kind, Sv, View};
use crate::interpreter::Interpreter;
use crate::panics;
pub use crate::types::{Flags, Type};

/// An owned reference to a Perl value of any type.
pub struct Scalar(NonNull<Sv>);

impl Scalar {
    /// Takes over one reference.
    ///
    /// # Safety
    ///
    /// `ptr` must be a valid value of the current interpreter, with a reference to give away.
    pub unsafe fn from_raw_move(ptr: *mut Sv) -> Self {
        // SAFETY: valid, hence not null.
        Self(unsafe { NonNull::new_unchecked(ptr) })
    }

    /// Makes another reference.
    ///
    /// # Safety
    ///
    /// `ptr` must be a valid value of the current interpreter.
    pub unsafe fn from_raw_ref(ptr: *mut Sv) -> Self {
        // SAFETY: as promised by the caller; the new reference is the one that is taken over.
        unsafe {
            ffi::pvm_hold(ptr);
            Self::from_raw_move(ptr)
        }
    }

    /// A new undef.
    pub fn new_undef() -> Self {
        // SAFETY: a new value with one reference.
        unsafe { Self::from_raw_move(ffi::pvm_new_undef(Interpreter::current())) }
    }

    /// A new integer.
    pub fn new_int(v: isize) -> Self {
        // SAFETY: a new value with one reference.
        unsafe { Self::from_raw_move(ffi::pvm_new_iv(Interpreter::current(), v as i64)) }
    }

    /// A new unsigned integer, kept intact to 2⁶⁴−1.
    pub fn new_uint(v: usize) -> Self {
        // SAFETY: a new value with one reference.
        unsafe { Self::from_raw_move(ffi::pvm_new_uv(Interpreter::current(), v as u64)) }
    }

    /// A new floating point number.
    pub fn new_float(v: f64) -> Self {
        // SAFETY: a new value with one reference.
        unsafe { Self::from_raw_move(ffi::pvm_new_nv(Interpreter::current(), v)) }
    }

    /// A new character string.
    pub fn new_string(s: &str) -> Self {
        Self::text(Interpreter::current(), s)
    }

    /// A new byte string.
    pub fn new_bytes(s: &[u8]) -> Self {
        Self::bytes(Interpreter::current(), s)
    }

    pub(crate) fn text(thx: Interpreter, s: &str) -> Self {
        let wide = !s.is_ascii();
        // SAFETY: a new value with one reference; Perl copies the text.
        unsafe {
            Self::from_raw_move(ffi::pvm_new_text(
                thx,
                s.as_ptr().cast(),
                s.len(),
                wide.into(),
            ))
        }
    }

    pub(crate) fn bytes(thx: Interpreter, s: &[u8]) -> Self {
        // SAFETY: a new value with one reference; Perl copies the bytes.
        unsafe { Self::from_raw_move(ffi::pvm_new_text(thx, s.as_ptr().cast(), s.len(), 0)) }
    }

    /// Hands the reference to Perl, which drops it when the running statement ends.
    pub fn into_mortal(self) -> Mortal {
        let sv = self.into_raw();
        // SAFETY: valid, and the reference is given away.
        unsafe { ffi::pvm_mortal(Interpreter::current(), sv) };
        Mortal(sv)
    }

    /// Gives the reference to the caller.
    pub fn into_raw(self) -> *mut Sv {
        let sv = self.0.as_ptr();
        std::mem::forget(self);
        sv
    }
}

impl Clone for Scalar {
    /// Another reference to the same value.
    fn clone(&self) -> Self {
        self.clone_ref()
    }
}

impl Drop for Scalar {
    fn drop(&mut self) {
        // SAFETY: the reference is ours to give up.
        unsafe { ffi::pvm_release(Interpreter::current(), self.0.as_ptr()) };
    }
}

impl Deref for Scalar {
    type Target = ScalarRef;

    fn deref(&self) -> &ScalarRef {
        // SAFETY: a valid value for as long as the reference is held; ScalarRef has no contents.
        unsafe { self.0.cast::<ScalarRef>().as_ref() }
    }
}

impl DerefMut for Scalar {
    fn deref_mut(&mut self) -> &mut ScalarRef {
        // SAFETY: as for `deref`.
        unsafe { self.0.cast::<ScalarRef>().as_mut() }
    }
}

/// A value that Perl drops when the running statement ends.
pub struct Mortal(*mut Sv);

impl Mortal {
    /// The value as C knows it.
    pub fn into_raw(self) -> *mut Sv {
        self.0
    }
}

impl Deref for Mortal {
    type Target = ScalarRef;

    fn deref(&self) -> &ScalarRef {
        // SAFETY: Perl holds a reference for the rest of the call; ScalarRef has no contents.
        unsafe { &*self.0.cast::<ScalarRef>() }
    }
}

/// A borrowed Perl value.
pub struct ScalarRef(PhantomData<*mut Sv>);

impl ScalarRef {
    pub(crate) fn sv(&self) -> *mut Sv {
        std::ptr::from_ref(self).cast_mut().cast()
    }

    /// The value as C knows it, without another reference.
    pub fn as_raw(&self) -> *mut Sv {
        self.sv()
    }

    pub(crate) fn look(&self, thx: Interpreter) -> View {
        let mut view = View::EMPTY;
        // SAFETY: a valid value.
        unsafe { ffi::pvm_look(thx, self.sv(), &mut view) };
        view
    }

    /// The value itself if it can be read as it is, else a plain copy.
    ///
    /// # Errors
    ///
    /// The exception that a FETCH or an overloaded conversion died with.
    pub(crate) fn plain(&self, thx: Interpreter) -> Result<Cow<'_, Self>, Scalar> {
        // SAFETY: valid values; the copy and the error come with a reference of ours.
        unsafe {
            if ffi::pvm_is_plain(thx, self.sv()) != 0 {
                return Ok(Cow::Borrowed(self));
            }
            let mut error = std::ptr::null_mut();
            let copy = ffi::pvm_plain_owned(thx, self.sv(), &mut error);
            if copy.is_null() {
                return Err(Scalar::from_raw_move(error));
            }
            Ok(Cow::Owned(Scalar::from_raw_move(copy)))
        }
    }

    /// Like [`plain`](Self::plain), for readers that cannot fail: leaves the running function.
    pub(crate) fn plain_or_throw(&self, thx: Interpreter) -> Cow<'_, Self> {
        self.plain(thx)
            .unwrap_or_else(|exception| panics::throw(exception))
    }

    /// What this is as a single value, after tied variables and overloading have had their say.
    fn read<T>(&self, body: impl FnOnce(Interpreter, &View) -> T) -> T {
        let thx = Interpreter::current();
        let view = self.look(thx);
        // SAFETY: a valid value.
        if view.kind != Kind::Scalar && unsafe { ffi::pvm_runs_code(self.sv()) } != 0 {
            // Texts may be borrowed from the copy for the rest of the call.
            let copy = self.plain_or_throw(thx).into_owned().into_mortal();
            return body(thx, &copy.look(thx));
        }
        body(thx, &view)
    }

    /// The type of this value.
    pub fn ty(&self) -> Type {
        let view = self.look(Interpreter::current());
        // SAFETY: a valid value.
        let class = unsafe { ffi::pvm_class(self.sv()) };
        match (view.kind, class) {
            (Kind::Scalar, _) => {
                let mut flags = Flags::empty();
                for (has, flag) in [
                    (ffi::HAS_INTEGER, Flags::INTEGER),
                    (ffi::HAS_FLOAT, Flags::DOUBLE),
                    (ffi::HAS_TEXT, Flags::STRING),
                ] {
                    if view.flags & has != 0 {
                        flags = flags.and(flag);
                    }
                }
                Type::Scalar(flags)
            }
            (_, 1) => Type::Reference,
            (_, 2) => Type::Array,
            (_, 3) => Type::Hash,
            // SAFETY: a valid value.
            _ => Type::Other(unsafe { ffi::pvm_type_number(self.sv()) } as u8),
        }
    }

    /// What a reference refers to; `None` for what is no reference.
    pub fn dereference(&self) -> Option<Scalar> {
        // SAFETY: a valid value, whose target is valid as well.
        unsafe {
            let target = ffi::pvm_target(self.sv());
            (!target.is_null()).then(|| Scalar::from_raw_ref(target))
        }
    }

    /// The value as a floating point number, by Perl's rules: junk counts as 0.
    pub fn nv(&self) -> f64 {
        self.read(|_, view| crate::de::number::lenient_float(view))
    }

    /// The value as an integer, by Perl's rules: junk counts as 0, fractions are cut off.
    pub fn iv(&self) -> isize {
        self.read(|_, view| crate::de::number::lenient_integer(view) as isize)
    }

    /// The value as characters. What is not Unicode comes as U+FFFD.
    pub fn pv_string_utf8(&self) -> &str {
        self.read(|thx, view| {
            // SAFETY: the text belongs to this value, or to a mortal that lives as long as the call.
            unsafe { crate::de::text::characters(thx, view, true) }.unwrap_or("")
        })
    }

    /// The value as bytes. Characters that do not fit into a byte come as their UTF-8 encoding, all
    /// of the string then being so encoded.
    pub fn pv_bytes(&self) -> &[u8] {
        self.read(|thx, view| {
            // SAFETY: as for `pv_string_utf8`.
            let bytes = unsafe { crate::de::text::bytes(thx, view) };
            bytes.unwrap_or_else(|| crate::de::text::stored(view))
        })
    }

    /// The value as bytes; None if it has characters that do not fit into a byte.
    pub fn pv_utf8_to_bytes(&self) -> Option<&[u8]> {
        // SAFETY: as for `pv_string_utf8`.
        self.read(|thx, view| unsafe { crate::de::text::bytes(thx, view) })
    }

    /// Another reference to the same value.
    pub fn clone_ref(&self) -> Scalar {
        // SAFETY: a valid value.
        unsafe { Scalar::from_raw_ref(self.sv()) }
    }

    /// Whether this is undef.
    pub fn is_undef(&self) -> bool {
        let is_undef = |view: View| view.kind == Kind::Scalar && view.flags == 0;
        let thx = Interpreter::current();
        match self.look(thx) {
            // Overloading has no say in this, only FETCH has.
            view if view.kind == Kind::Magical => is_undef(self.plain_or_throw(thx).look(thx)),
            view => is_undef(view),
        }
    }

    /// Another reference, sorted by type.
    pub fn into_value(self: &ScalarRef) -> Value {
        Value::from_scalar(self.clone_ref())
    }

    /// The type of this value (`"SCALAR"`, `"ARRAY"`, …), or if `blessed` is true and it is blessed,
    /// its class. To learn what a reference refers to, dereference it first.
    pub fn reftype(&self, blessed: bool) -> &'static str {
        // SAFETY: a valid value; the name lives as long as the interpreter keeps the package.
        let name: *const c_char =
            unsafe { ffi::pvm_type_name(Interpreter::current(), self.sv(), blessed.into()) };
        if name.is_null() {
            return "<unknown>";
        }
        // SAFETY: Perl gives a C string.
        unsafe { CStr::from_ptr(name) }
            .to_str()
            .unwrap_or("<not UTF-8>")
    }
}

impl ToOwned for ScalarRef {
    type Owned = Scalar;

    fn to_owned(&self) -> Scalar {
        self.clone_ref()
    }
}

impl std::borrow::Borrow<ScalarRef> for Scalar {
    fn borrow(&self) -> &ScalarRef {
        self
    }
}

impl fmt::Debug for ScalarRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let thx = Interpreter::current();
        let view = self.look(thx);
        match view.kind {
            Kind::Scalar if view.flags == 0 => f.write_str("undef"),
            Kind::Scalar => {
                // SAFETY: the text is used up before the value can change.
                let text = unsafe { crate::de::text::characters(thx, &view, true) };
                write!(f, "{:?}", text.unwrap_or(""))
            }
            kind => write!(f, "<{kind:?}>"),
        }
    }
}

impl fmt::Debug for Scalar {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&**self, f)
    }
}
