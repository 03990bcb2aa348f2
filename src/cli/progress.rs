//! How far reading has come, on standard error.
//!
//! A file has a bar with the time left; it is drawn only once reading takes
//! longer than a blink. A pipe has a spinner from the start, since the first
//! question about a pipe is whether anything arrives.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use indicatif::{DecimalBytes, HumanCount, ProgressBar, ProgressDrawTarget, ProgressState, ProgressStyle};

/// Nothing is drawn before: most captures are read by then.
const BLINK: Duration = Duration::from_millis(300);
/// How often the line is drawn again.
const REDRAW: Duration = Duration::from_millis(100);
/// Redraws per second at most, for the same reason.
const REDRAWS_PER_SECOND: u8 = 10;
/// Packets between two looks at the clock, which cost more than a packet.
const PACKETS_PER_LOOK: u64 = 4_096;

/// What is drawn for input of known size; 79 columns at most.
const BAR: &str =
    "{bar:16} {percent:>3} %  {decimal_bytes} of {decimal_total_bytes}  {packets}  {decimal_bytes_per_sec}  {eta} left";
/// What is drawn for a pipe.
const SPINNER: &str = "{spinner} {packets}  {elapsed}";

/// A line that shows how far reading has come.
pub(super) struct Progress {
    started: Instant,
    packets: Arc<AtomicU64>,
    /// Absent where nothing may be drawn.
    bar: Option<ProgressBar>,
    drawn: bool,
}

impl Progress {
    /// Begins; `total` bytes of input, where that is known. Draws nothing
    /// unless `shown`.
    pub(super) fn start(shown: bool, total: Option<u64>) -> Self {
        let packets = Arc::new(AtomicU64::new(0));
        let bar = shown.then(|| match total {
            Some(total) => ProgressBar::with_draw_target(Some(total), ProgressDrawTarget::hidden())
                .with_style(style(BAR, &packets)),
            None => ProgressBar::no_length().with_style(style(SPINNER, &packets)),
        });
        let mut progress = Self { started: now(), packets, bar, drawn: false };
        if total.is_none() {
            progress.draw();
        }
        progress
    }

    /// So many more packets. `read` tells the bytes of input read so far; it is
    /// asked now and then.
    #[inline]
    pub(super) fn packets(&mut self, more: u64, read: impl FnOnce() -> u64) {
        // One writer: the drawing thread only reads.
        let before = self.packets.load(Ordering::Relaxed);
        let packets = before.wrapping_add(more);
        self.packets.store(packets, Ordering::Relaxed);
        if before / PACKETS_PER_LOOK != packets / PACKETS_PER_LOOK {
            self.look(read());
        }
    }

    #[cold]
    fn look(&mut self, read: u64) {
        if let Some(bar) = &self.bar {
            bar.set_position(read);
            if !self.drawn && self.started.elapsed() >= BLINK {
                self.draw();
            }
        }
    }

    fn draw(&mut self) {
        if let Some(bar) = &self.bar {
            // Hides itself where standard error is no terminal.
            bar.set_draw_target(ProgressDrawTarget::stderr_with_hz(REDRAWS_PER_SECOND));
            bar.enable_steady_tick(REDRAW);
            self.drawn = true;
        }
    }

    /// Takes the line away. Packets, and how long they took.
    pub(super) fn finish(self) -> (u64, Duration) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
        (self.packets.load(Ordering::Relaxed), self.started.elapsed())
    }
}

/// `12,345 packets in 0.42 s, 29,393 a second`.
pub(super) fn rate(packets: u64, bytes: u64, took: Duration) -> String {
    let seconds = took.as_secs_f64().max(1e-9);
    let (per_second, bytes_per_second) = (packets as f64 / seconds, bytes as f64 / seconds);
    format!(
        "{} packets, {} in {seconds:.2} s ({} packets and {} a second)",
        HumanCount(packets),
        DecimalBytes(bytes),
        HumanCount(per_second as u64),
        DecimalBytes(bytes_per_second as u64),
    )
}

fn style(template: &str, packets: &Arc<AtomicU64>) -> ProgressStyle {
    let packets = Arc::clone(packets);
    let count = move |_: &ProgressState, out: &mut dyn core::fmt::Write| {
        let _ = write!(out, "{} packets", HumanCount(packets.load(Ordering::Relaxed)));
    };
    // A template that does not parse would be a slip in this file; the default
    // then still shows something, and a test finds it.
    let style = ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar());
    style.with_key("packets", count).progress_chars("=> ").tick_chars("|/-\\ ")
}

#[expect(clippy::disallowed_methods, reason = "progress is about the reader's time, not about the capture's")]
fn now() -> Instant {
    Instant::now()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_drawn_within_a_blink_and_packets_are_counted() {
        let mut progress = Progress::start(false, Some(1_000));
        for _ in 0..PACKETS_PER_LOOK * 2 {
            progress.packets(1, || 500);
        }
        assert!(!progress.drawn);
        assert_eq!(progress.finish().0, PACKETS_PER_LOOK * 2);
    }

    #[test]
    fn rates_are_finite() {
        let text = rate(1_234, 5_000, Duration::ZERO);
        assert!(text.starts_with("1,234 packets, 5.00 kB in 0.00 s"), "{text}");
    }

    #[test]
    fn templates_parse() {
        for template in [BAR, SPINNER] {
            assert!(ProgressStyle::with_template(template).is_ok(), "{template}");
        }
    }
}
