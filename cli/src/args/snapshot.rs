//! Questions about the snapshots of a volume.

use std::ffi::OsString;

use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::{Subcommand, ValueHint};
use pve_native_core::Result;
use pve_native_core::inspect::{Bounds, options};
use pve_native_core::snapshot::Scheme;

use super::{EXIT_STATUS, Timeout, limit_help, timeout};

/// Questions about the snapshots of a volume.
#[derive(Debug, Subcommand)]
pub enum SnapshotCommand {
    /// Show the images of a volume, and the snapshots that they mean.
    ///
    /// Reads the folder or the volume group that the image lies in, and the headers of all images of
    /// its volume: not only the chain under the current one, but branches, left-overs, and what is
    /// missing. A volume group is listed by one call of lvs; no other program is run, no lock is
    /// taken. As json it is what Proxmox VE's volume_snapshot_info gives. Status 3 if something keeps
    /// the volume, or a part of it, from being used.
    #[command(after_help = EXIT_STATUS)]
    Graph(Graph),
}

/// A volume, by one of its images.
#[derive(Debug, clap::Args)]
pub struct Graph {
    /// One of the volume's images: a file, or a logical volume as /dev/GROUP/NAME, which need not be
    /// active.
    #[arg(value_name = "PATH", value_hint = ValueHint::FilePath)]
    pub path: OsString,
    /// How the volume is understood.
    #[command(flatten)]
    pub volume: Volume,
}

/// How a volume is understood, and what reading it may cost.
#[derive(Debug, clap::Args)]
pub struct Volume {
    /// How the images are called; without it the names beside the image decide. `internal`: one image
    /// with its snapshots within.
    #[arg(long, value_name = "SCHEME", value_parser = scheme_names().try_map(scheme))]
    pub scheme: Option<Scheme>,
    /// The volume as Proxmox VE calls it, such as 100/vm-100-disk-0.qcow2; without it the name of the
    /// image says it.
    #[arg(long, value_name = "VOLNAME")]
    pub volname: Option<OsString>,
    /// How long storage may take, fractions allowed; 0 sets no bound.
    #[arg(long, value_name = "SECONDS", value_parser = timeout)]
    pub timeout: Option<Timeout>,
    /// Bound on what an image may cost; can be given more than once.
    #[arg(long = "limit", value_name = "NAME=VALUE", long_help = limit_help())]
    pub limits: Vec<String>,
}

impl Volume {
    /// How long storage may take, and what each image may cost.
    pub fn bounds(&self) -> Result<Bounds> {
        let mut bounds = Bounds::from(self.timeout.and_then(|timeout| timeout.0));
        for limit in &self.limits {
            options::limit_from_pair(&mut bounds.limits, limit.as_bytes())?;
        }
        Ok(bounds)
    }
}

fn scheme_names() -> PossibleValuesParser {
    PossibleValuesParser::new(Scheme::ALL.iter().map(|scheme| scheme.name()))
}

fn scheme(name: String) -> Result<Scheme> {
    Scheme::from_name(name.as_bytes())
}
