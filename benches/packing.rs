//! Vector bin packing on published instances: how many bins, what is known of them, and how long it
//! takes.
//!
//! `PVEN_VBP_DIR` names a folder with instances (`*.vbp`, in subfolders too: the number of dimensions,
//! the capacities, the number of items, then for each item its sizes and how many there are of it),
//! `PVEN_VBP_TABLE` a table of what is known of them: name, lower bound, optimum or -1, and best
//! published number of bins, separated by tabs or commas. `PVEN_VBP_STEPS` limits the search, and
//! `PVEN_VBP_ONLY` picks the instances whose names begin with it. Fails if an answer is wrong, claims
//! too much, or is worse than what is published.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Instant;
use std::{env, fs};

use pve_native_core::placement::packing::{Items, Packing, pack};

struct Known {
    optimum: Option<usize>,
    published: usize,
}

#[derive(Default)]
struct Row {
    instances: usize,
    bins: usize,
    published: usize,
    known: usize,
    optimal: usize,
    worse: usize,
    better: usize,
    proven: usize,
    wrong: usize,
    seconds: f64,
    longest: f64,
    steps: u64,
}

fn instances(folder: &Path, found: &mut BTreeMap<String, PathBuf>) {
    let Ok(entries) = fs::read_dir(folder) else {
        return;
    };
    for path in entries.flatten().map(|entry| entry.path()) {
        if path.is_dir() {
            instances(&path, found);
        } else if let (Some(name), true) = (
            path.file_stem(),
            path.extension().is_some_and(|end| end == "vbp"),
        ) {
            found.insert(name.to_string_lossy().into_owned(), path.clone());
        }
    }
}

/// Items and capacity; None where a number is none, or negative.
fn read(text: &str) -> Option<(Items, Vec<u64>)> {
    let numbers: Option<Vec<u64>> = text
        .split_whitespace()
        .map(|word| word.parse().ok())
        .collect();
    let numbers = numbers?;
    let dimensions = usize::try_from(*numbers.first()?).ok()?;
    let capacity = numbers.get(1..=dimensions)?.to_vec();
    let mut sizes = Vec::new();
    for item in numbers.get(dimensions + 2..)?.chunks_exact(dimensions + 1) {
        (0..item[dimensions]).for_each(|_| sizes.extend(&item[..dimensions]));
    }
    Some((Items { dimensions, sizes }, capacity))
}

fn table(path: &str) -> BTreeMap<String, Known> {
    let text = fs::read_to_string(path).unwrap_or_default();
    let line = |line: &str| {
        let fields: Vec<&str> = line.split([',', '\t', '\r']).collect();
        let optimum = fields.get(2)?.parse::<i64>().ok()?;
        let published = fields.get(3)?.parse().ok()?;
        let known = Known {
            optimum: usize::try_from(optimum).ok(),
            published,
        };
        Some((fields.first()?.to_string(), known))
    };
    text.lines().filter_map(line).collect()
}

fn fits(items: &Items, capacity: &[u64], packing: &Packing) -> bool {
    let mut loads = BTreeMap::new();
    for (row, bin) in items
        .sizes
        .chunks_exact(items.dimensions)
        .zip(&packing.assignment)
    {
        let loads = loads
            .entry(bin)
            .or_insert_with(|| vec![0u128; items.dimensions]);
        loads
            .iter_mut()
            .zip(row)
            .for_each(|(load, &size)| *load += u128::from(size));
    }
    let full = |loads: &Vec<u128>| {
        loads
            .iter()
            .zip(capacity)
            .all(|(&load, &c)| load <= c.into())
    };
    loads.len() == packing.bins && loads.values().all(full)
}

impl Row {
    fn count(&mut self, packing: &Packing, fits: bool, known: Option<&Known>, seconds: f64) {
        self.instances += 1;
        self.bins += packing.bins;
        self.seconds += seconds;
        self.longest = self.longest.max(seconds);
        self.steps = self.steps.max(packing.steps);
        self.proven += usize::from(packing.is_optimal());
        let mut wrong = !fits;
        if let Some(known) = known {
            self.published += known.published;
            self.worse += usize::from(packing.bins > known.published);
            self.better += usize::from(packing.bins < known.published);
            wrong |= packing.bound > known.published;
            if let Some(optimum) = known.optimum {
                self.known += 1;
                self.optimal += usize::from(packing.bins == optimum);
                wrong |= packing.bins < optimum || packing.bound > optimum;
            }
        }
        self.wrong += usize::from(wrong);
    }

    fn print(&self, name: &str) {
        println!(
            "{name:<12} {:>5} {:>7} {:>9} {:>5}/{:<5} {:>6} {:>5} {:>6} {:>5} {:>8.3} {:>8.3}",
            self.instances,
            self.bins,
            self.published,
            self.optimal,
            self.known,
            self.better,
            self.worse,
            self.proven,
            self.wrong,
            self.seconds / self.instances.max(1) as f64,
            self.longest,
        );
    }
}

fn main() -> ExitCode {
    let mut paths = BTreeMap::new();
    instances(
        Path::new(&env::var("PVEN_VBP_DIR").unwrap_or_default()),
        &mut paths,
    );
    if paths.is_empty() {
        println!("skipped: packing: PVEN_VBP_DIR names no folder with instances");
        return ExitCode::SUCCESS;
    }
    let known = table(&env::var("PVEN_VBP_TABLE").unwrap_or_default());
    let steps = env::var("PVEN_VBP_STEPS")
        .ok()
        .and_then(|steps| steps.parse().ok())
        .unwrap_or(0);
    let only = env::var("PVEN_VBP_ONLY").unwrap_or_default();
    let mut rows: BTreeMap<String, Row> = BTreeMap::new();
    let mut total = Row::default();
    for (name, path) in paths.iter().filter(|(name, _)| name.starts_with(&only)) {
        let text = fs::read_to_string(path).unwrap_or_default();
        let Some((items, capacity)) = read(&text) else {
            println!("skipped: {name}: not all numbers are natural ones");
            continue;
        };
        let start = Instant::now();
        let packing = match pack(&items, &capacity, steps) {
            Ok(packing) => packing,
            Err(error) => {
                println!("skipped: {name}: {error}");
                continue;
            }
        };
        let seconds = start.elapsed().as_secs_f64();
        let fits = fits(&items, &capacity, &packing);
        let class = name.split('_').next().unwrap_or(name).to_string();
        for row in [rows.entry(class).or_default(), &mut total] {
            row.count(&packing, fits, known.get(name), seconds);
        }
    }
    println!(
        "class           of    bins published   optimum   better worse proven wrong   mean s    max s"
    );
    rows.iter().for_each(|(class, row)| row.print(class));
    total.print("all");
    println!("most steps: {}", total.steps);
    if total.wrong + total.worse > 0 {
        ExitCode::FAILURE
    } else {
        ExitCode::SUCCESS
    }
}
