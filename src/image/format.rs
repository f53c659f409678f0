//! The image formats by the names that QEMU gives them.

/// An image format.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u32)]
pub enum ImageFormat {
    /// Bytes as they are.
    Raw = 1,
    /// qcow2, versions 2 and 3.
    Qcow2 = 2,
    /// VMware's VMDK, all subformats.
    Vmdk = 3,
    /// VirtualBox's VDI.
    Vdi = 4,
    /// Connectix's and Microsoft's VHD.
    Vpc = 5,
    /// Microsoft's VHDX.
    Vhdx = 6,
    /// QEMU's QED.
    Qed = 7,
    /// LUKS version 1, as a format of its own.
    Luks = 8,
    /// qcow version 1.
    Qcow = 9,
    /// Parallels; recognised, not read.
    Parallels = 10,
    /// Bochs' growing images; recognised, not read.
    Bochs = 11,
    /// Compressed loop images; recognised, not read.
    Cloop = 12,
    /// Apple's DMG; recognised, not read.
    Dmg = 13,
}

impl ImageFormat {
    /// All formats in numeric order.
    pub const ALL: [ImageFormat; 13] = [
        ImageFormat::Raw,
        ImageFormat::Qcow2,
        ImageFormat::Vmdk,
        ImageFormat::Vdi,
        ImageFormat::Vpc,
        ImageFormat::Vhdx,
        ImageFormat::Qed,
        ImageFormat::Luks,
        ImageFormat::Qcow,
        ImageFormat::Parallels,
        ImageFormat::Bochs,
        ImageFormat::Cloop,
        ImageFormat::Dmg,
    ];

    /// QEMU's name of the driver.
    pub fn name(self) -> &'static str {
        match self {
            ImageFormat::Raw => "raw",
            ImageFormat::Qcow2 => "qcow2",
            ImageFormat::Vmdk => "vmdk",
            ImageFormat::Vdi => "vdi",
            ImageFormat::Vpc => "vpc",
            ImageFormat::Vhdx => "vhdx",
            ImageFormat::Qed => "qed",
            ImageFormat::Luks => "luks",
            ImageFormat::Qcow => "qcow",
            ImageFormat::Parallels => "parallels",
            ImageFormat::Bochs => "bochs",
            ImageFormat::Cloop => "cloop",
            ImageFormat::Dmg => "dmg",
        }
    }

    /// The format with this name of QEMU's, case and all.
    pub fn from_name(name: &[u8]) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|format| format.name().as_bytes() == name)
    }

    /// Whether the metadata are read here; the other formats are only recognised.
    pub fn is_read(self) -> bool {
        !matches!(
            self,
            ImageFormat::Parallels | ImageFormat::Bochs | ImageFormat::Cloop | ImageFormat::Dmg
        )
    }

    /// What the extension of a file's name says; no extension, or one that no format claims,
    /// means raw.
    pub fn from_extension(path: &[u8]) -> Self {
        let name = path.rsplit(|&b| b == b'/').next().unwrap_or_default();
        let Some(dot) = name.iter().rposition(|&b| b == b'.') else {
            return ImageFormat::Raw;
        };
        match &name[dot + 1..] {
            b"vhd" => ImageFormat::Vpc,
            extension => Self::from_name(extension).unwrap_or(ImageFormat::Raw),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_lead_back_to_their_format() {
        for format in ImageFormat::ALL {
            assert_eq!(
                ImageFormat::from_name(format.name().as_bytes()),
                Some(format)
            );
        }
        assert_eq!(ImageFormat::from_name(b"QCOW2"), None);
    }

    #[test]
    fn extensions_decide_and_none_means_raw() {
        let cases: [(&[u8], ImageFormat); 6] = [
            (b"/a.qcow2/disk", ImageFormat::Raw),
            (b"vm-100-disk-0.qcow2", ImageFormat::Qcow2),
            (b"x.vhd", ImageFormat::Vpc),
            (b"x.iso", ImageFormat::Raw),
            (b"/dev/vg/vm-1-disk-0", ImageFormat::Raw),
            (b"x.vmdk.bak", ImageFormat::Raw),
        ];
        for (path, format) in cases {
            assert_eq!(ImageFormat::from_extension(path), format);
        }
    }
}
