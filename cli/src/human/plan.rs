//! A plan for reading: what is to be done as commands that could be typed, what it costs and what comes
//! of it; and what is wrong with a volume, each thing with what helps.

use pve_native_core::chain::Severity;
use pve_native_core::snapshot::Plan;
use pve_native_core::snapshot::diagnosis::Diagnosis;
use pve_native_core::snapshot::plan::{Action, Step};
use pve_native_core::text::printable;

use super::{NAME, QUIET, Symbols, size, styled};

/// The plan, and what it costs.
pub fn whole(plan: &Plan) -> String {
    let mut out = heading(plan);
    if plan.steps.is_empty() {
        out += "  nothing is to be done\n";
    }
    for line in steps(plan) {
        out += &format!("  {line}\n");
    }
    out += &format!("\n{}\n", cost(plan));
    out + &notes(plan)
}

/// What has been done.
pub fn done(plan: &Plan) -> String {
    let symbols = Symbols::of_locale();
    let steps = match plan.steps.len() {
        1 => "1 step".to_owned(),
        count => format!("{count} steps"),
    };
    let what = format!("{} {}, {steps}", plan.operation.name(), plan.volume);
    format!("{}\n{}", symbols.good("done", &what), notes(plan))
}

/// A step that is about to be done.
pub fn step(nth: usize, plan: &Plan, step: &Step) -> String {
    let count = plan.steps.len();
    let task = step.task.name();
    format!("{}/{count} {task:<10} {}", nth + 1, step.action.to_text())
}

/// An action that undoes one.
pub fn undo(action: &Action) -> String {
    format!("undo {}", action.to_text())
}

/// Everything that is wrong.
pub fn diagnoses(volume: &str, found: &[Diagnosis]) -> String {
    let symbols = Symbols::of_locale();
    if found.is_empty() {
        let text = format!("{} is in order", printable(volume.as_bytes()));
        return symbols.good("ok", &text) + "\n";
    }
    let mut out = String::new();
    for (nth, diagnosis) in found.iter().enumerate() {
        if nth > 0 {
            out.push('\n');
        }
        out += &diagnosis_of(diagnosis, &symbols);
    }
    out
}

fn diagnosis_of(diagnosis: &Diagnosis, symbols: &Symbols) -> String {
    let message = printable(diagnosis.message.as_bytes());
    let text = format!(
        "{}: {message} [{}]",
        styled(NAME, &printable(diagnosis.volume.as_bytes())),
        diagnosis.code
    );
    let mut out = match diagnosis.severity {
        Severity::Error => symbols.error(&text),
        Severity::Warning => symbols.warning(&text),
        Severity::Info => symbols.note(&text),
    };
    out.push('\n');
    let Some(plan) = &diagnosis.plan else {
        return out;
    };
    out += match diagnosis.certain {
        true => "  what helps:\n",
        false => "  what may help (it is not certain):\n",
    };
    for line in steps(plan) {
        out += &format!("    {line}\n");
    }
    out += &format!("    {}\n", styled(QUIET, &cost(plan)));
    let notes = notes(plan);
    notes
        .lines()
        .fold(out, |out, note| out + "    " + note + "\n")
}

fn heading(plan: &Plan) -> String {
    let guest = if plan.online {
        "the guest keeps running"
    } else {
        "the guest must be stopped"
    };
    let (what, volume) = (plan.operation.name(), styled(NAME, &plan.volume));
    format!(
        "{what} {volume} {}\n\n",
        styled(QUIET, &format!("({guest})"))
    )
}

fn steps(plan: &Plan) -> impl Iterator<Item = String> {
    let width = plan.steps.len().to_string().len();
    plan.steps.iter().enumerate().map(move |(nth, step)| {
        let (nth, task) = (nth + 1, step.task.name());
        format!("{nth:width$}. {task:<10} {}", step.action.to_text())
    })
}

fn cost(plan: &Plan) -> String {
    let (moved, needed) = (size(plan.bytes_moved), size(plan.bytes_needed));
    format!(
        "moves {moved}, needs {needed} of room, takes about {}",
        duration(plan.seconds)
    )
}

/// Roughly.
fn duration(seconds: f64) -> String {
    if seconds < 10.0 {
        return format!("{seconds:.1} s");
    }
    let whole = std::time::Duration::from_secs(seconds.min(1e9) as u64);
    humantime::format_duration(whole).to_string()
}

fn notes(plan: &Plan) -> String {
    let notes = plan.result.notes.iter();
    notes.fold(String::new(), |out, note| {
        out + &printable(note.as_bytes()) + "\n"
    })
}
