//! Blocks that hold no packet: what they tell of sections, interfaces, losses
//! and keys.

use super::options::Options;
use super::resolution::Resolution;
use super::{
    Block, CUSTOM, CUSTOM_NO_COPY, DECRYPTION_SECRETS, INTERFACE_DESCRIPTION, INTERFACE_STATISTICS, MAX_INTERFACES,
    Pcapng, SECTION_HEADER, SYSTEMD_JOURNAL, Source,
};
use crate::base::{CaptureTime, LinkType};
use crate::capture::info::{CaptureInfo, Interface, SecretsKind, text};
use crate::capture::window::Window;

impl Pcapng {
    /// Blocks without a packet.
    pub(super) fn describe(&mut self, window: &Window, block: Block, info: &mut CaptureInfo) {
        let Some(bytes) = window.unread().get(..block.len.saturating_sub(4)) else { return };
        match block.kind {
            SECTION_HEADER => self.section_header(bytes, info),
            INTERFACE_DESCRIPTION => self.interface_description(bytes, info),
            INTERFACE_STATISTICS => self.interface_statistics(bytes, info),
            DECRYPTION_SECRETS => self.decryption_secrets(bytes, info),
            // Wireshark shows these as frames of their own and counts them.
            SYSTEMD_JOURNAL | CUSTOM | CUSTOM_NO_COPY => self.number = self.number.saturating_add(1),
            _ => {}
        }
    }

    /// Section Header Block (§4.1).
    fn section_header(&mut self, bytes: &[u8], info: &mut CaptureInfo) {
        self.interfaces.clear();
        self.first_listed = info.interfaces.len();
        let (mut hardware, mut system, mut program) = (None, None, None);
        for (code, value) in Options::new(self.order, bytes.get(24..).unwrap_or_default()) {
            match code {
                1 => info.comment(None, value),
                2 => hardware = Some(text(value)),
                3 => system = Some(text(value)),
                4 => program = Some(text(value)),
                _ => {}
            }
        }
        info.written_by = info.written_by.take().or(program).or(system).or(hardware);
    }

    /// Interface Description Block (§4.2).
    fn interface_description(&mut self, bytes: &[u8], info: &mut CaptureInfo) {
        let order = self.order;
        let link = LinkType(order.u16_at(bytes, 8).unwrap_or_default().into());
        let snap_len = order.u32_at(bytes, 12).unwrap_or_default();
        let mut listed = Interface { snap_len: Some(snap_len).filter(|len| *len > 0), ..Interface::new(link) };
        let (mut exponent, mut offset) = (6, 0);
        for (code, value) in Options::new(order, bytes.get(16..).unwrap_or_default()) {
            match code {
                1 => info.comment(None, value),
                2 => listed.name = Some(text(value)),
                3 => listed.description = Some(text(value)),
                9 => exponent = value.first().copied().unwrap_or(6),
                14 => offset = order.u64_at(value, 0).unwrap_or_default().cast_signed(),
                _ => {}
            }
        }
        if self.interfaces.len() < MAX_INTERFACES {
            self.interfaces.push(Source {
                link,
                snap_len,
                resolution: Resolution::new(exponent, offset),
                counted_at: None,
            });
        } else {
            info.limit("interfaces in a section", MAX_INTERFACES);
        }
        info.interface(listed);
    }

    /// Interface Statistics Block (§4.6): received 4, dropped by the interface
    /// 5, by the operating system 7. The counters only grow; the last one counts.
    fn interface_statistics(&mut self, bytes: &[u8], info: &mut CaptureInfo) {
        let order = self.order;
        let index = order.u32_at(bytes, 8).map(|i| self.first_listed.saturating_add(i as usize));
        let Some(listed) = index.and_then(|i| info.interfaces.get_mut(i)) else { return };
        let (mut since, mut until) = (info.first_time, self.last_time);
        if let (Some(number), Some(high), Some(low)) =
            (order.u32_at(bytes, 8), order.u32_at(bytes, 12), order.u32_at(bytes, 16))
            && let Some(source) = self.interfaces.get_mut(number as usize)
        {
            let time = source.resolution.time(u64::from(high) << 32 | u64::from(low));
            info.counted_until = info.counted_until.max(Some(time));
            since = source.counted_at.replace(time).or(since);
            until = until.max(time);
        }
        let mut dropped: Option<u64> = None;
        for (code, value) in Options::new(order, bytes.get(20..).unwrap_or_default()) {
            let Some(count) = order.u64_at(value, 0) else { continue };
            match code {
                4 => listed.received = Some(count),
                5 | 7 => dropped = Some(dropped.unwrap_or_default().saturating_add(count)),
                _ => {}
            }
        }
        if let Some(dropped) = dropped {
            let before = listed.dropped.replace(dropped).unwrap_or_default();
            let others = self.counted.unwrap_or_default().saturating_sub(before);
            self.counted = Some(others.saturating_add(dropped));
            info.dropped = self.counted;
            // What packets told of was lost just before them.
            if self.lost.is_none_or(|told| told < others.saturating_add(dropped)) {
                info.loss(dropped.saturating_sub(before), since.unwrap_or(until), until);
            }
        }
    }

    /// Packets tell of losses too, since the packet before; that counts only
    /// where no statistics do.
    pub(super) fn lost(&mut self, more: u64, time: CaptureTime, info: &mut CaptureInfo) {
        info.loss(more, info.last_time.unwrap_or(time), time);
        let lost = self.lost.unwrap_or_default().saturating_add(more);
        self.lost = Some(lost);
        if self.counted.is_none() {
            info.dropped = self.lost;
        }
    }

    /// Decryption Secrets Block (§4.7).
    fn decryption_secrets(&self, bytes: &[u8], info: &mut CaptureInfo) {
        let Some(kind) = self.order.u32_at(bytes, 8) else { return };
        let len = self.order.u32_at(bytes, 12).unwrap_or_default() as usize;
        let Some(data) = bytes.get(16..) else { return };
        info.secret(SecretsKind(kind), data.get(..len).unwrap_or(data));
    }
}
