//! Durability beyond the page cache: a disk under SQLite that forgets what was not flushed.
//!
//! Killing the process proves nothing, since the operating system keeps its writes. Here SQLite runs on a
//! disk in memory which knows what was flushed. The power is cut at the instant of an answer: what is
//! left is what was flushed, and of the rest any part, torn at sectors. Everything answered must be in it.

use std::borrow::Cow;
use std::collections::HashMap;
use std::io;
use std::ops::Range;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use platform::table::{Condition, Item, Key, TableError, Write};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};
use sqlite_vfs::wip::{WalIndex, WalIndexLock};
use sqlite_vfs::{DatabaseHandle, LockKind, OpenKind, OpenOptions, Vfs};

use crate::schema;
use crate::stats::Counters;
use crate::table::writer::Writer;

const SECTOR: usize = 512;

/// A write that was not flushed yet.
#[derive(Clone)]
enum Unflushed {
    Write(usize, Vec<u8>),
    Length(usize),
}

fn apply(content: &mut Vec<u8>, change: &Unflushed) {
    match change {
        Unflushed::Write(offset, bytes) => {
            let end = offset + bytes.len();
            if content.len() < end {
                content.resize(end, 0);
            }
            content[*offset..end].copy_from_slice(bytes);
        }
        Unflushed::Length(length) => content.resize(*length, 0),
    }
}

#[derive(Clone, Default)]
struct DiskFile {
    content: Vec<u8>,
    flushed: Vec<u8>,
    unflushed: Vec<Unflushed>,
}

impl DiskFile {
    fn change(&mut self, change: Unflushed) {
        apply(&mut self.content, &change);
        self.unflushed.push(change);
    }

    fn flush(&mut self) {
        for change in self.unflushed.drain(..) {
            apply(&mut self.flushed, &change);
        }
    }
}

#[derive(Default)]
struct DiskState {
    files: HashMap<String, DiskFile>,
    full: bool,
    broken: bool,
}

/// The disk.
#[derive(Clone, Default)]
struct Disk(Arc<Mutex<DiskState>>);

/// What a loss of power leaves of what was not flushed.
#[derive(Clone, Copy, Debug)]
enum Left {
    Nothing,
    Everything,
    AnyPart(u64),
}

impl Disk {
    fn state<T>(&self, look: impl FnOnce(&mut DiskState) -> T) -> T {
        look(&mut self.0.lock().unwrap())
    }

    fn file<T>(&self, name: &str, look: impl FnOnce(&mut DiskFile) -> T) -> io::Result<T> {
        self.state(|state| state.files.get_mut(name).map(look))
            .ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    /// The files as they would be found after a loss of power now.
    fn lose_power(&self, left: Left) -> HashMap<String, Vec<u8>> {
        let files = self.state(|state| state.files.clone());
        files
            .into_iter()
            .map(|(name, file)| {
                let mut content = file.flushed;
                match left {
                    Left::Nothing => {}
                    Left::Everything => content = file.content,
                    Left::AnyPart(seed) => {
                        let mut random = ChaCha8Rng::seed_from_u64(seed);
                        for change in torn(file.unflushed) {
                            if random.next_u32().is_multiple_of(2) {
                                apply(&mut content, &change);
                            }
                        }
                    }
                }
                (name, content)
            })
            .collect()
    }
}

/// Splits writes into what a disk writes at once.
fn torn(changes: Vec<Unflushed>) -> Vec<Unflushed> {
    let split = |change| match change {
        Unflushed::Write(offset, bytes) => bytes
            .chunks(SECTOR)
            .enumerate()
            .map(|(n, part)| Unflushed::Write(offset + n * SECTOR, part.to_vec()))
            .collect(),
        length @ Unflushed::Length(_) => vec![length],
    };
    changes.into_iter().flat_map(split).collect()
}

/// An open file.
struct Handle {
    disk: Disk,
    name: String,
    lock: LockKind,
}

/// Shared memory is not offered: one connection alone needs none.
struct NoSharedMemory;

impl WalIndex for NoSharedMemory {
    fn enabled() -> bool {
        false
    }
    fn map(&mut self, _: u32) -> io::Result<[u8; 32768]> {
        Err(io::ErrorKind::Unsupported.into())
    }
    fn lock(&mut self, _: Range<u8>, _: WalIndexLock) -> io::Result<bool> {
        Err(io::ErrorKind::Unsupported.into())
    }
    fn delete(self) -> io::Result<()> {
        Ok(())
    }
}

fn place(number: u64) -> usize {
    usize::try_from(number).unwrap()
}

impl DatabaseHandle for Handle {
    type WalIndex = NoSharedMemory;

    fn size(&self) -> io::Result<u64> {
        self.disk
            .file(&self.name, |file| u64::try_from(file.content.len()).unwrap())
    }

    fn read_exact_at(&mut self, buffer: &mut [u8], offset: u64) -> io::Result<()> {
        let offset = place(offset);
        self.disk.file(&self.name, |file| {
            let there = file.content.get(offset..).unwrap_or_default();
            let length = there.len().min(buffer.len());
            buffer[..length].copy_from_slice(&there[..length]);
            if length < buffer.len() {
                Err(io::ErrorKind::UnexpectedEof.into())
            } else {
                Ok(())
            }
        })?
    }

    fn write_all_at(&mut self, bytes: &[u8], offset: u64) -> io::Result<()> {
        if self.disk.state(|state| state.full) {
            return Err(io::ErrorKind::StorageFull.into());
        }
        self.disk.file(&self.name, |file| {
            file.change(Unflushed::Write(place(offset), bytes.to_vec()))
        })
    }

    fn sync(&mut self, _: bool) -> io::Result<()> {
        if self.disk.state(|state| state.broken) {
            return Err(io::Error::other("the disk does not flush"));
        }
        self.disk.file(&self.name, DiskFile::flush)
    }

    fn set_len(&mut self, size: u64) -> io::Result<()> {
        self.disk
            .file(&self.name, |file| file.change(Unflushed::Length(place(size))))
    }

    fn lock(&mut self, lock: LockKind) -> io::Result<bool> {
        self.lock = lock;
        Ok(true)
    }

    fn reserved(&mut self) -> io::Result<bool> {
        Ok(false)
    }

    fn current_lock(&self) -> io::Result<LockKind> {
        Ok(self.lock)
    }

    fn wal_index(&self, _: bool) -> io::Result<NoSharedMemory> {
        Ok(NoSharedMemory)
    }
}

impl Vfs for Disk {
    type Handle = Handle;

    fn open(&self, name: &str, options: OpenOptions) -> io::Result<Handle> {
        let creates = !matches!(options.access, sqlite_vfs::OpenAccess::Read);
        let known = self.state(|state| state.files.contains_key(name));
        if !(known || creates || options.kind == OpenKind::MainDb) {
            return Err(io::ErrorKind::NotFound.into());
        }
        self.state(|state| {
            state.files.entry(name.to_owned()).or_default();
        });
        Ok(Handle {
            disk: self.clone(),
            name: name.to_owned(),
            lock: LockKind::None,
        })
    }

    fn delete(&self, name: &str) -> io::Result<()> {
        self.state(|state| state.files.remove(name))
            .map(drop)
            .ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    fn exists(&self, name: &str) -> io::Result<bool> {
        Ok(self.state(|state| state.files.contains_key(name)))
    }

    fn temporary_name(&self) -> String {
        "temporary".to_owned()
    }

    fn random(&self, buffer: &mut [i8]) {
        let mut random = ChaCha8Rng::seed_from_u64(7);
        for byte in buffer {
            *byte = i8::from_le_bytes([random.next_u32().to_le_bytes()[0]]);
        }
    }

    fn sleep(&self, duration: Duration) -> Duration {
        duration
    }

    fn full_pathname<'a>(&self, name: &'a str) -> io::Result<Cow<'a, str>> {
        Ok(name.into())
    }
}

const DATABASE: &str = "data.sqlite";

fn register(name: &str) -> Disk {
    let disk = Disk::default();
    sqlite_vfs::register(name, disk.clone(), false).unwrap();
    disk
}

fn start_writer(vfs: &str, checkpoint_pages: i64) -> Writer {
    let connection = schema::open_writer(Path::new(DATABASE), Some(vfs)).unwrap();
    // Small, so that moving pages into the database file is part of the test.
    connection
        .pragma_update(None, "wal_autocheckpoint", checkpoint_pages)
        .unwrap();
    Writer::start(
        connection,
        None,
        Arc::new(Counters::default()),
        Path::new(DATABASE),
    )
    .unwrap()
}

fn put(key: Key, version: u64) -> Write {
    let body = format!("{{\"text\":\"{}\"}}", "x".repeat(500 + place(version) % 700));
    Write::Put {
        item: Item {
            key,
            version,
            due: None,
            expires: None,
            announced: true,
            body,
        },
        condition: if version == 1 {
            Condition::Absent
        } else {
            Condition::Version(version - 1)
        },
    }
}

/// Two items that are always written together.
fn twins(worker: usize) -> [Key; 2] {
    ["left", "right"].map(|side| Key::new(format!("{side}#{worker}"), "a"))
}

/// A loss of power: the files that are left, and the version answered for each worker before.
struct Cut {
    left: Left,
    files: HashMap<String, Vec<u8>>,
    answered: Vec<u64>,
}

impl Cut {
    /// Starts the real database on what is left.
    fn check(&self) {
        let directory = tempfile::tempdir().unwrap();
        for (name, content) in &self.files {
            std::fs::write(directory.path().join(name), content).unwrap();
        }
        let connection = schema::open_writer(&directory.path().join(DATABASE), None).unwrap();
        let verdict: String = connection
            .query_row("PRAGMA integrity_check", [], |row| row.get(0))
            .unwrap();
        assert_eq!(verdict, "ok", "{:?}", self.left);
        for (worker, answered) in self.answered.iter().enumerate() {
            let versions = twins(worker).map(|key| {
                crate::table::select::item_at(&connection, &key)
                    .unwrap()
                    .map_or(0, |item| item.version)
            });
            assert_eq!(versions[0], versions[1], "half a transaction, {:?}", self.left);
            assert!(
                versions[0] >= *answered,
                "worker {worker} was answered version {answered}; {} is left of it, {:?}",
                versions[0],
                self.left
            );
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn what_was_answered_survives_a_loss_of_power() {
    const WORKERS: usize = 8;
    const WRITES: u64 = 120;
    let disk = register("power-loss");
    let writer = Arc::new(start_writer("power-loss", 40));
    let answered = Arc::new(Mutex::new(vec![0_u64; WORKERS]));
    let cuts = Arc::new(Mutex::new(Vec::new()));

    let mut tasks = tokio::task::JoinSet::new();
    for worker in 0..WORKERS {
        let (disk, writer) = (disk.clone(), Arc::clone(&writer));
        let (answered, cuts) = (Arc::clone(&answered), Arc::clone(&cuts));
        tasks.spawn(async move {
            for version in 1..=WRITES {
                let writes = twins(worker).map(|key| put(key, version)).to_vec();
                assert_eq!(writer.transact(vec![writes]).await, [Ok(())]);
                // What is noted here was answered before the disk is looked at.
                let so_far = {
                    let mut answered = answered.lock().unwrap();
                    answered[worker] = version;
                    answered.clone()
                };
                if (version + u64::try_from(worker).unwrap()).is_multiple_of(20) {
                    for left in [Left::Nothing, Left::Everything, Left::AnyPart(version)] {
                        let files = disk.lose_power(left);
                        cuts.lock().unwrap().push(Cut {
                            left,
                            files,
                            answered: so_far.clone(),
                        });
                    }
                }
            }
        });
    }
    while let Some(ended) = tasks.join_next().await {
        ended.unwrap();
    }
    let cuts = std::mem::take(&mut *cuts.lock().unwrap());
    assert!(cuts.len() > 100);
    for cut in &cuts {
        cut.check();
    }
    let grown = disk.file(DATABASE, |file| file.flushed.len()).unwrap();
    assert!(
        grown > 4 * 8192,
        "pages were moved into the database file under way"
    );
    writer.close().await;
}

/// The disk really forgets: the same cut loses commits that were not flushed.
#[test]
fn without_flushes_the_same_loss_shows() {
    use rusqlite::{Connection, OpenFlags};
    for (synchronous, survives) in [("off", false), ("normal", false), ("full", true)] {
        let name = format!("forgetful-{synchronous}");
        let disk = register(&name);
        let connection =
            Connection::open_with_flags_and_vfs(DATABASE, OpenFlags::default(), name.as_str()).unwrap();
        connection
            .execute_batch(&format!(
                "PRAGMA locking_mode = exclusive; PRAGMA journal_mode = wal; PRAGMA synchronous = full;
                 CREATE TABLE t (a); PRAGMA synchronous = {synchronous}; INSERT INTO t VALUES (1);"
            ))
            .unwrap();
        let directory = tempfile::tempdir().unwrap();
        for (file, content) in disk.lose_power(Left::Nothing) {
            std::fs::write(directory.path().join(file), content).unwrap();
        }
        let after = Connection::open(directory.path().join(DATABASE)).unwrap();
        let rows: i64 = after
            .query_row("SELECT count(*) FROM t", [], |row| row.get(0))
            .unwrap();
        assert_eq!(rows == 1, survives, "synchronous = {synchronous}");
    }
}

#[tokio::test]
async fn a_failing_disk_gives_errors_and_recovers() {
    let disk = register("failing");
    let writer = start_writer("failing", 2_000);
    let key = Key::new("a", "a");
    let write = |version| writer.transact(vec![vec![put(key.clone(), version)]]);
    assert_eq!(write(1).await, [Ok(())]);
    for fail in [
        |state: &mut DiskState| state.full = true,
        |state: &mut DiskState| state.broken = true,
    ] {
        disk.state(fail);
        for _ in 0..3 {
            let answers = write(2).await;
            assert!(
                matches!(answers.as_slice(), [Err(TableError::Unavailable(_))]),
                "{answers:?}"
            );
        }
        disk.state(|state| (state.full, state.broken) = (false, false));
    }
    assert_eq!(
        write(2).await,
        [Ok(())],
        "nothing of the failed attempts was kept"
    );
    assert_eq!(
        write(2).await,
        [Err(TableError::ConditionFailed(vec![key.clone()]))]
    );
    writer.close().await;
    let answers = write(3).await;
    assert!(
        matches!(answers.as_slice(), [Err(TableError::Unavailable(_))]),
        "after the end: {answers:?}"
    );
}
