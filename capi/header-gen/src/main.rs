//! Writes `include/pve_native.h`, or with `--check` says whether the committed one is what the
//! source gives. A tool of its own, so that nobody who builds the library needs cbindgen.

use std::path::Path;
use std::process::ExitCode;
use std::{env, fs};

fn main() -> ExitCode {
    let check = match env::args().nth(1).as_deref() {
        None => false,
        Some("--check") => true,
        Some(other) => {
            eprintln!("unknown argument '{other}'; only --check is known");
            return ExitCode::from(2);
        }
    };
    match run(check) {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("{message}");
            ExitCode::FAILURE
        }
    }
}

fn run(check: bool) -> Result<(), String> {
    let capi = Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .ok_or("no directory above this tool")?;
    let header = capi.join("../include/pve_native.h");
    let config = cbindgen::Config::from_file(capi.join("cbindgen.toml"))?;
    let bindings = cbindgen::Builder::new()
        .with_crate(capi)
        .with_config(config)
        .generate()
        .map_err(|e| e.to_string())?;
    let mut text = Vec::new();
    bindings.write(&mut text);
    let text = tidied(&String::from_utf8(text).map_err(|e| e.to_string())?);
    if !check {
        return fs::write(&header, text).map_err(|e| format!("{}: {e}", header.display()));
    }
    let committed = fs::read(&header).map_err(|e| format!("{}: {e}", header.display()))?;
    if committed == text.as_bytes() {
        return Ok(());
    }
    Err("include/pve_native.h is not what the source gives: run `make header`".into())
}

/// The header as a person would have written it: comments of one line on one line, no two empty
/// lines in a row, no comments of C++'s in C, types by the
/// names that they are given.
fn tidied(text: &str) -> String {
    let lines: Vec<&str> = text.lines().collect();
    let mut out = String::with_capacity(text.len());
    let mut at = 0;
    while let Some(&line) = lines.get(at) {
        at += 1;
        if line.trim() == "/**" && lines.get(at + 1).map(|l| l.trim()) == Some("*/") {
            let words = lines[at].trim_start().trim_start_matches("* ");
            out.push_str(&format!("{line} {words} */\n"));
            at += 2;
        } else if line.is_empty() && out.ends_with("\n\n") {
            continue;
        } else {
            let code = line.split_once(" //").map_or(line, |(code, _)| code);
            let code = code.trim_end();
            if code.starts_with("typedef") {
                out.push_str(code);
            } else {
                out.push_str(&code.replace("struct pven_", "pven_"));
            }
            out.push('\n');
        }
    }
    out
}
