//! What a function gives back: one value, or a list if it says so by [`Return`].

use serde::ser::{Serialize, Serializer};

use crate::call::{Failure, Frame};
use crate::ffi;
use crate::{Scalar, ser};

/// A result that depends on the context, see [`Gimme::map`](crate::Gimme::map).
pub enum Return<T, U> {
    /// Nothing.
    Void,
    /// One value.
    Single(T),
    /// The elements of a sequence or tuple as a list. Anything else is one value.
    List(U),
}

impl<T: Serialize, U: Serialize> Serialize for Return<T, U> {
    /// Inside of other data a list is a sequence like any other.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Void => serializer.serialize_unit(),
            Self::Single(value) => value.serialize(serializer),
            Self::List(values) => values.serialize(serializer),
        }
    }
}

/// A function's result on its way. Generated code calls `deliver` on a reference to this, by which
/// method resolution prefers [`DeliverReturn`] where the type is a [`Return`], under any name.
pub struct Output<'a, T>(pub &'a T);

/// Results that depend on the context.
pub trait DeliverReturn {
    /// Adds the results.
    ///
    /// # Errors
    ///
    /// What the conversion says.
    fn deliver(&self, frame: &mut Frame<'_>) -> Result<(), Failure>;
}

/// Results that are one value.
pub trait DeliverValue {
    /// Adds the result.
    ///
    /// # Errors
    ///
    /// What the conversion says.
    fn deliver(&self, frame: &mut Frame<'_>) -> Result<(), Failure>;
}

impl<T: Serialize, U: Serialize> DeliverReturn for Output<'_, Return<T, U>> {
    fn deliver(&self, frame: &mut Frame<'_>) -> Result<(), Failure> {
        match self.0 {
            Return::Void => Ok(()),
            Return::Single(value) => frame.give_data(value),
            Return::List(values) => {
                let list = ser::to_list(frame.interpreter(), values)?;
                // SAFETY: valid values; the array is our own.
                unsafe {
                    if ffi::pvm_class(list.sv()) != 2 {
                        frame.give(list);
                        return Ok(());
                    }
                    for index in 0..ffi::pvm_array_length(list.sv()) {
                        let element = ffi::pvm_array_at(list.sv(), index);
                        frame.give(Scalar::from_raw_ref(element));
                    }
                }
                Ok(())
            }
        }
    }
}

impl<T: Serialize> DeliverValue for &Output<'_, T> {
    fn deliver(&self, frame: &mut Frame<'_>) -> Result<(), Failure> {
        frame.give_data(self.0)
    }
}
