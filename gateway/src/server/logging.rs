//! The log on standard error. A separate thread writes it, and lines that cannot be written are
//! dropped: neither a closed pipe nor a full disk nor a stuck reader blocks or ends the program.

use std::io::{IsTerminal as _, Write};

use tracing_appender::non_blocking::{NonBlocking, NonBlockingBuilder, WorkerGuard};

use crate::config::cli::{LogFormat, Settings};

/// Maximum lines queued for the writer; about 1 MB.
const BUFFERED_LINES: usize = 4096;

/// Starts the log. Queued lines are written when the guard is dropped.
pub fn init_logging(settings: &Settings) -> WorkerGuard {
    let (writer, guard) = lossy_writer(std::io::stderr());
    let subscriber = tracing_subscriber::fmt()
        .with_writer(writer)
        // It would print errors to standard error, and panic if that is closed.
        .log_internal_errors(false)
        .with_max_level(settings.log_level)
        .with_target(false);
    match settings.log_format {
        LogFormat::Text => subscriber.with_ansi(std::io::stderr().is_terminal()).init(),
        LogFormat::Json => subscriber.json().flatten_event(true).init(),
    }
    guard
}

/// Writes to `out` from a separate thread.
fn lossy_writer(out: impl Write + Send + 'static) -> (NonBlocking, WorkerGuard) {
    NonBlockingBuilder::default()
        .lossy(true)
        .buffered_lines_limit(BUFFERED_LINES)
        .thread_name("log")
        .finish(out)
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::{Receiver, Sender, channel};

    use super::*;

    /// Blocks each write until it is released, and reports what was written.
    struct Stuck(Receiver<()>, Sender<usize>);

    impl Write for Stuck {
        fn write(&mut self, line: &[u8]) -> std::io::Result<usize> {
            // The sender is gone once the test is over.
            let _ = self.0.recv();
            let _ = self.1.send(line.len());
            Ok(line.len())
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_writer_that_is_stuck_blocks_nobody() {
        let ((release, released), (written, lines)) = (channel(), channel());
        let (mut writer, _guard) = lossy_writer(Stuck(released, written));
        for _ in 0..3 * BUFFERED_LINES {
            writer.write_all(b"a line\n").expect("never fails");
        }
        assert!(lines.try_recv().is_err(), "nothing was written so far");
        drop(release);
        assert_eq!(lines.recv(), Ok(7));
    }
}
