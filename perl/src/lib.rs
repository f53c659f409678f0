//! The Perl glue: one exported function per question, no logic.
//!
//! The modules under `perl/lib` hand in plain byte strings or undef (never tied, overloaded or
//! upgraded values), so that nothing here can die while Rust is on the stack. Written against
//! perlmod's attributes; compiles against perlmod 0.14 and `perlmod-compat` alike.

mod args;
mod audit;
mod cluster_engine;
mod cluster_status;
mod extents;
mod failure;
mod graph;
mod image;
mod maps;
mod measure;
mod names;
#[cfg(feature = "panic-door")]
mod panic_door;
mod panics;
mod pin;
mod placement;
mod policy;
mod scheduler;
mod storage;
mod work;

/// What belongs to no area: the versions.
#[perlmod::package(name = "PVE::Native", lib = "Native")]
mod native {
    /// Function: version of the library, as in its changelog.
    #[export]
    fn library_version() -> &'static str {
        env!("CARGO_PKG_VERSION")
    }
}
