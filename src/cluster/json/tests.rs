#[path = "tests/reference.rs"]
mod reference;

use super::*;

fn read(text: &str) -> Result<Json, Syntax> {
    let value = Json::of_text(text.as_bytes());
    // What is passed over must be understood in the same way.
    let mut scanner = Scanner::new(text.as_bytes()).unwrap();
    let passed = scanner.skip().and_then(|()| scanner.end());
    assert_eq!(
        passed,
        value.as_ref().map(|_| ()).map_err(|error| *error),
        "{text}"
    );
    value
}

/// What serde_json makes of a value of ours.
fn again(value: &Json) -> serde_json::Value {
    serde_json::to_value(value).unwrap()
}

#[test]
fn texts_mean_what_serde_json_takes_them_for() {
    let texts = [
        "{}",
        "[]",
        " { \"a\" : [ 1 , -2.5e-3 , true , false , null ] , \"b\":\"\" }\n",
        r#"{"\u00e9\ud83e\udd80\"\\\/\b\f\n\r\t":"é🦀"}"#,
        "{\"a\":1,\"a\":{\"b\":2}}",
        "\"x\"",
        "7",
        "18446744073709551615",
        "-9223372036854775807",
        "0.1",
        "-0.5",
        "",
        " ",
        "{",
        "[1",
        "[1,]",
        "{\"a\":1,}",
        "{,}",
        "{\"a\"}",
        "{\"a\" 1}",
        "{a:1}",
        "[1 2]",
        "01",
        "-",
        "1.",
        ".5",
        "1e",
        "+1",
        "tru",
        "nul",
        "\"\\x\"",
        "\"\\u12\"",
        "\"\\ud800\"",
        "\"\\udc00\"",
        "\"\\ud800\\u0041\"",
        "\"\t\"",
        "\"a",
        "{} {}",
        "[]]",
        "\u{feff}{}",
        "'a'",
        "{\"a\":}",
    ];
    for text in texts {
        let theirs = serde_json::from_str::<serde_json::Value>(text);
        match (read(text), theirs) {
            (Ok(ours), Ok(theirs)) => assert_eq!(again(&ours), theirs, "{text}"),
            (Err(_), Err(_)) => {}
            (ours, theirs) => panic!("{text}: {ours:?}, and serde_json {theirs:?}"),
        }
    }
}

#[test]
fn what_serde_json_takes_for_something_else() {
    for text in [
        "18446744073709551616",
        "-9223372036854775808",
        &"7".repeat(400),
    ] {
        assert_eq!(read(text).unwrap(), Json::String(text.into()));
    }
    assert_eq!(
        again(&read("[1.0, -0, 1e3]").unwrap()),
        serde_json::json!([1, 0, 1000])
    );
    assert_eq!(again(&read("1e400").unwrap()), serde_json::Value::Null);
}

#[test]
fn nesting_ends_where_it_ends_for_json_xs() {
    let nested = |depth: usize| "[".repeat(depth) + &"]".repeat(depth);
    assert!(read(&nested(512)).is_ok());
    assert_eq!(read(&nested(513)).unwrap_err().what, "nested too deeply");
}

#[test]
fn numbers_are_written_as_perl_writes_them() {
    let cases = [
        ("0", "0"),
        ("-0.0", "-0"),
        ("12", "12"),
        ("1.0", "1"),
        ("1e3", "1000"),
        ("0.1", "0.1"),
        ("1e15", "1e+15"),
        ("123456789012345678901", "1.23456789012346e+20"),
        ("1e-5", "1e-05"),
        ("0.0001", "0.0001"),
        ("1.5e300", "1.5e+300"),
        ("-2.50", "-2.5"),
        ("100000.5", "100000.5"),
        ("18446744073709551615", "18446744073709551615"),
        ("999999999999999.5", "1e+15"),
    ];
    for (text, shown) in cases {
        assert_eq!(Number::of_text(text).to_string(), shown, "{text}");
    }
}

#[test]
fn strings_are_numbers_as_perl_sees_them() {
    let cases = [
        ("", 0.0),
        ("abc", 0.0),
        ("12abc", 12.0),
        (" \n7", 7.0),
        ("-3.5e2x", -350.0),
        ("1e", 1.0),
        ("1.", 1.0),
        (".5", 0.5),
        (".", 0.0),
        ("+4", 4.0),
        ("0x10", 0.0),
        ("1e400", f64::INFINITY),
        ("Inf", f64::INFINITY),
        ("-infinity", f64::NEG_INFINITY),
        ("--1", 0.0),
        ("1_000", 1.0),
        ("18446744073709551616", 18446744073709551616.0),
    ];
    for (text, value) in cases {
        assert_eq!(leading_number(text).as_f64(), value, "{text}");
    }
    assert!(leading_number("nanx").as_f64().is_nan());
}

#[test]
fn truth_is_perls() {
    for text in ["null", "false", "0", "0.0", "-0", "0e9", "\"\"", "\"0\""] {
        assert!(!read(text).unwrap().is_true(), "{text}");
    }
    for text in [
        "true", "1", "-1", "0.1", "\"00\"", "\"0.0\"", "\" \"", "[]", "{}",
    ] {
        assert!(read(text).unwrap().is_true(), "{text}");
    }
}

#[test]
fn small_integers_are_taken_and_all_else_is_left() {
    let mut scanner = Scanner::new(b"123,").unwrap();
    assert_eq!((scanner.small(), scanner.peek()), (Some(123), Some(b',')));
    for text in ["01", "-1", "1.5", "1e2", "1234567890123456789", "x", ""] {
        let mut scanner = Scanner::new(text.as_bytes()).unwrap();
        assert_eq!(scanner.small(), None, "{text}");
        assert_eq!(scanner.peek(), text.bytes().next());
    }
}
