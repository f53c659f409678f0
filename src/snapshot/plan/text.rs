//! A plan for reading: its cost, its steps as commands that could be typed, and what comes of it.

use std::fmt::Write;

use super::step::{Action, Native, Plan};
use crate::text::printable;

impl Plan {
    /// The plan as text.
    pub fn to_text(&self) -> String {
        let mut text = format!("{} {}", self.operation.name(), self.volume);
        text += if self.online {
            ", with the guest running\n"
        } else {
            "\n"
        };
        if self.steps.is_empty() {
            text += "  nothing is to be done\n";
        }
        for (nth, step) in self.steps.iter().enumerate() {
            let nth = nth + 1;
            let _ = writeln!(
                text,
                "{nth:3}. {:<10} {}",
                step.task.name(),
                step.action.to_text()
            );
        }
        let _ = writeln!(
            text,
            "moves {} bytes, needs {} bytes, takes about {} s",
            self.bytes_moved, self.bytes_needed, self.seconds
        );
        for note in &self.result.notes {
            let _ = writeln!(text, "{note}");
        }
        text
    }
}

impl Action {
    /// The action as it could be typed, safe to print: what an image records may hold anything.
    pub fn to_text(&self) -> String {
        printable(self.typed().as_bytes()).into_owned()
    }

    fn typed(&self) -> String {
        match self {
            Action::Exec(argv) => {
                let words: Vec<String> = argv.iter().map(|word| quoted(word)).collect();
                words.join(" ")
            }
            Action::Qmp {
                execute, arguments, ..
            } => match arguments.is_empty() {
                true => execute.clone(),
                false => {
                    let arguments = serde_json::Value::Object(arguments.clone());
                    format!("{execute} {arguments}")
                }
            },
            Action::Native(Native::Rename { from, to }) => {
                format!("mv -n {} {}", quoted(from), quoted(to))
            }
            Action::Native(Native::Unlink { path }) => format!("rm -f {}", quoted(path)),
        }
    }
}

/// A word as a shell takes it.
fn quoted(word: &str) -> String {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"/._-=,:@+%".contains(&b);
    match !word.is_empty() && word.bytes().all(plain) {
        true => word.to_owned(),
        false => format!("'{}'", word.replace('\'', r"'\''")),
    }
}
