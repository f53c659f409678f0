//! The raw functions behind `measure` and `qemu_img_measure` of `PVE::Native::Image`.

use perlmod::Value;
use pve_native_core::Result;

use crate::args::required;

/// Options for creating an image, from the elements of an array.
fn create_options(elements: &[Value]) -> Result<Vec<&[u8]>> {
    let option = |value| required("option", value);
    elements.iter().map(option).collect()
}

#[perlmod::package(name = "PVE::Native::RS::Measure", lib = "Native")]
mod export {
    use perlmod::Value;
    use pve_native_core::image::measure::Measure;
    use pve_native_core::inspect;
    use pve_native_core::inspect::options::count_from_text;

    use super::create_options;
    use crate::args::{bounds, elements, required, target, timeout, walk};
    use crate::failure::Failure;
    use crate::work;

    /// Function: what an image takes for a new disk of `size` bytes; `options` is a reference to an
    /// array.
    #[export(serialize_error)]
    fn measure_size(
        #[raw] size: Value,
        #[raw] format: Value,
        #[raw] options: Value,
    ) -> Result<Measure, Failure> {
        let size = count_from_text("size", required("size", &size)?)? as u64;
        let options = elements(&options).unwrap_or_default();
        let format = target("format", &format)?;
        Ok(inspect::measure_size(
            size,
            format,
            create_options(&options)?,
        )?)
    }

    /// Function: what an image takes for what a chain holds.
    // One for each of Perl's options.
    #[allow(clippy::too_many_arguments)]
    #[export(raw_return, serialize_error)]
    fn measure_image(
        #[raw] path: Value,
        #[raw] format: Value,
        #[raw] options: Value,
        #[raw] source_format: Value,
        #[raw] allow_probe: Value,
        #[raw] max_depth: Value,
        #[raw] seconds: Value,
        #[raw] limits: Value,
    ) -> Result<Value, Failure> {
        let options = elements(&options).unwrap_or_default();
        let chain = walk(&source_format, &allow_probe, &max_depth)?;
        let measure = inspect::measure_image(
            required("path", &path)?,
            &chain,
            target("format", &format)?,
            create_options(&options)?,
            bounds(&seconds, &limits)?,
        )?;
        work::start(measure, |measure| perlmod::to_value(&measure))
    }

    /// Function: the JSON text that `qemu-img measure` would print for a new disk of `size` KiB.
    #[export(serialize_error)]
    fn qemu_img_measure(
        #[raw] size: Value,
        #[raw] format: Value,
        #[raw] seconds: Value,
        #[raw] options: Value,
    ) -> Result<String, Failure> {
        // Nothing here takes time, but a time-out that is none is refused as everywhere.
        timeout(&seconds)?;
        let options = elements(&options).unwrap_or_default();
        Ok(inspect::qemu_img_measure(
            required("size", &size)?,
            required("format", &format)?,
            &create_options(&options)?,
        )?)
    }
}
