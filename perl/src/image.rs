//! `PVE::Native::Image`: the raw functions behind its public ones.

use pve_native_core::chain::Chain;
use pve_native_core::image::ImageInfo;
use pve_native_core::image::json::{Names, View};
use serde::ser::{Serialize, SerializeMap, Serializer};

/// An answer, its names handed out as bytes.
pub struct Answer<T>(pub T);

impl<T> Serialize for Answer<T>
where
    for<'a> View<'a, T>: Serialize,
{
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        View::new(&self.0, Names::Bytes).serialize(serializer)
    }
}

/// `{ error => { code, message } }` in place of an answer.
struct Refusal(pve_native_core::Error);

impl Serialize for Refusal {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(1))?;
        map.serialize_entry("error", &self.0)?;
        map.end()
    }
}

#[perlmod::package(name = "PVE::Native::RS::Image", lib = "Native")]
mod export {
    use perlmod::Value;
    use pve_native_core::chain::ChainOptions;
    use pve_native_core::inspect::{self, Bounds};

    use super::{Answer, Chain, ImageInfo, Refusal};
    use crate::args::{self, bounds, count, elements, flag, optional, required, timeout, walk};
    use crate::failure::Failure;
    use crate::panics;

    /// Function: what is known of one image.
    #[export(serialize_error)]
    fn info(
        #[raw] path: Value,
        #[raw] format: Value,
        #[raw] seconds: Value,
        #[raw] limits: Value,
    ) -> Result<Answer<ImageInfo>, Failure> {
        let choice = args::format("format", &format)?;
        Ok(Answer(inspect::info(
            required("path", &path)?,
            choice,
            bounds(&seconds, &limits)?,
        )?))
    }

    /// Function: the backing chain, the top image first.
    #[export(serialize_error)]
    fn chain(
        #[raw] path: Value,
        #[raw] format: Value,
        #[raw] seconds: Value,
        #[raw] allow_probe: Value,
        #[raw] max_depth: Value,
        #[raw] strict: Value,
        #[raw] limits: Value,
    ) -> Result<Answer<Chain>, Failure> {
        let options = ChainOptions {
            strict: flag("strict", &strict)?,
            ..walk(&format, &allow_probe, &max_depth)?
        };
        Ok(Answer(inspect::chain(
            required("path", &path)?,
            &options,
            bounds(&seconds, &limits)?,
        )?))
    }

    /// Function: many images, by name; `paths` is a reference to an array.
    #[export(serialize_error)]
    fn inspect_many(
        #[raw] paths: Value,
        #[raw] seconds: Value,
        #[raw] threads: Value,
        #[raw] limits: Value,
    ) -> Result<Value, Failure> {
        let paths = elements(&paths).unwrap_or_default();
        let names = paths.iter().map(|path| required("path", path));
        let names = names.collect::<Result<Vec<&[u8]>, _>>()?;
        let Bounds { timeout, limits } = bounds(&seconds, &limits)?;
        let options = inspect::ManyOptions {
            timeout,
            threads: count("threads", &threads)?,
            limits,
        };
        panics::quiet();
        let answers = inspect::inspect_many(&names, &options)?;
        let by_name = Value::new_hash();
        if let Some(hash) = by_name.as_hash() {
            for (name, answer) in names.iter().zip(answers) {
                let answer = match answer {
                    Ok(info) => perlmod::to_value(&Answer(info)),
                    Err(error) => perlmod::to_value(&Refusal(error)),
                };
                hash.insert_by_bytes(name, answer.map_err(Failure::internal)?);
            }
        }
        Ok(Value::new_ref(&by_name))
    }

    /// Function: the JSON text that `qemu-img info` would print.
    #[export(serialize_error)]
    fn qemu_img_info(
        #[raw] path: Value,
        #[raw] format: Value,
        #[raw] seconds: Value,
        #[raw] follow: Value,
    ) -> Result<String, Failure> {
        let seconds = timeout(&seconds)?;
        Ok(inspect::qemu_img_info(
            required("path", &path)?,
            optional("format", &format)?,
            seconds,
            flag("follow", &follow)?,
        )?)
    }

    /// Function: size, format, use, parent and ctime of a volume, then what to warn of and what
    /// to die with.
    // Only a tuple that is written out here becomes a list in Perl.
    #[allow(clippy::type_complexity)]
    #[export(serialize_error)]
    fn file_size_info(
        #[raw] path: Value,
        #[raw] seconds: Value,
        #[raw] format: Value,
        #[raw] untrusted: Value,
    ) -> Result<(Value, Value, Value, Value, Value, Value, Value), Failure> {
        let answer = inspect::file_size_info(&inspect::FileSizeRequest {
            filename: required("path", &path)?,
            timeout: timeout(&seconds)?,
            format: optional("format", &format)?,
            untrusted: flag("untrusted", &untrusted)?,
        });
        let warnings = match answer.warnings.as_slice() {
            [] => Value::new_undef(),
            warnings => perlmod::to_value(&warnings).map_err(Failure::internal)?,
        };
        let (volume, error) = match answer.result {
            Ok(volume) => (volume, Value::new_undef()),
            Err(error) => (None, Failure::from(error).into_value()),
        };
        let number = |number: Option<u64>| {
            number.map_or_else(Value::new_undef, |number| Value::new_uint(number as usize))
        };
        let volume = volume.as_ref();
        let parent = volume.and_then(|volume| volume.parent.as_deref());
        Ok((
            number(volume.map(|volume| volume.size)),
            volume.map_or_else(Value::new_undef, |volume| Value::new_string(volume.format)),
            number(volume.map(|volume| volume.used)),
            parent.map_or_else(Value::new_undef, Value::new_bytes),
            answer
                .ctime
                .map_or_else(Value::new_undef, |ctime| Value::new_int(ctime as isize)),
            warnings,
            error,
        ))
    }
}
