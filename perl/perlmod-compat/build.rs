//! Compiles the C half against the headers of the `perl` on the PATH (or of `$PERL`).

use std::path::Path;
use std::process::Command;

const SOURCES: [&str; 5] = ["build.c", "entry.c", "magic.c", "plain.c", "view.c"];

fn perl_config() -> Vec<String> {
    let perl = std::env::var("PERL").unwrap_or_else(|_| "perl".to_owned());
    let script =
        r#"print join "\n", map { $_ // "" } @Config{qw(archlibexp ccflags usemultiplicity)}"#;
    let output = Command::new(&perl)
        .args(["-MConfig", "-e", script])
        .output()
        .unwrap_or_else(|err| panic!("cannot run {perl}, which is needed to build this: {err}"));
    assert!(
        output.status.success(),
        "{perl} does not tell its configuration: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    let text = String::from_utf8(output.stdout).expect("Perl's configuration is UTF-8");
    text.split('\n').map(str::to_owned).collect()
}

fn main() {
    println!("cargo::rerun-if-env-changed=PERL");
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-changed=src/c");
    let [archlib, ccflags, multiplicity] =
        <[String; 3]>::try_from(perl_config()).expect("Perl's configuration has three lines");
    let include = format!("{archlib}/CORE");
    let header = Path::new(&include).join("perl.h");
    assert!(
        header.exists(),
        "Perl's headers are missing: no {}; install them (Debian: libperl-dev)",
        header.display()
    );
    println!("cargo::rerun-if-changed={}", header.display());
    println!("cargo::rustc-check-cfg=cfg(perl_multiplicity)");
    if multiplicity == "define" {
        println!("cargo::rustc-cfg=perl_multiplicity");
    }

    let mut cc = cc::Build::new();
    // Perl's headers are not free of warnings, so they come in as system headers.
    cc.flag("-isystem")
        .flag(&include)
        .pic(true)
        .opt_level(3)
        .flag("-Wall")
        .warnings(false);
    for flag in ccflags.split_ascii_whitespace() {
        cc.flag(flag);
    }
    for source in SOURCES {
        cc.file(format!("src/c/{source}"));
    }
    cc.compile("perlmod_compat_glue");
}
