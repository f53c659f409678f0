//! `pve-native image map`: which image of a chain serves which part of the disk, as qemu-img's
//! array, which is written while it is found, or folded into a picture.

use std::os::unix::ffi::OsStrExt;

use pve_native_core::chain::extents::{Extent, Extents};
use pve_native_core::chain::map_text::MapText;
use pve_native_core::chain::picture::Picture;
use pve_native_core::{Result, inspect};

use crate::answer::{Answer, Status};
use crate::args::Output;
use crate::args::image::Walk;
use crate::image::only;
use crate::progress::Bar;
use crate::{human, svg};

/// Extents that are asked for at a time.
const CHUNK: usize = 1024;
/// Parts of the disk after which the progress bar goes on.
const PARTS: u64 = 1000;
/// What the progress bar says.
const READING: &str = "reading the map";

/// Answers the question.
pub fn run(args: &Walk, output: Output) -> Result<Answer> {
    if matches!(output, Output::Dot | Output::Html) {
        return Err(only("image map", "human, json or svg"));
    }
    let path = args.image.path.as_bytes();
    let map = inspect::extents(path, &args.options(), args.image.bounds()?);
    let map = map.map_err(|e| e.in_file(path))?;
    let images = map.chain().images.len();
    let text = match output {
        Output::Json => return Ok(Answer::in_parts(Array::new(map, path), Status::Fine)),
        Output::Svg => {
            let (map, picture) = fold(map, path, svg::map::ROWS, svg::map::CELLS)?;
            svg::map::drawing(path, map.chain(), picture)
        }
        _ => {
            let width = human::width();
            let cells = human::map::cells(images, width);
            let (map, picture) = fold(map, path, human::map::ROWS, cells)?;
            human::map::drawing(path, map.chain(), &picture)
        }
    };
    Ok(Answer::whole(text, Status::Fine))
}

/// The whole map as a picture of so many rows and cells.
fn fold(map: Extents, path: &[u8], rows: usize, cells: usize) -> Result<(Extents, Picture)> {
    let (_, size) = map.progress();
    let mut picture = Picture::new(size, map.chain().images.len(), rows, cells);
    let mut map = Watched::new(map, path, Bar::new(READING));
    while let Some(extents) = map.next()? {
        picture.add(extents);
    }
    Ok((map.map, picture))
}

/// The extents, a handful at a time, and how far they are.
struct Watched {
    map: Extents,
    path: Vec<u8>,
    extents: Vec<Extent>,
    bar: Bar,
}

impl Watched {
    fn new(map: Extents, path: &[u8], bar: Bar) -> Self {
        Watched {
            map,
            path: path.to_vec(),
            extents: vec![Extent::default(); CHUNK],
            bar,
        }
    }

    /// The next of them; None at the end.
    fn next(&mut self) -> Result<Option<&[Extent]>> {
        loop {
            let (done, total) = self.map.progress();
            self.bar.update(done, total);
            let pause = done.saturating_add(total / PARTS + 1);
            let count = self.map.next_until(&mut self.extents, pause);
            match count.map_err(|e| e.in_file(&self.path))? {
                0 if done < total => {}
                0 => return Ok(None),
                count => return Ok(Some(&self.extents[..count])),
            }
        }
    }
}

/// The array, a part for each handful of extents.
struct Array {
    map: Watched,
    /// None after the end.
    text: Option<MapText>,
}

impl Array {
    fn new(map: Extents, path: &[u8]) -> Self {
        Array {
            map: Watched::new(map, path, Bar::beside_answer(READING)),
            text: Some(MapText::default()),
        }
    }
}

impl Iterator for Array {
    type Item = Result<String>;

    fn next(&mut self) -> Option<Self::Item> {
        let mut text = self.text.take()?;
        let mut out = String::new();
        match self.map.next() {
            Ok(None) => text.end(&mut out),
            Ok(Some(extents)) => {
                text.add(extents, &mut out);
                self.text = Some(text);
            }
            Err(error) => return Some(Err(error)),
        }
        Some(Ok(out))
    }
}
