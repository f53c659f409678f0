//! Questions about the snapshots of a volume.

use std::ffi::OsString;
use std::os::unix::ffi::OsStrExt;

use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::{Subcommand, ValueHint};
use pve_native_core::inspect::Bounds;
use pve_native_core::snapshot::Scheme;
use pve_native_core::snapshot::plan::{Operation, Terms as PlanTerms};
use pve_native_core::text::printable;
use pve_native_core::{Error, Result};

use super::EXIT_STATUS;
use super::values::{self, Timeout, bytes, limit_help, timeout};

/// Questions about the snapshots of a volume, and what is to be done to it.
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
    /// Say what is to be done to a volume, step by step, or do it.
    ///
    /// Reads the volume as `snapshot graph` does and shows the steps as commands, what they cost and
    /// what comes of them. They stand in such an order that nothing is lost if they are cut off
    /// anywhere: `snapshot diagnose` then tells what is left to do. With --run they are done: the
    /// guest must be stopped, on all nodes. What fails is undone; where that is not possible, the
    /// status is 3.
    #[command(after_help = EXIT_STATUS)]
    Plan(Plan),
    /// Say what is wrong with a volume, and what helps.
    ///
    /// Finds out from names and headers what a crash, a full volume group or a careless hand has left,
    /// says it in a sentence, and shows the steps that bring the volume in order. Then the tables of
    /// all images are checked. With --run what is certain is done, one plan after the other, until
    /// nothing is left: the guest must be stopped, on all nodes. Status 3 if a repair is needed.
    #[command(after_help = EXIT_STATUS)]
    Diagnose(Diagnose),
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

/// What is to be done to a volume.
#[derive(Debug, clap::Args)]
pub struct Plan {
    /// What is to be done: `create`, `delete` or `rollback` a snapshot; `delete-many`, whose
    /// neighbours are merged in one pass; `resize` the disk, `rename` the volume, `create-base`, make
    /// it a base image; `adopt` a raw logical volume, so that it can have snapshots, or `unadopt` it;
    /// `convert` a volume in the layout of 2024; `free`, remove the volume.
    #[arg(value_name = "OP", value_parser = PossibleValuesParser::new(operations()))]
    pub operation: String,
    /// The snapshots.
    #[arg(value_name = "SNAPSHOT")]
    pub snapshots: Vec<OsString>,
    /// One of the volume's images: a file, or a logical volume as /dev/GROUP/NAME.
    #[arg(long = "volume", value_name = "PATH", value_hint = ValueHint::FilePath)]
    pub path: OsString,
    /// Bytes of the disk after `resize`; a suffix such as G is taken as qemu-img does.
    #[arg(long, value_name = "BYTES", value_parser = bytes)]
    pub size: Option<u64>,
    /// The volume's name after `rename`, as Proxmox VE calls it.
    #[arg(long, value_name = "VOLNAME")]
    pub to: Option<OsString>,
    /// For a guest that keeps running: steps for its QEMU are among the others.
    #[arg(long, conflicts_with = "run")]
    pub online: bool,
    /// Do it.
    #[arg(long)]
    pub run: bool,
    /// What the plan is made for.
    #[command(flatten)]
    pub terms: Terms,
    /// How the volume is understood.
    #[command(flatten)]
    pub volume: Volume,
}

/// A volume that something may be wrong with.
#[derive(Debug, clap::Args)]
pub struct Diagnose {
    /// One of the volume's images: a file, or a logical volume as /dev/GROUP/NAME, which need not be
    /// active, nor there.
    #[arg(value_name = "PATH", value_hint = ValueHint::FilePath)]
    pub path: OsString,
    /// Do what helps, as long as it is certain to be right.
    #[arg(long)]
    pub run: bool,
    /// Do also what is not certain: read first what the diagnosis says.
    #[arg(long, requires = "run")]
    pub uncertain: bool,
    /// Do not check the tables of the images, which takes time.
    #[arg(long)]
    pub no_check: bool,
    /// What the repairs are made for.
    #[command(flatten)]
    pub terms: Terms,
    /// How the volume is understood.
    #[command(flatten)]
    pub volume: Volume,
}

/// What a plan is made for.
#[derive(Debug, clap::Args)]
pub struct Terms {
    /// The guest's drive, such as scsi0, for the line that changes its configuration.
    #[arg(long, value_name = "DRIVE")]
    pub drive: Option<OsString>,
    /// What else the plan is made for; can be given more than once.
    #[arg(long = "term", value_name = "NAME=VALUE", long_help = term_help())]
    pub terms: Vec<OsString>,
}

impl Terms {
    /// Sets those that were given.
    pub fn set(&self, terms: &mut PlanTerms) -> Result<()> {
        if let Some(drive) = &self.drive {
            terms.set(b"drive", drive.as_bytes())?;
        }
        for (name, value) in self.pairs() {
            let known = value.map(|value| terms.set(name, value)).transpose()?;
            if known != Some(true) {
                let name = printable(name);
                return Err(Error::argument(format!(
                    "unknown term '{name}', or no value"
                )));
            }
        }
        Ok(())
    }

    /// Whether this one was given.
    pub fn has(&self, name: &str) -> bool {
        self.pairs().any(|(given, _)| given == name.as_bytes())
    }

    fn pairs(&self) -> impl Iterator<Item = (&[u8], Option<&[u8]>)> {
        self.terms.iter().map(|pair| {
            let mut parts = pair.as_bytes().splitn(2, |&b| b == b'=');
            (parts.next().unwrap_or_default(), parts.next())
        })
    }
}

fn term_help() -> String {
    format!(
        "What else the plan is made for; can be given more than once. The names: {}. The room of a \
         volume group (extent-size, free) is known from lvs; switches are 0 or 1.",
        PlanTerms::NAMES.join(", ")
    )
}

fn operations() -> impl Iterator<Item = &'static str> {
    let wanted = |operation: &&Operation| **operation != Operation::Repair;
    Operation::ALL
        .iter()
        .filter(wanted)
        .map(|operation| operation.name())
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
    /// ID of the storage, for the volume IDs of answers.
    #[arg(long, value_name = "STORAGE")]
    pub storeid: Option<OsString>,
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
        values::bounds(self.timeout, &self.limits)
    }
}

fn scheme_names() -> PossibleValuesParser {
    PossibleValuesParser::new(Scheme::ALL.iter().map(|scheme| scheme.name()))
}

fn scheme(name: String) -> Result<Scheme> {
    Scheme::from_name(name.as_bytes())
}
