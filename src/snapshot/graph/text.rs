//! A graph as text for a terminal: one line for each image, the current one first, each above what it
//! stands on. What branches off is indented; however often images branch, the depth stays small, as
//! the larger branch goes straight down.

use std::fmt::Write;

use super::dot::extent;
use super::{Graph, Image, Place, Role};
use crate::snapshot::names::{Part, Standing};
use crate::text::printable;

impl Graph {
    /// The graph as text, with a newline at its end. Nothing in it moves the cursor.
    pub fn to_text(&self) -> String {
        let mut text = String::new();
        let volume = self.subject.volume();
        let count = self.names().len();
        let plural = if count == 1 { "" } else { "s" };
        let scheme = self.subject.scheme().name();
        // Writing to memory cannot fail.
        let _ = writeln!(text, "{volume} ({scheme}): {count} snapshot{plural}");
        for (index, depth) in self.rows() {
            let image = &self.images[index];
            let indent = "  ".repeat(depth + 1);
            let name = printable(&image.name);
            let (word, extent) = (self.word(image), extent(image));
            let place = match (image.place, image.is_foreign()) {
                (Place::Unlinked, false) => ", unlinked",
                (Place::Cycle, _) => ", stands on itself",
                _ => "",
            };
            let _ = writeln!(text, "{indent}{word}  {name}  {extent}{place}");
        }
        for finding in &self.findings {
            let _ = writeln!(text, "{}: {}", finding.severity.name(), finding.message);
        }
        text
    }

    /// What an image is, in a word or two. Nothing in it moves the cursor.
    pub fn word(&self, image: &Image) -> String {
        let word = match &image.role {
            Role::Member(member) => match &member.part {
                Part::Current => "current".into(),
                Part::Snapshot { name, .. } => name.to_string(),
                Part::Bottom => "(bottom)".into(),
            },
            Role::Overlay(name) => format!("since {name}"),
            Role::Foreign(_) => "(not its own)".into(),
        };
        let standing = match &image.role {
            Role::Member(member) => member.standing,
            _ => Standing::Kept,
        };
        match standing {
            Standing::Kept => word,
            Standing::Unfinished => format!("unfinished {word}"),
            Standing::Removed(_) => format!("removed {word}"),
        }
    }

    /// The images in the order in which a drawing shows them from top to bottom, by their indices, each
    /// with its column. Each stands above what it stands on: in the same column, or, where its column
    /// ends, in one further to the left.
    pub fn rows(&self) -> Vec<(usize, usize)> {
        let straight = self.straight();
        let mut rows = Vec::with_capacity(self.images.len());
        let bottom = self.line.last().copied();
        let roots = (0..self.images.len()).filter(|&index| self.is_root(index));
        let mut roots: Vec<usize> = roots.collect();
        // The current image's chain comes first.
        roots.sort_by_key(|&root| (Some(root) != bottom, root));
        let mut tasks: Vec<Task> = roots
            .iter()
            .rev()
            .map(|&root| Task::Tree(root, 0))
            .collect();
        while let Some(task) = tasks.pop() {
            match task {
                Task::Row(index, depth) => rows.push((index, depth)),
                Task::Tree(root, depth) => {
                    // Pushed from the bottom up, so that the top comes off first.
                    let mut at = Some(root);
                    while let Some(index) = at {
                        tasks.push(Task::Row(index, depth));
                        let beside = self.images[index].children.iter().rev();
                        for &child in beside.filter(|&&child| self.is_above(child)) {
                            if Some(child) != straight[index] {
                                tasks.push(Task::Tree(child, depth + 1));
                            }
                        }
                        at = straight[index];
                    }
                }
            }
        }
        rows
    }

    /// Whether a tree begins here: it stands on nothing, or in a circle.
    fn is_root(&self, index: usize) -> bool {
        let image = &self.images[index];
        image.parent.is_none() || image.place == Place::Cycle
    }

    /// Whether it is shown above what it stands on, and not as a tree of its own.
    fn is_above(&self, index: usize) -> bool {
        self.images[index].place != Place::Cycle
    }

    /// Of each image the one that is shown straight above it: that of the line, else the one with the
    /// most above it.
    fn straight(&self) -> Vec<Option<usize>> {
        let count = self.images.len();
        let mut weight = vec![1usize; count];
        let mut waiting: Vec<usize> = self.images.iter().map(|i| i.children.len()).collect();
        let mut ready: Vec<usize> = (0..count).filter(|&index| waiting[index] == 0).collect();
        while let Some(index) = ready.pop() {
            if let Some(parent) = self.images[index].parent {
                weight[parent] += weight[index];
                waiting[parent] -= 1;
                if waiting[parent] == 0 {
                    ready.push(parent);
                }
            }
        }
        let on_line = |index: usize| matches!(self.images[index].place, Place::Line(_));
        let straight = self.images.iter().map(|image| {
            let above = image.children.iter().copied();
            above
                .filter(|&child| self.is_above(child))
                .max_by_key(|&child| (on_line(child), weight[child], usize::MAX - child))
        });
        straight.collect()
    }
}

/// What is left to show.
enum Task {
    Row(usize, usize),
    Tree(usize, usize),
}
