//! The raw functions behind `PVE::Native::Placement`. Numbers come as a byte string of doubles in the
//! machine's own order: as text they would lose digits.

#[perlmod::package(name = "PVE::Native::RS::Placement", lib = "Native")]
mod export {
    use std::time::Instant;

    use perlmod::Value;
    use pve_native_core::placement::solve::{self, Explained};
    use pve_native_core::placement::statistics::{self, DotProduct};

    use crate::args::{doubles, flag, optional, required};
    use crate::failure::Failure;

    /// Function: a percentile of samples; undef if none is known.
    #[export(serialize_error)]
    fn percentile(p: f64, #[raw] samples: Value) -> Result<Option<f64>, Failure> {
        Ok(statistics::percentile(p, &doubles("samples", &samples)?)?)
    }

    /// Function: the distance between two points.
    #[export(serialize_error)]
    fn euclidean_distance(#[raw] a: Value, #[raw] b: Value) -> Result<f64, Failure> {
        Ok(statistics::euclidean_distance(
            &doubles("a", &a)?,
            &doubles("b", &b)?,
        )?)
    }

    /// Function: the dot product of two vectors; undef is the mode ''.
    #[export(serialize_error)]
    fn dotprod(#[raw] a: Value, #[raw] b: Value, #[raw] mode: Value) -> Result<f64, Failure> {
        let mode = DotProduct::from_caller(optional("mode", &mode)?)?;
        Ok(statistics::dot_product(
            &doubles("a", &a)?,
            &doubles("b", &b)?,
            mode,
        )?)
    }

    /// Function: each resource as a fraction of the capacity.
    #[export(serialize_error)]
    fn normalised(#[raw] vector: Value, #[raw] capacity: Value) -> Result<Vec<f64>, Failure> {
        Ok(statistics::normalised(
            &doubles("vector", &vector)?,
            &doubles("capacity", &capacity)?,
        )?)
    }

    /// Function: the answer to a problem, both as a JSON text; `all`: with all reasons.
    #[export(raw_return, serialize_error)]
    fn solve(#[raw] problem: Value, #[raw] all: Value) -> Result<Value, Failure> {
        let started = Instant::now();
        let explained = match flag("all", &all)? {
            true => Explained::All,
            false => Explained::Some,
        };
        let problem = required("the problem", &problem)?;
        let answer = solve::answer(problem, explained, &|| started.elapsed())?;
        Ok(Value::new_bytes(answer.as_bytes()))
    }
}
