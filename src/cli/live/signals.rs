//! Signals become flags; a signal also ends the wait for packets.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM, SIGUSR1};
use signal_hook::flag;

/// What was signalled and not yet done.
#[derive(Debug, Default)]
pub(super) struct Signals {
    end: Arc<AtomicBool>,
    reopen: Arc<AtomicBool>,
    statistics: Arc<AtomicBool>,
}

impl Signals {
    /// Listens from now on. A second SIGINT or SIGTERM ends the process at once.
    pub(super) fn listen() -> io::Result<Self> {
        let signals = Self::default();
        for signal in [SIGINT, SIGTERM] {
            // Registered first, so that it sees only what an earlier signal set.
            flag::register_conditional_shutdown(signal, 130, Arc::clone(&signals.end))?;
            flag::register(signal, Arc::clone(&signals.end))?;
        }
        flag::register(SIGHUP, Arc::clone(&signals.reopen))?;
        flag::register(SIGUSR1, Arc::clone(&signals.statistics))?;
        Ok(signals)
    }

    /// Whether to end.
    pub(super) fn end(&self) -> bool {
        self.end.load(Ordering::Relaxed)
    }

    /// Whether to open outputs again; asked for once.
    pub(super) fn reopen(&self) -> bool {
        self.reopen.swap(false, Ordering::Relaxed)
    }

    /// Whether to print statistics; asked for once.
    pub(super) fn statistics(&self) -> bool {
        self.statistics.swap(false, Ordering::Relaxed)
    }
}
