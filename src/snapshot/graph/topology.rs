//! Putting images in order by what they stand on: which is the current one, what lies below it, what
//! branches off, what leads nowhere, what goes in circles.

use super::read::Draft;
use super::{Graph, Image, Layout, Place, Role, judge};
use crate::snapshot::names::{Part, Standing};

impl Draft {
    /// The graph of these images.
    pub fn finish(mut self) -> Graph {
        for index in 0..self.images.len() {
            if let Some(parent) = self.images[index].parent {
                self.images[parent].children.push(index);
            }
        }
        let cyclic = cyclic(&self.images);
        for (image, &cyclic) in self.images.iter_mut().zip(&cyclic) {
            if cyclic {
                image.place = Place::Cycle;
            }
        }
        let layout = self.layout();
        let leaves = leaves(&self.images);
        let current = current(&self.images, &leaves, layout);
        let line = place(&mut self.images, current);
        let mut graph = Graph {
            subject: self.subject,
            layout,
            images: self.images,
            line,
            findings: Vec::new(),
            neighbours: self.neighbours,
        };
        graph.findings = judge::findings(&graph, &leaves, self.has_twins);
        graph
    }

    /// Overlays with the names of 2024 are that if they stand on the raw volume. Those that do not
    /// are a broken part of it, unless there is another volume which they can belong to.
    fn layout(&mut self) -> Layout {
        let is_overlay = |image: &Image| matches!(image.role, Role::Overlay(_));
        if !self.images.iter().any(is_overlay) {
            return Layout::Named;
        }
        let anchors = self.images.iter().map(|image| {
            image.part() == Some(&Part::Current) && image.is_kept() && image.place != Place::Cycle
        });
        let anchored = reach(&self.images, anchors.collect());
        let has_sibling = self.has_sibling;
        let mut layout = Layout::Named;
        for (image, anchored) in self.images.iter_mut().zip(anchored) {
            if is_overlay(image) {
                match anchored || !has_sibling {
                    true => layout = Layout::Overlays,
                    false => image.role = Role::Foreign(None),
                }
            }
        }
        layout
    }
}

/// Which images lead to one that is marked, themselves included.
fn reach(images: &[Image], mut marked: Vec<bool>) -> Vec<bool> {
    let mut known = marked.clone();
    let mut path = Vec::new();
    for start in 0..images.len() {
        let mut at = Some(start);
        while let Some(index) = at.filter(|&index| !known[index]) {
            known[index] = true;
            path.push(index);
            at = images[index].parent;
        }
        // One that is known and on the path closes a circle, which leads nowhere.
        let leads = at.is_some_and(|index| marked[index]);
        path.drain(..).for_each(|index| marked[index] = leads);
    }
    marked
}

/// Which images stand on themselves.
fn cyclic(images: &[Image]) -> Vec<bool> {
    let mut cyclic = vec![false; images.len()];
    // 0: not seen; otherwise the round in which it was.
    let mut seen = vec![0; images.len()];
    for start in 0..images.len() {
        let round = start + 1;
        let mut at = Some(start);
        while let Some(index) = at.filter(|&index| seen[index] == 0) {
            seen[index] = round;
            at = images[index].parent;
        }
        // Back at an image of this round: all from there to there.
        while let Some(index) = at.filter(|&index| seen[index] == round && !cyclic[index]) {
            cyclic[index] = true;
            at = images[index].parent;
        }
    }
    cyclic
}

/// The kept images of the volume on which no other one stands, not even with others in between.
fn leaves(images: &[Image]) -> Vec<usize> {
    let mut covered = vec![false; images.len()];
    for image in images.iter().filter(|image| image.is_kept()) {
        let mut at = image.parent;
        while let Some(index) = at.filter(|&index| !covered[index]) {
            covered[index] = true;
            at = match images[index].is_kept() {
                true => None,
                false => images[index].parent,
            };
        }
    }
    let is_leaf = |&index: &usize| {
        let image: &Image = &images[index];
        image.is_kept() && !covered[index] && image.place != Place::Cycle
    };
    (0..images.len()).filter(is_leaf).collect()
}

/// The leaf that is the current image: the only one, or the only one that is called so. In the
/// layout of 2024 no leaf is, and what does not lead to the volume's raw image does not count.
fn current(images: &[Image], leaves: &[usize], layout: Layout) -> Option<usize> {
    let called_current = |index: &usize| images[*index].part() == Some(&Part::Current);
    let only = |candidates: &mut dyn Iterator<Item = usize>| {
        let first = candidates.next()?;
        candidates.next().is_none().then_some(first)
    };
    if let [leaf] = leaves {
        return Some(*leaf);
    }
    if layout == Layout::Overlays {
        let anchors = (0..images.len()).map(|i| called_current(&i) && images[i].is_kept());
        let anchored = reach(images, anchors.collect());
        return only(&mut leaves.iter().copied().filter(|&index| anchored[index]));
    }
    if leaves.is_empty() {
        let kept = (0..images.len()).filter(|&index| images[index].is_kept());
        return only(&mut kept.filter(called_current));
    }
    only(&mut leaves.iter().copied().filter(called_current))
}

/// Says of each image where it stands, and returns the line.
fn place(images: &mut [Image], current: Option<usize>) -> Vec<usize> {
    let mut line = Vec::new();
    let mut position: Vec<Option<usize>> = vec![None; images.len()];
    let mut at = current;
    while let Some(index) = at.filter(|&index| position[index].is_none()) {
        position[index] = Some(line.len());
        line.push(index);
        at = images[index].parent;
    }
    // Below the volume's own images others may stand on the same base.
    let own = line.iter().rposition(|&index| !images[index].is_foreign());
    let own = own.map_or(0, |own| own + 1);
    let mut known: Vec<Option<Option<usize>>> = vec![None; images.len()];
    for (order, &index) in line.iter().enumerate() {
        known[index] = Some((order < own).then_some(order));
    }
    let mut path = Vec::new();
    for start in 0..images.len() {
        let mut at = Some(start);
        while let Some(index) = at.filter(|&index| known[index].is_none()) {
            known[index] = Some(None);
            path.push(index);
            at = images[index].parent;
        }
        let joint = at.and_then(|index| known[index]).flatten();
        path.drain(..).for_each(|index| known[index] = Some(joint));
    }
    for (index, image) in images.iter_mut().enumerate() {
        image.place = match (image.place, position[index], known[index].flatten()) {
            (Place::Cycle, _, _) => Place::Cycle,
            (_, Some(order), _) => Place::Line(order),
            (_, None, Some(joint)) => Place::Branch(joint),
            (_, None, None) => Place::Unlinked,
        };
    }
    line
}

/// Whether it is being made or removed.
pub(super) fn is_passing(image: &Image) -> bool {
    match &image.role {
        Role::Member(member) => member.standing != Standing::Kept,
        Role::Overlay(_) | Role::Foreign(_) => false,
    }
}
