//! Notices that a file was changed or replaced.

use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::time::Duration;

/// How often a file is looked at.
const FILE_INTERVAL: Duration = Duration::from_secs(5);

/// Calls `changed` whenever the file at `path` was changed, replaced, removed or created.
pub(crate) async fn watch_file(path: &Path, changed: impl Fn()) {
    // Not the time of modification, which a copy may keep.
    let stamp =
        || std::fs::metadata(path).map(|meta| (meta.ino(), meta.ctime(), meta.ctime_nsec())).ok();
    let mut last = stamp();
    loop {
        tokio::time::sleep(FILE_INTERVAL).await;
        let now = stamp();
        if now != last {
            changed();
        }
        last = now;
    }
}
