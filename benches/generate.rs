//! Writes generated traffic into a capture.
//!
//! `cargo run --release --example generate -- heavy 1GiB heavy.pcap`
#![allow(
    clippy::print_stderr,
    clippy::disallowed_methods,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a command for developers, and no hostile input"
)]

mod generator;

use std::fs::File;
use std::io::{BufWriter, Write};
use std::process::ExitCode;

use generator::{Container, Kind, Plan, write};

const USAGE: &str = "usage: generate heavy|mixed|small|scan SIZE FILE [SEED]
  SIZE  bytes, or with a unit: 64MiB, 1GiB
  FILE  ends with .pcap or .pcapng";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let Some((plan, path)) = plan(&arguments) else {
        eprintln!("{USAGE}");
        return ExitCode::from(2);
    };
    let made = File::create(path).and_then(|file| {
        let mut out = BufWriter::with_capacity(1 << 20, file);
        let totals = write(&plan, &mut out)?;
        out.flush().map(|()| totals)
    });
    match made {
        Ok(totals) => {
            eprintln!(
                "{path}: {} bytes, {} packets ({} of RDP), {} bytes a frame, {} connections",
                totals.bytes,
                totals.packets,
                totals.rdp_packets,
                totals.frame_bytes / totals.packets.max(1),
                totals.connections
            );
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("{path} cannot be written: {error}");
            ExitCode::FAILURE
        }
    }
}

fn plan(arguments: &[String]) -> Option<(Plan, &str)> {
    let (kind, size, path, seed) = match arguments {
        [kind, size, path] => (kind, size, path, 1),
        [kind, size, path, seed] => (kind, size, path, seed.parse().ok()?),
        _ => return None,
    };
    let (_, kind) = Kind::ALL.into_iter().find(|(name, _)| name == kind)?;
    let container = if path.ends_with(".pcapng") { Container::Pcapng } else { Container::Pcap };
    Some((Plan { kind, container, bytes: bytes(size)?, seed }, path))
}

fn bytes(size: &str) -> Option<u64> {
    let digits = size.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let unit = match &size[digits.len()..] {
        "" | "B" => 1,
        "KiB" => 1 << 10,
        "MiB" => 1 << 20,
        "GiB" => 1 << 30,
        _ => return None,
    };
    digits.parse::<u64>().ok()?.checked_mul(unit)
}
