//! How many connections and streams the limit of open files allows.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Maximum connections for requests; with HTTP/1 also the maximum of concurrent requests.
const MAX_CONNECTIONS: usize = 4096;
/// Open files besides those: connections to Zulip, the log, reloaded files.
const OTHER_FILES: usize = 64;

/// Raises this process's own limit as far as the system allows. Where it may not do that, as under
/// systemd, the limit stays as it was set.
pub fn raise_file_limit() {
    let limit = getrlimit(Resource::Nofile);
    let _ = setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, ..limit });
}

/// Files for connections of all kinds.
fn available() -> usize {
    let limit = getrlimit(Resource::Nofile).current;
    let files = limit.map_or(usize::MAX, |files| usize::try_from(files).unwrap_or(usize::MAX));
    files.saturating_sub(OTHER_FILES)
}

/// Connections for requests: half of the files, if there are few.
pub(super) fn max_connections() -> usize {
    connections(available())
}

/// Streams: the rest.
#[must_use]
pub fn max_streams() -> usize {
    let available = available();
    available.saturating_sub(connections(available))
}

fn connections(available: usize) -> usize {
    (available / 2).clamp(1, MAX_CONNECTIONS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn few_files_are_shared() {
        for (available, expected) in
            [(0, 1), (1, 1), (960, 480), (8_000, 4_000), (20_000, 4_096), (usize::MAX, 4_096)]
        {
            assert_eq!(connections(available), expected, "{available}");
        }
    }
}
