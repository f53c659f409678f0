//! What a case of the catalogue is: an attack, its harmless twin, and what must come out.

use std::path::PathBuf;

use pve_native_core::chain::{Policy, Preset, Symlinks};

use crate::bench::Bench;

/// Makes the attack's files (true) or those of the nearest harmless image (false); gives the image
/// at the top.
type Make = Box<dyn Fn(&Bench, bool) -> PathBuf>;

/// One attack.
pub struct Case {
    /// What it does, in the field's words.
    pub name: &'static str,
    /// Where it is known from: a number of the kinds of attacks (see `docs/security.md`), CVEs.
    pub known_as: &'static str,
    pub make: Make,
    pub policy: Policy,
    /// Whether the folder of the images is the policy's root.
    pub rooted: bool,
    /// The findings that must be there as errors.
    pub codes: &'static [&'static str],
    /// Which image the first of them is about: a name beside the top image, or empty for the top.
    pub image: &'static str,
    /// Where in that image.
    pub offset: Option<u64>,
    /// Words of that finding's message.
    pub words: &'static str,
}

/// An attack under the policy without any preset.
pub fn case(
    name: &'static str,
    known_as: &'static str,
    make: impl Fn(&Bench, bool) -> PathBuf + 'static,
) -> Case {
    Case {
        name,
        known_as,
        make: Box::new(make),
        policy: Policy::default(),
        rooted: false,
        codes: &[],
        image: "",
        offset: None,
        words: "",
    }
}

impl Case {
    pub fn upload(mut self) -> Self {
        self.policy.preset = Preset::Upload;
        self
    }

    pub fn restore(mut self) -> Self {
        self.policy.preset = Preset::Restore;
        self.rooted = true;
        self
    }

    pub fn storage(mut self) -> Self {
        self.policy.preset = Preset::Storage;
        self.rooted = true;
        self
    }

    /// With further keys of the policy.
    pub fn with(mut self, change: impl FnOnce(&mut Policy)) -> Self {
        change(&mut self.policy);
        self
    }

    pub fn links(self, symlinks: Symlinks) -> Self {
        self.with(|policy| policy.symlinks = symlinks)
    }

    /// These findings, the first with these words.
    pub fn says(mut self, codes: &'static [&'static str], words: &'static str) -> Self {
        self.codes = codes;
        self.words = words;
        self
    }

    pub fn at(mut self, offset: u64) -> Self {
        self.offset = Some(offset);
        self
    }

    /// The first finding is about this image.
    pub fn about(mut self, image: &'static str) -> Self {
        self.image = image;
        self
    }

    /// The policy for files that lie here.
    pub fn policy_in(&self, bench: &Bench) -> Policy {
        let mut policy = self.policy.clone();
        if self.rooted {
            use std::os::unix::ffi::OsStrExt;
            policy.roots = vec![bench.path("").as_os_str().as_bytes().to_vec()];
        }
        policy
    }
}
