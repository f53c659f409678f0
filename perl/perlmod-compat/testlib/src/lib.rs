//! Perl packages for the tests of perlmod-compat. All but `beyond` keep to what glue may use, and
//! compile unchanged against perlmod 0.14; `beyond` holds what only this crate's tests need.

pub mod beyond;
pub mod data;
pub mod errors;
pub mod objects;
pub mod returns;
pub mod speed;
pub mod values;
