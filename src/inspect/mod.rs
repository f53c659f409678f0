//! The questions that every face asks of images: one image, a chain, many images, a volume's snapshots,
//! and the answers that Proxmox VE's own functions give.
//!
//! A face turns its arguments into these options and hands out the result; what a default means,
//! which format is assumed and what time-outs do is decided here.

mod file_size;
mod graph;
mod many;
pub mod maps;
pub mod measure;
pub mod options;
mod plan;

pub use crate::io::Bounds;
pub use file_size::{FileSize, FileSizeAnswer, FileSizeRequest, file_size_info};
pub use graph::{GraphOptions, graph_of_chain, graph_of_volumes};
pub use many::{ManyOptions, inspect_many, side_by_side};
pub use maps::{bitmap_extents, changed_extents, check, extents, headroom, map_text, merge_costs};
pub use measure::{measure_image, measure_size, qemu_img_measure};
pub use plan::{DiagnosisOptions, PlanOptions, diagnose, plan};

use crate::chain::{Chain, ChainOptions, walk};
use crate::error::{Error, Result};
use crate::image::json::{Names, View};
use crate::image::{FormatChoice, ImageFormat, ImageInfo, open};
use crate::io::Storage;
use crate::json;
use crate::limits;
use crate::text::printable;

/// What is known of one image.
pub fn info(filename: &[u8], format: FormatChoice, bounds: impl Into<Bounds>) -> Result<ImageInfo> {
    open(&Storage::for_call(bounds), filename, format)
}

/// The backing chain under `filename`, the top image first.
///
/// A damaged chain ends with why it does, unless the caller is strict; if not even the top image
/// can be read, there is nothing to end with, and that is an error for everybody.
pub fn chain(filename: &[u8], options: &ChainOptions, bounds: impl Into<Bounds>) -> Result<Chain> {
    self::options::at_most("max-depth", options.max_depth, limits::CHAIN_DEPTH_MAX)?;
    let chain = walk(&Storage::for_call(bounds), filename, options);
    if options.strict || chain.images.is_empty() {
        return chain.strict();
    }
    Ok(chain)
}

/// The text that `qemu-img info --output=json` would print, with `--backing-chain` if `follow`.
///
/// As there, no format means that the image is probed, backing images without a recorded format
/// are probed too, and a chain that is not whole is an error.
pub fn qemu_img_info(
    filename: &[u8],
    format: Option<&[u8]>,
    bounds: impl Into<Bounds>,
    follow: bool,
) -> Result<String> {
    let format = match format {
        Some(name) if !name.is_empty() => FormatChoice::from_caller(Some(name))?,
        _ => FormatChoice::Probe,
    };
    if !follow {
        return Ok(json::to_text(&View::new(
            &info(filename, format, bounds)?,
            Names::Text,
        )));
    }
    let options = ChainOptions {
        allow_probe: true,
        strict: true,
        ..ChainOptions::new(format)
    };
    let chain = chain(filename, &options, bounds)?;
    Ok(json::to_text(&View::new(&chain, Names::Text)))
}

impl ImageFormat {
    /// The format that a caller names.
    pub fn from_caller(name: &[u8]) -> Result<Self> {
        ImageFormat::from_name(name)
            .ok_or_else(|| Error::argument(format!("unknown format '{}'", printable(name))))
    }
}

impl FormatChoice {
    /// What a caller's `format` means: none leaves it to the extension of the name,
    /// `auto-detect` probes, anything else must be a format's name.
    pub fn from_caller(name: Option<&[u8]>) -> Result<Self> {
        match name {
            None => Ok(FormatChoice::Extension),
            Some(b"auto-detect") => Ok(FormatChoice::Probe),
            Some(name) => ImageFormat::from_caller(name).map(FormatChoice::Named),
        }
    }
}
