//! Whether the blocks of an image are where they can be: `qemu-img check` without repairs. An image
//! whose log would have to be replayed cannot be read at all.

use super::block_table::{BlockTable, Wrong};
use super::read_tables;
use crate::error::Result;
use crate::image::check::{CheckFindingCode, CheckResult, Findings};
use crate::io::{Shared, Source};
use crate::limits::Limits;
use crate::work::{Progress, Work};

/// A check in the making; counts its progress in bytes of the block allocation table.
pub struct Check<'a> {
    file: Shared<'a>,
    table: BlockTable,
    chunk: Vec<u8>,
    result: CheckResult,
    findings: Findings,
}

impl<'a> Check<'a> {
    /// A check of the image in `file`, of which no more is read than these bounds allow.
    pub fn new(file: Shared<'a>, limits: &Limits) -> Result<Self> {
        let (_, table) = read_tables(&Source::new(&*file, &[]).with_limits(limits))?;
        Ok(Check {
            file,
            table,
            chunk: Vec::new(),
            result: CheckResult::default(),
            findings: Findings::default(),
        })
    }
}

impl Work for Check<'_> {
    type Answer = CheckResult;

    fn advance(&mut self) -> Result<Option<CheckResult>> {
        let (at, length) = self.table.next_part();
        if length == 0 {
            let mut result = std::mem::take(&mut self.result);
            result.findings = std::mem::take(&mut self.findings).into_inner();
            return Ok(Some(result));
        }
        self.chunk.resize(length, 0);
        self.file.read_at(at, &mut self.chunk)?;
        let (result, findings) = (&mut self.result, &mut self.findings);
        self.table.judge(&self.chunk, &mut |at, block, wrong| {
            result.corruptions += 1;
            let (code, what) = match wrong {
                Wrong::Overflow => (CheckFindingCode::BeyondEnd, "past the end of every file"),
                Wrong::BehindEnd => (CheckFindingCode::BeyondEnd, "behind the end of the file"),
                Wrong::OnRegion => (CheckFindingCode::Overlap, "on the log or a table"),
            };
            findings.add(code, at, format!("block at {block} lies {what}"));
            Ok(())
        })?;
        Ok(None)
    }

    fn progress(&self) -> Progress {
        let (done, total) = self.table.progress();
        Progress { done, total }
    }
}
