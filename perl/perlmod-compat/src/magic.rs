//! Native objects: Rust values behind Perl references, kept in the referenced value's magic. Copies
//! that Perl code makes of the value (`Storable`, a new thread) do not carry it, so a native object
//! has one owner and is dropped once.
//!
//! [`declare_magic!`](crate::declare_magic!) and
//! [`instantiate_magic!`](crate::instantiate_magic!) are the way to use this.

use std::ffi::{c_int, c_void};
use std::marker::PhantomData;
use std::rc::Rc;
use std::sync::Arc;

use crate::error::MagicError;
use crate::ffi::{self, MagicTable, RawTag, Sv};
use crate::interpreter::Interpreter;
use crate::panics::{self, Stop};
use crate::{Scalar, ScalarRef};

/// Owning pointers that can be kept in a value's magic.
///
/// # Safety
///
/// `into_object` must give a pointer that stays valid, as a `Pointee`, until it is given to
/// `from_object`, and is not null.
pub unsafe trait Leakable {
    /// What is pointed at.
    type Pointee;

    /// Gives up ownership.
    fn into_object(self) -> *const Self::Pointee;

    /// Takes ownership back.
    ///
    /// # Safety
    ///
    /// `object` must come from `into_object`, and be given back once only.
    unsafe fn from_object(object: *const Self::Pointee) -> Self;
}

// SAFETY: a box stays where it is until it is made a box again.
unsafe impl<T> Leakable for Box<T> {
    type Pointee = T;

    fn into_object(self) -> *const T {
        Self::into_raw(self)
    }

    unsafe fn from_object(object: *const T) -> Self {
        // SAFETY: as promised by the caller.
        unsafe { Self::from_raw(object.cast_mut()) }
    }
}

// SAFETY: the pointee lives as long as the count that was given up.
unsafe impl<T> Leakable for Arc<T> {
    type Pointee = T;

    fn into_object(self) -> *const T {
        Self::into_raw(self)
    }

    unsafe fn from_object(object: *const T) -> Self {
        // SAFETY: as promised by the caller.
        unsafe { Self::from_raw(object) }
    }
}

// SAFETY: the pointee lives as long as the count that was given up; magic stays on its thread.
unsafe impl<T> Leakable for Rc<T> {
    type Pointee = T;

    fn into_object(self) -> *const T {
        Self::into_raw(self)
    }

    unsafe fn from_object(object: *const T) -> Self {
        // SAFETY: as promised by the caller.
        unsafe { Self::from_raw(object) }
    }
}

/// What tells one kind of object from all others: its address. Each tag is for one
/// [`MagicSpec`].
#[repr(transparent)]
pub struct MagicTag<T = ()>(RawTag, PhantomData<fn() -> T>);

// SAFETY: it contains constants only.
unsafe impl<T> Sync for MagicTag<T> {}
// SAFETY: it contains constants only.
unsafe impl<T> Send for MagicTag<T> {}

const fn table(free: Option<unsafe extern "C" fn()>) -> MagicTable {
    MagicTable {
        get: std::ptr::null(),
        set: std::ptr::null(),
        len: std::ptr::null(),
        clear: std::ptr::null(),
        free,
        copy: std::ptr::null(),
        dup: Some(ffi::pvm_magic_dup),
        local: std::ptr::null(),
    }
}

impl<T> MagicTag<T> {
    /// A tag for objects that a `DESTROY` of the glue's own takes out again, see
    /// [`magic_destructor!`](crate::magic_destructor!).
    #[allow(clippy::new_without_default)]
    pub const fn new() -> Self {
        Self(
            RawTag {
                table: table(None),
                drop: None,
            },
            PhantomData,
        )
    }
}

impl<T: Leakable> MagicTag<T> {
    /// The tag to start from: objects are dropped with the Perl value. It must be used for objects
    /// of type `T` only.
    pub const DEFAULT: Self = Self(
        RawTag {
            table: table(Some(ffi::pvm_magic_free)),
            drop: Some(drop_object::<T>),
        },
        PhantomData,
    );
}

/// Drops an object for Perl; a panic on the way becomes a message, which C gives to `warn`.
unsafe extern "C" fn drop_object<T: Leakable>(object: *mut c_void) -> *mut Sv {
    // SAFETY: C hands over what was attached, and forgets it.
    match panics::catch(|| drop(unsafe { T::from_object(object.cast_const().cast()) })) {
        Ok(()) => std::ptr::null_mut(),
        Err(Stop::Thrown(exception)) => exception.into_raw(),
        Err(Stop::Panic(text)) => Scalar::new_string(&format!("{text}\n")).into_raw(),
    }
}

/// A kind of object: its tag and its Rust type.
pub struct MagicSpec<'o, 'v, T> {
    tag: &'v RawTag,
    _object: PhantomData<fn() -> T>,
    _name: PhantomData<&'o ()>,
}

impl<T> Clone for MagicSpec<'_, '_, T> {
    fn clone(&self) -> Self {
        Self {
            tag: self.tag,
            _object: PhantomData,
            _name: PhantomData,
        }
    }
}

// SAFETY: it contains a reference to constants only.
unsafe impl<T> Sync for MagicSpec<'_, '_, T> {}
// SAFETY: it contains a reference to constants only.
unsafe impl<T> Send for MagicSpec<'_, '_, T> {}

impl<T> MagicSpec<'static, 'static, T> {
    /// The kind that `tag` stands for.
    ///
    /// # Safety
    ///
    /// The tag must not be used for another `MagicSpec`.
    pub const unsafe fn new_static<TT>(tag: &'static MagicTag<TT>) -> Self {
        Self {
            tag: &tag.0,
            _object: PhantomData,
            _name: PhantomData,
        }
    }

    /// Another one for the same kind.
    pub const fn spec(&self) -> Self {
        Self {
            tag: self.tag,
            _object: PhantomData,
            _name: PhantomData,
        }
    }
}

impl<'o, 'v, T: Leakable> MagicSpec<'o, 'v, T> {
    /// An object to be attached by [`ScalarRef::add_magic`].
    pub fn with_value<'a>(&'a self, ptr: T) -> MagicValue<'a, 'o, 'v, T> {
        MagicValue {
            spec: self,
            object: ptr,
        }
    }
}

/// An object to be attached.
pub struct MagicValue<'spec, 'o, 'v, T> {
    spec: &'spec MagicSpec<'o, 'v, T>,
    object: T,
}

impl ScalarRef {
    /// Attaches an object to this value. If the value is blessed, its class is kept from being
    /// cloned into new threads (unless it says something about that itself), so bless first.
    pub fn add_magic<T: Leakable>(&self, spec: MagicValue<'_, '_, 'static, T>) {
        let tag = spec.spec.tag;
        let object = spec.object.into_object().cast::<c_void>().cast_mut();
        // SAFETY: a valid value; the object is Perl's from now on, and the tag's drop is for its
        // type.
        unsafe { ffi::pvm_magic_attach(Interpreter::current(), self.sv(), tag, object) };
    }

    /// The object of this kind that is attached to this value.
    pub fn find_magic<'a, T: Leakable>(
        &self,
        spec: &MagicSpec<'static, 'static, T>,
    ) -> Option<&'a T::Pointee> {
        let mut found: c_int = 0;
        // SAFETY: a valid value; what is found under this tag is a `T::Pointee`. It lives as long as
        // the value, which C holds for the running call.
        unsafe {
            let object = ffi::pvm_magic_find(self.sv(), spec.tag, &mut found);
            object.cast_const().cast::<T::Pointee>().as_ref()
        }
    }

    /// Detaches the object of this kind. `None` if the tag drops objects itself (it then just did),
    /// or the object is gone already.
    ///
    /// # Errors
    ///
    /// If there is none of this kind.
    pub fn remove_magic<T: Leakable>(
        &self,
        spec: &MagicSpec<'static, 'static, T>,
    ) -> Result<Option<T>, MagicError> {
        let mut found: c_int = 0;
        // SAFETY: as for `find_magic`; C has forgotten the object then.
        let object = unsafe {
            let object =
                ffi::pvm_magic_take(Interpreter::current(), self.sv(), spec.tag, &mut found);
            let object = object.cast_const().cast::<T::Pointee>();
            (!object.is_null()).then(|| T::from_object(object))
        };
        match found {
            0 => Err(MagicError::NotFound("")),
            _ if spec.tag.drop.is_some() => Ok(None),
            _ => Ok(object),
        }
    }
}
