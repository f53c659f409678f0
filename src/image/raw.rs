//! Raw images: the file is the disk.

use super::info::Metadata;
use super::request;
use crate::error::Result;
use crate::io::Source;

/// The disk is as large as the file, rounded up to whole sectors.
pub fn read(source: &Source<'_>) -> Result<Metadata> {
    Ok(Metadata {
        virtual_size: Some(request::file_length(source)?),
        dirty: Some(false),
        ..Metadata::default()
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::io::{Memory, ReadAt};
    use crate::limits;

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
    fn a_file_that_is_larger_than_any_disk_is_an_error() {
        let size = |length| read(&Source::new(&Sparse(length), &[])).map(|data| data.virtual_size);
        assert_eq!(
            size(limits::IMAGE_BYTES).unwrap(),
            Some(limits::IMAGE_BYTES)
        );
        assert!(size(limits::IMAGE_BYTES + 1).is_err());
        assert!(size(u64::MAX).is_err());
    }
}
