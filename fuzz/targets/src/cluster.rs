//! What nodes say of their multipath maps: the daemon's replies, the broadcasts made of them, and what the
//! cluster makes of these.

use std::cmp::Reverse;
use std::time::{Duration, Instant};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use pve_native_core::cluster::MapState;
use pve_native_core::cluster::broadcast::{Summary, open};
use pve_native_core::cluster::findings::{Code as What, Finding};
use pve_native_core::cluster::json::Json;
use pve_native_core::cluster::matrix::Mode;
use pve_native_core::cluster::multipathd::{self, Map};
use pve_native_core::cluster::status::{Answer, Options, aggregate, document, status as ask};
use pve_native_core::text::printable;
use pve_native_core::{Code, limits};

use crate::check;

/// Of a reply without an error, a healthy map has no path that cannot be used, and its broadcast fits or
/// says what is missing.
pub fn multipathd(input: &[u8]) {
    multipathd::transports(&String::from_utf8_lossy(input));
    match multipathd::maps(input) {
        Ok(maps) => {
            maps.iter().for_each(health);
            let summary = Summary::of(&maps, &Default::default(), &Default::default());
            assert!(summary.maps.len() <= maps.len());
            for limit in [200, limits::BROADCAST] {
                broadcast_of(&summary, limit);
            }
        }
        Err(error) => check::error(&error),
    }
}

fn health(map: &Map) {
    let health = map.health();
    assert!(health.active <= health.total);
    match health.state {
        MapState::Optimal => assert!(health.active == health.total && health.total > 0),
        MapState::Degraded => assert!(health.active < health.total && health.active > 0),
        MapState::Failed => assert_eq!(health.active, 0),
        MapState::Unknown => assert_eq!(map.dm_st, "suspend"),
        MapState::Missing => panic!("a map that is there is missing"),
    }
}

fn broadcast_of(summary: &Summary, limit: usize) {
    let fitted = summary.fit(Some(1_700_000_000), Some(1), limit).unwrap();
    assert!(fitted.payload.len() <= limit && !fitted.payload.contains(&0));
    let text = open(&fitted.payload).unwrap();
    let read: serde_json::Value = serde_json::from_slice(&text).unwrap();
    let maps = read.get("maps").or(read.get("m")).unwrap();
    let told = maps.as_object().unwrap().len();
    assert_eq!(told + fitted.truncated, summary.maps.len());
    let digest = read.get("digest").or(read.get("d")).unwrap();
    assert_eq!(digest, &summary.digest());
}

/// Any bytes as a broadcast, and as what is in a compressed one.
pub fn broadcast(input: &[u8]) {
    opened(input);
    opened(format!("z2:{}", STANDARD.encode(input)).as_bytes());
}

fn opened(raw: &[u8]) {
    match open(raw) {
        Ok(text) => {
            assert!(raw.starts_with(b"z2:") || *text == *raw);
            assert!(text.len() <= limits::BROADCAST_TEXT.max(raw.len()));
        }
        Err(error) => {
            assert!(raw.starts_with(b"z2:"));
            check::error(&error);
        }
    }
}

/// What one input may take. It takes milliseconds; machines can be slow.
const TIME: Duration = Duration::from_secs(20);

/// What a question is about, if the input does not say it.
const OPTIONS: &[u8] = br#"{"now":1700000000,"allow":["w","3600"],"aliases":{"w":"tank"},
    "used-by":{"w":"san1"},"members":{"n0":{"online":1},"n1":{"online":1},"n2":{"online":0}},
    "expected":{"3600":["n0","n4"]},"expected-nodes":["n0","n1","n2"]}"#;

/// Any bytes as a document, as the arguments that compat mode has, and as broadcasts, between which stand
/// lines.
pub fn status(input: &[u8]) {
    let begin = Instant::now();
    match document(input) {
        Ok(asked) => answered(&asked),
        Err(error) => refused(&error),
    }
    match aggregate(input) {
        Ok(rows) => is_json(&rows),
        Err(error) => refused(&error),
    }
    let names: Vec<String> = (0..64).map(|node| format!("n{node}")).collect();
    let raw = input.split(|&byte| byte == b'\n');
    let nodes: Vec<(&str, &[u8])> = names.iter().map(|name| &**name).zip(raw).collect();
    let mut options = Options::of_text(OPTIONS).unwrap();
    for mode in Mode::ALL {
        options.mode = *mode;
        answered(&ask(&nodes, &options).unwrap());
    }
    assert!(begin.elapsed() < TIME);
}

/// An answer of strict mode is one; one of compat mode may end where an entry is malformed.
fn answered(answer: &Answer) {
    match answer.findings() {
        Ok(findings) => found(answer.matrix().mode(), &findings),
        Err(error) => assert_eq!(
            (answer.matrix().mode(), error.code()),
            (Mode::Compat, Code::Argument)
        ),
    }
    match answer.to_json() {
        Ok(text) => is_json(&text),
        Err(error) => {
            assert_eq!(answer.matrix().mode(), Mode::Compat);
            refused(&error);
        }
    }
}

/// Findings are in their order, can be printed, and are no more than there may be.
fn found(mode: Mode, findings: &[Finding]) {
    let key = |one: &Finding| (Reverse(one.severity), one.code);
    for pair in findings.windows(2) {
        let order = key(&pair[0]).cmp(&key(&pair[1]));
        assert!(
            order
                .then_with(|| pair[0].subject.cmp(&pair[1].subject))
                .is_le()
        );
    }
    for one in findings {
        assert_eq!(one.sentence, printable(one.sentence.as_bytes()));
        assert!(one.sentence.len() < 16 << 10, "{}", one.sentence.len());
        assert!(one.luns.len() <= limits::FINDING_NAMES);
        let is_of_compat = matches!(one.code, What::ApplyError | What::NodeMalformed);
        assert!(mode == Mode::Strict || is_of_compat);
    }
    for code in What::ALL {
        let same = findings.iter().filter(|one| one.code == *code);
        assert!(same.count() <= limits::FINDINGS);
    }
}

fn refused(error: &pve_native_core::Error) {
    assert!(matches!(error.code(), Code::Argument | Code::Limit));
    check::error(error);
}

/// What is nested deeper than serde_json reads was nested as deeply in the input.
fn is_json(text: &[u8]) {
    if let Err(error) = serde_json::from_slice::<serde_json::Value>(text) {
        assert!(error.to_string().contains("recursion limit"), "{error}");
    }
    // Values may stand two levels deeper in the answer than they did in the question.
    if let Err(error) = Json::of_text(text) {
        assert_eq!(error.what, "nested too deeply");
    }
}
