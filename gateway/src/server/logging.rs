//! The log on standard error. A separate thread writes it, and lines that cannot be written are
//! dropped: neither a closed pipe nor a full disk nor a stuck reader blocks or ends the program.

use std::io::{IsTerminal as _, Write};

use tracing_appender::non_blocking::{NonBlocking, NonBlockingBuilder, WorkerGuard};

use crate::config::cli::{LogFormat, Settings};
use crate::printable::replaced;

/// Maximum lines queued for the writer; about 1 MB.
const BUFFERED_LINES: usize = 4096;

/// Starts the log. Queued lines are written when the guard is dropped.
pub fn init_logging(settings: &Settings) -> WorkerGuard {
    let is_colored = settings.log_format == LogFormat::Text && std::io::stderr().is_terminal();
    let (writer, guard) = lossy_writer(Printable { out: std::io::stderr(), is_colored });
    let subscriber = tracing_subscriber::fmt()
        .with_writer(writer)
        // It would print errors to standard error, and panic if that is closed.
        .log_internal_errors(false)
        .with_max_level(settings.log_level)
        .with_target(false);
    match settings.log_format {
        LogFormat::Text => subscriber.with_ansi(is_colored).init(),
        LogFormat::Json => subscriber.json().flatten_event(true).init(),
    }
    guard
}

/// Makes each line printable: addresses, paths and errors of servers are in it.
struct Printable<W> {
    out: W,
    /// The subscriber escapes the escapes within values, and adds its own.
    is_colored: bool,
}

impl<W: Write> Write for Printable<W> {
    /// Writes one whole line, as the subscriber hands it over.
    fn write(&mut self, line: &[u8]) -> std::io::Result<usize> {
        let text = String::from_utf8_lossy(line);
        let text = text.strip_suffix('\n').unwrap_or(&text);
        let is_kept = |c| self.is_colored && c == '\u{1b}';
        let text = replaced(text, is_kept).into_owned() + "\n";
        self.out.write_all(text.as_bytes())?;
        Ok(line.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.out.flush()
    }
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
    fn lines_are_printable() {
        let line = "WARN \u{1b}[2mZulip\u{1b}[0m: a\u{202e}b\nINFO forged\u{200b}\n";
        let written = |is_colored| {
            let mut writer = Printable { out: Vec::new(), is_colored };
            writer.write_all(line.as_bytes()).expect("in memory");
            String::from_utf8(writer.out).expect("UTF-8")
        };
        let forged = "a\u{fffd}b\u{fffd}INFO forged\u{fffd}\n";
        assert_eq!(written(true), format!("WARN \u{1b}[2mZulip\u{1b}[0m: {forged}"));
        assert_eq!(written(false), format!("WARN \u{fffd}[2mZulip\u{fffd}[0m: {forged}"));
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
