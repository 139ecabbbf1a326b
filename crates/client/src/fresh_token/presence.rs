//! Whether a process that holds a lease still lives. Each process that takes leases holds a file of its own locked;
//! the system gives the lock back however the process ends, so that nobody waits for one that was killed. Process
//! ids would not do: the system gives them out again.

use std::fs::{DirBuilder, File, TryLockError};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tokio::sync::OnceCell;

use crate::ports::Entropy;

/// What begins the name of a holder whose presence can be looked up.
const PRESENT: &str = "present-";

/// This process among those that share a data folder.
pub(crate) struct Presence {
    folder: Arc<Path>,
    name: String,
    /// Locked as long as this process lives; `None` where the file system has no locks.
    file: OnceCell<Option<File>>,
}

impl Presence {
    pub(crate) fn new(data_folder: &Path, entropy: &dyn Entropy) -> Self {
        let mut bytes = [0; 8];
        entropy.fill(&mut bytes);
        Self {
            folder: data_folder.join("turns").into(),
            name: format!("{}-{:016x}", std::process::id(), u64::from_be_bytes(bytes)),
            file: OnceCell::new(),
        }
    }

    /// The name under which this process takes leases.
    pub(crate) async fn holder(&self) -> String {
        let file = self.file.get_or_init(|| async {
            let (folder, path) = (self.folder.clone(), self.path(&self.name));
            let shown = tokio::task::spawn_blocking(move || {
                sweep(&folder);
                show(&folder, &path)
            });
            match shown.await {
                Ok(Ok(file)) => Some(file),
                _ => None,
            }
        });
        match file.await {
            Some(_) => format!("{PRESENT}{}", self.name),
            None => self.name.clone(),
        }
    }

    /// Whether it is certain that the process of this name has ended.
    pub(crate) async fn is_gone(&self, holder: &str) -> bool {
        self.has_ended(holder).await == Some(true)
    }

    /// Whether it is certain that the process of this name lives.
    pub(crate) async fn is_present(&self, holder: &str) -> bool {
        self.has_ended(holder).await == Some(false)
    }

    /// `None` where it cannot be told.
    async fn has_ended(&self, holder: &str) -> Option<bool> {
        let is_plain = |name: &&str| {
            name.bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
        };
        let name = holder.strip_prefix(PRESENT).filter(is_plain)?;
        let path = self.path(name);
        tokio::task::spawn_blocking(move || remove_abandoned(&path))
            .await
            .ok()?
    }

    /// Gives up every lease that this process holds, also where it cannot write that down.
    pub(crate) fn leave(&self) {
        if let Some(Some(file)) = self.file.get() {
            // What stays is swept by the next process.
            let _ = std::fs::remove_file(self.path(&self.name));
            let _ = file.unlock();
        }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }
}

impl Drop for Presence {
    fn drop(&mut self) {
        self.leave();
    }
}

/// Makes and locks the file. One that was swept before it was locked is made anew.
fn show(folder: &Path, path: &Path) -> std::io::Result<File> {
    DirBuilder::new().recursive(true).create(folder)?;
    loop {
        let file = File::create(path)?;
        file.lock()?;
        if path.exists() {
            return Ok(file);
        }
    }
}

/// Removes the file of a process that has ended. Says whether it has; `None` where that cannot be told.
fn remove_abandoned(path: &Path) -> Option<bool> {
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) => return (error.kind() == ErrorKind::NotFound).then_some(true),
    };
    match file.try_lock() {
        Ok(()) => {
            // Another one that looked may have removed it, and its process, which was only beginning, made it anew.
            if is_at(&file, path) {
                let _ = std::fs::remove_file(path);
            }
            Some(true)
        }
        Err(TryLockError::WouldBlock) => Some(false),
        Err(TryLockError::Error(_)) => None,
    }
}

/// Whether this is the file that is there now.
#[cfg(unix)]
fn is_at(file: &File, path: &Path) -> bool {
    use std::os::unix::fs::MetadataExt as _;

    let same = |(one, other): (std::fs::Metadata, std::fs::Metadata)| {
        (one.dev(), one.ino()) == (other.dev(), other.ino())
    };
    file.metadata().ok().zip(path.metadata().ok()).is_some_and(same)
}

/// A name is not given to another file while one has this one open.
#[cfg(not(unix))]
fn is_at(_file: &File, _path: &Path) -> bool {
    true
}

/// Removes what processes left that could not do it themselves.
fn sweep(folder: &Path) {
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        remove_abandoned(&entry.path());
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

    use super::*;

    struct Numbers(u8);

    impl Entropy for Numbers {
        fn fill(&self, buffer: &mut [u8]) {
            buffer.fill(self.0);
        }
    }

    #[tokio::test]
    async fn a_process_is_present_until_it_ends() {
        let folder = tempfile::tempdir().unwrap();
        let (one, two) = (
            Presence::new(folder.path(), &Numbers(1)),
            Presence::new(folder.path(), &Numbers(2)),
        );
        let holder = one.holder().await;
        assert_ne!(holder, two.holder().await);
        assert!(!two.is_gone(&holder).await);
        assert!(two.is_present(&holder).await);
        one.leave();
        assert!(two.is_gone(&holder).await);
        drop(one);
        assert!(two.is_gone(&holder).await);
        assert!(!two.is_present(&holder).await);
        // Of whom nothing is known, nothing is said.
        for holder in ["4711-00", "", "present-../turns", "present-a/b"] {
            assert!(!two.is_gone(holder).await, "{holder}");
            assert!(!two.is_present(holder).await, "{holder}");
        }
        assert!(two.is_gone("present-4711-00").await);
    }

    #[cfg(unix)]
    #[test]
    fn a_file_that_was_made_anew_is_not_the_one_before() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("4711-00");
        let before = File::create(&path).unwrap();
        assert!(is_at(&before, &path));
        std::fs::remove_file(&path).unwrap();
        assert!(!is_at(&before, &path));
        let now = File::create(&path).unwrap();
        assert!(is_at(&now, &path) && !is_at(&before, &path));
    }

    #[tokio::test]
    async fn what_the_dead_left_is_swept_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let alive = Presence::new(folder.path(), &Numbers(1));
        let holder = alive.holder().await;
        let left = folder.path().join("turns/4711-00");
        std::fs::write(&left, "").unwrap();
        Presence::new(folder.path(), &Numbers(2)).holder().await;
        assert!(!left.exists());
        let other = Presence::new(folder.path(), &Numbers(3));
        assert!(!other.is_gone(&holder).await);
    }
}
