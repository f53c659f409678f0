//! Writes the manual pages and the shells' completions into a directory laid out like
//! `/usr/share`, from the same definitions that the command reads its arguments with.
//!
//! `cargo run -p pve-native-cli --example generate -- build/share`

#[path = "../src/args/mod.rs"]
#[allow(dead_code)]
mod args;

use std::fs;
use std::io::{self, Write};
use std::path::Path;
use std::process::ExitCode;

use clap::{Command, CommandFactory};
use clap_complete::Shell;
use clap_mangen::Man;
use clap_mangen::roff::{Roff, bold, italic, roman};

const NAME: &str = "pve-native";

/// Where each shell looks for completions, and what it calls them.
const COMPLETIONS: [(Shell, &str, &str); 3] = [
    (Shell::Bash, "bash-completion/completions", "pve-native"),
    (Shell::Zsh, "zsh/vendor-completions", "_pve-native"),
    (Shell::Fish, "fish/vendor_completions.d", "pve-native.fish"),
];

fn main() -> ExitCode {
    let Some(directory) = std::env::args_os().nth(1) else {
        eprintln!("usage: generate DIRECTORY");
        return ExitCode::from(2);
    };
    match generate(Path::new(&directory)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("generate: {error}");
            ExitCode::FAILURE
        }
    }
}

fn generate(directory: &Path) -> io::Result<()> {
    for (shell, place, name) in COMPLETIONS {
        let mut text = Vec::new();
        clap_complete::generate(shell, &mut args::Args::command(), NAME, &mut text);
        let text = String::from_utf8(text).map_err(io::Error::other)?;
        // clap_complete writes a command's hyphen in two ways, and bash then finds no subcommand
        // (https://github.com/clap-rs/clap/issues/6421).
        let text = text.replace("pve__subcmd__native", "pve__native");
        write(&directory.join(place), name, text.as_bytes())?;
    }
    let mut command = args::Args::command().disable_help_subcommand(true);
    command.build();
    let mut pages = Vec::new();
    collect(&command, &mut pages);
    for (name, command) in &pages {
        let others = pages.iter().map(|(other, _)| other.as_str());
        let others = others.filter(|other| other != name);
        let text = page(name, command, &others.collect::<Vec<_>>())?;
        write(&directory.join("man/man1"), &format!("{name}.1"), &text)?;
    }
    Ok(())
}

fn write(directory: &Path, name: &str, text: &[u8]) -> io::Result<()> {
    fs::create_dir_all(directory)?;
    fs::write(directory.join(name), text)
}

/// A page for the command and one for each below it.
fn collect(command: &Command, pages: &mut Vec<(String, Command)>) {
    let name = command.get_display_name().unwrap_or(command.get_name());
    pages.push((name.into(), command.clone()));
    for below in command.get_subcommands() {
        collect(below, pages);
    }
}

fn page(name: &str, command: &Command, others: &[&str]) -> io::Result<Vec<u8>> {
    let man = Man::new(command.clone());
    let mut out = Vec::new();
    // The third argument is the date: pages made from equal sources are equal.
    writeln!(
        out,
        ".TH {} 1 \"\" \"{NAME} {}\" \"{NAME}\"",
        name.to_uppercase(),
        env!("CARGO_PKG_VERSION")
    )?;
    man.render_name_section(&mut out)?;
    man.render_synopsis_section(&mut out)?;
    man.render_description_section(&mut out)?;
    man.render_options_section(&mut out)?;
    if command.has_subcommands() {
        man.render_subcommands_section(&mut out)?;
    }
    common_sections(others).to_writer(&mut out)?;
    Ok(out)
}

fn common_sections(others: &[&str]) -> Roff {
    let mut roff = Roff::new();
    roff.control("SH", ["EXIT STATUS"]);
    for (status, meaning) in [
        ("0", "The question was answered, and all is well."),
        (
            "1",
            "The question could not be answered; one line on standard error says why.",
        ),
        ("2", "The command line makes no sense."),
        (
            "3",
            "The answer is \"no\": the chain is damaged, an image is marked corrupt, or an image must \
             not be used, a volume is not whole, a LUN is not healthy, or guests cannot be placed.",
        ),
    ] {
        roff.control("TP", []);
        roff.text([bold(status)]);
        roff.text([roman(meaning)]);
    }
    roff.control("SH", ["ENVIRONMENT"]);
    for (name, meaning) in [
        ("NO_COLOR", "If set, --color auto means never."),
        (
            "LC_ALL, LC_CTYPE, LANG",
            "Symbols and lines are plain ASCII unless the locale is one of UTF-8.",
        ),
    ] {
        roff.control("TP", []);
        roff.text([bold(name)]);
        roff.text([roman(meaning)]);
    }
    roff.control("SH", ["EXAMPLES"]);
    for (example, meaning) in [
        (
            "pve-native image info vm-100-disk-0.qcow2",
            "What is in this image?",
        ),
        (
            "pve-native image chain --output json vm-100-disk-0.qcow2",
            "The text of qemu-img info --output=json --backing-chain.",
        ),
        (
            "pve-native image chain --output dot vm-100-disk-0.qcow2 | dot -Tsvg",
            "A picture of the chain.",
        ),
        (
            "pve-native image map vm-100-disk-0.qcow2",
            "Which image of the chain serves which part of the disk, and how much?",
        ),
        (
            "pve-native image map --output svg vm-100-disk-0.qcow2 > map.svg",
            "The same as a drawing for a browser.",
        ),
        (
            "pve-native image info --format raw /dev/vg/vm-100-disk-1",
            "A block device whose name tells no format.",
        ),
        (
            "pve-native image audit --preset upload upload.qcow2",
            "May this image, which somebody uploaded, be used?",
        ),
        (
            "pve-native storage capabilities lvm qcow2",
            "What can be done with such a volume?",
        ),
        (
            "pve-native image audit --preset restore --root /mnt/backup /mnt/backup/disk.qcow2",
            "Does this chain stay inside the directory that it was restored to?",
        ),
        (
            "pve-native snapshot graph /dev/vg/vm-100-disk-0.qcow2",
            "Which snapshots does this volume have, and what is wrong with its images?",
        ),
        (
            "pve-native placement solve problem.json",
            "Where are these guests to run?",
        ),
        (
            "pve-native placement what-if --failures 2 problem.json",
            "Would all of them run again if any two nodes failed?",
        ),
    ] {
        roff.control("TP", []);
        roff.text([italic(example)]);
        roff.text([roman(meaning)]);
    }
    roff.control("SH", ["SEE ALSO"]);
    let mut others: Vec<_> = others
        .iter()
        .flat_map(|name| [bold(*name), roman("(1), ")])
        .collect();
    others.extend([bold("qemu-img"), roman("(1)")]);
    roff.text(others);
    roff
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_command_has_a_page() {
        let directory = tempfile::tempdir().unwrap();
        generate(directory.path()).unwrap();
        for name in [
            "",
            "-image",
            "-image-info",
            "-image-chain",
            "-image-map",
            "-image-audit",
            "-storage",
            "-storage-capabilities",
            "-snapshot",
            "-snapshot-graph",
            "-cluster-status",
            "-placement",
            "-placement-solve",
            "-placement-explain",
            "-placement-what-if",
        ] {
            let path = directory
                .path()
                .join(format!("man/man1/pve-native{name}.1"));
            let page = fs::read_to_string(path).unwrap();
            assert!(page.contains(".SH \"EXIT STATUS\""), "{page}");
        }
    }

    /// What bash offers behind these words, the last of which is begun.
    fn completions(words: &[&str]) -> String {
        let directory = tempfile::tempdir().unwrap();
        generate(directory.path()).unwrap();
        let script = r#"source bash-completion/completions/pve-native
            COMP_WORDS=("$@")
            COMP_CWORD=$(($# - 1))
            function=$(complete -p pve-native | sed 's/.*-F \([^ ]*\).*/\1/')
            "$function" pve-native "${COMP_WORDS[-1]}" "${COMP_WORDS[-2]}"
            echo "${COMPREPLY[*]}""#;
        let mut bash = std::process::Command::new("bash");
        bash.args(["-c", script, "bash"]).args(words);
        let output = bash.current_dir(directory.path()).output().unwrap();
        String::from_utf8_lossy(&output.stdout).trim_end().into()
    }

    #[test]
    fn bash_completes_options_of_subcommands() {
        let chain = ["pve-native", "image", "chain", "--allow"];
        assert_eq!(completions(&chain), "--allow-probe");
        let map = ["pve-native", "image", "map", "--output", ""];
        assert_eq!(completions(&map), "human json dot svg html");
        let symlinks = ["pve-native", "image", "audit", "--symlinks", ""];
        assert_eq!(completions(&symlinks), "inside none any");
        let preset = ["pve-native", "image", "audit", "--preset", "u"];
        assert_eq!(completions(&preset), "upload");
        let storage = ["pve-native", "storage", "capabilities", "lvmt"];
        assert_eq!(completions(&storage), "lvmthin");
        let scheme = ["pve-native", "snapshot", "graph", "--scheme", ""];
        assert_eq!(completions(&scheme), "lvmqcow2 pve-dir pve-lvm internal");
    }
}
