//! The volume under diagnosis: what its images are called and stand on, as the rules ask for it, and
//! what they have said so far.

use std::collections::HashSet;

use super::{Cause, Diagnosis};
use crate::chain::Severity;
use crate::error::Result;
use crate::snapshot::graph::{Content, FindingCode, Graph, Image, Role};
use crate::snapshot::names::{Member, Part, Standing};
use crate::snapshot::plan::{Draft, Operation, Terms};
use crate::text::printable;

/// The volume under diagnosis.
pub struct Volume<'a> {
    pub graph: &'a Graph,
    pub terms: &'a Terms,
    found: Vec<Diagnosis>,
    /// Images whose state has been explained.
    explained: HashSet<usize>,
}

impl<'a> Volume<'a> {
    pub fn new(graph: &'a Graph, terms: &'a Terms) -> Self {
        Volume {
            graph,
            terms,
            found: Vec::new(),
            explained: HashSet::new(),
        }
    }

    /// Whether it has no image at all.
    pub fn is_empty(&self) -> bool {
        self.graph.images().iter().all(Image::is_foreign)
    }

    pub fn image(&self, index: usize) -> &'a Image {
        &self.graph.images()[index]
    }

    /// An image's name, safe to print.
    pub fn name(&self, index: usize) -> String {
        printable(&self.image(index).name).into_owned()
    }

    /// What an image of the volume is.
    pub fn member(&self, index: usize) -> Option<&'a Member> {
        match &self.image(index).role {
            Role::Member(member) => Some(member),
            Role::Overlay(_) | Role::Foreign(_) => None,
        }
    }

    /// Indices of the volume's own images that are there.
    pub fn own(&self) -> impl Iterator<Item = usize> + use<'a> {
        let images = self.graph.images();
        (0..images.len()).filter(|&index| {
            !images[index].is_foreign() && images[index].content != Content::Missing
        })
    }

    pub fn is_missing(&self, index: usize) -> bool {
        self.image(index).content == Content::Missing
    }

    /// The image that is this part of the volume, and has this standing. Of removed ones, all numbers.
    pub fn find(&self, part: &Part, standing: Standing) -> Option<usize> {
        self.own().find(|&index| {
            self.member(index).is_some_and(|member| {
                member.part == *part
                    && match standing {
                        Standing::Removed(_) => matches!(member.standing, Standing::Removed(_)),
                        other => member.standing == other,
                    }
            })
        })
    }

    /// Indices from an image down, itself first, as far as they go.
    pub fn below(&self, index: usize) -> Vec<usize> {
        let mut seen = HashSet::new();
        let mut at = Some(index);
        let mut path = Vec::new();
        while let Some(index) = at.filter(|&index| seen.insert(index)) {
            path.push(index);
            at = self.image(index).parent;
        }
        path
    }

    /// All images of the volume that lead to this one.
    pub fn above(&self, index: usize) -> Vec<usize> {
        let mut seen = HashSet::from([index]);
        let mut todo = self.image(index).children.clone();
        let mut all = Vec::new();
        while let Some(child) = todo.pop() {
            if seen.insert(child) && !self.image(child).is_foreign() {
                all.push(child);
                todo.extend(&self.image(child).children);
            }
        }
        all.sort_unstable();
        all
    }

    /// The kept images on which no kept one stands.
    pub fn leaves(&self) -> Vec<usize> {
        let kept = |index: &usize| self.image(*index).is_kept();
        let covered = |index: &usize| self.above(*index).iter().any(kept);
        self.own()
            .filter(|index| kept(index) && !covered(index))
            .collect()
    }

    /// A plan that repairs something.
    pub fn plan(&self, draw: impl FnOnce(&mut Draft<'_>) -> Result<()>) -> Result<super::Plan> {
        let mut draft = Draft::new(self.graph, self.terms)?;
        draw(&mut draft)?;
        Ok(draft.finish(Operation::Repair))
    }

    /// Says what is wrong and what helps. A plan that cannot be made is none, and the sentence says why.
    pub fn say(
        &mut self,
        (cause, severity): (Cause, Severity),
        about: usize,
        message: String,
        plan: Option<Result<super::Plan>>,
        certain: bool,
    ) {
        let mut message = message;
        let plan = match plan {
            Some(Ok(plan)) => Some(plan),
            Some(Err(error)) => {
                message += &format!("; no plan can be made: {error}");
                None
            }
            None => None,
        };
        self.explained.insert(about);
        self.found.push(Diagnosis {
            code: cause.name(),
            severity,
            volume: self.name(about),
            message,
            certain: certain && plan.is_some(),
            plan,
        });
    }

    /// Nothing more is to be said of where these images stand.
    pub fn explain(&mut self, images: impl IntoIterator<Item = usize>) {
        self.explained.extend(images);
    }

    pub fn is_explained(&self, index: usize) -> bool {
        self.explained.contains(&index)
    }

    /// Whether anything has been found.
    pub fn has_found(&self) -> bool {
        !self.found.is_empty()
    }

    /// What was found, and then what the graph says and nothing has explained.
    pub fn finish(self) -> Vec<Diagnosis> {
        let mut all = self.found;
        let causes = !all.is_empty();
        for finding in self.graph.findings() {
            let of_place = matches!(
                finding.code,
                FindingCode::NoCurrent
                    | FindingCode::CurrentMissing
                    | FindingCode::CurrentNotTop
                    | FindingCode::Missing
                    | FindingCode::Inactive
                    | FindingCode::PassingInUse
                    | FindingCode::Branch
                    | FindingCode::Unlinked
                    | FindingCode::Unfinished
                    | FindingCode::Removed
                    | FindingCode::RecordedFormat
                    | FindingCode::UnnamedFormat
                    | FindingCode::Cycle
                    | FindingCode::OverlayLayout
            );
            let explained = match finding.image {
                Some(index) => self.explained.contains(&index),
                None => causes,
            };
            if finding.severity == Severity::Info || (of_place && explained) {
                continue;
            }
            all.push(Diagnosis {
                code: finding.code.name(),
                severity: finding.severity,
                volume: printable(&finding.name).into_owned(),
                message: finding.message.clone(),
                plan: None,
                certain: false,
            });
        }
        all
    }
}
