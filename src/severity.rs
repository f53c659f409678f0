//! How grave what was found is. All parts of the crate that find something use these words.

/// How grave a finding is. Ordered: what is worse is greater.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// Worth knowing; harmless.
    Info,
    /// Unusual, and to be looked at; harmless as things are.
    Warning,
    /// Something that must not be: an image that must not be used, a LUN that cannot be.
    Error,
}

impl Severity {
    /// The stable word.
    pub fn name(self) -> &'static str {
        match self {
            Severity::Info => "info",
            Severity::Warning => "warning",
            Severity::Error => "error",
        }
    }
}
