//! What can be asked of the health of LUNs.

use std::ffi::OsString;

use clap::{Subcommand, ValueHint};
use pve_native_core::limits;

/// Questions about multipath maps.
#[derive(Debug, Subcommand)]
pub enum ClusterCommand {
    /// Show the health of each LUN on each node.
    ///
    /// Reads what the nodes of a cluster have broadcast, and shows a matrix: LUNs down, nodes across, the
    /// worst LUNs first; below it what there is to say of nodes. The question is one document, as
    /// docs/cluster-status.md has it, or a folder with captured broadcasts: a file for each node, which has
    /// the node's name, with or without `.json` or `.txt`. In the folder, `options.json` holds the other
    /// keys of a document, and `apply/NODE` what a node has broadcast of applying the configuration. Hidden
    /// files and other folders are passed over.
    ///
    /// The exit status is 3 if a LUN is not optimal on a node that should have it, if nothing is known of a
    /// LUN, or if what a node that is online says cannot be relied on: it is stale or malformed, or its
    /// configuration could not be applied. A node that is offline is no such reason.
    #[command(after_help = super::EXIT_STATUS)]
    Status(Status),
    /// Make a node's broadcast of its multipath maps.
    ///
    /// Reads what `multipathd show maps json` wrote, and writes with --output json what the node tells
    /// the others: the bytes of a value of the cluster's key-value store, without a newline at their
    /// end, in the longest form that fits. Where none has room for all maps the worst are kept, and the
    /// broadcast says how many are missing. For people it is a table of the maps.
    #[command(after_help = super::EXIT_STATUS)]
    Summarize(Summarize),
}

/// What nodes have broadcast, and how it is to be seen.
#[derive(Clone, Debug, clap::Args)]
pub struct Status {
    /// A document, or a folder with captured broadcasts; `-` is a document on standard input.
    #[arg(value_name = "FILE|DIR", value_hint = ValueHint::AnyPath)]
    pub path: OsString,
    /// Whose answer it is to be: compat is that of Proxmox VE's own function, strict says more; without it
    /// what the document says, else strict.
    #[arg(long, value_parser = ["compat", "strict"])]
    pub mode: Option<String>,
    /// The time of the question, in seconds since 1970; without it what the document says, else now.
    #[arg(long, value_name = "T", value_parser = seconds)]
    pub now: Option<f64>,
    /// The nodes that are online, and all others are not; without it what the document says.
    #[arg(long, value_name = "NODE,…", value_delimiter = ',')]
    pub members: Option<Vec<String>>,
    /// Ask again every so many seconds (5), until Ctrl-C: on a terminal always on a new screen, elsewhere
    /// only if something has changed.
    #[arg(
        long,
        value_name = "SECONDS",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "5",
        value_parser = clap::value_parser!(u64).range(1..=86_400)
    )]
    pub watch: Option<u64>,
}

/// A time.
fn seconds(text: &str) -> Result<f64, String> {
    let seconds = text.parse().ok();
    let seconds = seconds.filter(|seconds: &f64| seconds.is_finite() && *seconds >= 0.0);
    seconds.ok_or_else(|| "not a number of seconds".into())
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
