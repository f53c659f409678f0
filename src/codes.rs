//! Enumerations whose names are contract: what the faces hand out as words.

/// An enumeration with a stable word for each variant, and a list of all of them.
macro_rules! codes {
    ($(#[$doc:meta])* pub enum $type:ident { $($(#[$about:meta])* $variant:ident = $name:literal,)* }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum $type {
            $($(#[$about])* $variant,)*
        }

        impl $type {
            /// All codes.
            pub const ALL: &[$type] = &[$($type::$variant,)*];

            /// The stable word.
            pub fn name(self) -> &'static str {
                match self {
                    $($type::$variant => $name,)*
                }
            }
        }
    };
}

pub(crate) use codes;
