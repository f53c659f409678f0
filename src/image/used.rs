//! Which of an image's clusters or blocks are used: a bit for each, in pages that come into being when
//! something in them is used. Checks count with it what is used twice, and what is lost.

use crate::error::Result;
use crate::limits::{self, Limits};

/// Words of a page.
const PAGE: usize = 512;
/// Bytes of a page.
const PAGE_BYTES: u64 = PAGE as u64 * 8;
/// Clusters of a page.
const CLUSTERS: u64 = PAGE as u64 * u64::BITS as u64;

/// The clusters that are used.
pub(super) struct Used {
    pages: Vec<Option<Box<[u64; PAGE]>>>,
    clusters: u64,
    /// Pages that may still be made.
    room: u64,
    most: u64,
}

impl Used {
    /// None of so many clusters. The pages take no more memory than the limits allow.
    pub fn new(clusters: u64, limits: &Limits) -> Self {
        let pages = clusters.div_ceil(CLUSTERS) as usize;
        Used {
            pages: vec![None; pages],
            clusters,
            room: limits.check_bytes / PAGE_BYTES,
            most: limits.check_bytes,
        }
    }

    /// Uses a cluster; false if it is used already. An error if that takes too much memory.
    pub fn insert(&mut self, cluster: u64) -> Result<bool> {
        let Some(page) = self.pages.get_mut((cluster / CLUSTERS) as usize) else {
            return Ok(true);
        };
        if page.is_none() {
            let room = self.room.checked_sub(1);
            let too_much = || limits::above("too much to count", "max-check-bytes", self.most);
            self.room = room.ok_or_else(too_much)?;
        }
        let page = page.get_or_insert_with(|| Box::new([0; PAGE]));
        let at = cluster % CLUSTERS;
        let (word, bit) = (&mut page[(at / 64) as usize], 1 << (at % 64));
        let unused = *word & bit == 0;
        *word |= bit;
        Ok(unused)
    }

    /// The 64 clusters from this one on, a bit for each; its number is a multiple of 64.
    pub fn word(&self, cluster: u64) -> u64 {
        let page = self.pages.get((cluster / CLUSTERS) as usize);
        let at = (cluster % CLUSTERS / 64) as usize;
        page.and_then(Option::as_ref).map_or(0, |page| page[at])
    }

    /// The clusters of a page; None behind the last one.
    pub fn range(&self, page: usize) -> Option<std::ops::Range<u64>> {
        let start = page as u64 * CLUSTERS;
        (start < self.clusters).then(|| start..self.clusters.min(start + CLUSTERS))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clusters_are_used_once() {
        let mut used = Used::new(CLUSTERS + 3, &Limits::DEFAULT);
        for cluster in [0, 63, CLUSTERS - 1, CLUSTERS, CLUSTERS + 2] {
            assert!(used.insert(cluster).unwrap());
            assert!(!used.insert(cluster).unwrap());
        }
        assert_eq!(used.word(0), 1 << 63 | 1);
        assert_eq!(used.word(CLUSTERS), 0b101);
        assert_eq!(used.range(0), Some(0..CLUSTERS));
        assert_eq!(used.range(1), Some(CLUSTERS..CLUSTERS + 3));
        assert_eq!(used.range(2), None);
    }
    #[test]
    fn memory_has_a_bound() {
        let limits = Limits {
            check_bytes: PAGE_BYTES,
            ..Limits::DEFAULT
        };
        let mut used = Used::new(2 * CLUSTERS, &limits);
        assert!(used.insert(5).unwrap() && used.insert(6).unwrap());
        assert!(used.insert(CLUSTERS).is_err());
    }
}
