//! What the paths of a map mean: how many of them can be used, and what that makes of the map.

use super::reply::{Map, Path};
use super::transport::Transport;
use crate::cluster::MapState;
use crate::codes::codes;

codes! {
    /// What is wrong with a map that serves I/O, or that does not for another reason than its paths.
    pub enum Impairment {
        /// It is suspended: I/O waits whatever its paths are.
        Suspended = "suspended",
        /// I/O without paths waits for them to come back, instead of failing.
        Queueing = "queueing",
        /// Paths that have shown intermittent errors are in use, as there are no others.
        Marginal = "marginal",
    }
}

/// The health of a map.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Health {
    /// Optimal, degraded or failed by its paths; unknown if it is suspended.
    pub state: MapState,
    /// Paths that can be used.
    pub active: u32,
    /// All paths.
    pub total: u32,
    /// How the paths reach the storage, if that can be told and is the same for all of them.
    pub transport: Option<Transport>,
    /// What else there is to know. In the order of their names.
    pub impairments: Vec<Impairment>,
}

impl Map {
    /// Its paths, group by group.
    pub fn paths(&self) -> impl Iterator<Item = &Path> {
        self.path_groups.iter().flat_map(|group| &group.paths)
    }

    /// Its health. The daemon's own count of paths is not used: it leaves out those that are down.
    pub fn health(&self) -> Health {
        let total = self.paths().count();
        let active = self.paths().filter(|path| path.is_usable()).count();
        let is_suspended = self.dm_st == "suspend";
        let mut impairments = Vec::new();
        let queues = !matches!(self.queueing.as_str(), "" | "-" | "off");
        let good = |path: &Path| path.is_usable() && path.marginal_st != "marginal";
        if active > 0 && !self.paths().any(good) {
            impairments.push(Impairment::Marginal);
        }
        if active == 0 && queues {
            impairments.push(Impairment::Queueing);
        }
        if is_suspended {
            impairments.push(Impairment::Suspended);
        }
        let state = match active {
            _ if is_suspended => MapState::Unknown,
            0 => MapState::Failed,
            active if active < total => MapState::Degraded,
            _ => MapState::Optimal,
        };
        let mut transports = self.paths().map(Path::transport);
        let first = transports.next().flatten();
        Health {
            state,
            active: u32::try_from(active).unwrap_or(u32::MAX),
            total: u32::try_from(total).unwrap_or(u32::MAX),
            transport: first.filter(|_| transports.all(|other| other == first)),
            impairments,
        }
    }
}

impl Path {
    /// Whether I/O can go this way: neither the kernel nor the SCSI layer has given it up, and the
    /// checker finds it ready, or standing by, or has not made up its mind.
    pub fn is_usable(&self) -> bool {
        self.dm_st != "failed"
            && self.dev_st != "offline"
            && matches!(self.chk_st.as_str(), "ready" | "ghost" | "i/o pending")
    }
}
