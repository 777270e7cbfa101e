//! Files that are there whole or not at all.

use std::fs::{File, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use domain::id::hash_bits;

/// Ends the names of files that are being written.
const UNFINISHED: &str = ".unfinished";

/// The file of a name that came from outside: a readable beginning, and a hash that keeps names apart
/// that differ in the rest, or only in case on a file system that ignores it. It never leaves `directory`.
pub(crate) fn path_of(directory: &Path, name: &str) -> PathBuf {
    let readable: String = name
        .chars()
        .map(|c| {
            if c.is_ascii_alphanumeric() || c == '_' {
                c
            } else {
                '-'
            }
        })
        .take(80)
        .collect();
    directory.join(format!("{readable}-{:032x}", hash_bits(&[name])))
}

/// Makes a directory, if it is not there, that only this user may enter.
pub(crate) fn directory(path: &Path) -> io::Result<()> {
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path)
}

/// The same, and takes the permissions of others away if it was there.
pub(crate) fn private_directory(path: &Path) -> io::Result<()> {
    directory(path)?;
    #[cfg(unix)]
    std::fs::set_permissions(path, std::os::unix::fs::PermissionsExt::from_mode(0o700))?;
    Ok(())
}

/// Removes what an earlier run left half-written.
pub(crate) fn remove_unfinished(directory: &Path) -> io::Result<()> {
    for entry in std::fs::read_dir(directory)? {
        let path = entry?.path();
        if path.to_string_lossy().ends_with(UNFINISHED) {
            std::fs::remove_file(path)?;
        }
    }
    Ok(())
}

/// Flushes the entries of a directory, so that a new name survives a loss of power.
pub(crate) fn sync_directory(path: &Path) -> io::Result<()> {
    // Windows cannot flush directories, and keeps names without.
    if cfg!(unix) {
        File::open(path)?.sync_all()
    } else {
        Ok(())
    }
}

/// A file that is being written. Dropped before [`Unfinished::finish`] it leaves nothing.
#[derive(Debug)]
pub(crate) struct Unfinished {
    temporary: PathBuf,
    target: PathBuf,
    finished: bool,
}

impl Unfinished {
    /// A new file beside `target`, readable by this user only.
    pub(crate) fn create(target: PathBuf) -> io::Result<(Self, File)> {
        static COUNT: AtomicU64 = AtomicU64::new(0);
        let mut temporary = target.clone().into_os_string();
        temporary.push(format!(".{}{UNFINISHED}", COUNT.fetch_add(1, Ordering::Relaxed)));
        let temporary = PathBuf::from(temporary);
        let mut options = OpenOptions::new();
        options.write(true).create(true).truncate(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let file = options.open(&temporary)?;
        Ok((
            Self {
                temporary,
                target,
                finished: false,
            },
            file,
        ))
    }

    /// Flushes the file and gives it its name, replacing what stood there.
    pub(crate) fn finish(mut self, file: &File) -> io::Result<()> {
        file.sync_all()?;
        std::fs::rename(&self.temporary, &self.target)?;
        self.finished = true;
        self.target.parent().map_or(Ok(()), sync_directory)
    }
}

impl Drop for Unfinished {
    fn drop(&mut self) {
        if !self.finished
            && let Err(problem) = std::fs::remove_file(&self.temporary)
        {
            tracing::warn!(%problem, "a half-written file stays until the next start");
        }
    }
}

/// Deletes a file, if it is there.
pub(crate) fn delete(path: &Path) -> io::Result<()> {
    match std::fs::remove_file(path) {
        Err(problem) if problem.kind() != io::ErrorKind::NotFound => Err(problem),
        _ => Ok(()),
    }
}

/// Runs file work on a blocking thread.
pub(crate) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> io::Result<T> {
    tokio::task::spawn_blocking(work)
        .await
        .map_err(io::Error::other)?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_stay_in_the_directory_and_apart() {
        let dir = Path::new("/base");
        let names = [
            "a/b",
            "a-b",
            "A/b",
            "../../etc/passwd",
            "..",
            "",
            "a\0b",
            &"x".repeat(5_000),
        ];
        let mut paths: Vec<PathBuf> = names.iter().map(|name| path_of(dir, name)).collect();
        for path in &paths {
            assert_eq!(path.parent(), Some(dir), "{path:?}");
            assert!(path.file_name().unwrap().len() < 150, "{path:?}");
        }
        for path in &mut paths {
            *path = path.to_string_lossy().to_lowercase().into();
        }
        paths.sort();
        paths.dedup();
        assert_eq!(paths.len(), names.len());
    }

    #[test]
    fn an_unfinished_file_leaves_nothing() {
        let dir = tempfile::tempdir().unwrap();
        drop(Unfinished::create(dir.path().join("a")).unwrap());
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0);
        std::mem::forget(Unfinished::create(dir.path().join("a")).unwrap().0);
        remove_unfinished(dir.path()).unwrap();
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0);
    }
}
