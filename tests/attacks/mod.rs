//! What somebody would send to break the reader, or to make it blind: each
//! shape through the command itself, which may use so much memory and no more.
//!
//! The operating system holds the command to its ceiling: what asks for more is
//! refused, and dies. A limit on CPU time, far above what any shape takes, ends
//! what has become quadratic. And the report must say what was cut.

#![cfg(target_os = "linux")]

mod files;
mod flows;
mod forgetting;
mod streams;

use std::io::{self, BufWriter, Write};
use std::net::{IpAddr, Ipv4Addr};
use std::process::{Command, Stdio};

use serde_json::Value;

use super::inputs::frame::{self, Endpoint, Ip, Tcp};

/// Seconds of CPU: the slowest shape takes about ten, unoptimised and on a busy
/// machine. One that became quadratic would take hours.
const CPU_SECONDS: u32 = 240;

/// Memory of the command when it has nothing to do, in MiB: its code, its
/// stacks, and the read buffer.
const IDLE: u32 = 32;

/// What the command made of it.
struct Survived {
    report: Value,
    code: Option<i32>,
}

/// Pipes a capture into the command, which may use `ceiling` MiB of memory of
/// its own above [`IDLE`].
#[track_caller]
fn survives(ceiling: u32, write: impl FnOnce(&mut dyn Write) -> io::Result<()> + Send) -> Survived {
    let limits = format!("ulimit -d {} && ulimit -t {CPU_SECONDS} && exec \"$@\"", (IDLE + ceiling) * 1024);
    let mut child = Command::new("sh")
        .args(["-c", &limits, "sh", env!("CARGO_BIN_EXE_rdpwhy")])
        .args(["analyze", "-", "--format", "json", "--no-progress"])
        // One arena, so that reserved address space is not taken for memory.
        .env("MALLOC_ARENA_MAX", "1")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let stdin = child.stdin.take().unwrap();
    let done = std::thread::scope(|threads| {
        threads.spawn(|| {
            let mut out = BufWriter::with_capacity(1 << 16, stdin);
            // A reader that stops early has had enough; what it says is judged.
            let _ = write(&mut out).and_then(|()| out.flush());
        });
        child.wait_with_output().unwrap()
    });
    let errors = String::from_utf8_lossy(&done.stderr);
    assert!(!errors.contains("panicked"), "{errors}");
    let report = serde_json::from_slice(&done.stdout)
        .unwrap_or_else(|e| panic!("{e}: no report, but {:?}: {}", done.status, errors.get(..2000).unwrap_or(&errors)));
    Survived { report, code: done.status.code() }
}

impl Survived {
    /// How often something was noticed, in the captures or by the analysis.
    fn noticed(&self, kind: &str) -> u64 {
        let captures = self.report["captures"].as_array().unwrap();
        let notices = captures.iter().flat_map(|capture| capture["notices"].as_array().unwrap());
        let all = notices.chain(self.report["notices"].as_array().unwrap());
        all.filter(|notice| notice["kind"] == kind).map(|notice| notice["count"].as_u64().unwrap()).sum()
    }

    fn connections(&self) -> &[Value] {
        self.report["connections"].as_array().unwrap()
    }

    /// Packets that the report counts.
    fn packets(&self) -> u64 {
        self.report["captures"].as_array().unwrap().iter().map(|c| c["packets"].as_u64().unwrap()).sum()
    }

    /// Nobody is accused.
    #[track_caller]
    fn accuses_nobody(&self) {
        for connection in self.connections() {
            assert!(connection["verdict"].is_null(), "{}", connection["verdict"]);
        }
    }
}

/// Writes a classic pcap with Ethernet frames, a microsecond apart.
struct Pcap<'w> {
    out: &'w mut dyn Write,
    micros: u64,
    frame: Vec<u8>,
}

impl<'w> Pcap<'w> {
    fn begin(out: &'w mut dyn Write) -> io::Result<Self> {
        out.write_all(&header())?;
        Ok(Self { out, micros: 1_772_438_400_000_000, frame: Vec::new() })
    }

    /// One frame, `micros` after the last.
    fn frame(&mut self, micros: u64, frame: &[u8]) -> io::Result<()> {
        self.micros += micros;
        let (seconds, part) = (self.micros / 1_000_000, self.micros % 1_000_000);
        self.out.write_all(&record(seconds as u32, part as u32, frame.len() as u32))?;
        self.out.write_all(frame)
    }

    /// A TCP segment, `micros` after the last frame.
    fn tcp(&mut self, micros: u64, from: &Endpoint, to: &Endpoint, tcp: &Tcp<'_>) -> io::Result<()> {
        let mut bytes = std::mem::take(&mut self.frame);
        frame::tcp(&mut bytes, from, to, Ip { ttl: 64, id: tcp.seq as u16 }, tcp);
        self.frame(micros, &bytes)?;
        self.frame = bytes;
        Ok(())
    }

    /// The handshake of [`CLIENT`] and [`SERVER`], whose data then has the
    /// numbers from [`CLIENT_ISN`] and [`SERVER_ISN`] plus one on.
    fn handshake(&mut self) -> io::Result<()> {
        let options = [2, 4, 5, 180, 1, 1, 4, 2, 1, 3, 3, 14];
        let tcp = |seq, ack, flags| Tcp { seq, ack, flags, window: 65_535, options: &options, payload: &[] };
        self.tcp(1_000, &CLIENT, &SERVER, &tcp(CLIENT_ISN, 0, frame::SYN))?;
        let answer = tcp(SERVER_ISN, CLIENT_ISN.wrapping_add(1), frame::SYN | frame::ACK);
        self.tcp(1_000, &SERVER, &CLIENT, &answer)?;
        let last = tcp(CLIENT_ISN.wrapping_add(1), SERVER_ISN.wrapping_add(1), frame::ACK);
        self.tcp(1_000, &CLIENT, &SERVER, &Tcp { options: &[], ..last })
    }

    /// Data of the client, `offset` bytes into its stream.
    fn client(&mut self, offset: u32, payload: &[u8]) -> io::Result<()> {
        let seq = CLIENT_ISN.wrapping_add(1).wrapping_add(offset);
        self.tcp(100, &CLIENT, &SERVER, &data(seq, SERVER_ISN.wrapping_add(1), payload))
    }

    /// Data of the server, which has received `got` bytes.
    fn server(&mut self, offset: u32, got: u32, payload: &[u8]) -> io::Result<()> {
        let seq = SERVER_ISN.wrapping_add(1).wrapping_add(offset);
        self.tcp(100, &SERVER, &CLIENT, &data(seq, CLIENT_ISN.wrapping_add(1).wrapping_add(got), payload))
    }
}

const fn data(seq: u32, ack: u32, payload: &[u8]) -> Tcp<'_> {
    Tcp { seq, ack, flags: frame::ACK | frame::PSH, window: 65_535, options: &[], payload }
}

/// Close to where sequence numbers begin anew.
const CLIENT_ISN: u32 = u32::MAX - 1_000;
const SERVER_ISN: u32 = 7_000;
const CLIENT: Endpoint = end(1, 50_000);
const SERVER: Endpoint = end(2, 3389);

const fn end(host: u8, port: u16) -> Endpoint {
    Endpoint { mac: [2, 0, 0, 0, 0, host], ip: IpAddr::V4(Ipv4Addr::new(10, 0, 0, host)), port }
}

/// The Connection Request of a client that offers NLA, and its confirmation.
const REQUEST: &[u8; 19] = b"\x03\0\0\x13\x0e\xe0\0\0\0\0\0\x01\0\x08\0\x0b\0\0\0";
const CONFIRM: &[u8; 19] = b"\x03\0\0\x13\x0e\xd0\0\0\x12\x34\0\x02\x1f\x08\0\x02\0\0\0";

/// The header of a classic pcap with microseconds and Ethernet frames.
fn header() -> [u8; 24] {
    let mut header = [0; 24];
    header[..8].copy_from_slice(&[0xd4, 0xc3, 0xb2, 0xa1, 2, 0, 4, 0]);
    header[16..].copy_from_slice(&[0, 0, 4, 0, 1, 0, 0, 0]);
    header
}

fn record(seconds: u32, micros: u32, len: u32) -> [u8; 16] {
    let mut record = [0; 16];
    for (place, field) in record.as_chunks_mut::<4>().0.iter_mut().zip([seconds, micros, len, len]) {
        *place = field.to_le_bytes();
    }
    record
}
