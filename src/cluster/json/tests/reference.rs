//! serde_json as the reference: texts at random and their mutants, read, and passed over.

use serde_json::Value;

use super::*;
use crate::random::Random;

/// A text that is JSON.
fn text(random: &mut Random, depth: usize, out: &mut String) {
    let space = *random.pick(&["", "", "", " ", "\n\t", "\r "]);
    out.push_str(space);
    match random.below(if depth == 0 { 6 } else { 8 }) {
        0 => out.push_str(random.pick::<&str>(&["true", "false", "null"])),
        1 | 2 => number(random, out),
        3..=5 => string(random, out),
        6 => {
            out.push('[');
            for nth in 0..random.below(5) {
                out.push_str(if nth > 0 { "," } else { "" });
                text(random, depth - 1, out);
            }
            out.push_str(space);
            out.push(']');
        }
        _ => {
            out.push('{');
            for nth in 0..random.below(5) {
                out.push_str(if nth > 0 { "," } else { "" });
                out.push_str(space);
                match random.below(3) {
                    // Keys that are there twice.
                    0 => out.push_str(random.pick::<&str>(&["\"a\"", "\"\\u0061\"", "\"b\""])),
                    _ => string(random, out),
                }
                out.push_str(space);
                out.push(':');
                text(random, depth - 1, out);
            }
            out.push('}');
        }
    }
    out.push_str(space);
}

fn number(random: &mut Random, out: &mut String) {
    let shift = random.below(64);
    let value = random.next() >> shift;
    let exponent = random.below(40) as i32 - 20;
    out.push_str(&match random.below(7) {
        0 => format!("{}", random.below(100)),
        1 => format!("{value}"),
        2 => format!("-{value}"),
        3 => format!("{value}.{}", random.next()),
        4 => format!("{value}e{exponent}"),
        5 => format!("-0.{value:020}E{exponent:+}"),
        _ => random
            .pick(&[
                "0",
                "-0",
                "0.0",
                "1e3",
                "1E+2",
                "-1e-2",
                "18446744073709551616",
            ])
            .to_string(),
    });
}

fn string(random: &mut Random, out: &mut String) {
    const PARTS: [&str; 18] = [
        "a",
        "b",
        "state",
        "\u{e9}",
        "\u{20ac}",
        "\u{1f980}",
        "\u{7f}",
        "\\n",
        "\\\"",
        "\\\\",
        "\\/",
        "\\b",
        "\\f",
        "\\r\\t",
        "\\u0000",
        "\\u20aC",
        "\\ud83e\\udd80",
        "\\uFFFF",
    ];
    out.push('"');
    for _ in 0..random.below(6) {
        out.push_str(random.pick::<&str>(&PARTS));
    }
    out.push('"');
}

fn mutant(random: &mut Random, text: &str) -> Vec<u8> {
    const BYTES: &[u8] = b"{}[]\",:\\/0123456789eE+-.tfnu \n\x00\x1f\x7f\x80\xc3\xff";
    const PARTS: [&str; 8] = ["\\u", "\\ud800", "e1", "-", "00", "1.", "null", ",,"];
    let mut bytes = text.as_bytes().to_vec();
    for _ in 0..1 + random.below(3) {
        let at = random.below(bytes.len() + 1);
        match random.below(6) {
            0 => bytes.truncate(at),
            1 => bytes.insert(at, *random.pick(BYTES)),
            2 if at < bytes.len() => bytes[at] = *random.pick(BYTES),
            3 if at < bytes.len() => drop(bytes.remove(at)),
            4 => bytes
                .splice(at..at, random.pick(&PARTS).bytes())
                .for_each(drop),
            _ => {
                let end = (at + random.below(8)).min(bytes.len());
                bytes.extend_from_within(at..end);
            }
        }
    }
    bytes
}

/// Both as floats: neither the same digits nor the same float are asked for, and nothing where powers of
/// ten end, as `JSON::XS` multiplies by them.
fn near(ours: f64, theirs: f64) -> bool {
    let is_extreme = !(1e-290..1e290).contains(&theirs.abs());
    ours == theirs || is_extreme || (ours - theirs).abs() <= theirs.abs() * 1e-13
}

fn same(ours: &Json, theirs: &Value) -> bool {
    match (ours, theirs) {
        (Json::Null, Value::Null) => true,
        (Json::Bool(ours), Value::Bool(theirs)) => ours == theirs,
        (Json::Number(Number::Int(ours)), Value::Number(theirs)) => match theirs.as_i128() {
            Some(theirs) => *ours == theirs,
            // -0 is one of their floats.
            None => *ours == 0 && theirs.as_f64() == Some(0.0),
        },
        (Json::Number(ours), Value::Number(theirs)) => {
            near(ours.as_f64(), theirs.as_f64().unwrap())
        }
        // Integers of more than 64 bits are text.
        (Json::String(ours), Value::Number(theirs)) => {
            near(ours.parse().unwrap(), theirs.as_f64().unwrap())
        }
        (Json::String(ours), Value::String(theirs)) => ours == theirs,
        (Json::Array(ours), Value::Array(theirs)) => {
            ours.len() == theirs.len() && ours.iter().zip(theirs).all(|(o, t)| same(o, t))
        }
        (Json::Object(ours), Value::Object(theirs)) => {
            let same =
                |(key, ours): (&String, &Json)| theirs.get(key).is_some_and(|t| same(ours, t));
            ours.len() == theirs.len() && ours.iter().all(same)
        }
        _ => false,
    }
}

/// Reads a text in all ways; whether it is JSON.
fn agree(text: &[u8]) -> bool {
    let shown = String::from_utf8_lossy(text);
    let ours = Json::of_text(text);
    let mut scanner = Scanner::new(text);
    let passed = match &mut scanner {
        Ok(scanner) => scanner.skip().and_then(|()| scanner.end()),
        Err(error) => Err(*error),
    };
    assert_eq!(passed.is_ok(), ours.is_ok(), "{shown}");
    match (&ours, serde_json::from_slice::<Value>(text)) {
        (Ok(ours), Ok(theirs)) => assert!(same(ours, &theirs), "{shown}: {ours:?}, {theirs:?}"),
        (Err(_), Err(_)) => {}
        // Numbers of any size are some.
        (Ok(_), Err(error)) => assert!(
            error.to_string().contains("out of range"),
            "{shown}: {error}"
        ),
        (Err(error), Ok(_)) => panic!("{shown}: {error}"),
    }
    ours.is_ok()
}

#[test]
fn random_texts_and_their_mutants_mean_the_same() {
    let mut random = Random::new(13);
    let (mut sound, mut broken) = (0, 0);
    for _ in 0..20_000 {
        let mut whole = String::new();
        text(&mut random, 5, &mut whole);
        assert!(agree(whole.as_bytes()), "{whole}");
        for _ in 0..3 {
            match agree(&mutant(&mut random, &whole)) {
                true => sound += 1,
                false => broken += 1,
            }
        }
    }
    // Both kinds of mutants are there.
    assert!(sound > 5_000 && broken > 20_000, "{sound} {broken}");
}
