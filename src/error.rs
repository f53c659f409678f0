//! Every way in which a call can fail, with the path and the offset where it did.
//!
//! The numeric [`Code`] is contract: the C codes, the Perl error objects and the `code` in JSON
//! answers all come from it. The messages are for people and may change.

use std::fmt;

use crate::text;

/// The result of every fallible function of the core.
pub type Result<T> = std::result::Result<T, Error>;

/// Stable number of a kind of failure. 0 is success and therefore not in here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(i32)]
pub enum Code {
    /// An argument that no call can be made with: empty path, unknown option, not a number.
    Argument = 1,
    /// The operating system refused; the errno says why.
    Io = 2,
    /// The file is not what it was said to be: wrong magic, directory, FIFO, character device.
    Format = 3,
    /// The file has the right magic, but its metadata breaks the format's rules.
    Corrupt = 4,
    /// Valid, but a version, feature, protocol or driver that is not known here.
    Unsupported = 5,
    /// Larger than a bound of `limits.rs` or one that the caller set.
    Limit = 6,
    /// The caller's policy forbids it.
    Denied = 7,
    /// A backing chain that comes back to an image that is already in it.
    Cycle = 8,
    /// A backing image whose format is not recorded, so that it could only be probed.
    UnnamedFormat = 9,
    /// The time that the caller gave is up.
    Timeout = 10,
    /// Too many calls of this process already hang in the kernel.
    Busy = 11,
    /// A defect of this library: a panic was caught at the door.
    Panic = 12,
    /// The handle was poisoned by a panic in an earlier call.
    Poisoned = 13,
    /// The caller's progress callback asked to stop.
    Cancelled = 14,
}

impl Code {
    /// All codes, in numeric order.
    pub const ALL: [Code; 14] = [
        Code::Argument,
        Code::Io,
        Code::Format,
        Code::Corrupt,
        Code::Unsupported,
        Code::Limit,
        Code::Denied,
        Code::Cycle,
        Code::UnnamedFormat,
        Code::Timeout,
        Code::Busy,
        Code::Panic,
        Code::Poisoned,
        Code::Cancelled,
    ];

    /// The stable word for this code, as in `{ error => { code => … } }`.
    pub fn name(self) -> &'static str {
        match self {
            Code::Argument => "argument",
            Code::Io => "io",
            Code::Format => "format",
            Code::Corrupt => "corrupt",
            Code::Unsupported => "unsupported",
            Code::Limit => "limit",
            Code::Denied => "denied",
            Code::Cycle => "cycle",
            Code::UnnamedFormat => "unnamed-format",
            Code::Timeout => "timeout",
            Code::Busy => "busy",
            Code::Panic => "panic",
            Code::Poisoned => "poisoned",
            Code::Cancelled => "cancelled",
        }
    }
}

/// What went wrong, without where.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ErrorKind {
    /// See [`Code::Argument`].
    #[error("{0}")]
    Argument(String),
    /// See [`Code::Io`]: what was attempted ("open", "read", …) and the errno.
    #[error("{}", errno_text(*.errno))]
    Io {
        /// The verb: open, stat, read.
        action: &'static str,
        /// The errno of the system call.
        errno: i32,
    },
    /// See [`Code::Format`].
    #[error("{0}")]
    Format(String),
    /// See [`Code::Corrupt`].
    #[error("{0}")]
    Corrupt(String),
    /// See [`Code::Unsupported`].
    #[error("{0}")]
    Unsupported(String),
    /// See [`Code::Limit`].
    #[error("{0}")]
    Limit(String),
    /// See [`Code::Denied`].
    #[error("{0}")]
    Denied(String),
    /// See [`Code::Cycle`].
    #[error("backing chain comes back to image {position} of the chain")]
    Cycle {
        /// Index in the chain of the image that appears twice; the top image is 0.
        position: usize,
    },
    /// See [`Code::UnnamedFormat`].
    #[error("the image above does not record the format of this file; it was not probed")]
    UnnamedFormat,
    /// See [`Code::Timeout`].
    #[error("storage did not answer in time")]
    Timeout,
    /// See [`Code::Busy`].
    #[error("too many storage calls of this process hang already")]
    Busy,
    /// See [`Code::Panic`].
    #[error("internal error: {0}")]
    Panic(String),
    /// See [`Code::Poisoned`].
    #[error("this handle is unusable after an internal error")]
    Poisoned,
    /// See [`Code::Cancelled`].
    #[error("cancelled by the caller")]
    Cancelled,
}

/// A failure with its place. One pointer wide, so that results stay small.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Error(Box<Inner>);

#[derive(Clone, Debug, PartialEq, Eq)]
struct Inner {
    kind: ErrorKind,
    path: Option<Vec<u8>>,
    offset: Option<u64>,
}

impl Error {
    /// A failure whose place is not known yet.
    #[cold]
    pub fn new(kind: ErrorKind) -> Self {
        Error(Box::new(Inner {
            kind,
            path: None,
            offset: None,
        }))
    }

    /// The caller's argument is not usable.
    #[cold]
    pub fn argument(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Argument(message.into()))
    }

    /// A system call failed.
    #[cold]
    pub fn io(action: &'static str, errno: i32) -> Self {
        Self::new(ErrorKind::Io { action, errno })
    }

    /// The file is of another kind or format than was said.
    #[cold]
    pub fn format(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Format(message.into()))
    }

    /// The metadata breaks the format's rules.
    #[cold]
    pub fn corrupt(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Corrupt(message.into()))
    }

    /// Valid, but not known here.
    #[cold]
    pub fn unsupported(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Unsupported(message.into()))
    }

    /// Above a bound.
    #[cold]
    pub fn limit(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Limit(message.into()))
    }

    /// Against the caller's policy.
    #[cold]
    pub fn denied(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Denied(message.into()))
    }

    /// The same failure, in this file. A path that is already there stays: it is nearer.
    #[cold]
    pub fn in_file(mut self, path: &[u8]) -> Self {
        self.0.path.get_or_insert_with(|| path.to_vec());
        self
    }

    /// The same failure, at this offset in bytes from the start of the file.
    #[cold]
    pub fn at(mut self, offset: u64) -> Self {
        self.0.offset.get_or_insert(offset);
        self
    }

    /// Whether storage would have to be waited for, and the call was one that does not wait.
    pub(crate) fn would_block(&self) -> bool {
        let errno = libc::EWOULDBLOCK;
        matches!(self.0.kind, ErrorKind::Io { errno: e, .. } if e == errno)
    }

    /// What went wrong.
    pub fn kind(&self) -> &ErrorKind {
        &self.0.kind
    }

    /// The stable number.
    pub fn code(&self) -> Code {
        match self.0.kind {
            ErrorKind::Argument(_) => Code::Argument,
            ErrorKind::Io { .. } => Code::Io,
            ErrorKind::Format(_) => Code::Format,
            ErrorKind::Corrupt(_) => Code::Corrupt,
            ErrorKind::Unsupported(_) => Code::Unsupported,
            ErrorKind::Limit(_) => Code::Limit,
            ErrorKind::Denied(_) => Code::Denied,
            ErrorKind::Cycle { .. } => Code::Cycle,
            ErrorKind::UnnamedFormat => Code::UnnamedFormat,
            ErrorKind::Timeout => Code::Timeout,
            ErrorKind::Busy => Code::Busy,
            ErrorKind::Panic(_) => Code::Panic,
            ErrorKind::Poisoned => Code::Poisoned,
            ErrorKind::Cancelled => Code::Cancelled,
        }
    }

    /// The errno that tells this failure best: the system's own for [`Code::Io`], a fixed one for
    /// the others (contract: C callers return it as `-errno`).
    pub fn errno(&self) -> i32 {
        match self.0.kind {
            ErrorKind::Io { errno, .. } => errno,
            ErrorKind::Argument(_) | ErrorKind::Format(_) => libc::EINVAL,
            ErrorKind::Corrupt(_) => libc::EBADMSG,
            ErrorKind::Unsupported(_) | ErrorKind::UnnamedFormat => libc::ENOTSUP,
            ErrorKind::Limit(_) => libc::EFBIG,
            ErrorKind::Denied(_) => libc::EPERM,
            ErrorKind::Cycle { .. } => libc::ELOOP,
            ErrorKind::Timeout => libc::ETIMEDOUT,
            ErrorKind::Busy => libc::EAGAIN,
            ErrorKind::Panic(_) => libc::EFAULT,
            ErrorKind::Poisoned => libc::EBADFD,
            ErrorKind::Cancelled => libc::ECANCELED,
        }
    }

    /// The file it happened in, as bytes, if it happened in one.
    pub fn path(&self) -> Option<&[u8]> {
        self.0.path.as_deref()
    }

    /// Offset in bytes from the start of that file, if one field is to blame.
    pub fn offset(&self) -> Option<u64> {
        self.0.offset
    }
}

/// One line, beginning with what failed, safe to print on a terminal.
impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let inner = &*self.0;
        let action = match inner.kind {
            ErrorKind::Io { action, .. } => action,
            _ => "inspect",
        };
        if let Some(path) = &inner.path {
            write!(f, "cannot {action} '{}': ", text::printable(path))?;
        } else if matches!(inner.kind, ErrorKind::Io { .. }) {
            write!(f, "cannot {action}: ")?;
        }
        write!(f, "{}", inner.kind)?;
        if let Some(offset) = inner.offset {
            write!(f, " (at offset {offset})")?;
        }
        Ok(())
    }
}

impl std::error::Error for Error {}

fn errno_text(errno: i32) -> String {
    let mut text = std::io::Error::from_raw_os_error(errno).to_string();
    if let Some(end) = text.rfind(" (os error") {
        text.truncate(end);
    }
    text
}
