//! One image file: which format it has and what its metadata says.
//!
//! [`open()`] reads one image; each format has a module of its own that turns a
//! [`Source`](crate::io::Source) into [`Metadata`]. [`json`] gives the answer `qemu-img info`'s
//! shape. Nothing here follows a backing name: that is [`chain`](crate::chain).

pub mod check;
pub mod create_options;
mod fields;
pub mod format;
pub(crate) mod holes;
pub mod info;
pub mod json;
pub mod luks;
pub mod map;
pub mod measure;
pub mod open;
pub mod option_text;
pub mod probe;
pub mod qcow1;
pub mod qcow2;
pub mod qed;
pub mod raw;
mod request;
mod table;
mod used;
pub mod vdi;
pub mod vhdx;
pub mod vmdk;
pub mod vpc;

pub use format::ImageFormat;
pub use info::{Backing, Extent, FormatName, FormatSpecific, ImageInfo, Metadata, Snapshot};
pub use open::{FormatChoice, open};
