//! The documents against the code: the table of findings is whole, and every kind of attack has a
//! case.

use std::path::PathBuf;

use pve_native_core::chain::{FindingCode, Preset};
use pve_native_core::image::{FormatChoice, ImageFormat};

use crate::case::Case;

const SECURITY: &str = include_str!("../../docs/security.md");
const AUDIT: &str = include_str!("../../docs/audit.md");

/// The first cells of the rows of a document's table.
fn rows(document: &str, heading: &str) -> Vec<String> {
    let section = document.split(&format!("\n## {heading}\n")).nth(1);
    let section = section.unwrap_or_else(|| panic!("no section '{heading}'"));
    let section = section.split("\n## ").next().unwrap_or_default();
    let rows = section.lines().filter_map(|line| line.strip_prefix("| "));
    let cells = rows.filter_map(|row| row.split(" |").next());
    cells
        .skip(1)
        .map(|cell| cell.trim_matches('`').to_owned())
        .collect()
}

#[test]
fn all_findings_are_explained() {
    let explained = rows(AUDIT, "Findings");
    let codes: Vec<String> = FindingCode::ALL
        .iter()
        .map(|code| code.name().to_owned())
        .collect();
    assert_eq!(explained, codes);
}

#[test]
fn every_kind_of_attack_and_every_cve_has_a_case() {
    let kinds = rows(SECURITY, "Attacks");
    assert_eq!(kinds.len(), 16);
    let cases = crate::catalogue();
    let known: Vec<&str> = cases
        .iter()
        .flat_map(|case| case.known_as.split(", "))
        .collect();
    for kind in &kinds {
        assert!(known.contains(&kind.as_str()), "no case for {kind}");
    }
    let cves = SECURITY.split(|c: char| !c.is_ascii_alphanumeric() && c != '-');
    let cves: Vec<&str> = cves.filter(|word| word.starts_with("CVE-")).collect();
    assert!(cves.len() >= 7);
    for cve in cves {
        assert!(known.contains(&cve), "no case for {cve}");
    }
    let names: Vec<&str> = cases.iter().map(|case| case.name).collect();
    assert_eq!(
        rows(SECURITY, "All cases"),
        names,
        "run `make compare-security`"
    );
    let mut names = names;
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), cases.len(), "two cases have one name");
}

/// A line about a case for `compare.py`: what it is, our preset, the format, both images and what
/// we say of them.
pub fn listed(case: &Case, tops: &[(PathBuf, &str)]) -> String {
    let [attack, twin] = [0, 1].map(|kind: usize| tops[kind].0.display().to_string());
    let format = match case.policy.format {
        FormatChoice::Named(format) => format.name(),
        FormatChoice::Extension => ImageFormat::from_extension(attack.as_bytes()).name(),
        FormatChoice::Probe => "auto-detect",
    };
    let preset = match case.policy.preset {
        Preset::None => "none",
        Preset::Upload => "upload",
        Preset::Restore => "restore",
        Preset::Storage => "storage",
    };
    let (name, known_as) = (case.name, case.known_as);
    let (ours, ours_of_twin) = (tops[0].1, tops[1].1);
    format!("{name}\t{known_as}\t{preset}\t{format}\t{attack}\t{ours}\t{twin}\t{ours_of_twin}\n")
}
