//! `pve-native storage …`: what storages can do.

use pve_native_core::{Result, json, storage};

use crate::answer::{Answer, Status};
use crate::args::Output;
use crate::args::storage::StorageCommand;
use crate::human;
use crate::image::only;

/// Answers one question.
pub fn run(command: &StorageCommand, output: Output) -> Result<Answer> {
    let StorageCommand::Capabilities { name, format } = command;
    let bytes = |word: &Option<String>| word.clone().map(String::into_bytes);
    let found = storage::ask(bytes(name).as_deref(), bytes(format).as_deref())?;
    let text = match output {
        Output::Human => human::storage::report(&found),
        Output::Json => json::to_text(&found) + "\n",
        _ => return Err(only("storage capabilities", "human or json")),
    };
    Ok(Answer::whole(text, Status::Fine))
}
