//! Pins while others exchange what the names lead to: files are renamed over, folders switched,
//! headers rewritten in place. Either there is no pin, or QEMU reads what was audited.
//!
//! `PVE_NATIVE_PIN_ROUNDS` says how many pins QEMU is to read (`make check-pin-races`: many).

use std::collections::HashMap;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use pve_native_core::Code;
use pve_native_core::chain::{Pin, Policy, pin};

use crate::common::Images;
use crate::common::random::Random;
use crate::daemon::set_names;
use crate::support::{
    Killed, LONG, announce, assert_opened_only, convert, named, opened, overlay, read_export, run,
    start_daemon, strace_works, traced,
};

/// Rounds of an ordinary run, and how long it takes for them at the most.
const ROUNDS: usize = 40;
const TIME: Duration = Duration::from_secs(12);

/// Bytes of a layer: the disk has one part for each.
const PART: usize = 64 << 10;
/// What must never be read.
const CANARY: u8 = 0xcc;

/// Top, middle, base, and the data file of the middle.
const LAYERS: [&str; 4] = ["top", "middle", "base", "data"];

/// The stage: `store` is the root; `store/live` leads to one of two folders; the canaries lie
/// outside.
struct Stage {
    images: Images,
    /// What each part of the disk holds, by the inode of the file that it comes from.
    values: HashMap<u64, u8>,
    /// Files to be renamed over `(folder, layer)`.
    variants: [Vec<PathBuf>; 4],
    /// A middle image whose header is rewritten in place all the time.
    rewritten: PathBuf,
    _server: Killed,
}

impl Stage {
    fn new() -> Self {
        let images = Images::new();
        let at = |name: &str| images.path(name);
        for folder in ["outside", "variants", "store", "store/a", "store/b"] {
            std::fs::create_dir(at(folder)).unwrap();
        }
        std::os::unix::fs::symlink("a", at("store/live")).unwrap();
        std::fs::write(at("outside/canary"), vec![CANARY; 3 * PART]).unwrap();
        let canary = at("outside/canary").display().to_string();

        let socket = at("outside/socket");
        let server = Command::new("qemu-storage-daemon")
            .args([
                "--blockdev",
                &format!("driver=file,node-name=c,read-only=on,filename={canary}"),
            ])
            .args([
                "--nbd-server",
                &format!("addr.type=unix,addr.path={}", socket.display()),
            ])
            .args(["--export", "type=nbd,id=e,node-name=c,name=c"])
            .spawn()
            .expect("qemu-storage-daemon");
        let nbd = format!("nbd+unix:///c?socket={}", socket.display());
        let json = format!(r#"json:{{"driver":"file","filename":"{canary}"}}"#);

        let mut stage = Stage {
            images,
            values: HashMap::new(),
            variants: Default::default(),
            rewritten: PathBuf::new(),
            _server: Killed(server),
        };
        // Two honest ones of each layer.
        for copy in 0..2 {
            let base = stage.file(2, &format!("base-{copy}"), 10 + copy);
            std::fs::write(&base, vec![10 + copy; 3 * PART]).unwrap();
            let data = stage.file(3, &format!("data-{copy}"), 20 + copy);
            std::fs::write(&data, vec![20 + copy; 3 * PART]).unwrap();
            let middle = stage.image("base", &format!("middle-{copy}"), "raw");
            stage.keep(1, &middle, 0);
            let top = stage.image("middle", &format!("top-{copy}"), "qcow2");
            fill(&top, None, 30 + copy, 0);
            stage.keep(0, &top, 30 + copy);
        }
        // One whose header changes under everybody's hands.
        let rewritten = stage.image("base", "middle-rewritten", "raw");
        stage.keep(1, &rewritten, 0);
        stage.rewritten = rewritten;
        // Hostile ones.
        for (index, name) in [json.as_str(), &nbd, &canary, "../../outside/canary", "live"]
            .into_iter()
            .enumerate()
        {
            let middle = stage.image(name, &format!("hostile-middle-{index}"), "raw");
            let top = stage.image(name, &format!("hostile-top-{index}"), "raw");
            stage.variants[1].push(middle);
            stage.variants[0].push(top);
        }
        let link = stage.images.path("variants/link");
        std::os::unix::fs::symlink(&canary, &link).unwrap();
        let fifo = stage.images.path("variants/fifo");
        run("mkfifo", &[&fifo]);
        for layer in 1..4 {
            stage.variants[layer].extend([link.clone(), fifo.clone()]);
        }
        for folder in ["a", "b"] {
            for layer in 0..4 {
                stage.exchange(folder, layer, 0);
            }
        }
        stage
    }

    fn file(&mut self, layer: usize, name: &str, value: u8) -> PathBuf {
        let path = self.images.path("variants").join(name);
        std::fs::write(&path, []).unwrap();
        self.keep(layer, &path, value);
        path
    }

    fn keep(&mut self, layer: usize, path: &Path, value: u8) {
        let inode = std::fs::metadata(path).unwrap().ino();
        self.values.insert(inode, value);
        self.variants[layer].push(path.to_owned());
    }

    /// A qcow2 image on this name. A middle one has the second part in its data file.
    fn image(&self, backing: &str, name: &str, format: &str) -> PathBuf {
        let data = self.images.path("store/live/data");
        let backing_file = backing.replace(',', ",,");
        let mut options = format!("backing_file={backing_file},backing_fmt={format}");
        let path = format!("variants/{name}");
        if name.starts_with("middle") {
            // The data file that `qemu-img create` makes is in nobody's way.
            let own = self.images.path("store/a/data");
            let _ = std::fs::remove_file(&own);
            options += &format!(",data_file={}", data.display());
            let image = self
                .images
                .create(&path, "qcow2", &options, &(3 * PART).to_string());
            fill(&image, Some(&own), 1, PART);
            std::fs::remove_file(own).unwrap();
            return image;
        }
        self.images
            .create(&path, "qcow2", &options, &(3 * PART).to_string())
    }

    /// Renames a variant over the name of a layer.
    fn exchange(&self, folder: &str, layer: usize, variant: usize) {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let folder = self.images.path("store").join(folder);
        let new = folder.join(format!("new-{number}"));
        std::fs::hard_link(&self.variants[layer][variant], &new).unwrap();
        std::fs::rename(&new, folder.join(LAYERS[layer])).unwrap();
        // Two names of one file are left as they are.
        let _ = std::fs::remove_file(new);
    }

    /// Leads `live` to the other folder.
    fn switch(&self, folder: &str) {
        let new = self.images.path("store/new-live");
        std::os::unix::fs::symlink(folder, &new).unwrap();
        std::fs::rename(&new, self.images.path("store/live")).unwrap();
    }

    /// What a guest must see of this pin: by the files that it holds.
    fn content(&self, pin: &Pin) -> Vec<u8> {
        let value = |fd: &i32| {
            let inode = std::fs::metadata(format!("/proc/self/fd/{fd}"))
                .unwrap()
                .ino();
            *self.values.get(&inode).expect("a file that may be used")
        };
        let values: Vec<u8> = pin.descriptors().iter().map(value).collect();
        let [top, _, data, base] = values[..] else {
            panic!("{} files", values.len());
        };
        [vec![top; PART], vec![data; PART], vec![base; PART]].concat()
    }

    fn attack(&self, seed: u64, over: &AtomicBool, done: &AtomicU64) {
        let mut random = Random::new(seed);
        let folders = ["a", "b"];
        while !over.load(Ordering::Relaxed) {
            let (folder, layer) = (*random.pick(&folders), random.below(4));
            // Honest ones more often, or nothing would ever be pinned.
            let variants = self.variants[layer].len();
            let honest = if layer == 1 { 3 } else { 2 };
            let all = random.below(6) == 0;
            self.exchange(
                folder,
                layer,
                random.below(if all { variants } else { honest }),
            );
            done.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn rewrite(&self, over: &AtomicBool, done: &AtomicU64) {
        let canary = self.images.path("outside/canary").display().to_string();
        let json = format!(r#"json:{{"driver":"file","filename":"{canary}"}}"#);
        let nbd = format!("nbd+unix:///c?socket={canary}");
        let names = [
            "base",
            &json,
            "base",
            &canary,
            "base",
            &nbd,
            "base",
            "/etc/passwd",
        ];
        for (now, next) in names.iter().zip(names.iter().cycle().skip(1)).cycle() {
            if over.load(Ordering::Relaxed) {
                return;
            }
            set_names(&self.rewritten, now, next);
            let turn = done.fetch_add(1, Ordering::Relaxed);
            if next == &"base" {
                self.switch(if turn % 4 == 1 { "a" } else { "b" });
            }
        }
    }
}

/// Writes a part of an image, without what it stands on.
fn fill(image: &Path, data: Option<&Path>, value: u8, offset: usize) {
    let file = |path: &Path| serde_json::json!({ "driver": "file", "filename": path });
    let mut node = serde_json::json!({
        "driver": "qcow2", "file": file(image), "backing": null,
    });
    if let Some(data) = data {
        node["data-file"] = file(data);
    }
    run(
        "qemu-io",
        &[
            "-c",
            &format!("write -P {value} {offset} {PART}"),
            &format!("json:{node}"),
        ],
    );
}

/// What became of the attempts.
#[derive(Debug, Default)]
struct Count {
    refused: usize,
    read_by_qemu_img: usize,
    read_over_nbd: usize,
    refused_by_qemu: usize,
    traced: usize,
}

impl Count {
    fn read(&self) -> usize {
        self.read_by_qemu_img + self.read_over_nbd
    }
}

fn rounds() -> (usize, Duration) {
    match std::env::var("PVE_NATIVE_PIN_ROUNDS") {
        Ok(number) => (number.parse().expect("a number"), Duration::MAX),
        Err(_) => (ROUNDS, TIME),
    }
}

#[test]
fn what_qemu_reads_is_what_was_audited() {
    let stage = Stage::new();
    let trace = strace_works("what QEMU opens while files are exchanged");
    let (over, exchanged, rewritten) =
        (AtomicBool::new(false), AtomicU64::new(0), AtomicU64::new(0));
    let count = std::thread::scope(|scope| {
        for seed in 0..2 {
            let (stage, over, exchanged) = (&stage, &over, &exchanged);
            scope.spawn(move || stage.attack(seed, over, exchanged));
        }
        scope.spawn(|| stage.rewrite(&over, &rewritten));
        // Its end is the end of the others, also if it fails.
        struct Over<'a>(&'a AtomicBool);
        impl Drop for Over<'_> {
            fn drop(&mut self) {
                self.0.store(true, Ordering::Relaxed);
            }
        }
        let _over = Over(&over);
        pin_and_read(&stage, trace)
    });
    announce(&format!(
        "pin: {} files exchanged, {} headers rewritten; {count:?}",
        exchanged.into_inner(),
        rewritten.into_inner()
    ));
    assert!(count.read() > 0 && count.refused > 0, "{count:?}");
}

fn pin_and_read(stage: &Stage, trace: bool) -> Count {
    let top = stage.images.path("store/live/top");
    let policy = Policy {
        allow_data_file: true,
        roots: vec![
            stage
                .images
                .path("store")
                .display()
                .to_string()
                .into_bytes(),
        ],
        ..named("qcow2")
    };
    let mut count = Count::default();
    let (rounds, time) = rounds();
    let start = Instant::now();
    for attempt in 0.. {
        if count.read() + count.refused_by_qemu >= rounds || start.elapsed() > time {
            break;
        }
        let timeout = (attempt % 2 == 0).then_some(LONG);
        let pinned = match pin(top.to_str().unwrap().as_bytes(), &policy, timeout) {
            Ok(pinned) => pinned,
            Err(error) => {
                assert!(
                    !matches!(error.code(), Code::Panic | Code::Timeout),
                    "{error}"
                );
                count.refused += 1;
                continue;
            }
        };
        read(stage, &pinned, trace, &mut count);
    }
    count
}

fn read(stage: &Stage, pin: &Pin, trace: bool, count: &mut Count) {
    let expected = stage.content(pin);
    let out = stage.images.path("out");
    let (file, socket) = (stage.images.path("trace"), stage.images.path("socket"));
    let round = count.read();
    let traced_round = trace && round % 4 == 1;
    let over_nbd = round % 5 == 2;
    let program = if over_nbd {
        "qemu-storage-daemon"
    } else {
        "qemu-img"
    };
    let command = match traced_round {
        true => traced(program, &file),
        false => Command::new(program),
    };
    let read = if over_nbd {
        let mut daemon = start_daemon(command, pin, &[], &socket);
        read_export(&mut daemon, &socket, &out)
    } else if traced_round {
        let mut command = command;
        command
            .args(["convert", "-Oraw"])
            .args(pin.qemu_img_args())
            .arg(&out);
        crate::support::content(command.output().unwrap(), &out)
    } else {
        convert(pin, &[], &out)
    };
    match read {
        Ok(read) => {
            assert!(!read.contains(&CANARY), "the canary was read");
            assert!(read == expected, "something else was read");
            match over_nbd {
                true => count.read_over_nbd += 1,
                false => count.read_by_qemu_img += 1,
            }
            if traced_round {
                let own = [out.as_path(), &socket];
                assert_opened_only(&opened(&file), pin, &stage.images.path(""), &own);
                count.traced += 1;
            }
        }
        // A header that is rewritten while QEMU reads it.
        Err(why) => {
            assert!(
                why.contains("Could not open") || why.contains("Image"),
                "{why}"
            );
            count.refused_by_qemu += 1;
        }
    }
}

#[test]
fn an_overlay_that_is_rewritten_after_the_pin_reads_the_same() {
    let images = Images::new();
    let (base, top) = (images.path("base"), images.path("top"));
    std::fs::write(&base, vec![1; PART]).unwrap();
    std::fs::write(images.path("canary"), vec![CANARY; PART]).unwrap();
    for format in ["qcow2", "qcow", "qed"] {
        overlay(&top, format, Path::new("base"), "raw");
        let policy = Policy {
            allow_unnamed_format: format == "qcow",
            ..named(format)
        };
        let pinned = crate::support::pinned(&top, &policy, None);
        // In place: the name has as many bytes, and is a link to the canary.
        let mut bytes = std::fs::read(&top).unwrap();
        let at = bytes.windows(4).position(|name| name == b"base").unwrap();
        bytes[at..at + 4].copy_from_slice(b"evil");
        std::fs::OpenOptions::new().write(true).open(&top).unwrap();
        std::os::unix::fs::FileExt::write_all_at(
            &std::fs::OpenOptions::new().write(true).open(&top).unwrap(),
            &bytes,
            0,
        )
        .unwrap();
        std::os::unix::fs::symlink("canary", images.path("evil")).unwrap();
        let out = images.path("out");
        let by_name = crate::support::convert_by_name(&top, format, &[], &out);
        assert!(by_name == vec![CANARY; PART], "by its name, QEMU follows");
        assert!(convert(&pinned, &[], &out).unwrap() == vec![1; PART]);
        std::fs::remove_file(images.path("evil")).unwrap();
        std::fs::remove_file(&top).unwrap();
    }
}
