use super::*;

fn problem(text: &str) -> Problem {
    Problem::from_json(text.as_bytes()).unwrap()
}

const TWO: &str = r#"{"task":"recover",
  "nodes":[{"name":"b","capacity":{"cpu":8,"mem":100},"storages":["san"]},
           {"name":"a","capacity":{"cpu":4,"mem":200},"used":{"mem":20}}],
  "guests":[{"sid":"vm:2","node":"a","size":{"cpu":2,"mem":50},"storages":["san"]},
            {"sid":"vm:1","node":"b","size":{"cpu":6,"mem":50}},
            {"sid":"vm:3","node":"gone","size":{"cpu":1,"mem":101}}],
  "policy":{"failed":[["b"]]}}"#;

#[test]
fn who_stays_is_load_and_who_has_lost_its_node_is_an_item() {
    let problem = problem(TWO);
    assert_eq!(problem.nodes[0].name, "a");
    let one = Instance::recovery(&problem, Bits::default(), Given::default());
    assert_eq!(
        (one.guests.as_slice(), one.load_of(0)),
        ([2].as_slice(), [2_000_000, 70].as_slice())
    );
    assert_eq!(one.allowed[0].iter().collect::<Vec<_>>(), [0]);
    let failed = Instance::recovery(&problem, Bits::from_iter([1]), Given::default());
    assert_eq!(failed.guests, [0, 2]);
    assert_eq!(failed.lacks(0, 0).unwrap().code, Code::Cores);
    assert_eq!(failed.lacks(0, 1).unwrap().code, Code::Failed);
    assert!(verify(&failed, &[None, Some(0)]).is_ok());
    assert_eq!(
        verify(&failed, &[Some(0), Some(0)])
            .unwrap_err()
            .reason
            .code,
        Code::Cores
    );
}
