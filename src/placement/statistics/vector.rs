//! Vectors of resources (cores, bytes, …) and how near or aligned two of them are: what vector bin
//! packing chooses nodes by.

use crate::error::{Error, Result};

/// What a dot product is divided by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DotProduct {
    /// Nothing. The mode `''`.
    Plain,
    /// Both lengths: the cosine of the angle between them, from -1 to 1. The mode `normR`.
    Cosine,
    /// The square of the second vector's length: how much of it the first one covers, 1 being all
    /// of it. The mode `normC`.
    Coverage,
}

impl DotProduct {
    /// The mode of this name: `''`, `normR` or `normC`.
    ///
    /// # Errors
    ///
    /// [`Code::Argument`](crate::Code::Argument) for any other name.
    pub fn named(name: &str) -> Result<Self> {
        match name {
            "" => Ok(DotProduct::Plain),
            "normR" => Ok(DotProduct::Cosine),
            "normC" => Ok(DotProduct::Coverage),
            _ => Err(Error::argument(format!(
                "dot product mode '{}' is not '', normR or normC",
                name.escape_debug()
            ))),
        }
    }

    /// What a caller means by these bytes, or by none: the mode `''`.
    ///
    /// # Errors
    ///
    /// As [`named`](Self::named).
    pub fn from_caller(name: Option<&[u8]>) -> Result<Self> {
        Self::named(&String::from_utf8_lossy(name.unwrap_or_default()))
    }
}

/// The distance between two points, in the unit that both are in.
///
/// Dimensions of different units say nothing together: [`normalised`] comes first. Which of two
/// distances is the better one is the policy's to say: near packs nodes, far spreads guests.
///
/// # Errors
///
/// [`Code::Argument`](crate::Code::Argument) unless both have the same number of dimensions, all of
/// them finite numbers.
pub fn euclidean_distance(a: &[f64], b: &[f64]) -> Result<f64> {
    check(a, b)?;
    let differences: Vec<f64> = a.iter().zip(b).map(|(a, b)| b - a).collect();
    finite(length(&differences))
}

/// The dot product of two vectors. Of a guest's need and a node's free room, the largest is the
/// best alignment.
///
/// Where a zero vector would be divided by, the answer is 0: it is aligned with nothing.
///
/// # Errors
///
/// [`Code::Argument`](crate::Code::Argument) unless both have the same number of dimensions, all of
/// them finite numbers, and the result is one too.
pub fn dot_product(a: &[f64], b: &[f64], mode: DotProduct) -> Result<f64> {
    check(a, b)?;
    let (divide_a, divide_b) = match mode {
        DotProduct::Plain => return finite(sum(a, b)),
        DotProduct::Cosine => (length(a), length(b)),
        DotProduct::Coverage => (length(b), length(b)),
    };
    if divide_a == 0.0 || divide_b == 0.0 {
        return Ok(0.0);
    }
    // Dividing first keeps tiny and huge vectors within the numbers there are.
    let a: Vec<f64> = a.iter().map(|x| x / divide_a).collect();
    let b: Vec<f64> = b.iter().map(|x| x / divide_b).collect();
    let product = sum(&a, &b);
    finite(match mode {
        DotProduct::Cosine => product.clamp(-1.0, 1.0),
        _ => product,
    })
}

/// Every resource as a fraction of the capacity, so that cores and bytes can be compared. Of a
/// capacity of 0, nothing is 0 and anything more is 1: all of it.
///
/// # Errors
///
/// [`Code::Argument`](crate::Code::Argument) unless both have the same number of dimensions, all of
/// them finite numbers and no capacity negative.
pub fn normalised(vector: &[f64], capacity: &[f64]) -> Result<Vec<f64>> {
    check(vector, capacity)?;
    if let Some(negative) = capacity.iter().find(|c| **c < 0.0) {
        return Err(Error::argument(format!("capacity {negative} is negative")));
    }
    let fraction = |(x, c): (&f64, &f64)| match *c {
        0.0 if *x == 0.0 => Ok(0.0),
        0.0 => Ok(x.signum()),
        c => finite(x / c),
    };
    vector.iter().zip(capacity).map(fraction).collect()
}

/// The length of a vector, without overflow on the way.
fn length(vector: &[f64]) -> f64 {
    let largest = vector.iter().fold(0.0f64, |most, x| most.max(x.abs()));
    if largest == 0.0 || !largest.is_finite() {
        return largest;
    }
    let squares = vector.iter().map(|x| (x / largest) * (x / largest));
    largest * squares.sum::<f64>().sqrt()
}

fn sum(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

fn check(a: &[f64], b: &[f64]) -> Result<()> {
    if a.len() != b.len() {
        return Err(Error::argument(format!(
            "vectors of {} and {} dimensions have nothing to do with each other",
            a.len(),
            b.len()
        )));
    }
    match a.iter().chain(b).find(|x| !x.is_finite()) {
        Some(x) => Err(Error::argument(format!("{x} in a vector is not a number"))),
        None => Ok(()),
    }
}

fn finite(x: f64) -> Result<f64> {
    match x.is_finite() {
        true => Ok(x),
        false => Err(Error::argument("vectors too large to be compared")),
    }
}

#[cfg(test)]
mod tests;
