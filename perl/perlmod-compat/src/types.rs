//! What a value is, as far as Perl tells: a scalar has no one type, only what it can be read as.

/// What a simple value can be read as without conversion; several at once are possible.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Flags(u8);

impl Flags {
    /// An integer.
    pub const INTEGER: Self = Self(1);
    /// A floating point number.
    pub const DOUBLE: Self = Self(2);
    /// A string.
    pub const STRING: Self = Self(4);

    /// None of them.
    pub const fn empty() -> Self {
        Self(0)
    }

    /// These and `other`.
    pub(crate) const fn and(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Whether there is none.
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Whether all of `other` are there.
    pub const fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// Whether any of `other` is there.
    pub const fn intersects(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }
}

/// The type of a value.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Type {
    /// Undef (no flags), a number or a string.
    Scalar(Flags),
    /// A reference.
    Reference,
    /// An array itself.
    Array,
    /// A hash itself.
    Hash,
    /// Code, a file handle, a pattern; by Perl's internal number.
    Other(u8),
}
