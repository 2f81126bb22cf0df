//! Notices that a file was changed or replaced.

use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::time::Duration;

/// How often a file is checked. With [`REST`] it is 5 s until a change counts.
const FILE_INTERVAL: Duration = Duration::from_secs(4);
/// A file that changed is read when it has not changed for so long: before that it may be half
/// written.
const REST: Duration = Duration::from_secs(1);
/// A file that never rests is read after so many looks all the same: a minute.
const MAX_LOOKS: u32 = 60;

/// Calls `changed` at once, since the file at `path` may have changed after it was read, and
/// whenever it is changed, replaced, removed or created.
pub(crate) async fn watch_file(path: &Path, changed: impl Fn()) {
    let mut last = Stamp::of(path);
    changed();
    loop {
        tokio::time::sleep(FILE_INTERVAL).await;
        if Stamp::of(path) != last {
            last = at_rest(path).await;
            changed();
        }
    }
}

/// Waits until the file rests.
async fn at_rest(path: &Path) -> Option<Stamp> {
    let mut last = Stamp::of(path);
    for _ in 0..MAX_LOOKS {
        tokio::time::sleep(REST).await;
        let before = std::mem::replace(&mut last, Stamp::of(path));
        if before == last {
            break;
        }
    }
    last
}

/// Tells a file from what it was before. Not by the modification time, which a copy may preserve.
#[derive(PartialEq, Eq)]
struct Stamp {
    inode: u64,
    /// In seconds and nanoseconds.
    changed_at: (i64, i64),
    length: u64,
}

impl Stamp {
    /// `None`: there is no file.
    fn of(path: &Path) -> Option<Self> {
        let meta = std::fs::metadata(path).ok()?;
        let changed_at = (meta.ctime(), meta.ctime_nsec());
        Some(Self { inode: meta.ino(), changed_at, length: meta.len() })
    }
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;
    use std::path::PathBuf;

    use super::*;

    /// What is read while `writer` changes a file that held "12" at the start.
    async fn read_while(name: &str, writer: impl AsyncFnOnce(&PathBuf)) -> Vec<Option<String>> {
        let path =
            std::env::temp_dir().join(format!("zulip-presence-{name}-{}", std::process::id()));
        std::fs::write(&path, "12").expect("a file");
        let read = RefCell::new(Vec::new());
        tokio::select! {
            biased;
            () = watch_file(&path, || read.borrow_mut().push(std::fs::read_to_string(&path).ok())) => {}
            () = writer(&path) => {}
        }
        let _ = std::fs::remove_file(&path);
        read.into_inner()
    }

    #[tokio::test(start_paused = true)]
    async fn a_change_before_the_watch_and_each_one_during_it_count() {
        let read = read_while("changes", async |path| {
            tokio::time::sleep(FILE_INTERVAL * 3).await;
            std::fs::remove_file(path).expect("it is there");
            tokio::time::sleep(FILE_INTERVAL * 2).await;
        });
        assert_eq!(read.await, [Some("12".to_owned()), None]);
    }

    /// The beginning of a list is a list of other people.
    #[tokio::test(start_paused = true)]
    async fn a_file_that_is_being_written_is_read_when_it_is_complete() {
        const TEXT: &str = "!12345\n!ada@example.com\n";
        let read = read_while("written", async |path| {
            for end in 0..=TEXT.len() {
                std::fs::write(path, &TEXT[..end]).expect("ours");
                tokio::time::sleep(Duration::from_millis(900)).await;
            }
            tokio::time::sleep(FILE_INTERVAL).await;
        });
        assert_eq!(read.await, [Some("12".to_owned()), Some(TEXT.to_owned())]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_file_that_never_rests_is_read_after_a_minute() {
        let read = read_while("restless", async |path| {
            for length in 0..100 {
                std::fs::write(path, "#".repeat(length)).expect("ours");
                tokio::time::sleep(Duration::from_millis(900)).await;
            }
        });
        assert_eq!(read.await.len(), 2);
    }
}
