//! Whether each block of a VDI image is used once, and the header tells how many are in use:
//! `qemu-img check` without repairs. Memory is a bit for each block, 64 MiB at the most, in pages
//! where something is used.

use super::mapping::{ENTRY, is_allocated};
use super::{VdiInfo, offset_of};
use crate::error::Result;
use crate::image::check::{CheckFindingCode, CheckResult, Findings};
use crate::image::fields::Fields;
use crate::image::table::Table;
use crate::image::used::Used;
use crate::io::Shared;
use crate::limits::Limits;
use crate::work::{Progress, Work};

/// Bytes of the block map that make a part of the work.
const PART: usize = 64 << 10;

/// A check in the making; counts its progress in entries of the block map.
pub struct Check<'a> {
    file: Shared<'a>,
    info: VdiInfo,
    table: Table,
    used: Used,
    allocated: u32,
    done: u32,
    result: CheckResult,
    findings: Findings,
}

impl<'a> Check<'a> {
    /// A check of the image in `file`, whose header has been read. Counting takes at most as much
    /// memory as the limits allow.
    pub fn new(file: Shared<'a>, info: &VdiInfo, limits: &Limits) -> Self {
        Check {
            file,
            table: Table::new(info.block_map, u64::from(info.blocks), ENTRY, PART),
            used: Used::new(u64::from(info.blocks), limits),
            info: *info,
            allocated: 0,
            done: 0,
            result: CheckResult::default(),
            findings: Findings::default(),
        }
    }

    /// Counts it; there may be very many, so that the sentence is made only where it is kept.
    fn corrupt(&mut self, code: CheckFindingCode, at: u64, message: impl FnOnce() -> String) {
        self.result.corruptions += 1;
        if self.findings.has_room() {
            self.findings.add(code, at, message());
        }
    }

    /// One entry of the map, which lies at `at`.
    fn entry(&mut self, entry: u32, at: u64) -> Result<()> {
        if !is_allocated(entry) {
            return Ok(());
        }
        if entry >= self.info.blocks {
            let message = || format!("there is no block {entry}");
            self.corrupt(CheckFindingCode::BeyondEnd, at, message);
            return Ok(());
        }
        self.allocated += 1;
        if !self.used.insert(u64::from(entry))? {
            let message = || format!("block {entry} is used more than once");
            self.corrupt(CheckFindingCode::Overlap, at, message);
        }
        Ok(())
    }
}

impl Work for Check<'_> {
    type Answer = CheckResult;

    fn advance(&mut self) -> Result<Option<CheckResult>> {
        if self.done < self.info.blocks {
            let entries = self.table.from(&*self.file, u64::from(self.done))?.to_vec();
            for entry in entries.chunks_exact(ENTRY) {
                let at = self.info.block_map + u64::from(self.done) * ENTRY as u64;
                self.entry(Fields(entry).le32(0), at)?;
                self.done += 1;
            }
            return Ok(None);
        }
        if self.allocated != self.info.blocks_allocated {
            let (used, told) = (self.allocated, self.info.blocks_allocated);
            let message = || format!("{used} blocks are in use, but the header says {told}");
            let at = offset_of::BLOCKS_ALLOCATED as u64;
            self.corrupt(CheckFindingCode::BlockCount, at, message);
        }
        let mut result = std::mem::take(&mut self.result);
        result.findings = std::mem::take(&mut self.findings).into_inner();
        Ok(Some(result))
    }

    fn progress(&self) -> Progress {
        Progress {
            done: u64::from(self.done),
            total: u64::from(self.info.blocks),
        }
    }
}
