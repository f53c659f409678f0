//! `pve-native snapshot diagnose`: what is wrong with a volume, and with `--run` bringing it in order.

use std::os::unix::ffi::OsStrExt;

use pve_native_core::chain::Severity;
use pve_native_core::image::json::{Names, View};
use pve_native_core::inspect::{self, Bounds, DiagnosisOptions};
use pve_native_core::snapshot::Plan;
use pve_native_core::snapshot::diagnosis::{Diagnosis, Look};
use pve_native_core::snapshot::plan::{Site, Terms};
use pve_native_core::text::{last_component, printable};
use pve_native_core::{Error, Result, json};

use super::graph::{Volume, read};
use super::plan::{absolute, site_of, with_room};
use super::run::{End, Interrupt, Lock, Runner, say};
use crate::answer::{Answer, Status};
use crate::args::{Output, snapshot as args};
use crate::human;
use crate::image::only;

/// Plans that are run at the most: each leaves less to do.
const ROUNDS: usize = 100;

/// Answers the question, or repairs the volume.
pub fn run(args: &args::Diagnose, output: Output) -> Result<Answer> {
    if !matches!(output, Output::Human | Output::Json) {
        return Err(only("snapshot diagnose", "human or json"));
    }
    let mut terms = Terms::default();
    args.terms.set(&mut terms)?;
    let mut patient = Patient {
        path: absolute(args.path.as_bytes())?,
        bounds: args.volume.bounds()?,
        terms,
        args,
        shown: output == Output::Human,
    };
    let (found, error) = match args.run {
        true => patient.repair()?,
        false => {
            let volume = patient.volume()?;
            (patient.diagnose(&volume, !args.no_check)?, None)
        }
    };
    let text = match output {
        Output::Json => {
            let found: Vec<View<Diagnosis>> =
                found.iter().map(|d| View::new(d, Names::Text)).collect();
            json::to_text(&found) + "\n"
        }
        _ => human::plan::diagnoses(&printable(last_component(&patient.path)), &found),
    };
    let wrong = |found: &Diagnosis| found.severity == Severity::Error || found.plan.is_some();
    let status = match error.is_some() || found.iter().any(wrong) {
        true => Status::No,
        false => Status::Fine,
    };
    let answer = Answer::whole(text, status);
    Ok(Answer { error, ..answer })
}

/// What is left, and why it did not get better.
type Rest = (Vec<Diagnosis>, Option<Error>);

struct Patient<'a> {
    path: Vec<u8>,
    bounds: Bounds,
    terms: Terms,
    args: &'a args::Diagnose,
    shown: bool,
}

impl Patient<'_> {
    /// Lists and reads it anew.
    fn volume(&self) -> Result<Volume> {
        read(&self.path, &self.args.volume)
    }

    fn diagnose(&self, volume: &Volume, check: bool) -> Result<Vec<Diagnosis>> {
        let group = volume.group.as_ref();
        let options = DiagnosisOptions {
            terms: with_room(self.terms.clone(), group, &self.args.terms),
            look: Look { check },
            bounds: self.bounds,
        };
        inspect::diagnose(&volume.graph, &options)
    }

    /// What is wrong, and of it what is to be done next. The tables of the images are checked only
    /// when all else is in order: that takes its time.
    fn next(&self) -> Result<(Vec<Diagnosis>, Option<Plan>)> {
        let volume = self.volume()?;
        let mut found = self.diagnose(&volume, false)?;
        if self.pick(&found).is_none() && !self.args.no_check {
            found = self.diagnose(&volume, true)?;
        }
        let next = self.pick(&found);
        if let Some(next) = next.filter(|_| self.shown) {
            let message = printable(next.message.as_bytes());
            let doubt = if next.certain { "" } else { " (not certain)" };
            say(&format!("{}: {message}{doubt}", next.volume));
        }
        let plan = next.and_then(|next| next.plan.clone());
        Ok((found, plan))
    }

    fn pick<'d>(&self, found: &'d [Diagnosis]) -> Option<&'d Diagnosis> {
        let has_plan = |found: &&Diagnosis| found.plan.is_some();
        let certain = |found: &&Diagnosis| found.certain;
        let mut plans = found.iter().filter(has_plan);
        match plans.clone().find(certain) {
            Some(found) => Some(found),
            None => plans.next().filter(|_| self.args.uncertain),
        }
    }

    fn repair(&mut self) -> Result<Rest> {
        let interrupt = Interrupt::watch()?;
        let volume = self.volume()?;
        let site = site_of(&volume)?;
        let lock = Lock::of(&volume.graph, &site)?;
        let mut before = None;
        for _ in 0..ROUNDS {
            let (found, plan) = self.next()?;
            let Some(plan) = plan else {
                return Ok((found, None));
            };
            if before.as_ref() == Some(&found) {
                let message = "the plan was carried out, and the volume is no better than before";
                return Ok((found, Some(Error::unsupported(message))));
            }
            let runner = Runner {
                site: &site,
                bounds: self.bounds,
                shown: self.shown,
                interrupt: &interrupt,
                lock: &lock,
            };
            match runner.run(&plan) {
                End::Done => {}
                End::Undone(error) | End::InBetween(error) => return Ok((found, Some(error))),
            }
            self.follow(&plan, &site);
            before = Some(found);
        }
        let message = format!("after {ROUNDS} plans something is still wrong");
        Ok((
            before.unwrap_or_default(),
            Some(Error::unsupported(message)),
        ))
    }

    /// The volume may have another name now.
    fn follow(&mut self, plan: &Plan, site: &Site) {
        if let Some(volname) = &plan.result.volname {
            let name = last_component(volname.as_bytes());
            self.path = site.path(&String::from_utf8_lossy(name)).into_bytes();
        }
    }
}
