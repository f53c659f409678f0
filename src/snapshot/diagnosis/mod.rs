//! What is wrong with a volume, and the plan that brings it in order: after a crash between two steps
//! of a [`plan`](super::plan) or inside one, on this node or another, and after a careless hand.
//!
//! Everything is told from names and headers. What a plan wrote before it was cut off says how far it
//! came (`docs/snapshots.md` has the table). A repair that is not certain is marked so; where data is
//! missing that is nowhere in the volume, there is none.

mod cause;
mod condition;
mod conversion;
mod current;
mod json;
mod leftovers;
mod merge;
mod reference;
mod rename;
mod view;

pub use cause::{Cause, Diagnosis};

use crate::chain::Severity;
use crate::error::Result;
use crate::io::Storage;
use crate::snapshot::graph::{FindingCode, Graph};
use crate::snapshot::plan::{Plan, Terms};
use view::Volume;

/// How closely to look.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Look {
    /// Whether the tables of the images are checked, too: that finds clusters that a cut-off merge has
    /// left behind, and takes time in proportion to the tables.
    pub check: bool,
}

/// What is wrong with the volume, the most urgent first. A plan is for the volume as it is now: after
/// it has been run, another diagnosis tells what comes next. The guest must be stopped, on all nodes.
///
/// The graph must come from a listing. An error only if storage fails or does not answer in time.
pub fn diagnose(
    storage: &Storage,
    graph: &Graph,
    terms: &Terms,
    look: Look,
) -> Result<Vec<Diagnosis>> {
    let mut volume = Volume::new(graph, terms);
    if volume.is_empty() {
        return Ok(volume.finish());
    }
    if graph.subject().scheme().is_lvm() && condition::inactive(&mut volume) {
        // What is not known of those could be what the others mean.
        return Ok(volume.finish());
    }
    condition::stale_devices(&mut volume);
    if volume.has_found() {
        // Nor can be told what is behind the end of a device that is too short.
        return Ok(volume.finish());
    }
    conversion::begun(&mut volume);
    merge::interrupted(&mut volume, storage)?;
    merge::not_in_place(&mut volume);
    rename::interrupted(&mut volume);
    reference::dangling(&mut volume);
    current::missing(&mut volume);
    leftovers::passing(&mut volume);
    leftovers::snapshots(&mut volume);
    condition::recorded_formats(&mut volume);
    condition::overlay_layout(&mut volume);
    condition::too_small(&mut volume);
    condition::wrong_tags(&mut volume);
    let broken = graph.findings().iter().any(|finding| {
        matches!(finding.code, FindingCode::Unreadable) && finding.severity == Severity::Error
    });
    if look.check && !broken {
        condition::tables(&mut volume, storage)?;
    }
    Ok(volume.finish())
}
