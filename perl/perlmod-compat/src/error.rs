//! Errors of conversions and of native objects. Glue turns them into Perl exceptions by their
//! display form; [`set_errno`] is for functions exported with `errno`, which set `$!`.

use std::cell::Cell;
use std::ffi::c_int;
use std::fmt;

use crate::de::text::excerpt;

/// A message, with the place in the data where it arose if there is one (`guests[3].mem`).
#[derive(Clone, Debug)]
pub struct Error(Box<Inner>);

#[derive(Clone, Debug)]
struct Inner {
    message: String,
    /// Steps from the outside to the inside, empty for the value itself.
    place: String,
}

impl Error {
    /// An error with this message.
    pub fn new(message: &str) -> Self {
        Self::new_owned(message.to_owned())
    }

    /// An error with this message.
    pub fn new_owned(message: String) -> Self {
        Self(Box::new(Inner {
            message,
            place: String::new(),
        }))
    }

    /// `Err` with this message.
    ///
    /// # Errors
    ///
    /// Always.
    pub fn fail<T>(message: &str) -> Result<T, Self> {
        Err(Self::new(message))
    }

    /// The same error as seen from the array around it.
    pub(crate) fn at_index(mut self, index: usize) -> Self {
        self.prepend(&format!("[{index}]"));
        self
    }

    /// The same error as seen from the hash around it.
    pub(crate) fn at_key(mut self, key: &str) -> Self {
        self.prepend(&excerpt(key).escape_debug().to_string());
        self
    }

    fn prepend(&mut self, step: &str) {
        let place = &mut self.0.place;
        // A hostile structure 512 deep must not make a text of that length.
        if place.len() > 200 {
            return;
        }
        if !place.is_empty() && !place.starts_with('[') {
            place.insert(0, '.');
        }
        place.insert_str(0, step);
    }
}

/// Characters of a message of serde's that are kept.
const MESSAGE: usize = 1000;

/// serde puts names of unknown fields and variants into its messages as they are: line ends and
/// what else moves a cursor is written out here, and what has no end is cut off.
fn one_line(message: &str) -> String {
    let mut line = String::with_capacity(message.len().min(MESSAGE));
    for c in message.chars().take(MESSAGE) {
        if c.is_control() {
            line.extend(c.escape_default());
        } else {
            line.push(c);
        }
    }
    line
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.0.place.is_empty() {
            write!(f, "{}: ", self.0.place)?;
        }
        f.write_str(&self.0.message)
    }
}

impl std::error::Error for Error {}

impl serde::de::Error for Error {
    fn custom<T: fmt::Display>(message: T) -> Self {
        Self::new_owned(one_line(&message.to_string()))
    }
}

impl serde::ser::Error for Error {
    fn custom<T: fmt::Display>(message: T) -> Self {
        Self::new_owned(one_line(&message.to_string()))
    }
}

/// A [`Scalar`](crate::Scalar) was not the array or hash it was taken for.
#[derive(Debug)]
pub struct CastError;

impl fmt::Display for CastError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("not of the expected type")
    }
}

impl std::error::Error for CastError {}

/// A value is not the native object it was taken for. Carries the class that was expected.
#[derive(Debug)]
pub enum MagicError {
    /// Undef, a string or a number.
    NotAReference(&'static str),
    /// A reference, but not to such an object, or to one that is gone: destroyed, or left behind in
    /// the thread that made it.
    NotFound(&'static str),
}

impl fmt::Display for MagicError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotAReference(class) => write!(f, "not a reference to a {class} object"),
            Self::NotFound("") => f.write_str("not a native object of this kind"),
            Self::NotFound(class) => write!(f, "not a {class} object, or one that is gone"),
        }
    }
}

impl std::error::Error for MagicError {}

thread_local! {
    static ERRNO: Cell<c_int> = const { Cell::new(0) };
}

/// Says what `$!` shall be when the running function returns or dies, provided it is exported with
/// `errno`.
pub fn set_errno(value: c_int) {
    ERRNO.set(value);
}

/// What [`set_errno`] was last given on this thread.
pub fn get_errno() -> c_int {
    ERRNO.get()
}
