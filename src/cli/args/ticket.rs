//! What is asked for a ticket: evidence, bundles, and whose names leave the room.

use std::path::PathBuf;

use clap::Args;

/// Whose names and addresses leave the room.
#[derive(Debug, Args)]
#[command(next_help_heading = "Redaction")]
pub(in crate::cli) struct Redaction {
    /// Replace addresses and names by pseudonyms
    ///
    /// Addresses keep their prefixes in common and what they are for; user,
    /// host and certificate names, cookies and hardware addresses become others
    /// of the same length, the same throughout. Times, ports and frame numbers
    /// stay, and so do the verdict and the SHA-256 of the capture.
    #[arg(long)]
    pub(in crate::cli) redact: bool,
    /// Keep the key of the pseudonyms in this file, to turn them back
    ///
    /// Made if it is not there, readable by you alone; used if it is, so that
    /// several reports agree; never overwritten. `rdpwhy reveal` takes it.
    /// Without this the key is random and forgotten: nobody can turn anything
    /// back.
    #[arg(long, value_name = "FILE", requires = "redact")]
    pub(in crate::cli) redact_key: Option<PathBuf>,
}

/// Write the packets of failed attempts to a small pcapng for a ticket
///
/// Both directions of each connection, the UDP side channel and ICMP errors
/// about them, with original times, and comments on the packets that decide;
/// the comment of the file holds the verdict and says where to look. Headers
/// and what was negotiated in the clear are there; everything encrypted, typed
/// or shown is zeros or cut off. Analysing the file gives the same verdict.
#[derive(Debug, Args)]
#[command(after_long_help = EVIDENCE_EXAMPLES)]
pub(in crate::cli) struct EvidenceArguments {
    /// Captures, or folders of captures; they are read twice
    #[arg(required = true, value_name = "FILE")]
    pub(in crate::cli) files: Vec<PathBuf>,
    /// The file to write
    ///
    /// It appears when it is complete, or not at all. An input is never
    /// overwritten.
    #[arg(long, short, required = true, value_name = "FILE")]
    pub(in crate::cli) output: PathBuf,
    /// Attempts to take, by their numbers in the report, instead of the failed
    #[arg(long, value_name = "N", value_delimiter = ',')]
    pub(in crate::cli) attempt: Vec<u32>,
    /// Packets as they were captured, with all payload
    #[arg(long, conflicts_with = "redact")]
    pub(in crate::cli) full: bool,
    #[command(flatten)]
    pub(in crate::cli) redaction: Redaction,
}

const EVIDENCE_EXAMPLES: &str = "\
Examples:
  rdpwhy evidence trace.pcapng -o evidence.pcapng
      The packets of the attempts that failed.
  rdpwhy evidence trace.pcapng --attempt 3 -o evidence.pcapng
      Those of attempt 3 of the report, failed or not.
  rdpwhy evidence ring/ --redact --redact-key ~/ticket-4711.key -o evidence.pcapng
      With pseudonyms that you can turn back, and nobody else.";

/// Write reports and evidence to one archive for a ticket
///
/// A zip file with the report as a page with diagrams, in Markdown, as text and
/// as JSON, the packets of the failed attempts, and a README.
#[derive(Debug, Args)]
#[command(after_long_help = BUNDLE_EXAMPLES)]
pub(in crate::cli) struct BundleArguments {
    /// Captures, or folders of captures; they are read twice
    #[arg(required = true, value_name = "FILE")]
    pub(in crate::cli) files: Vec<PathBuf>,
    /// The archive to write
    ///
    /// It appears when it is complete, or not at all. An input is never
    /// overwritten.
    #[arg(long, short, required = true, value_name = "FILE")]
    pub(in crate::cli) output: PathBuf,
    /// Packets as they were captured, with all payload
    #[arg(long, conflicts_with = "redact")]
    pub(in crate::cli) full: bool,
    /// Exit with 0 also when an attempt failed
    #[arg(long)]
    pub(in crate::cli) exit_zero: bool,
    #[command(flatten)]
    pub(in crate::cli) redaction: Redaction,
}

const BUNDLE_EXAMPLES: &str = "\
Examples:
  rdpwhy bundle trace.pcapng -o ticket.zip
  rdpwhy bundle trace.pcapng --redact -o ticket.zip
  rdpwhy bundle ring/ --redact --redact-key ~/ticket-4711.key -o ticket.zip";

/// Turn pseudonyms of a redacted report back, with the key that made them
///
/// Addresses come back as they were, names in lower case, hardware addresses
/// with colons. What is not a pseudonym comes back as nonsense.
#[derive(Debug, Args)]
#[command(after_long_help = REVEAL_EXAMPLES)]
pub(in crate::cli) struct Reveal {
    /// The file that --redact-key made
    #[arg(value_name = "KEYFILE")]
    pub(in crate::cli) key: PathBuf,
    /// Addresses, names or hardware addresses as the report has them
    #[arg(required = true, value_name = "PSEUDONYM")]
    pub(in crate::cli) pseudonyms: Vec<String>,
}

const REVEAL_EXAMPLES: &str = "\
Examples:
  rdpwhy reveal ~/ticket-4711.key 10.173.4.99 q7r2k.x0p4";
