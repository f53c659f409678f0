//! A way to panic on purpose, for the tests: only with the feature `panic-door`, which no library
//! that is shipped has.

#[perlmod::package(name = "PVE::Native::PanicDoor", lib = "Native")]
mod export {
    use std::time::Duration;

    use pve_native_core::Result;
    use pve_native_core::inspect::side_by_side;

    use crate::panics;

    /// Function: what is said of `count` items, each of which panics.
    #[export]
    fn many(count: usize, threads: usize) -> Vec<String> {
        panics::quiet();
        let items: Vec<usize> = (0..count).collect();
        let answers = side_by_side(&items, threads, |item| -> Result<()> {
            // Long enough that every thread gets some.
            std::thread::sleep(Duration::from_millis(5));
            panic!("item {item}");
        });
        let mut texts: Vec<String> = answers
            .into_iter()
            .map(|(_, answer)| answer.map_or_else(|error| error.to_string(), |()| String::new()))
            .collect();
        texts.sort();
        texts
    }

    /// Function: panics in the call itself.
    #[export]
    fn once() {
        panic!("in the call");
    }
}
