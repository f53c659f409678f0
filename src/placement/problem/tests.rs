use super::*;

#[test]
fn the_documents_order_is_no_matter() {
    let one = r#"{"task":"place","nodes":[{"name":"b"},{"name":"a"}],"guests":[{"sid":"vm:2"},{"sid":"vm:10","node":"b"}]}"#;
    let problem = Problem::from_json(one.as_bytes()).unwrap();
    let names: Vec<&str> = problem.nodes.iter().map(|n| n.name.as_str()).collect();
    assert_eq!(names, ["a", "b"]);
    assert_eq!(
        (problem.guests[0].sid.as_str(), problem.guests[0].node),
        ("vm:10", Some(1))
    );
}
