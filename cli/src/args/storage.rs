//! Questions about storages.

use clap::Subcommand;
use clap::builder::PossibleValuesParser;
use pve_native_core::storage::{StorageType, VolumeFormat};

use super::EXIT_STATUS;

/// Questions about storages.
#[derive(Debug, Subcommand)]
pub enum StorageCommand {
    /// Say what may be assumed of a volume.
    ///
    /// Of a volume of FORMAT on a storage of TYPE: its snapshots and clones, how it takes space, and
    /// whether a guest can change the node without it being copied. Without FORMAT of all volumes on
    /// such a storage, without TYPE of all storages that Proxmox VE knows. Nothing is looked at.
    #[command(after_help = EXIT_STATUS)]
    Capabilities {
        /// Type of the storage, as storage.cfg calls it.
        #[arg(value_name = "TYPE", value_parser = storage_types())]
        name: Option<String>,
        /// Format of the volume.
        #[arg(value_name = "FORMAT", value_parser = volume_formats())]
        format: Option<String>,
    },
}

fn storage_types() -> PossibleValuesParser {
    PossibleValuesParser::new(StorageType::ALL.iter().map(|each| each.name()))
}

fn volume_formats() -> PossibleValuesParser {
    PossibleValuesParser::new(VolumeFormat::ALL.iter().map(|format| format.name()))
}
