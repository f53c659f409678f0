//! Compiles the interpreter for the target that needs Perl, and links that target with Perl.

use std::process::Command;

fn perl(script: &str) -> String {
    let perl = std::env::var("PERL").unwrap_or_else(|_| "perl".to_owned());
    let output = Command::new(&perl)
        .args(["-MExtUtils::Embed", "-e", script])
        .output();
    let output = output.unwrap_or_else(|error| panic!("cannot run {perl}: {error}"));
    assert!(
        output.status.success(),
        "{perl} does not say how to embed it"
    );
    String::from_utf8(output.stdout).expect("flags are text")
}

fn main() {
    println!("cargo::rerun-if-env-changed=PERL");
    println!("cargo::rerun-if-changed=perl");
    let mut build = cc::Build::new();
    for flag in perl("ccopts()").split_ascii_whitespace() {
        match flag.strip_prefix("-I") {
            // Perl's headers are not free of warnings.
            Some(folder) => build.flag("-isystem").flag(folder),
            None => build.flag(flag),
        };
    }
    build
        .warnings(false)
        .cargo_metadata(false)
        .file("perl/interpreter.c");
    build.compile("interpreter");
    let folder = std::env::var("OUT_DIR").expect("cargo says where");
    let mut flags = vec![format!("{folder}/libinterpreter.a")];
    // Debian's headers come without the link that `-lperl` looks for.
    let library = perl("use Config; print $Config{libperl}");
    flags.extend(
        perl("ldopts()")
            .split_ascii_whitespace()
            .map(|flag| match flag {
                "-lperl" => format!("-l:{library}"),
                other => other.to_owned(),
            }),
    );
    for flag in flags {
        println!("cargo::rustc-link-arg-bin=perl_values={flag}");
    }
}
