//! What a node has and uses, and what a guest may use and does. Cores and bytes throughout.

use super::cores::MOST_CORES;
use crate::error::{Error, Result};

/// Capacity and usage of a node.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct NodeStats {
    /// Cores in use.
    pub cpu: f64,
    /// Cores that there are.
    pub maxcpu: u64,
    /// Bytes of memory in use.
    pub mem: u64,
    /// Bytes of memory that there are.
    pub maxmem: u64,
}

/// Configured maximum and usage of a guest.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct GuestStats {
    /// Cores in use.
    pub cpu: f64,
    /// Cores that the guest may use; 0 is no limit, and counts as the whole node.
    pub maxcpu: f64,
    /// Bytes of memory in use.
    pub mem: u64,
    /// Bytes of memory that the guest may use.
    pub maxmem: u64,
}

impl NodeStats {
    pub(super) fn check(&self, node: &str) -> Result<()> {
        check_cores(self.cpu, "node", node)?;
        check_cores(self.maxcpu as f64, "node", node)
    }
}

impl GuestStats {
    /// What the static mode knows: a guest is taken to use all that it may.
    pub fn of_maximum(maxcpu: f64, maxmem: u64) -> Self {
        GuestStats {
            cpu: maxcpu,
            maxcpu,
            mem: maxmem,
            maxmem,
        }
    }

    pub(super) fn check(&self, sid: &str) -> Result<()> {
        check_cores(self.cpu, "guest", sid)?;
        check_cores(self.maxcpu, "guest", sid)
    }

    /// Both together, as a bundle that moves at once.
    pub(super) fn plus(self, other: GuestStats) -> Self {
        GuestStats {
            cpu: self.cpu + other.cpu,
            maxcpu: self.maxcpu + other.maxcpu,
            mem: self.mem.saturating_add(other.mem),
            maxmem: self.maxmem.saturating_add(other.maxmem),
        }
    }
}

fn check_cores(cores: f64, what: &str, name: &str) -> Result<()> {
    match (0.0..=MOST_CORES).contains(&cores) {
        true => Ok(()),
        false => Err(Error::argument(format!(
            "{what} '{}': {cores} is not a number of cores",
            name.escape_debug()
        ))),
    }
}
