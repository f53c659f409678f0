//! What is known is not told again, until it gets worse.

use super::*;

/// What is told of: the subjects of findings of that code that are not muted.
fn loud(engine: &mut Engine, code: &str) -> Vec<String> {
    let findings = engine.findings().into_iter();
    let loud = findings.filter(|told| told.finding.code.name() == code && !told.muted);
    loud.map(|told| told.finding.subject).collect()
}

fn mute(engine: &mut Engine, subject: Option<&str>, until: Option<u64>) {
    let subject = subject.map(str::as_bytes);
    let until = until.map(|until| until as f64);
    engine.mute_text(b"lun-degraded", subject, until).unwrap();
}

fn degraded(engine: &mut Engine, now: u64, a: u32, b: u32) -> Vec<String> {
    update(engine, "n1", now, &[("a", a), ("b", b)]);
    loud(engine, "lun-degraded")
}

#[test]
fn a_mute_ends_in_time() {
    let mut engine = engine();
    assert_eq!(degraded(&mut engine, NOW, 3, 3), ["a", "b"]);
    mute(&mut engine, Some("a"), Some(NOW + 100));
    assert_eq!(engine.next_deadline(), Some((NOW + 100) as f64));
    assert_eq!(degraded(&mut engine, NOW + 99, 3, 3), ["b"]);
    assert_eq!(degraded(&mut engine, NOW + 100, 3, 3), ["a", "b"]);
    assert!(!engine.unmute_text(b"lun-degraded", Some(b"a")).unwrap());
}

#[test]
fn what_gets_worse_is_told_again() {
    let mut engine = engine();
    degraded(&mut engine, NOW, 3, 4);
    mute(&mut engine, Some("a"), None);
    assert!(degraded(&mut engine, NOW + 1, 3, 4).is_empty());
    // Better, gone, and back as it was: nothing that was not known.
    assert!(degraded(&mut engine, NOW + 2, 4, 4).is_empty());
    assert!(degraded(&mut engine, NOW + 3, 3, 4).is_empty());
    assert_eq!(degraded(&mut engine, NOW + 4, 2, 4), ["a"]);
    // The mute is lifted for good.
    assert_eq!(degraded(&mut engine, NOW + 5, 3, 4), ["a"]);
}

#[test]
fn a_mute_of_all_subjects_is_for_as_many_as_there_were() {
    let mut engine = engine();
    degraded(&mut engine, NOW, 3, 4);
    mute(&mut engine, None, None);
    assert!(degraded(&mut engine, NOW + 1, 4, 3).is_empty());
    assert_eq!(degraded(&mut engine, NOW + 2, 3, 3), ["a", "b"]);
    mute(&mut engine, None, None);
    assert!(engine.unmute_text(b"lun-degraded", None).unwrap());
    assert_eq!(degraded(&mut engine, NOW + 3, 3, 3), ["a", "b"]);
}

#[test]
fn what_is_not_there_yet_can_be_muted() {
    let mut engine = engine();
    degraded(&mut engine, NOW, 4, 4);
    mute(&mut engine, Some("a"), None);
    assert!(degraded(&mut engine, NOW + 1, 3, 4).is_empty());
    assert_eq!(degraded(&mut engine, NOW + 2, 1, 4), ["a"]);
}

#[test]
fn muted_findings_are_marked_and_stay() {
    let mut engine = engine();
    degraded(&mut engine, NOW, 3, 4);
    mute(&mut engine, Some("a"), None);
    let findings: Value = serde_json::from_slice(&engine.findings_json()).unwrap();
    assert_eq!(
        (&findings[0]["code"], &findings[0]["muted"]),
        (&json!("lun-degraded"), &json!(true))
    );
    let answer: Value = serde_json::from_slice(&engine.to_json().unwrap()).unwrap();
    assert_eq!(answer["findings"], findings);
    assert_eq!(answer["nodes"]["n1"]["status"], "live");
}

#[test]
fn mutes_that_make_no_sense() {
    let mut engine = engine();
    engine.advance(NOW as f64).unwrap();
    for until in [f64::NAN, 0.0, NOW as f64] {
        assert!(
            engine
                .mute_text(b"lun-degraded", None, Some(until))
                .is_err()
        );
    }
    assert!(engine.mute_text(b"odd", None, None).is_err());
    assert!(
        engine
            .mute_text(b"lun-degraded", Some(b"\xff"), None)
            .is_err()
    );
    for n in 0..crate::limits::CLUSTER_MUTES {
        mute(&mut engine, Some(&n.to_string()), None);
    }
    assert!(
        engine
            .mute_text(b"lun-degraded", Some(b"more"), None)
            .is_err()
    );
    mute(&mut engine, Some("7"), None);
}
