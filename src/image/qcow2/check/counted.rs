//! How often each cluster of the file is referenced, counted in memory: a byte per cluster, in
//! pages that come into being when something in them is referenced, and widen where a byte is not
//! enough. That is 1 GiB for 64 TiB in clusters of 64 KiB; a sparse file takes less.

/// Clusters of a page.
const PAGE: u64 = 16 << 10;

pub(super) struct Counted {
    pages: Vec<Page>,
    /// Clusters of the file, more if some are referenced behind its end.
    pub clusters: u64,
    /// The largest refcount that the image can store.
    most: u64,
    /// Bytes of pages that may still be made.
    room: u64,
    /// Whether more were needed: then some references are not counted.
    is_full: bool,
    /// Whether something is referenced more than once.
    pub shared: bool,
}

#[derive(Clone, Default)]
enum Page {
    #[default]
    Empty,
    Narrow(Box<[u8]>),
    Wide(Box<[u64]>),
}

impl Counted {
    /// Nothing is referenced in a file of so many clusters. The pages take `room` bytes at the most.
    pub fn new(clusters: u64, refcount_order: u32, room: u64) -> Self {
        let most = match refcount_order {
            6 => u64::MAX,
            order => (1 << (1 << order)) - 1,
        };
        Counted {
            pages: vec![Page::Empty; clusters.div_ceil(PAGE) as usize],
            clusters,
            most,
            room,
            is_full: false,
            shared: false,
        }
    }

    /// Whether more memory was needed than there may be. The counts are worth nothing then.
    pub fn is_full(&self) -> bool {
        self.is_full
    }

    /// Counts the first reference to each of some clusters, as far as they lie together in memory
    /// and nothing else refers to them; returns to how many that was.
    #[inline]
    pub fn add_first(&mut self, cluster: u64, count: u64) -> u64 {
        let at = (cluster % PAGE) as usize;
        let Some(Page::Narrow(counts)) = self.pages.get_mut((cluster / PAGE) as usize) else {
            return 0;
        };
        let within = self.clusters.saturating_sub(cluster).min(PAGE - at as u64);
        let most = count.min(within) as usize;
        let places = &mut counts[at..at + most];
        if let [only] = places {
            let first = *only == 0;
            *only |= u8::from(first);
            return first.into();
        }
        if places.iter().any(|&count| count != 0) {
            return 0;
        }
        places.fill(1);
        most as u64
    }

    /// Counts one more reference; false if the image could not store so many.
    #[inline]
    pub fn add(&mut self, cluster: u64) -> bool {
        if cluster >= self.clusters {
            self.clusters = cluster + 1;
            let pages = self.clusters.div_ceil(PAGE) as usize;
            self.pages.resize(pages.max(self.pages.len()), Page::Empty);
        }
        let (page, at) = ((cluster / PAGE) as usize, (cluster % PAGE) as usize);
        if let Page::Narrow(counts) = &mut self.pages[page] {
            let count = counts[at];
            if count < u8::MAX && u64::from(count) < self.most {
                counts[at] = count + 1;
                self.shared |= count > 0;
                return true;
            }
        }
        self.add_slowly(page, at)
    }

    #[cold]
    fn add_slowly(&mut self, index: usize, at: usize) -> bool {
        let most = self.most;
        if let Page::Empty = self.pages[index] {
            if !self.take(PAGE) {
                return true;
            }
            self.pages[index] = Page::Narrow(vec![0; PAGE as usize].into());
        }
        if let Page::Narrow(counts) = &mut self.pages[index] {
            if u64::from(counts[at]) >= most {
                return false;
            }
            if counts[at] < u8::MAX {
                self.shared |= counts[at] > 0;
                counts[at] += 1;
                return true;
            }
            let wide = counts.iter().map(|&count| count.into()).collect();
            if !self.take(PAGE * 8) {
                return true;
            }
            self.pages[index] = Page::Wide(wide);
        }
        match &mut self.pages[index] {
            Page::Wide(counts) if counts[at] < most => {
                counts[at] += 1;
                true
            }
            _ => false,
        }
    }

    /// Room for so many bytes more, unless that is too much.
    fn take(&mut self, bytes: u64) -> bool {
        match self.room.checked_sub(bytes) {
            Some(room) => self.room = room,
            None => self.is_full = true,
        }
        !self.is_full
    }

    /// The references to a cluster.
    pub fn get(&self, cluster: u64) -> u64 {
        let at = (cluster % PAGE) as usize;
        match self.pages.get((cluster / PAGE) as usize) {
            None | Some(Page::Empty) => 0,
            Some(Page::Narrow(counts)) => counts[at].into(),
            Some(Page::Wide(counts)) => counts[at],
        }
    }

    /// The first cluster from `from` on that may be referenced.
    pub fn next(&self, from: u64) -> u64 {
        let page = (from / PAGE) as usize;
        match self.pages.get(page) {
            Some(Page::Narrow(_) | Page::Wide(_)) => from,
            None => self.clusters,
            Some(Page::Empty) => {
                let rest = &self.pages[page..];
                let empty = rest.iter().take_while(|page| matches!(page, Page::Empty));
                ((page + empty.count()) as u64 * PAGE).min(self.clusters)
            }
        }
    }

    /// The counts of the clusters from `from` on, as far as they lie together in bytes.
    pub fn bytes(&self, from: u64) -> Option<&[u8]> {
        match self.pages.get((from / PAGE) as usize) {
            Some(Page::Narrow(counts)) => Some(&counts[(from % PAGE) as usize..]),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_widen_and_end_where_the_image_could_not_store_them() {
        let mut counted = Counted::new(10, 4, u64::MAX);
        for _ in 0..0xffff {
            assert!(counted.add(3));
        }
        assert!(!counted.add(3));
        assert_eq!(counted.get(3), 0xffff);
        assert_eq!(counted.get(4), 0);
        let mut bits = Counted::new(1, 0, u64::MAX);
        assert!(bits.add(0) && !bits.add(0));
    }

    #[test]
    fn first_references_are_counted_together() {
        let mut counted = Counted::new(2 * PAGE, 4, u64::MAX);
        // Nothing lies there yet.
        assert_eq!(counted.add_first(3, 5), 0);
        counted.add(9);
        assert_eq!(counted.add_first(3, 5), 5);
        assert_eq!(counted.add_first(8, 1), 1);
        assert_eq!((counted.get(3), counted.get(8), counted.get(9)), (1, 1, 1));
        assert_eq!(counted.add_first(9, 1), 0);
        assert_eq!(counted.add_first(7, 20), 0);
        assert_eq!(counted.add_first(PAGE - 2, 20), 2);
        assert_eq!((counted.get(PAGE - 1), counted.get(PAGE)), (1, 0));
        assert!(!counted.shared);
        counted.add(9);
        assert!(counted.shared);
        counted.add(2 * PAGE - 1);
        assert_eq!(counted.add_first(2 * PAGE, 1), 0);
    }

    #[test]
    fn memory_has_a_bound() {
        let mut counted = Counted::new(10 * PAGE, 4, 10 * PAGE);
        for page in 0..2 {
            assert!(counted.add(page * PAGE) && !counted.is_full());
        }
        for _ in 0..0xff {
            assert!(counted.add(0));
        }
        assert!(!counted.is_full());
        for _ in 0..0xff {
            counted.add(PAGE);
        }
        assert!(counted.is_full());
    }

    #[test]
    fn empty_stretches_are_passed_over() {
        let mut counted = Counted::new(10 * PAGE, 4, u64::MAX);
        assert_eq!(counted.next(5), 10 * PAGE);
        counted.add(7 * PAGE + 3);
        assert_eq!(counted.next(5), 7 * PAGE);
        counted.add(20 * PAGE);
        assert_eq!(counted.clusters, 20 * PAGE + 1);
    }
}
