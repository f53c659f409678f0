//! Errors and panics.

/// Functions that fail in every way.
#[perlmod::package(name = "CompatTest::Errors", lib = "perlmod_compat_testlib")]
pub mod package {
    use std::fmt;

    use serde::{Deserialize, Serialize};

    /// An error with a structure; its alternate form is the longer one.
    #[derive(Debug, Serialize)]
    pub struct Failed {
        pub code: u32,
        pub message: String,
    }

    impl fmt::Display for Failed {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str(&self.message)?;
            if f.alternate() {
                write!(f, " (code {})", self.code)
            } else {
                Ok(())
            }
        }
    }

    fn failed() -> Failed {
        Failed {
            code: 7,
            message: "it failed".to_owned(),
        }
    }

    #[export]
    pub fn fail() -> Result<(), Failed> {
        Err(failed())
    }

    #[export(serialize_error, errno)]
    pub fn fail_structured() -> Result<u32, Failed> {
        perlmod::error::set_errno(2);
        Err(failed())
    }

    #[export]
    pub fn fail_perlmod() -> Result<u32, perlmod::Error> {
        Err(perlmod::Error::new("plain text"))
    }

    #[export]
    pub fn panic_with_text() -> u32 {
        panic!("text of the panic")
    }

    #[export]
    pub fn panic_formatted(value: u64) -> u32 {
        panic!("value is {value}\nsecond line")
    }

    /// Panics while it is being converted.
    pub struct Trap;

    impl<'de> Deserialize<'de> for Trap {
        fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
            let text = String::deserialize(deserializer)?;
            panic!("while reading {text}")
        }
    }

    impl Serialize for Trap {
        fn serialize<S: serde::Serializer>(&self, _serializer: S) -> Result<S::Ok, S::Error> {
            panic!("while writing")
        }
    }

    #[export]
    pub fn panic_in_argument(value: Vec<Trap>) -> usize {
        value.len()
    }

    /// A trap with something before it.
    #[derive(Serialize)]
    pub struct Partial {
        text: &'static str,
        trap: Trap,
    }

    #[export]
    pub fn panic_in_result() -> Partial {
        Partial {
            text: "made before the panic",
            trap: Trap,
        }
    }

    /// Fails while it is being written.
    #[derive(Serialize)]
    pub struct Broken {
        list: Vec<std::collections::BTreeMap<(u8, u8), u8>>,
    }

    #[export]
    pub fn fail_in_result() -> Broken {
        Broken {
            list: vec![Default::default(), [((1, 2), 3)].into()],
        }
    }
}
