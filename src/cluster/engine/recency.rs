//! Rows in the order in which they changed last.

const NOBODY: u32 = u32::MAX;

#[derive(Clone, Copy)]
struct Link {
    newer: u32,
    older: u32,
    generation: u64,
}

/// A list through all rows that have ever changed, the newest first.
pub(super) struct Recency {
    links: Vec<Link>,
    newest: u32,
}

impl Default for Recency {
    fn default() -> Self {
        Self {
            links: Vec::new(),
            newest: NOBODY,
        }
    }
}

impl Recency {
    /// There are rows up to this one.
    pub fn grow(&mut self, rows: usize) {
        let alone = Link {
            newer: NOBODY,
            older: NOBODY,
            generation: 0,
        };
        self.links.resize(rows, alone);
    }

    /// A row has changed in the newest generation.
    pub fn touch(&mut self, row: u32, generation: u64) {
        let Link { newer, older, .. } = self.links[row as usize];
        if self.newest != row {
            if newer != NOBODY {
                self.links[newer as usize].older = older;
            }
            if older != NOBODY {
                self.links[older as usize].newer = newer;
            }
            if self.newest != NOBODY {
                self.links[self.newest as usize].newer = row;
            }
            let link = &mut self.links[row as usize];
            (link.newer, link.older) = (NOBODY, self.newest);
            self.newest = row;
        }
        self.links[row as usize].generation = generation;
    }

    /// Rows that have changed after a generation, the newest first.
    pub fn after(&self, generation: u64) -> impl Iterator<Item = u32> {
        let first = (self.newest != NOBODY).then_some(self.newest);
        let older = |row: &u32| Some(self.links[*row as usize].older).filter(|&row| row != NOBODY);
        let all = std::iter::successors(first, older);
        all.take_while(move |&row| self.links[row as usize].generation > generation)
    }

    /// The same with new numbers of the rows; those that have none are left out.
    pub fn renumbered(&self, rows: &[u32], gone: u32) -> Self {
        let mut new = Recency::default();
        new.grow(rows.iter().filter(|&&row| row != gone).count());
        let newest: Vec<u32> = self.after(0).collect();
        for row in newest.into_iter().rev() {
            if rows[row as usize] != gone {
                new.touch(rows[row as usize], self.links[row as usize].generation);
            }
        }
        new
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(recency: &Recency, generation: u64) -> Vec<u32> {
        recency.after(generation).collect()
    }

    #[test]
    fn each_row_comes_once_and_the_newest_first() {
        let mut recency = Recency::default();
        recency.grow(4);
        for (generation, row) in [(1, 2), (2, 0), (3, 3), (4, 0), (4, 0), (5, 2), (6, 3)] {
            recency.touch(row, generation);
        }
        assert_eq!(after(&recency, 0), [3, 2, 0]);
        assert_eq!(after(&recency, 4), [3, 2]);
        assert!(after(&recency, 6).is_empty());
        let renumbered = recency.renumbered(&[1, 9, 9, 0], 9);
        assert_eq!(after(&renumbered, 0), [0, 1]);
        assert_eq!(after(&renumbered, 4), [0]);
    }
}
