//! Maps: which image of a chain serves which part of the disk.

mod common;

#[path = "map/drawn.rs"]
mod drawn;
#[path = "map/images.rs"]
mod images;
#[path = "map/printed.rs"]
mod printed;
#[path = "map/streamed.rs"]
mod streamed;
#[path = "map/waited.rs"]
mod waited;
