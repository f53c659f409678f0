//! What can be asked of the health of LUNs.

use std::ffi::OsString;

use clap::{Subcommand, ValueHint};
use pve_native_core::limits;

/// Questions about multipath maps.
#[derive(Debug, Subcommand)]
pub enum ClusterCommand {
    /// Make a node's broadcast of its multipath maps.
    ///
    /// Reads what `multipathd show maps json` wrote, and writes with --output json what the node tells
    /// the others: the bytes of a value of the cluster's key-value store, without a newline at their
    /// end, in the longest form that fits. Where none has room for all maps the worst are kept, and the
    /// broadcast says how many are missing. For people it is a table of the maps.
    #[command(after_help = super::EXIT_STATUS)]
    Summarize(Summarize),
}

/// What multipathd says, and what to make of it.
#[derive(Debug, clap::Args)]
pub struct Summarize {
    /// What `multipathd show maps json` wrote; `-` is standard input.
    #[arg(value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub file: OsString,
    /// Sizes of maps: a JSON object with bytes by WWID or name.
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub sizes: Option<OsString>,
    /// Folder where sysfs is mounted, such as /sys: sizes that are not given are read there.
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub sysfs: Option<OsString>,
    /// Transports of the maps: what `multipathd show paths raw format "%d|%m|%P"` wrote.
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub paths: Option<OsString>,
    /// Bytes of the broadcast at the most.
    #[arg(long, value_name = "N", default_value_t = limits::BROADCAST as u64)]
    pub limit: u64,
    /// When multipathd was asked, in seconds since 1970; without it now.
    #[arg(long, value_name = "T")]
    pub time: Option<u64>,
    /// Number of the broadcast.
    #[arg(long, value_name = "N")]
    pub seq: Option<u64>,
}
