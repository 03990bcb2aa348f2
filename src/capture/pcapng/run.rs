//! Packets as nearly all are written, one after another: Enhanced Packet Blocks
//! without options (draft-ietf-opsawg-pcapng §4.3).

use super::{ENHANCED_PACKET, Pcapng};
use crate::base::{CaptureTime, Frame};
use crate::capture::info::CaptureInfo;
use crate::capture::packet::{Packet, Taker};
use crate::capture::record::{Order, Run};
use crate::capture::window::Window;

/// What stands before a packet's bytes.
const HEADER_LEN: usize = 28;
/// That, and the length behind them.
const AROUND: u32 = HEADER_LEN as u32 + 4;

/// A block of the usual form.
struct Plain<'a> {
    interface: u32,
    ticks: u64,
    data: &'a [u8],
    original_len: u32,
    len: usize,
}

impl Pcapng {
    /// Gives `taker` the next packets, where they stand in blocks of the usual
    /// form, whole in the window, and are no later than `until`, for as long as it
    /// wants more. `None`: there was no such packet.
    // A loop of its own, whose registers nothing else wants.
    #[inline(never)]
    pub(in crate::capture) fn run(
        &mut self,
        window: &mut Window,
        info: &mut CaptureInfo,
        until: CaptureTime,
        vantage: u16,
        taker: &mut impl Taker,
    ) -> Option<Run> {
        // Blocks that are no packets may be frames, too: packets counted are no number.
        let before = Frame { capture: self.id, number: self.number.wrapping_sub(1) };
        let unread = window.unread();
        let (mut at, mut frame) = (0_usize, before);
        let mut run = Run::begin(info);
        let mut link = info.link_types.last().copied()?;
        while let Some(block) = unread.get(at..).and_then(|bytes| plain(self.order, bytes)) {
            let Some(source) = self.interfaces.get(block.interface as usize) else { break };
            let time = source.resolution.time(block.ticks);
            if time > until {
                break;
            }
            if source.link != link {
                link = source.link;
                info.link(link);
            }
            at = at.wrapping_add(block.len);
            frame.number = frame.number.wrapping_add(1);
            let Plain { interface, data, .. } = block;
            let original_len = block.original_len.max(data.len() as u32);
            run.add(data.len(), original_len, time, frame.number);
            taker.expect(unread.get(at.wrapping_add(HEADER_LEN)..).unwrap_or_default(), vantage);
            if !taker.take(&Packet { frame, time, link, interface, vantage, packet_id: None, data, original_len }) {
                break;
            }
        }
        run.packets = frame.number.wrapping_sub(before.number);
        if run.packets == 0 {
            return None;
        }
        window.skip(at);
        (self.last_time, self.number) = (run.last, self.number.saturating_add(run.packets));
        Some(run)
    }
}

/// The block that `bytes` begin with, if it is of the usual form and whole.
#[inline]
fn plain(order: Order, bytes: &[u8]) -> Option<Plain<'_>> {
    let header = bytes.first_chunk::<HEADER_LEN>()?;
    let &[
        k0,
        k1,
        k2,
        k3,
        l0,
        l1,
        l2,
        l3,
        i0,
        i1,
        i2,
        i3,
        h0,
        h1,
        h2,
        h3,
        t0,
        t1,
        t2,
        t3,
        c0,
        c1,
        c2,
        c3,
        w0,
        w1,
        w2,
        w3,
    ] = header;
    let fields = [
        [k0, k1, k2, k3],
        [l0, l1, l2, l3],
        [i0, i1, i2, i3],
        [h0, h1, h2, h3],
        [t0, t1, t2, t3],
        [c0, c1, c2, c3],
        [w0, w1, w2, w3],
    ];
    // One branch for all.
    let [kind, len, interface, high, low, captured, original_len] = match order {
        Order::Little => fields.map(u32::from_le_bytes),
        Order::Big => fields.map(u32::from_be_bytes),
    };
    // Padded to 32 bits (§3.1), and nothing behind it but the length again.
    let is_usual = kind == ENHANCED_PACKET && (captured.wrapping_add(3) & !3).wrapping_add(AROUND) == len;
    let block = bytes.get(..len as usize)?;
    let behind = block.last_chunk::<4>().map(|behind| order.u32(*behind));
    if !is_usual || behind != Some(len) {
        return None;
    }
    let data = block.get(HEADER_LEN..)?.get(..captured as usize)?;
    let ticks = u64::from(high) << 32 | u64::from(low);
    Some(Plain { interface, ticks, data, original_len, len: block.len() })
}
