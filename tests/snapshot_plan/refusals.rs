//! What plans are not made for, and why.
