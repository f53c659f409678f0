//! Questions about disk images.

use std::ffi::OsString;
use std::os::unix::ffi::OsStrExt;

use clap::builder::{PossibleValue, PossibleValuesParser, TypedValueParser};
use clap::{Subcommand, ValueHint};
use pve_native_core::Result;
use pve_native_core::chain::{ChainOptions, Preset, Symlinks};
use pve_native_core::image::{FormatChoice, ImageFormat};
use pve_native_core::inspect::{Bounds, options};

use super::EXIT_STATUS;
use super::values::{self, Timeout, bytes, limit_help, timeout};

/// Questions about disk images.
#[derive(Debug, Subcommand)]
pub enum ImageCommand {
    /// Show what is in one image.
    ///
    /// Reads the metadata of one image, as qemu-img info does, without opening any image that it
    /// refers to. No lock is taken: an image that a running guest holds open is read as it is at
    /// that moment.
    #[command(after_help = EXIT_STATUS)]
    Info(Image),
    /// Show an image and every image under it.
    ///
    /// Follows the backing chain from the top image down, as qemu-img info --backing-chain does.
    /// A damaged chain is shown as far as it can be read, and ends with the reason.
    #[command(after_help = EXIT_STATUS)]
    Chain(Chain),
    /// Show which image of a chain serves which part of the disk.
    ///
    /// Reads the tables of the image and of every image under it, as qemu-img map does, and draws
    /// the disk as a bar, then what each image serves of it, and sums. As svg it is a drawing of
    /// bounded size for a browser; as json the array that qemu-img map --output=json prints, written
    /// while it is found. A chain that is not whole is an error. No lock is taken: an image that a
    /// running guest holds open is read as it is at that moment.
    #[command(after_help = EXIT_STATUS)]
    Map(Walk),
    /// Say whether the tables of an image are sound.
    ///
    /// Counts every reference to every cluster and compares it with the refcounts, as qemu-img check
    /// does, without changing anything: repairing is left to `qemu-img check -r`. Shows what is wrong
    /// and where; as json the document of qemu-img check --output=json, and the findings. Backing
    /// images are not opened. Status 3 if something is wrong.
    #[command(after_help = EXIT_STATUS)]
    Check(Image),
    /// Show which parts of a disk were changed.
    ///
    /// With --since: the parts that were written in the images above another one of the chain; a copy
    /// of that image and of these parts is a copy of the disk. With --bitmap: the parts that a
    /// persistent bitmap calls dirty. As json [[start, length], ...].
    #[command(after_help = EXIT_STATUS)]
    Changed(Changed),
    /// Say how large an image would become.
    ///
    /// An image for a new disk of --size bytes, or for what another image holds; the numbers of
    /// qemu-img measure, in bytes.
    #[command(after_help = EXIT_STATUS)]
    Measure(Measure),
    /// Say whether a device has room for all of an image's disk.
    ///
    /// How far the image reaches into its device now, and how far it could once the guest has
    /// written everywhere, with this image's own layout. Raw and qcow2. Status 3 if the device is too
    /// small.
    #[command(after_help = EXIT_STATUS)]
    Headroom(Headroom),
    /// Show what merging each image of a chain with the one below it would move.
    ///
    /// Committing moves what the upper image holds down into the lower one; streaming (qemu-img
    /// rebase) moves what only the lower one holds up.
    #[command(after_help = EXIT_STATUS)]
    Cost(Walk),
    /// Say whether an image, and every file that it names, may be used.
    ///
    /// Reads the image and the chain under it as far as the policy allows, and judges what is in
    /// them: names that lead to other files, formats that hide behind another, metadata that
    /// contradict themselves. Nothing is opened before the policy allows it. The findings come worst
    /// first.
    #[command(after_help = EXIT_STATUS)]
    Audit(Audit),
}

/// One image.
#[derive(Debug, clap::Args)]
pub struct Image {
    /// The image: a file or a block device.
    #[arg(value_name = "PATH", value_hint = ValueHint::FilePath)]
    pub path: OsString,
    /// Format of the image; without it the extension of the name decides, and a name without one
    /// means raw. `auto-detect` goes by the first bytes: never on data that a guest can write.
    #[arg(long, value_name = "FORMAT", value_parser = format_names().try_map(format))]
    pub format: Option<FormatChoice>,
    /// How long storage may take, fractions allowed; 0 sets no bound.
    #[arg(long, value_name = "SECONDS", value_parser = timeout)]
    pub timeout: Option<Timeout>,
    /// Bound on what an image may cost; can be given more than once.
    #[arg(long = "limit", value_name = "NAME=VALUE", long_help = limit_help())]
    pub limits: Vec<String>,
}

impl Image {
    /// How the format of the image is decided.
    pub fn format(&self) -> FormatChoice {
        self.format.unwrap_or(FormatChoice::Extension)
    }

    /// How long storage may take, and what each image may cost.
    pub fn bounds(&self) -> Result<Bounds> {
        values::bounds(self.timeout, &self.limits)
    }
}

/// A backing chain, and how far to follow it.
#[derive(Debug, clap::Args)]
pub struct Walk {
    /// The top image.
    #[command(flatten)]
    pub image: Image,
    /// Go by the first bytes of a backing image whose format is not recorded, as QEMU does. Never
    /// on data that a guest can write.
    #[arg(long)]
    pub allow_probe: bool,
    /// Images to follow at the most; 0 means 200.
    #[arg(long, value_name = "N", value_parser = max_depth)]
    pub max_depth: Option<usize>,
}

impl Walk {
    /// The same for the core.
    pub fn options(&self) -> ChainOptions {
        ChainOptions {
            allow_probe: self.allow_probe,
            max_depth: self.max_depth.unwrap_or_default(),
            ..ChainOptions::new(self.image.format())
        }
    }
}

/// A backing chain that may be damaged.
#[derive(Debug, clap::Args)]
pub struct Chain {
    /// The chain.
    #[command(flatten)]
    pub walk: Walk,
    /// Treat a damaged chain as an error: one line on standard error, status 1.
    #[arg(long)]
    pub strict: bool,
}

/// A disk, and since when changes count.
#[derive(Debug, clap::Args)]
#[command(group = clap::ArgGroup::new("since-when").required(true).args(["since", "bitmap"]))]
pub struct Changed {
    /// The chain.
    #[command(flatten)]
    pub walk: Walk,
    /// Image of the chain, by whatever name, above which changes count.
    #[arg(long, value_name = "BASE", value_hint = ValueHint::FilePath)]
    pub since: Option<OsString>,
    /// Persistent bitmap of the image, which must be qcow2.
    #[arg(long, value_name = "NAME")]
    pub bitmap: Option<OsString>,
}

/// What is to be measured, and the image that it would become.
#[derive(Debug, clap::Args)]
#[command(group = clap::ArgGroup::new("disk").required(true).args(["path", "size"]))]
pub struct Measure {
    /// An image that holds the disk.
    #[arg(value_name = "PATH", value_hint = ValueHint::FilePath)]
    pub path: Option<OsString>,
    /// Bytes of a new disk; a suffix such as G is taken as qemu-img does.
    #[arg(long, value_name = "BYTES", value_parser = bytes)]
    pub size: Option<u64>,
    /// Format that the new image would have.
    #[arg(long, short = 'O', value_name = "FORMAT", default_value = "raw",
          value_parser = image_formats().try_map(image_format))]
    pub format: ImageFormat,
    /// How it would be made, as for -o of qemu-img create: `cluster_size=128k,extended_l2=on`. Can be
    /// given more than once.
    #[arg(short = 'o', long = "option", value_name = "NAME=VALUE,...")]
    pub options: Vec<OsString>,
    /// Format of the image at PATH; without it the extension of the name decides, and a name without
    /// one means raw.
    #[arg(long, value_name = "FORMAT", value_parser = format_names().try_map(format))]
    pub source_format: Option<FormatChoice>,
    /// How long storage may take, fractions allowed; 0 sets no bound.
    #[arg(long, value_name = "SECONDS", value_parser = timeout)]
    pub timeout: Option<Timeout>,
}

impl Measure {
    /// How long storage may take.
    pub fn bounds(&self) -> Bounds {
        values::within(self.timeout)
    }

    /// The lists of options.
    pub fn create_options(&self) -> impl Iterator<Item = &[u8]> {
        self.options.iter().map(|list| list.as_bytes())
    }
}

/// An image, and the device that it is meant for.
#[derive(Debug, clap::Args)]
pub struct Headroom {
    /// The image.
    #[command(flatten)]
    pub image: Image,
    /// Bytes of the device that the image is meant for, such as 32G; without it the block device
    /// that it is on.
    #[arg(long, value_name = "BYTES", value_parser = bytes)]
    pub device_size: Option<u64>,
}

/// An image that is not trusted, and what it may be and name.
#[derive(Debug, clap::Args)]
pub struct Audit {
    /// The top image.
    #[command(flatten)]
    pub image: Image,
    /// Where the image comes from: `upload`, one file that names no other; `restore`, a chain that
    /// lies inside the roots; `storage`, a volume of a storage of one's own, in which a guest may
    /// write what it likes.
    #[arg(long, value_name = "PRESET", value_parser = presets().try_map(preset))]
    pub preset: Option<Preset>,
    /// Directory in which the files must really lie; can be given more than once. Without it, files
    /// that are named must lie in the directory of the top image.
    #[arg(long = "root", value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub roots: Vec<OsString>,
    /// Format that images may have, the top one too; can be given more than once. Without it all
    /// that can be read.
    #[arg(long, value_name = "FORMAT", value_parser = image_formats())]
    pub allow_format: Vec<String>,
    /// Protocol that may be named, such as nbd, although nothing is read over it; can be given more
    /// than once.
    #[arg(long, value_name = "PROTOCOL")]
    pub allow_protocol: Vec<OsString>,
    /// No image may stand on another one.
    #[arg(long)]
    pub deny_backing: bool,
    /// Data may lie in an external data file.
    #[arg(long)]
    pub allow_data_file: bool,
    /// Go by the first bytes of a backing image whose format is not recorded, as QEMU does. Never
    /// on data that a guest can write.
    #[arg(long)]
    pub allow_unnamed_format: bool,
    /// All files must lie on the file system of the top image.
    #[arg(long)]
    pub same_device: bool,
    /// Symbolic links that are followed: `inside`, those that do not leave the roots; `none`; `any`,
    /// also those that lead out of them.
    #[arg(long, value_name = "WHICH", default_value = "inside", hide_default_value = true,
          value_parser = symlinks_names().try_map(symlinks))]
    pub symlinks: Symlinks,
    /// Images in the chain at the most; 0 means 200.
    #[arg(long, value_name = "N", value_parser = max_depth)]
    pub max_depth: Option<usize>,
    /// Bytes of a disk at the most; 0 means 128 TiB.
    #[arg(long, value_name = "BYTES", value_parser = bytes)]
    pub max_virtual_size: Option<u64>,
}

fn format_names() -> PossibleValuesParser {
    let names = ImageFormat::ALL.into_iter().map(ImageFormat::name);
    PossibleValuesParser::new(names.chain(["auto-detect"]))
}

fn image_formats() -> PossibleValuesParser {
    PossibleValuesParser::new(ImageFormat::ALL.map(ImageFormat::name))
}

fn presets() -> PossibleValuesParser {
    PossibleValuesParser::new(["upload", "restore", "storage"])
}

fn preset(name: String) -> Result<Preset> {
    Preset::from_name(name.as_bytes())
}

fn symlinks_names() -> PossibleValuesParser {
    // The numbers that a policy has elsewhere.
    let values = [("inside", "0"), ("none", "1"), ("any", "2")];
    PossibleValuesParser::new(values.map(|(name, number)| PossibleValue::new(name).alias(number)))
}

fn symlinks(name: String) -> Result<Symlinks> {
    Symlinks::from_name(name.as_bytes())
}

fn format(name: String) -> Result<FormatChoice> {
    FormatChoice::from_caller(Some(name.as_bytes()))
}

fn max_depth(text: &str) -> Result<usize> {
    options::count_from_text("depth", text.as_bytes())
}

fn image_format(name: String) -> Result<ImageFormat> {
    ImageFormat::from_caller(name.as_bytes())
}
