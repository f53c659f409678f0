//! Native objects.

/// A counter.
#[perlmod::package(name = "CompatTest::Counter", lib = "perlmod_compat_testlib")]
pub mod counter {
    use std::sync::Mutex;
    use std::sync::atomic::{AtomicI64, Ordering};

    use perlmod::{Error, Value};

    perlmod::declare_magic!(Box<Counter> : &Counter as "CompatTest::Counter");

    static ALIVE: AtomicI64 = AtomicI64::new(0);

    /// Counts.
    pub struct Counter {
        at: Mutex<u64>,
    }

    impl Counter {
        fn from(start: u64) -> Self {
            ALIVE.fetch_add(1, Ordering::Relaxed);
            Self {
                at: Mutex::new(start),
            }
        }
    }

    impl Drop for Counter {
        fn drop(&mut self) {
            ALIVE.fetch_sub(1, Ordering::Relaxed);
        }
    }

    #[export(raw_return)]
    pub fn new(#[raw] class: Value, start: Option<u64>) -> Result<Value, Error> {
        let start = start.unwrap_or(0);
        Ok(perlmod::instantiate_magic!(&class, MAGIC => Box::new(Counter::from(start))))
    }

    #[export]
    pub fn next(#[try_from_ref] this: &Counter) -> Result<u64, Error> {
        let mut at = this
            .at
            .lock()
            .map_err(|_| Error::new("the counter is broken"))?;
        *at += 1;
        Ok(*at)
    }

    #[export]
    pub fn explode(#[try_from_ref] this: &Counter) {
        let _at = this.at.lock();
        panic!("while counting");
    }

    #[export]
    pub fn alive() -> i64 {
        ALIVE.load(Ordering::Relaxed)
    }
}

/// An object that is shared, and destroyed by a method of its own.
#[perlmod::package(name = "CompatTest::Shared", lib = "perlmod_compat_testlib")]
pub mod shared {
    use std::sync::Arc;

    use perlmod::{Error, MagicSpec, MagicTag, Value};

    static TAG: MagicTag = MagicTag::new();
    // SAFETY: the tag is used here only.
    static SPEC: MagicSpec<Arc<String>> = unsafe { MagicSpec::new_static(&TAG) };

    #[export(raw_return)]
    pub fn new(#[raw] class: Value, text: String) -> Result<Value, Error> {
        let target = Value::new_hash();
        let reference = Value::new_ref(&target);
        reference.bless_sv(&class)?;
        target.add_magic(SPEC.with_value(Arc::new(text)));
        Ok(reference)
    }

    #[export]
    pub fn text(#[raw] this: Value) -> Result<String, Error> {
        let target = this
            .dereference()
            .ok_or_else(|| Error::new("not a reference"))?;
        target
            .find_magic(&SPEC)
            .cloned()
            .ok_or_else(|| Error::new("not one of ours"))
    }

    #[export(name = "DESTROY")]
    pub fn destroy(#[raw] this: Value) {
        perlmod::magic_destructor!(this: &SPEC);
    }

    #[export(name = "CLONE_SKIP")]
    pub fn clone_skip(#[raw] _class: Value) -> bool {
        true
    }
}

/// An object that panics when it is dropped.
#[perlmod::package(name = "CompatTest::Bomb", lib = "perlmod_compat_testlib")]
pub mod bomb {
    use perlmod::{Error, Value};

    perlmod::declare_magic!(Box<Bomb> : &Bomb as "CompatTest::Bomb");

    /// Does not like to go.
    pub struct Bomb(());

    impl Drop for Bomb {
        fn drop(&mut self) {
            panic!("while dropping");
        }
    }

    #[export(raw_return)]
    pub fn new(#[raw] class: Value) -> Result<Value, Error> {
        Ok(perlmod::instantiate_magic!(&class, MAGIC => Box::new(Bomb(()))))
    }
}
