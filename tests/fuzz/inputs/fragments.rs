//! IP fragments beside a model: what is put together consists of bytes that
//! arrived, each at its place, and leaves none out.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr};

use rdpwhy::base::{CaptureTime, Frame, Notices};
use rdpwhy::flow::fragments::{Fragments, MAX_PACKET_BYTES};
use rdpwhy::wire::{Fragment, IpFacts};

const IP: IpFacts = IpFacts {
    src: IpAddr::V4(Ipv4Addr::new(10, 0, 0, 1)),
    dst: IpAddr::V4(Ipv4Addr::new(10, 0, 0, 2)),
    ttl: 64,
    id: None,
    dont_fragment: false,
    traffic_class: 0,
    flow_label: None,
    total_len: 0,
    reassembled: false,
};

/// The byte at `place` of packet `id`, in one of two versions that disagree.
fn truth(id: u32, place: u32, version: bool) -> u8 {
    let byte = ((place ^ id << 13).wrapping_mul(0x9e37_79b1) >> 24) as u8;
    if version { !byte } else { byte }
}

/// Operations of four bytes: which packet and how (4 for more fragments, 8 for
/// the version, 16 cuts it when captured), offset in blocks, length, seconds.
pub fn fragments(data: &[u8]) {
    let mut fragments = Fragments::default();
    let mut notices = Notices::default();
    let mut arrived: HashMap<(u32, u32), [bool; 2]> = HashMap::new();
    let mut now = 0_i64;
    for (number, &[what, block, length, wait]) in (1..).zip(data.as_chunks::<4>().0) {
        let (id, more, version) = (u32::from(what & 3), what & 4 != 0, what & 8 != 0);
        let offset = u32::from(block) * 8;
        let captured = if what & 16 == 0 { u32::from(length) } else { u32::from(length / 2) };
        let bytes: Vec<u8> = (offset..offset + captured).map(|place| truth(id, place, version)).collect();
        for place in offset..offset + captured {
            arrived.entry((id, place)).or_default()[usize::from(version)] = true;
        }
        now += i64::from(wait >> 4) * 1_000_000_000;
        let ip = IpFacts { total_len: 20 + u32::from(length), ..IP };
        let fragment = Fragment { ip, protocol: 6, id, offset, more, bytes: &bytes, len: u32::from(length) };
        let time = CaptureTime::from_nanos(now);
        if let Some(whole) = fragments.push(&fragment, Frame::new(0, number), time, &mut notices) {
            assert!(whole.bytes.len() <= whole.len as usize && whole.len <= MAX_PACKET_BYTES);
            assert!(!whole.frames.is_empty());
            for (place, byte) in (0..).zip(whole.bytes) {
                let known = arrived.get(&(id, place)).copied().unwrap_or_default();
                assert!(
                    known[0] && *byte == truth(id, place, false) || known[1] && *byte == truth(id, place, true),
                    "a byte at {place} of packet {id} that never arrived"
                );
            }
        }
    }
    fragments.finish(&mut notices);
}
