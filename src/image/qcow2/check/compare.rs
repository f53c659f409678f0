//! What was counted against what is stored.

use super::Check;
use crate::error::Result;
use crate::image::check::{CheckFindingCode, CheckResult, Findings};
use crate::image::qcow2::refcounts::{NoRefcount, Stretch, entry};

/// Clusters that are compared at a time.
const PART: u64 = 1 << 20;
/// Those of them that are compared at once.
const BLOCK: usize = 64;

impl Check<'_> {
    /// Compares the clusters from `index` on, as many as make a part of the work; returns where to
    /// go on and the last one in use, nothing at the end.
    pub(super) fn compare(
        &mut self,
        mut index: u64,
        mut highest: u64,
    ) -> Result<Option<(u64, u64)>> {
        let clusters = self.counted.clusters;
        let part = index.saturating_add(PART);
        while index < clusters {
            if index >= part {
                return Ok(Some((index, highest)));
            }
            let (end, bytes) = match self.stored.stretch(index) {
                Ok((range, Stretch::Zero)) => (range.end, None),
                Ok((range, Stretch::Stored(bytes))) => (range.end, Some((range.start, bytes))),
                Err(NoRefcount::Misplaced { .. }) => {
                    self.result.check_errors += 1;
                    let message = "the refcount cannot be read: its block is misplaced";
                    let at = index << self.cluster_bits;
                    self.findings.add(CheckFindingCode::Misaligned, at, message);
                    index += 1;
                    continue;
                }
                Err(NoRefcount::Unreadable(error)) => return Err(error),
            };
            let end = end.min(clusters);
            let order = self.header.refcount_order;
            match bytes {
                None => {
                    // Only what is referenced can differ.
                    let next = self.counted.next(index).min(end);
                    index = next;
                    while index < end && self.counted.next(index) == index {
                        let counted = self.counted.get(index);
                        if counted > 0 {
                            highest = index;
                            differ(
                                (&mut self.result, &mut self.findings),
                                index << self.cluster_bits,
                                0,
                                counted,
                            );
                        }
                        index += 1;
                    }
                }
                Some((first, bytes)) => {
                    while index < end {
                        // The usual width, many clusters at a time.
                        if order == 4 {
                            if let Some(counts) = self.counted.bytes(index) {
                                let stored = &bytes[(index - first) as usize * 2..];
                                let most = (end - index) as usize;
                                let (same, used) = same(stored, &counts[..counts.len().min(most)]);
                                if let Some(used) = used {
                                    highest = index + used as u64;
                                }
                                index += same as u64;
                                if index >= end {
                                    break;
                                }
                            }
                        }
                        let stored = entry(bytes, order, index - first);
                        let counted = self.counted.get(index);
                        if stored > 0 || counted > 0 {
                            highest = index;
                        }
                        differ(
                            (&mut self.result, &mut self.findings),
                            index << self.cluster_bits,
                            stored,
                            counted,
                        );
                        index += 1;
                    }
                }
            }
        }
        self.result.image_end_offset = (highest + 1) << self.cluster_bits;
        Ok(None)
    }
}

/// How many stored 16-bit refcounts are what was counted, and the last of them that is not zero.
fn same(stored: &[u8], counts: &[u8]) -> (usize, Option<usize>) {
    let is_same = |(stored, count): (&[u8], &u8)| stored[0] == 0 && stored[1] == *count;
    // Many at a time, as long as all are the same; then one by one.
    let blocks = stored
        .chunks_exact(2 * BLOCK)
        .zip(counts.chunks_exact(BLOCK));
    let whole = blocks
        .take_while(|(stored, counts)| {
            let pairs = stored.chunks_exact(2).zip(*counts);
            pairs.fold(true, |same, pair| same & is_same(pair))
        })
        .count();
    let done = whole * BLOCK;
    let rest = stored[2 * done..].chunks_exact(2).zip(&counts[done..]);
    let same = done + rest.take_while(|&pair| is_same(pair)).count();
    let used = counts[..same].iter().rposition(|&count| count != 0);
    (same, used)
}

/// Reports a cluster whose refcount is not what it should be.
#[inline]
fn differ(
    (result, findings): (&mut CheckResult, &mut Findings),
    offset: u64,
    stored: u64,
    counted: u64,
) {
    if stored < counted {
        result.corruptions += 1;
        let message = format!("refcount {stored}, references {counted}");
        findings.add(CheckFindingCode::RefcountTooLow, offset, message);
    } else if stored > counted {
        result.leaks += 1;
        let message = format!("refcount {stored}, references {counted}");
        findings.add(CheckFindingCode::Leak, offset, message);
    }
}
