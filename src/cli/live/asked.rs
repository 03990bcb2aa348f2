//! What can be asked of `rdpwhy live`.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ValueEnum};

use crate::cli::args::Redaction;
use crate::cli::exit;

/// Watch interfaces, and say why Remote Desktop connections die as they do
///
/// Waits for the failure to come back. Needs the right to capture and nothing
/// else: as root it gives up every other privilege, then locks itself in, so
/// that it can write to the folders named here and nowhere else. No packet is
/// ever sent, and no port is opened.
///
/// SIGTERM and Ctrl-C end it, with the last reports and a summary; SIGHUP opens
/// the file of -o again, for those who rotate it; SIGUSR1 prints statistics.
#[derive(Debug, Args)]
#[command(after_long_help = live_help())]
pub(in crate::cli) struct Live {
    /// Interfaces to listen on; `any` is all of them [default: any]
    ///
    /// `rdpwhy interfaces` lists them. May be given several times; each is a
    /// point of view of its own, so a packet that passes two is seen twice.
    #[arg(long, short, value_name = "IFACE")]
    pub(super) interface: Vec<String>,
    /// What to capture, in the language of pcap-filter(7)
    ///
    /// Without this: TCP and UDP port 3389, also behind VLAN tags and in
    /// fragments, and ICMP errors about it.
    #[arg(long, value_name = "BPF")]
    pub(super) filter: Option<String>,
    /// How to tell what was found
    #[arg(long, short, value_name = "FORMAT", default_value = "auto")]
    pub(super) format: Format,
    /// Append the lines to this file instead of standard output
    #[arg(long, short, value_name = "FILE")]
    pub(super) output: Option<PathBuf>,
    /// Stop after so long, such as 90s, 10m or 8h
    #[arg(long, value_name = "TIME", value_parser = duration)]
    pub(super) duration: Option<Duration>,
    /// Stop after so many connections have ended
    #[arg(long, value_name = "N")]
    pub(super) count: Option<u64>,
    /// Exit with 0 also when a connection failed
    #[arg(long)]
    pub(super) exit_zero: bool,
    /// Replace this file with metrics for Prometheus every ten seconds
    ///
    /// In the text format that node_exporter's textfile collector reads.
    #[arg(long, value_name = "FILE")]
    pub(super) metrics: Option<PathBuf>,
    /// Keep every privilege, and write anywhere
    ///
    /// For kernels or containers in which the sandbox cannot be set up.
    #[arg(long)]
    pub(super) no_sandbox: bool,
    #[command(flatten)]
    pub(super) capture: Capturing,
    #[command(flatten)]
    pub(super) recorder: Recording,
    #[command(flatten)]
    pub(super) ring: Ringing,
    #[command(flatten)]
    pub(super) redaction: Redaction,
}

/// The flight recorder.
#[derive(Debug, Args)]
#[command(next_help_heading = "Flight recorder")]
pub(super) struct Recording {
    /// Write the packets and the report of every attempt that fails to this folder
    ///
    /// Three files each, named by time and cause: .pcapng, .json, .txt. The
    /// packets are held in memory until it is known how a connection ends;
    /// those that did not fail leave nothing. Where the client tries once more
    /// within the same attempt, the files are replaced by those about all of it.
    #[arg(long, value_name = "DIR")]
    pub(super) out: Option<PathBuf>,
    /// Only where one of these findings was made, such as injected-reset,no-answer
    #[arg(long, value_name = "FINDING", value_delimiter = ',', requires = "out")]
    pub(super) trigger: Vec<String>,
    /// Failed attempts kept in the folder; then the oldest make room
    #[arg(long, value_name = "N", default_value = "1000", requires = "out", value_parser = clap::value_parser!(u32).range(1..))]
    pub(super) keep: u32,
    /// Bytes kept in the folder, in MiB; then the oldest make room
    #[arg(long, value_name = "MIB", default_value = "1024", requires = "out", value_parser = clap::value_parser!(u32).range(1..))]
    pub(super) max_bytes: u32,
    /// Memory for the packets of all connections, in MiB
    #[arg(long, value_name = "MIB", default_value = "128", requires = "out", value_parser = clap::value_parser!(u32).range(1..=65_536))]
    pub(super) memory: u32,
    /// Memory for the packets of one connection, in KiB: half for its beginning, half for the latest
    #[arg(long, value_name = "KIB", default_value = "1024", requires = "out", value_parser = clap::value_parser!(u32).range(16..=65_536))]
    pub(super) flow_memory: u32,
}

/// The captures of everything.
#[derive(Debug, Args)]
#[command(next_help_heading = "Ring of captures")]
pub(super) struct Ringing {
    /// Also write everything that passes the filter to this folder, in turns
    ///
    /// For what the flight recorder does not keep: how the connections went that
    /// did not fail. A file is named by its first packet and is there once it is
    /// whole; on a full disk the oldest files make room. Its packets are as they
    /// were, which --redact would contradict: `rdpwhy evidence --redact` takes what
    /// may leave the room from them.
    #[arg(long, value_name = "DIR", conflicts_with = "redact")]
    pub(super) ring: Option<PathBuf>,
    /// Files kept in the ring; then the oldest makes room
    #[arg(long, value_name = "N", default_value = "10", requires = "ring", value_parser = clap::value_parser!(u32).range(1..))]
    pub(super) ring_files: u32,
    /// Bytes of each file of the ring, in MiB
    #[arg(long, value_name = "MIB", default_value = "100", requires = "ring", value_parser = clap::value_parser!(u32).range(1..))]
    pub(super) ring_file_size: u32,
}

/// How the kernel captures.
#[derive(Debug, Args)]
#[command(next_help_heading = "Capturing")]
pub(super) struct Capturing {
    /// Bytes kept of each packet
    #[arg(long, value_name = "BYTES", default_value = "262144", value_parser = clap::value_parser!(u32).range(96..=262_144))]
    pub(super) snaplen: u32,
    /// The kernel's buffer for each interface, in MiB
    ///
    /// Enough for a second of a loaded gigabit link. Raise it where packets are
    /// dropped.
    #[arg(long, value_name = "MIB", default_value = "16", value_parser = clap::value_parser!(u32).range(1..=1024))]
    pub(super) buffer_size: u32,
    /// Show each packet at once, instead of collecting for up to 100 ms
    ///
    /// Costs a wake-up for each packet, and drops more under load.
    #[arg(long)]
    pub(super) immediate: bool,
    /// Capture also what is addressed to other machines
    #[arg(long)]
    pub(super) promiscuous: bool,
}

/// How to tell what was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Format {
    /// A table on a terminal, NDJSON elsewhere.
    Auto,
    /// A live table of connections and the last verdicts.
    Table,
    /// One JSON object for each connection that ended, as `analyze` writes it.
    Ndjson,
    /// One line of text for each, with the priority that syslog and journald know.
    Log,
}

const EXAMPLES: &str = "\
Examples:
  rdpwhy live
      All interfaces; a table on the terminal.
  rdpwhy live -i eth0 --format ndjson >> connections.ndjson
      One line for each connection that ends, to be collected.
  rdpwhy live -i eth0 --out /var/lib/rdpwhy --format log
      A flight recorder: each failure leaves its packets and its report.
  rdpwhy live -i eth0 --ring /var/tmp/rdp --ring-files 24 --ring-file-size 500
      Everything, too: the last 12 GB that passed the filter.
  rdpwhy live -i eth0 --filter 'tcp port 3390' --duration 1h
      Another port, for an hour.
  sudo setcap cap_net_raw=ep $(command -v rdpwhy)
      Lets everybody who may run the program capture, without root.";

fn live_help() -> String {
    format!("{EXAMPLES}\n\n{}", exit::HELP)
}

/// `90`, `90s`, `10m`, `8h`, `7d`.
fn duration(text: &str) -> Result<Duration, String> {
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let unit = match text.get(digits.len()..).unwrap_or_default() {
        "" | "s" => 1,
        "m" | "min" => 60,
        "h" => 3_600,
        "d" => 86_400,
        other => return Err(format!("there is no unit '{other}'; expected s, m, h or d, as in 90s")),
    };
    let number: u64 = digits.parse().map_err(|_| "expected a whole number and a unit, as in 90s or 8h".to_owned())?;
    number.checked_mul(unit).map(Duration::from_secs).ok_or_else(|| "that is too long".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_have_units() {
        assert_eq!(duration("90"), Ok(Duration::from_secs(90)));
        assert_eq!(duration("8h"), Ok(Duration::from_secs(28_800)));
        assert!(duration("8 parsecs").is_err() && duration("h").is_err() && duration("99999999999999999d").is_err());
    }
}
