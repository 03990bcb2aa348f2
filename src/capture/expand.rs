//! Compressed captures: gzip members, zstd and lz4 frames, one after another.
//!
//! Each is recognised by its magic, and so is the one behind it: rotated logs
//! are often plain concatenations. Damage is no error of reading: what had
//! been expanded stays valid, the stream ends, and [`Stop`] says why.

use std::io::{self, BufRead, Read};

use flate2::bufread::GzDecoder;
use lz4_flex::frame::FrameDecoder as Lz4Decoder;
use ruzstd::decoding::{BlockDecodingStrategy, FrameDecoder as ZstdDecoder};

use super::info::Compression;
use super::window::Window;

/// Expanded bytes allowed for each stored one. Captures of idle networks reach
/// 200:1; gzip cannot exceed 1032:1, zstd and nested compressions can reach
/// millions. A ratio and not a size, since a whole ring of captures is large
/// and legitimate.
pub(super) const MAX_RATIO: u64 = 1_000;

/// Expanded bytes that are never suspicious, so that small regular files (all
/// zeros, say) are judged by nothing.
pub(super) const RATIO_GRACE: u64 = 64 * 1024 * 1024;

/// The largest zstd window: what `zstd -d` itself accepts (`--long=27`).
const MAX_ZSTD_WINDOW: u64 = 128 * 1024 * 1024;

/// Bytes asked of a decoder at once. A decoder that fails keeps what it had
/// produced in that call, so this much is lost at the point of damage.
const STEP: usize = 16 * 1024;

/// Ends a zstd frame whose rest is missing: an empty last block and a checksum
/// (RFC 8878 §3.1.1.2). Only so does the decoder give up its history window.
const ZSTD_END: [u8; 7] = [1, 0, 0, 0, 0, 0, 0];

/// Why a compressed stream ended before its end.
#[derive(Debug)]
pub(super) enum Stop {
    /// The stored bytes end inside a frame.
    CutShort,
    /// The stored bytes contradict the format.
    Damaged(String),
    /// More than [`MAX_RATIO`].
    TooDense,
}

/// The expanded bytes of a compressed window.
pub(super) struct Expanded {
    member: Member,
    compression: Compression,
    produced: u64,
    stop: Option<Stop>,
}

enum Member {
    Between(Window),
    Gzip(Box<GzDecoder<Window>>),
    Zstd(Box<ZstdDecoder>, Window),
    /// The flag: a legacy frame, which only the end of the file ends.
    Lz4(Box<Lz4Decoder<Window>>, bool),
    /// Only while one is exchanged for the next.
    Gone,
}

impl Expanded {
    /// Expands `from`, which begins with the magic of `compression`.
    pub(super) const fn new(from: Window, compression: Compression) -> Self {
        Self { member: Member::Between(from), compression, produced: 0, stop: None }
    }

    pub(super) const fn compression(&self) -> Compression {
        self.compression
    }

    pub(super) const fn stop(&self) -> Option<&Stop> {
        self.stop.as_ref()
    }

    /// The compressed bytes.
    pub(super) fn inner(&self) -> Option<&Window> {
        match &self.member {
            Member::Between(from) | Member::Zstd(_, from) => Some(from),
            Member::Gzip(decoder) => Some(decoder.get_ref()),
            Member::Lz4(decoder, _) => Some(decoder.get_ref()),
            Member::Gone => None,
        }
    }

    /// The compressed bytes, to be read past.
    pub(super) fn inner_mut(&mut self) -> Option<&mut Window> {
        match &mut self.member {
            Member::Between(from) | Member::Zstd(_, from) => Some(from),
            Member::Gzip(decoder) => Some(decoder.get_mut()),
            Member::Lz4(decoder, _) => Some(decoder.get_mut()),
            Member::Gone => None,
        }
    }

    /// Begins the next member or frame; `false` at the end.
    fn begin(&mut self) -> io::Result<bool> {
        let Member::Between(from) = &mut self.member else { return Ok(true) };
        let next = next_frame(from)?;
        let Member::Between(mut from) = core::mem::replace(&mut self.member, Member::Gone) else { return Ok(false) };
        let (member, begun) = match next {
            Next::Gzip => (Member::Gzip(Box::new(GzDecoder::new(from))), true),
            Next::Lz4 { legacy } => (Member::Lz4(Box::new(Lz4Decoder::new(from)), legacy), true),
            Next::Zstd => {
                let mut decoder = Box::new(ZstdDecoder::new());
                decoder.set_max_window_size(MAX_ZSTD_WINDOW);
                match decoder.init(&mut from) {
                    Ok(()) => (Member::Zstd(decoder, from), true),
                    Err(e) => {
                        self.stop = Some(stop_at(&from, &e));
                        (Member::Between(from), false)
                    }
                }
            }
            Next::End => (Member::Between(from), false),
            Next::CutShort => {
                self.stop = Some(Stop::CutShort);
                (Member::Between(from), false)
            }
            Next::Trailing => {
                self.stop = Some(Stop::Damaged("something else follows the last frame".into()));
                (Member::Between(from), false)
            }
        };
        self.member = member;
        Ok(begun)
    }

    fn step(&mut self, into: &mut [u8]) -> io::Result<usize> {
        match &mut self.member {
            Member::Gzip(decoder) => decoder.read(into),
            Member::Lz4(decoder, _) => decoder.read(into),
            Member::Zstd(decoder, from) => {
                while decoder.can_collect() == 0 && !decoder.is_finished() {
                    let blocks = BlockDecodingStrategy::UptoBlocks(1);
                    decoder.decode_blocks(&mut *from, blocks).map_err(io::Error::other)?;
                }
                decoder.read(into)
            }
            Member::Between(_) | Member::Gone => Ok(0),
        }
    }

    /// A decoder failed: what it still holds is taken, the rest given up.
    fn give_up(&mut self, error: &io::Error) {
        if self.stop.is_none() {
            self.stop = self.inner().map(|from| stop_at(from, error));
            if let Member::Zstd(decoder, _) = &mut self.member
                && decoder.decode_blocks(ZSTD_END.as_slice(), BlockDecodingStrategy::UptoBlocks(1)).is_ok()
            {
                return;
            }
        }
        self.finish();
    }

    /// Back from a decoder to its source.
    fn finish(&mut self) {
        let mut stop = None;
        self.member = match core::mem::replace(&mut self.member, Member::Gone) {
            Member::Gzip(decoder) => Member::Between(decoder.into_inner()),
            Member::Zstd(decoder, from) => {
                let (stored, found) = (decoder.get_checksum_from_data(), decoder.get_calculated_checksum());
                if stored.is_some() && stored != found {
                    stop = Some(Stop::Damaged("a zstd checksum does not match".into()));
                }
                Member::Between(from)
            }
            Member::Lz4(decoder, legacy) => {
                // lz4_flex takes the end of its source for the end of a frame;
                // but a whole frame ends without a look at what follows.
                let from = decoder.into_inner();
                if from.has_ended() && from.len() == 0 && !legacy {
                    stop = Some(Stop::CutShort);
                }
                Member::Between(from)
            }
            other @ (Member::Between(_) | Member::Gone) => other,
        };
        self.stop = self.stop.take().or(stop);
    }
}

impl Read for Expanded {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let room = into.len().min(STEP);
        let Some(into) = into.get_mut(..room).filter(|room| !room.is_empty()) else { return Ok(0) };
        loop {
            if matches!(self.member, Member::Between(_)) && (self.stop.is_some() || !self.begin()?) {
                return Ok(0);
            }
            match self.step(into) {
                Ok(0) => self.finish(),
                Ok(read) => {
                    self.produced = self.produced.saturating_add(read as u64);
                    let stored = self.inner().and_then(|w| w.source().stored()).map_or(0, |s| s.read);
                    if self.produced > RATIO_GRACE && self.produced / MAX_RATIO > stored {
                        self.stop = Some(Stop::TooDense);
                        self.finish();
                        return Ok(0);
                    }
                    return Ok(read);
                }
                Err(e) if self.inner().and_then(|w| w.source().stored()).is_some_and(|s| s.failed) => return Err(e),
                Err(e) => self.give_up(&e),
            }
        }
    }
}

/// Why `error` came out of a decoder that reads `from`.
fn stop_at(from: &Window, error: &dyn core::fmt::Display) -> Stop {
    if from.has_ended() && from.len() == 0 { Stop::CutShort } else { Stop::Damaged(error.to_string()) }
}

enum Next {
    Gzip,
    Zstd,
    Lz4 { legacy: bool },
    End,
    CutShort,
    Trailing,
}

/// What follows in `from`, after passing over skippable frames (RFC 8878
/// §3.1.2, shared with lz4) and zero padding (tapes, preallocated files).
fn next_frame(from: &mut Window) -> io::Result<Next> {
    loop {
        from.ensure(4)?;
        match from.unread() {
            [] => return Ok(Next::End),
            [0, ..] => from.skip(1),
            [0x1f, 0x8b, ..] => return Ok(Next::Gzip),
            [0x28, 0xb5, 0x2f, 0xfd, ..] => return Ok(Next::Zstd),
            [0x04, 0x22, 0x4d, 0x18, ..] => return Ok(Next::Lz4 { legacy: false }),
            [0x02, 0x21, 0x4c, 0x18, ..] => return Ok(Next::Lz4 { legacy: true }),
            [0x50..=0x5f, 0x2a, 0x4d, 0x18, ..] => {
                from.ensure(8)?;
                let Some([_, _, _, _, length @ ..]) = from.unread().first_chunk::<8>() else {
                    return Ok(Next::CutShort);
                };
                let mut left = u32::from_le_bytes(*length);
                from.skip(8);
                while left > 0 {
                    let here = from.fill_buf()?.len().min(left as usize);
                    if here == 0 {
                        return Ok(Next::CutShort);
                    }
                    from.skip(here);
                    left = left.saturating_sub(here as u32);
                }
            }
            _ => return Ok(Next::Trailing),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::capture::source::{Source, Stored};
    use crate::capture::window::READ_SIZE;

    fn expanded(bytes: Vec<u8>) -> Expanded {
        let stored = Source::Stored(Box::new(Stored::pipe(Box::new(io::Cursor::new(bytes)), false)));
        Expanded::new(Window::new(stored, READ_SIZE), Compression::Zstd)
    }

    #[test]
    fn a_bomb_is_defused() {
        // A frame of blocks that each repeat one byte 128 KiB times, in 4 bytes.
        let mut bomb = vec![0x28, 0xb5, 0x2f, 0xfd, 0x00, 0x38];
        for _ in 0..2_000 {
            bomb.extend(((128_u32 * 1024) << 3 | 1 << 1).to_le_bytes().iter().take(3));
            bomb.push(0x2a);
        }
        let mut source = expanded(bomb);
        let mut scratch = vec![0; READ_SIZE];
        let mut produced = 0;
        while let n @ 1.. = source.read(&mut scratch).unwrap() {
            produced += n as u64;
        }
        assert!(matches!(source.stop(), Some(Stop::TooDense)), "{:?}", source.stop());
        assert!((RATIO_GRACE..RATIO_GRACE + (1 << 20)).contains(&produced), "{produced}");
    }

    #[test]
    fn a_cut_zstd_frame_gives_up_what_its_window_holds() {
        let text: Vec<u8> = (0..300_000_u32).flat_map(|n| (n / 7).to_le_bytes()).collect();
        let whole = ruzstd::encoding::compress_to_vec(text.as_slice(), ruzstd::encoding::CompressionLevel::Fastest);
        let mut source = expanded(whole[..whole.len() / 2].to_vec());
        let mut got = Vec::new();
        source.read_to_end(&mut got).unwrap();
        assert!(matches!(source.stop(), Some(Stop::CutShort)), "{:?}", source.stop());
        assert!(text.starts_with(&got));
        assert!(got.len() > text.len() / 4, "{} of {}", got.len(), text.len());
    }

    #[test]
    fn a_bad_checksum_is_told() {
        let mut whole =
            ruzstd::encoding::compress_to_vec(&b"abcabcabc"[..], ruzstd::encoding::CompressionLevel::Fastest);
        *whole.last_mut().unwrap() ^= 1;
        let mut source = expanded(whole);
        let mut got = Vec::new();
        source.read_to_end(&mut got).unwrap();
        assert!(matches!(source.stop(), Some(Stop::Damaged(_))), "{:?}", source.stop());
    }
}
