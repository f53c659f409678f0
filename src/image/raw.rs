//! Raw images: the file is the disk.

use super::info::Metadata;
use crate::error::{Error, Result};
use crate::io::Source;

/// Sector size to which QEMU rounds a raw image up.
const SECTOR: u64 = 512;

/// The disk is as large as the file, rounded up to whole sectors.
pub fn read(source: &Source<'_>) -> Result<Metadata> {
    let size = source.size().checked_next_multiple_of(SECTOR);
    let size = size.ok_or_else(|| Error::corrupt("file size is out of range"))?;
    Ok(Metadata {
        virtual_size: Some(size),
        dirty: Some(false),
        ..Metadata::default()
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::io::{Memory, ReadAt};

    struct Sparse(u64);

    impl ReadAt for Sparse {
        fn size(&self) -> u64 {
            self.0
        }

        fn read_at(&self, _offset: u64, buffer: &mut [u8]) -> Result<()> {
            buffer.fill(0);
            Ok(())
        }
    }

    #[test]
    fn a_disk_has_whole_sectors() {
        for (length, size) in [(0, 0), (1, 512), (512, 512), (1000, 1024)] {
            let bytes = vec![0; length];
            let metadata = read(&Source::new(&Memory(&bytes), &[])).unwrap();
            assert_eq!(metadata.virtual_size, Some(size));
        }
    }

    #[test]
    fn a_size_that_cannot_be_rounded_up_is_an_error() {
        assert!(read(&Source::new(&Sparse(u64::MAX), &[])).is_err());
    }
}
