//! The files that hold the packets.

use std::io::{self, Write};

/// What a snap length says when nothing is cut.
const SNAP_LENGTH: u32 = 262_144;
const ETHERNET: u16 = 1;

/// Layout of the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Container {
    /// Classic pcap with microseconds.
    Pcap,
    /// pcapng: one section, one interface, nanoseconds.
    Pcapng,
}

impl Container {
    /// What stands before the first packet.
    pub fn begin(self, out: &mut impl Write) -> io::Result<()> {
        match self {
            Self::Pcap => {
                out.write_all(&0xa1b2_c3d4_u32.to_le_bytes())?;
                out.write_all(&[2, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0])?;
                out.write_all(&SNAP_LENGTH.to_le_bytes())?;
                out.write_all(&u32::from(ETHERNET).to_le_bytes())
            }
            Self::Pcapng => {
                let mut section = 0x1a2b_3c4d_u32.to_le_bytes().to_vec();
                section.extend_from_slice(&[1, 0, 0, 0]);
                section.extend_from_slice(&u64::MAX.to_le_bytes());
                block(out, 0x0a0d_0d0a, &section)?;
                let mut interface = ETHERNET.to_le_bytes().to_vec();
                interface.extend_from_slice(&[0, 0]);
                interface.extend_from_slice(&SNAP_LENGTH.to_le_bytes());
                // if_tsresol = 9: nanoseconds; then the end of options.
                interface.extend_from_slice(&[9, 0, 1, 0, 9, 0, 0, 0, 0, 0, 0, 0]);
                block(out, 1, &interface)
            }
        }
    }

    /// One packet; gives the bytes written.
    pub fn packet(self, out: &mut impl Write, time_ns: u64, frame: &[u8]) -> io::Result<u64> {
        let length = (frame.len() as u32).to_le_bytes();
        match self {
            Self::Pcap => {
                let (seconds, micros) = (time_ns / 1_000_000_000, time_ns % 1_000_000_000 / 1_000);
                let mut record = [0; 16];
                for (place, field) in record.as_chunks_mut::<4>().0.iter_mut().zip([
                    (seconds as u32).to_le_bytes(),
                    (micros as u32).to_le_bytes(),
                    length,
                    length,
                ]) {
                    *place = field;
                }
                out.write_all(&record)?;
                out.write_all(frame)?;
                Ok(16 + frame.len() as u64)
            }
            Self::Pcapng => {
                let padding = frame.len().next_multiple_of(4) - frame.len();
                let total = (32 + frame.len() + padding) as u32;
                for field in [6, total, 0, (time_ns >> 32) as u32, time_ns as u32] {
                    out.write_all(&field.to_le_bytes())?;
                }
                out.write_all(&length)?;
                out.write_all(&length)?;
                out.write_all(frame)?;
                out.write_all(&[0; 3][..padding])?;
                out.write_all(&total.to_le_bytes())?;
                Ok(u64::from(total))
            }
        }
    }
}

fn block(out: &mut impl Write, kind: u32, body: &[u8]) -> io::Result<()> {
    let total = (body.len() as u32 + 12).to_le_bytes();
    out.write_all(&kind.to_le_bytes())?;
    out.write_all(&total)?;
    out.write_all(body)?;
    out.write_all(&total)
}
