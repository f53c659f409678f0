//! Runs a plan: each step after a look whether the volume is as the plan takes it to be. If a step
//! fails, what was done is undone where that is possible, and a look says whether all is as before.
//!
//! This program may be killed at any moment: the plan's order is made for that, and a diagnosis tells
//! what is to be done then.

mod child;
mod in_use;
mod interrupt;
mod lock;
mod native;

use std::borrow::Cow;
use std::io::{self, Write};

use pve_native_core::Error;
use pve_native_core::inspect::Bounds;
use pve_native_core::io::Storage;
use pve_native_core::snapshot::Plan;
use pve_native_core::snapshot::plan::{Action, Site, Step, Task};

pub use interrupt::Interrupt;
pub use lock::Lock;

use super::listing::{Deadline, Place};
use crate::answer::complain;
use crate::human;
use crate::progress::Bar;
use child::Failure;

/// What became of a plan.
#[derive(Debug, PartialEq, Eq)]
pub enum End {
    /// All of it was done.
    Done,
    /// It was not, and the volume is as it was before.
    Undone(Error),
    /// It was not, and the volume was left in between.
    InBetween(Error),
}

/// What plans are run with.
pub struct Runner<'a> {
    /// Where the images are.
    pub site: &'a Site,
    /// What each look may cost.
    pub bounds: Bounds,
    /// Whether the steps are shown on standard error.
    pub shown: bool,
    /// The caller's wish to end it.
    pub interrupt: &'a Interrupt,
    /// The volume's lock.
    pub lock: &'a Lock,
}

impl Runner<'_> {
    /// Runs all of it.
    pub fn run(&self, plan: &Plan) -> End {
        if let Err(error) = in_use::check(plan, self.site) {
            return End::Undone(error);
        }
        for (nth, step) in plan.steps.iter().enumerate() {
            if self.interrupt.came() {
                let error = Error::unsupported(format!("interrupted before step '{}'", step.id));
                return match nth {
                    0 => End::Undone(error),
                    _ => self.undo(plan, step, error),
                };
            }
            if let Err(error) = step.check(&Storage::for_call(self.bounds), self.site) {
                // Somebody else is at work here: going back would be as wrong as going on.
                return match nth {
                    0 => End::Undone(error),
                    _ => End::InBetween(error),
                };
            }
            if self.shown {
                say(&human::plan::step(nth, plan, step));
            }
            let mut bar = Bar::new(step.task.name());
            let done = self.act(&step.action, &mut bar);
            drop(bar);
            if let Err(failure) = done {
                let (id, command) = (&step.id, step.action.to_text());
                let message = format!("step '{id}' failed: {command}: {}", failure.message);
                let error = Error::unsupported(message);
                return match failure.at_work {
                    true => End::InBetween(error),
                    false => self.undo(plan, step, error),
                };
            }
        }
        End::Done
    }

    fn act(&self, action: &Action, bar: &mut Bar) -> Result<(), Failure> {
        match action {
            Action::Exec(argv) => {
                let run = || child::run(argv, bar, self.interrupt);
                let complaint = self.lock.inherited(run)?;
                if !complaint.is_empty() {
                    say(&format!("pve-native: {}: {complaint}", argv[0]));
                }
                Ok(())
            }
            Action::Native(native) => {
                native::run(native).map_err(|error| Failure::new(error.to_string()))
            }
            Action::Qmp { execute, .. } => Err(Failure::new(format!(
                "only the QEMU that runs the guest can do '{execute}'"
            ))),
        }
    }

    /// Goes back from a step that failed, or did not begin.
    fn undo(&self, plan: &Plan, step: &Step, error: Error) -> End {
        let Some(actions) = &step.on_failure.undo else {
            return End::InBetween(error);
        };
        self.interrupt.forget();
        let mut failed = Vec::new();
        for (nth, action) in actions.iter().enumerate() {
            if self.shown {
                say(&human::plan::undo(action));
            }
            let ready = match is_lvm(action) {
                true => Ok(()),
                false => self
                    .check_not_suspended(plan)
                    .map_err(|error| Failure::new(error.to_string())),
            };
            let act = || self.act(action, &mut Bar::new("undoing"));
            if let Err(failure) = ready.and_then(|()| act()) {
                failed.push(format!("{}: {}", action.to_text(), failure.message));
                // What was to be made may not be there. If anything else fails, the volume is as after
                // some step, which a diagnosis knows, and going on would make a state of it that no
                // plan has.
                if nth > 0 || step.task != Task::Allocate {
                    break;
                }
            }
        }
        let look = || {
            self.check_not_suspended(plan)?;
            plan.check_start(&Storage::for_call(self.bounds), self.site)
        };
        match look() {
            Ok(()) => End::Undone(error),
            Err(left) => {
                failed.push(left.to_string());
                complain(&error);
                let message = format!("not undone: {}", failed.join("; "));
                End::InBetween(Error::unsupported(message))
            }
        }
    }
}

impl Runner<'_> {
    /// An error if a command of LVM that failed has left a device suspended: who reads it would hang.
    fn check_not_suspended(&self, plan: &Plan) -> Result<(), Error> {
        let Some(group) = self.site.group() else {
            return Ok(());
        };
        let place = Place::Group(Cow::Borrowed(group), Cow::Borrowed(&plan.volume));
        let listing = place.list(Deadline::after(self.bounds.timeout))?;
        let mut suspended = listing.volumes.iter().filter(|listed| listed.suspended);
        match suspended.next() {
            None => Ok(()),
            Some(listed) => Err(Error::unsupported("it is left suspended").in_file(&listed.path)),
        }
    }
}

/// Whether it is a command of LVM, which resumes what it finds suspended.
fn is_lvm(action: &Action) -> bool {
    match action {
        Action::Exec(argv) => argv
            .first()
            .is_some_and(|program| program.starts_with("/sbin/lv")),
        Action::Native(_) | Action::Qmp { .. } => false,
    }
}

/// A line for who watches.
pub fn say(line: &str) {
    // Nobody need watch: a run does not end because its terminal has.
    let _ = writeln!(io::stderr(), "{line}");
}

#[cfg(test)]
mod tests;
