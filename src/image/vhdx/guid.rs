//! Microsoft's way to write a GUID: three little-endian numbers and eight bytes.

/// A GUID as it lies on disk.
pub(super) type Guid = [u8; 16];

/// `XXXXXXXX-XXXX-XXXX-` and the last eight bytes, as the specification writes them.
pub(super) const fn guid(first: u32, second: u16, third: u16, last: [u8; 8]) -> Guid {
    let (a, b, c) = (
        first.to_le_bytes(),
        second.to_le_bytes(),
        third.to_le_bytes(),
    );
    let d = last;
    [
        a[0], a[1], a[2], a[3], b[0], b[1], c[0], c[1], d[0], d[1], d[2], d[3], d[4], d[5], d[6],
        d[7],
    ]
}
