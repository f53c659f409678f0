//! A node means the same in whatever form it says it.

use super::*;
use crate::cluster::broadcast::Form;
use crate::cluster::broadcast::tests::summaries::summary;
use crate::cluster::matrix::{Matrix, Mode, Times};
use crate::random::Random;

#[test]
fn every_form_makes_the_same_cells() {
    let mut random = Random::new(11);
    for round in 0..200 {
        let summary = summary(&mut random, 10 + round % 30);
        let mut limit = usize::MAX;
        let mut forms = Vec::new();
        let mut first: Option<(Vec<u8>, String)> = None;
        while let Ok(fitted) = summary.fit(Some(NOW), Some(7), limit) {
            let mut matrix = Matrix::new(Mode::Strict, Times::default(), NOW as f64);
            matrix.set_broadcast("n1", &fitted.payload, None).unwrap();
            let node = matrix.nodes().next().unwrap();
            let head = node.head().unwrap();
            if fitted.truncated > 0 || head.ports.len() < summary.ports.len() {
                break;
            }
            assert_eq!((head.seq, head.truncated), (Some(7), 0));
            let mut down: Vec<_> = node.down().iter().collect();
            down.sort_by_key(|(row, _)| matrix.wwid(**row));
            let down: Vec<_> = down
                .iter()
                .map(|(row, ports)| (matrix.wwid(**row), ports))
                .collect();
            let about = format!("{head:?} {down:?}");
            let with_ports = summary.maps.values().filter(|entry| !entry.down.is_empty());
            assert_eq!(down.len(), with_ports.count());
            let rows = Answer::new(matrix, Default::default()).to_json().unwrap();
            forms.push(fitted.form);
            match &first {
                None => first = Some((rows, about)),
                Some((same, also)) => {
                    let differ = format!("{:?}", fitted.form);
                    assert_eq!(
                        String::from_utf8_lossy(&rows),
                        String::from_utf8_lossy(same),
                        "{differ}"
                    );
                    assert_eq!(&about, also, "{differ}");
                }
            }
            limit = fitted.payload.len() - 1;
        }
        assert_eq!(forms, [Form::Seed, Form::Short, Form::Compressed]);
    }
}

#[test]
fn the_last_of_equal_maps_counts_whole() {
    let raw = format!(
        r#"{{"maps":{{"w":{{"state":"failed","down":[0]}},"w":{{"state":"optimal"}}}},"time":{NOW}}}"#
    );
    let mut matrix = Matrix::new(Mode::Strict, Times::default(), NOW as f64);
    matrix.set_broadcast("n1", raw.as_bytes(), None).unwrap();
    assert!(matrix.nodes().next().unwrap().down().is_empty());
    let answer = read(&Answer::new(matrix, Default::default()));
    assert_eq!(row(&answer, "w")["cluster-state"], "optimal");
}

#[test]
fn whole_words_are_understood_beside_short_keys() {
    let raw =
        format!(r#"{{"v":2,"maps":{{"w":{{"state":"optimal"}},"x":["d",3,4]}},"time":{NOW}}}"#);
    let answer = answer(&[("n1", raw)], json!({}));
    assert_eq!(cell(&answer, "w", "n1")["state"], "optimal");
    assert_eq!(cell(&answer, "x", "n1")["state"], "degraded");
}

#[test]
fn a_map_means_the_same_beside_others_as_alone() {
    let mut random = Random::new(14);
    for _ in 0..500 {
        let kinds: Vec<Value> = (0..3).map(|_| super::others::map(&mut random)).collect();
        let maps: Vec<(String, String)> = (0..12)
            .map(|map| {
                let mut text = random.pick(&kinds).to_string();
                // Texts that begin alike, or differ in their spaces only.
                match random.below(6) {
                    0 => text = text.replacen(':', ": ", 1),
                    1 => text = text.replace("optimal", "failed"),
                    2 => text = text.replace('4', "44"),
                    _ => {}
                }
                (format!("w{}", map % 10), text)
            })
            .collect();
        let of = |maps: &[(String, String)]| {
            let maps: Vec<String> = maps
                .iter()
                .map(|(wwid, map)| format!("\"{wwid}\":{map}"))
                .collect();
            let raw = format!("{{\"maps\":{{{}}},\"time\":{NOW}}}", maps.join(","));
            let mut matrix = Matrix::new(Mode::Strict, Times::default(), NOW as f64);
            matrix.set_broadcast("n1", raw.as_bytes(), None).unwrap();
            let down: std::collections::BTreeMap<_, _> = {
                let down = matrix.nodes().next().unwrap().down().iter();
                down.map(|(row, ports)| (matrix.wwid(*row).to_owned(), ports.clone()))
                    .collect()
            };
            (read(&Answer::new(matrix, Default::default())), down)
        };
        let (together, down) = of(&maps);
        for (nth, one) in maps.iter().enumerate() {
            if nth + 10 < maps.len() {
                // There is a later one of the same name.
                continue;
            }
            let (alone, alone_down) = of(std::slice::from_ref(one));
            assert_eq!(row(&together, &one.0), row(&alone, &one.0), "{maps:?}");
            assert_eq!(down.get(&one.0), alone_down.get(&one.0), "{maps:?}");
        }
    }
}
