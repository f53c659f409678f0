//! Statistics of what guests and nodes use: percentiles of samples, and vectors of resources that
//! are compared with each other.
//!
//! Everything here is total: a sample that is not there is left out, a vector of zeros has a
//! defined answer, and no result is NaN. Units are the caller's: cores and bytes before
//! [`normalised`], fractions of a capacity after it.

mod percentile;
mod vector;

pub use percentile::percentile;
pub use vector::{DotProduct, dot_product, euclidean_distance, normalised};
