//! Snapshots within a qcow2 image: QEMU keeps them itself, and each operation is one step.

use super::draft::Draft;
use super::line::check;
use super::resize;
use super::step::Task;
use super::wish::Wish;
use crate::error::{Error, Result};
use crate::snapshot::graph::Graph;
use crate::snapshot::names::SnapshotName;
use crate::text::printable;

/// The steps.
pub fn plan(draft: &mut Draft<'_>, graph: &Graph, wish: &Wish) -> Result<()> {
    check(graph)?;
    let name = draft.subject.volume().as_str().to_owned();
    let there = |snapshot: &SnapshotName| graph.names().contains(&snapshot.as_str().as_bytes());
    let known = |snapshot: &SnapshotName| match there(snapshot) {
        true => Ok(()),
        false => Err(Error::argument(format!(
            "snapshot '{snapshot}' does not exist on '{name}'"
        ))),
    };
    let step = |draft: &mut Draft<'_>, what: &str, snapshot: &SnapshotName| {
        let action = draft.site.internal(&name, what, snapshot.as_str());
        draft.other(Task::Internal, action, std::slice::from_ref(&name), None);
    };
    match wish {
        Wish::Create(snapshot) if there(snapshot) => {
            return Err(Error::argument(format!(
                "volume '{name}' has a snapshot '{snapshot}' already"
            )));
        }
        Wish::Create(snapshot) => step(draft, "-c", snapshot),
        Wish::Delete(snapshots) => {
            for snapshot in snapshots {
                known(snapshot)?;
                step(draft, "-d", snapshot);
            }
        }
        Wish::Rollback(snapshot) => {
            known(snapshot)?;
            step(draft, "-a", snapshot);
        }
        Wish::Resize(size) => return resize::plan(draft, graph, *size),
        Wish::Rename(_) | Wish::CreateBase | Wish::Free => return whole(draft, graph, wish),
        Wish::Adopt | Wish::Unadopt | Wish::Convert => {
            let what = wish.operation().name();
            return Err(Error::unsupported(format!(
                "{what} is for logical volumes, and '{}' is an image with its snapshots within",
                printable(name.as_bytes())
            )));
        }
    }
    Ok(())
}

/// What is done with the image as a whole.
fn whole(draft: &mut Draft<'_>, graph: &Graph, wish: &Wish) -> Result<()> {
    match wish {
        Wish::Rename(to) => super::rename::plan(draft, graph, to),
        Wish::CreateBase => super::rename::create_base(draft, graph),
        _ => super::free::plan(draft, graph),
    }
}
