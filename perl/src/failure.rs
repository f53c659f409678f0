//! What Perl gets when a call fails: an object of `PVE::Native::Error`.

use perlmod::Value;
use pve_native_core::{Error, ErrorKind};
use serde::{Serialize, Serializer};

/// The class of error objects.
const CLASS: &str = "PVE::Native::Error";

/// An error object, to be died with.
pub struct Failure(Value);

impl Failure {
    /// The object.
    pub fn into_value(self) -> Value {
        self.0
    }

    /// An answer could not be turned into Perl values.
    pub fn internal(error: perlmod::Error) -> Self {
        Error::new(ErrorKind::Panic(error.to_string())).into()
    }
}

impl Serialize for Failure {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(serializer)
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Failure(object(&error))
    }
}

fn object(error: &Error) -> Value {
    let fields = Value::new_hash();
    if let Some(hash) = fields.as_hash() {
        hash.insert("code", Value::new_int(error.code() as isize));
        hash.insert("name", Value::new_string(error.code().name()));
        hash.insert("errno", Value::new_int(error.errno() as isize));
        hash.insert("message", Value::new_string(&error.to_string()));
        hash.insert(
            "path",
            error.path().map_or_else(Value::new_undef, Value::new_bytes),
        );
        let offset = error
            .offset()
            .map(|offset| Value::new_uint(offset as usize));
        hash.insert("offset", offset.unwrap_or_else(Value::new_undef));
    }
    let reference = Value::new_ref(&fields);
    // The class is loaded by the module that loads this library; without it the plain hash says
    // the same.
    reference.bless(CLASS).unwrap_or(reference)
}
