//! `pve-native cluster status`: asks once, or again and again.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::Path;
use std::thread;
use std::time::Duration;

use console::Term;
use pve_native_core::cluster::status;
use pve_native_core::{Error, Result};

use super::question::read;
use super::view::View;
use crate::answer::{Answer, Status};
use crate::args::Output;
use crate::args::cluster::Status as Args;
use crate::html;
use crate::human::{self, Symbols};
use crate::image::only;
use crate::input::wrong;

/// Columns of what is no terminal.
const WIDTH: usize = 100;

/// Answers the question.
pub fn run(args: &Args, output: Output) -> Result<Answer> {
    match (output, args.watch) {
        (Output::Dot | Output::Svg, _) => {
            return Err(only("cluster status", "human, json or html"));
        }
        (Output::Html, Some(_)) => return Err(only("cluster status --watch", "human or json")),
        (_, Some(_)) if args.path == "-" => {
            return Err(Error::argument("standard input cannot be watched"));
        }
        _ => {}
    }
    let said = ask(args, output)?;
    match args.watch {
        None => Ok(Answer::whole(said.text, said.status)),
        Some(seconds) => {
            let status = said.status;
            let watch = Watch {
                args: args.clone(),
                output,
                pause: Duration::from_secs(seconds),
                screen: (output == Output::Human && Term::stdout().is_term()).then(Term::stdout),
                first: Some(said),
                last: None,
            };
            Ok(Answer::in_parts(watch, status))
        }
    }
}

/// An answer as it is shown.
struct Said {
    text: String,
    status: Status,
    /// Differs if anything has changed but time.
    digest: u64,
}

fn ask(args: &Args, output: Output) -> Result<Said> {
    let document = read(args)?;
    show(&document, output).map_err(|error| wrong(&error, Path::new(&args.path)))
}

fn show(document: &status::Document, output: Output) -> Result<Said> {
    let answer = document.answer()?;
    let view = View::new(&answer, document.options.now)?;
    let mut digest = DefaultHasher::new();
    view.hash(&mut digest);
    Ok(Said {
        text: match output {
            // JSON is UTF-8.
            Output::Json => String::from_utf8_lossy(&answer.to_json()?).into_owned() + "\n",
            Output::Html => html::cluster(&view),
            _ => human::matrix::report(&view, human::width_or(WIDTH), &Symbols::of_locale()),
        },
        status: match view.is_healthy {
            true => Status::Fine,
            false => Status::No,
        },
        digest: digest.finish(),
    })
}

/// Answers that follow each other, until the program is ended.
struct Watch {
    args: Args,
    output: Output,
    pause: Duration,
    /// None if it is no terminal.
    screen: Option<Term>,
    first: Option<Said>,
    last: Option<u64>,
}

impl Iterator for Watch {
    type Item = Result<String>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let said = match self.first.take() {
                Some(said) => said,
                None => {
                    thread::sleep(self.pause);
                    // A file that is being written may be whole the next time.
                    ask(&self.args, self.output).unwrap_or_else(|error| self.failure(&error))
                }
            };
            let changed = self.last.replace(said.digest) != Some(said.digest);
            match &self.screen {
                // What is wrong with the screen, the text will find too.
                Some(screen) => drop(screen.clear_screen()),
                None if !changed => continue,
                None => {}
            }
            return Some(Ok(said.text));
        }
    }
}

impl Watch {
    fn failure(&self, error: &Error) -> Said {
        let mut digest = DefaultHasher::new();
        let error = error.to_string();
        error.hash(&mut digest);
        Said {
            text: match self.output {
                Output::Json => serde_json::json!({ "error": error }).to_string() + "\n",
                _ => Symbols::of_locale().error(&error) + "\n",
            },
            status: Status::Error,
            digest: digest.finish(),
        }
    }
}
