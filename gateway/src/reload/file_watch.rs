//! Notices that a file was changed or replaced.

use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::time::Duration;

/// How often a file is checked.
const FILE_INTERVAL: Duration = Duration::from_secs(5);

/// Calls `changed` at once, since the file at `path` may have changed after it was read, and
/// whenever it is changed, replaced, removed or created.
pub(crate) async fn watch_file(path: &Path, changed: impl Fn()) {
    // Not the modification time, which a copy may preserve.
    let stamp =
        || std::fs::metadata(path).map(|meta| (meta.ino(), meta.ctime(), meta.ctime_nsec())).ok();
    let mut last = None;
    loop {
        let now = Some(stamp());
        if now != last {
            changed();
        }
        last = now;
        tokio::time::sleep(FILE_INTERVAL).await;
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_change_before_the_watch_and_each_one_during_it_count() {
        let path =
            std::env::temp_dir().join(format!("zulip-presence-watch-{}", std::process::id()));
        std::fs::write(&path, "12").expect("a file");
        let count = Cell::new(0);
        let watch = watch_file(&path, || count.set(count.get() + 1));
        let test = async {
            tokio::time::sleep(FILE_INTERVAL * 3).await;
            assert_eq!(count.get(), 1, "at the start, and not without a change");
            std::fs::remove_file(&path).expect("it is there");
            tokio::time::sleep(FILE_INTERVAL * 2).await;
            assert_eq!(count.get(), 2);
        };
        tokio::select! {
            () = watch => {}
            () = test => {}
        }
    }
}
