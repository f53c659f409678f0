//! Amounts of resources as people read them: cores with two decimals at the most, memory in GiB, all else
//! as numbers. Two that differ never look alike.

use pve_native_core::text::{printable, thousands};

use crate::human::size;

/// An amount alone, as in a table: `1.5`, `64 GiB`.
pub fn amount(resource: &str, value: f64) -> String {
    match resource {
        "mem" => size(value.round() as u64),
        _ => decimal(value, 2),
    }
}

/// An amount with what it is of: `1.5 cores`, `64 GiB of memory`, `2 gpu-a`.
pub fn quantity(resource: &str, value: f64) -> String {
    of(resource, amount(resource, value))
}

/// What is needed and what there is of it. They differ, and so do the texts.
pub fn pair(resource: &str, need: f64, have: f64) -> (String, String) {
    let texts = [need, have].map(|value| amount(resource, value));
    // What is not quite round is `1.0 GiB`, which says no more than `1 GiB`.
    let are_alike = texts[0].replace(".0 ", " ") == texts[1].replace(".0 ", " ");
    let [need, have] = match are_alike && need != have {
        true => [need, have].map(|value| exact(resource, value)),
        false => texts,
    };
    (of(resource, need), have)
}

/// A share of a limit: `81.5 %`. What is not quite nothing does not look as if it were, nor does what is
/// not quite all.
pub fn share(share: f64) -> String {
    let permille = (share * 1000.0).round();
    if permille == 0.0 && share > 0.0 {
        "<0.1 %".into()
    } else if permille == 1000.0 && share < 1.0 {
        ">99.9 %".into()
    } else if permille == 1000.0 && share > 1.0 {
        ">100 %".into()
    } else {
        format!("{:.1} %", permille / 10.0)
    }
}

fn exact(resource: &str, value: f64) -> String {
    match resource {
        "mem" => format!("{} bytes", thousands(value.round() as u64)),
        _ => decimal(value, 6),
    }
}

fn of(resource: &str, amount: String) -> String {
    match resource {
        "cpu" if amount == "1" => "1 core".into(),
        "cpu" => format!("{amount} cores"),
        "mem" => format!("{amount} of memory"),
        _ => format!("{amount} {}", printable(resource.as_bytes())),
    }
}

/// A number with so many decimals at the most.
fn decimal(value: f64, places: usize) -> String {
    let least = 0.1f64.powi(places as i32);
    if value > 0.0 && value < least / 2.0 {
        return format!("<{least:.places$}");
    }
    let text = format!("{value:.places$}");
    let (whole, part) = text.split_once('.').unwrap_or((&text, ""));
    let whole = whole.parse().map_or(whole.to_string(), thousands);
    match part.trim_end_matches('0') {
        "" => whole,
        part => format!("{whole}.{part}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_short_and_those_that_differ_look_so() {
        assert_eq!(amount("cpu", 1.5), "1.5");
        assert_eq!(amount("cpu", 2.0 / 3.0), "0.67");
        assert_eq!(amount("cpu", 0.001), "<0.01");
        assert_eq!(amount("mem", 64.0 * 1024f64.powi(3)), "64 GiB");
        assert_eq!(amount("iops", 20_000.0), "20,000");
        assert_eq!(quantity("cpu", 1.0), "1 core");
        assert_eq!(quantity("gpu\u{1b}", 2.0), "2 gpu\\u{1b}");
        let memory = pair("mem", 1073741825.0, 1073741824.0);
        let (need, have) = ("1,073,741,825 bytes of memory", "1,073,741,824 bytes");
        assert_eq!((memory.0.as_str(), memory.1.as_str()), (need, have));
        let cores = pair("cpu", 4.000001, 4.0);
        assert_eq!(
            (cores.0.as_str(), cores.1.as_str()),
            ("4.000001 cores", "4")
        );
        assert_eq!(pair("cpu", 4.0, 1.25).1, "1.25");
    }

    #[test]
    fn shares_of_almost_nothing_and_almost_all_are_told_apart() {
        let texts = [0.0, 1e-9, 0.8154, 0.99999, 1.0, 1.00001, 1.5].map(share);
        let expected = [
            "0.0 %", "<0.1 %", "81.5 %", ">99.9 %", "100.0 %", ">100 %", "150.0 %",
        ];
        assert_eq!(texts, expected);
    }
}
