//! Conversions of data, both ways.

/// Functions that take something and say what they got, or give something known.
#[perlmod::package(name = "CompatTest::Data", lib = "perlmod_compat_testlib")]
pub mod package {
    use std::collections::BTreeMap;

    use serde::{Deserialize, Serialize};

    /// Bytes without a further crate.
    pub struct Bytes(pub Vec<u8>);

    impl Serialize for Bytes {
        fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            serializer.serialize_bytes(&self.0)
        }
    }

    impl<'de> Deserialize<'de> for Bytes {
        fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
            struct V;
            impl serde::de::Visitor<'_> for V {
                type Value = Bytes;
                fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                    f.write_str("a byte string")
                }
                fn visit_bytes<E>(self, v: &[u8]) -> Result<Bytes, E> {
                    Ok(Bytes(v.to_vec()))
                }
            }
            deserializer.deserialize_bytes(V)
        }
    }

    /// A unit, a newtype, a tuple and a struct variant.
    #[derive(Debug, Deserialize, Serialize)]
    #[serde(rename_all = "kebab-case")]
    pub enum Choice {
        Nothing,
        OneThing(u32),
        TwoThings(u32, String),
        Named { size: u64 },
    }

    /// A bit of everything.
    #[derive(Debug, Deserialize, Serialize)]
    #[serde(rename_all = "kebab-case")]
    pub struct Everything {
        pub flag: bool,
        pub signed: i64,
        pub unsigned: u64,
        pub float: f64,
        pub text: String,
        pub nothing: Option<u32>,
        pub list: Vec<u16>,
        pub table: BTreeMap<String, i8>,
        pub choice: Choice,
        pub pair: (u8, String),
    }

    /// Options as glue takes them.
    #[derive(Debug, Default, Deserialize)]
    #[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
    pub struct Options {
        pub format: Option<String>,
        pub timeout: Option<f64>,
        pub max_depth: u32,
        pub strict: bool,
    }

    #[export]
    pub fn take_u64(value: u64) -> u64 {
        value
    }

    #[export]
    pub fn take_i64(value: i64) -> i64 {
        value
    }

    #[export]
    pub fn take_u8(value: u8) -> u8 {
        value
    }

    #[export]
    pub fn take_f64(value: f64) -> f64 {
        value
    }

    #[export]
    pub fn take_bool(value: bool) -> bool {
        value
    }

    #[export]
    pub fn take_string(value: String) -> String {
        value
    }

    #[export]
    pub fn take_str(value: &str) -> String {
        value.to_owned()
    }

    #[export]
    pub fn take_char(value: char) -> char {
        value
    }

    #[export]
    pub fn take_bytes(value: &[u8]) -> Bytes {
        Bytes(value.to_vec())
    }

    #[export]
    pub fn take_byte_buf(value: Bytes) -> Vec<u8> {
        value.0
    }

    #[export]
    pub fn take_option(value: Option<u64>) -> String {
        format!("{value:?}")
    }

    #[export]
    pub fn take_two(first: u64, second: Option<u64>) -> String {
        format!("{first} {second:?}")
    }

    #[export]
    pub fn take_list(value: Vec<u64>) -> u64 {
        value.iter().sum()
    }

    #[export]
    pub fn take_table(value: BTreeMap<u64, Option<String>>) -> BTreeMap<u64, Option<String>> {
        value
    }

    #[export]
    pub fn take_options(options: Option<Options>) -> String {
        format!("{:?}", options.unwrap_or_default())
    }

    #[export]
    pub fn take_everything(value: Everything) -> Everything {
        value
    }

    #[export]
    pub fn take_choices(value: Vec<Choice>) -> Vec<Choice> {
        value
    }

    #[export]
    pub fn give_bytes() -> Bytes {
        Bytes(vec![0, 0xe4, 0xff, b'a'])
    }

    #[export]
    pub fn give_text() -> BTreeMap<String, String> {
        [("schlüssel".to_owned(), "grün €".to_owned())].into()
    }

    #[export]
    pub fn give_map_of_bytes() -> BTreeMap<u64, Bytes> {
        [(1, Bytes(vec![0xfc]))].into()
    }

    /// Nested as deep as asked.
    #[derive(Deserialize, Serialize)]
    pub struct Nest(pub Vec<Nest>);

    #[export]
    pub fn take_nest(value: Nest) -> u64 {
        fn depth(nest: &Nest) -> u64 {
            nest.0.iter().map(depth).max().unwrap_or(0) + 1
        }
        depth(&value)
    }

    #[export]
    pub fn give_nest(depth: u64) -> Nest {
        (0..depth).fold(Nest(Vec::new()), |inner, _| Nest(vec![inner]))
    }
}
