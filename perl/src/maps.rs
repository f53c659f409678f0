//! The raw functions behind those of `PVE::Native::Image` that read the tables of images. What may
//! take long gives an object of [`work`](crate::work).

#[perlmod::package(name = "PVE::Native::RS::Maps", lib = "Native")]
mod export {
    use perlmod::Value;
    use pve_native_core::inspect;

    use crate::args::{self, bounds, count, required, walk};
    use crate::failure::Failure;
    use crate::image::Answer;
    use crate::work;

    /// Function: whether tables and refcounts are sound.
    #[export(raw_return, serialize_error)]
    fn check(
        #[raw] path: Value,
        #[raw] format: Value,
        #[raw] seconds: Value,
        #[raw] limits: Value,
    ) -> Result<Value, Failure> {
        let choice = args::format("format", &format)?;
        let check = inspect::check(required("path", &path)?, choice, bounds(&seconds, &limits)?)?;
        work::start(check, |checked| perlmod::to_value(&Answer(checked)))
    }

    /// Function: how much room there is for an image.
    #[export(raw_return, serialize_error)]
    fn headroom(
        #[raw] path: Value,
        #[raw] format: Value,
        #[raw] device_size: Value,
        #[raw] seconds: Value,
        #[raw] limits: Value,
    ) -> Result<Value, Failure> {
        let choice = args::format("format", &format)?;
        let device_size = count("device-size", &device_size)? as u64;
        let headroom = inspect::headroom(
            required("path", &path)?,
            choice,
            (device_size != 0).then_some(device_size),
            bounds(&seconds, &limits)?,
        )?;
        work::start(headroom, |room| perlmod::to_value(&room))
    }

    /// Function: the ranges that were written in the images above another one.
    #[export(raw_return, serialize_error)]
    fn changed_extents(
        #[raw] top: Value,
        #[raw] base: Value,
        #[raw] format: Value,
        #[raw] allow_probe: Value,
        #[raw] max_depth: Value,
        #[raw] seconds: Value,
        #[raw] limits: Value,
    ) -> Result<Value, Failure> {
        let options = walk(&format, &allow_probe, &max_depth)?;
        let changed = inspect::changed_extents(
            required("top", &top)?,
            required("base", &base)?,
            &options,
            bounds(&seconds, &limits)?,
        )?;
        work::start(changed, |ranges| perlmod::to_value(&ranges))
    }

    /// Function: the dirty ranges of a persistent bitmap.
    #[export(raw_return, serialize_error)]
    fn bitmap_extents(
        #[raw] path: Value,
        #[raw] bitmap: Value,
        #[raw] seconds: Value,
        #[raw] limits: Value,
    ) -> Result<Value, Failure> {
        let dirty = inspect::bitmap_extents(
            required("path", &path)?,
            required("bitmap", &bitmap)?,
            bounds(&seconds, &limits)?,
        )?;
        work::start(dirty, |ranges| perlmod::to_value(&ranges))
    }

    /// Function: what merging each image of a chain with the one below it would move.
    #[export(raw_return, serialize_error)]
    fn merge_costs(
        #[raw] top: Value,
        #[raw] format: Value,
        #[raw] allow_probe: Value,
        #[raw] max_depth: Value,
        #[raw] seconds: Value,
        #[raw] limits: Value,
    ) -> Result<Value, Failure> {
        let options = walk(&format, &allow_probe, &max_depth)?;
        let costs =
            inspect::merge_costs(required("top", &top)?, &options, bounds(&seconds, &limits)?)?;
        work::start(costs, |costs| perlmod::to_value(&Answer(costs)))
    }
}
