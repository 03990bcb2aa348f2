//! How much has passed: enough of it is a session, whatever was missed.

use crate::base::{At, Side, Span};

/// What has passed since the first protected record.
#[derive(Debug, Default)]
pub(super) struct Volume {
    first: Option<At>,
    pub client_records: u64,
    pub server_records: u64,
    server_bytes: u64,
}

/// So much from the server, with input from the client, is a session, whatever
/// was missed before. Bandwidth payloads of auto-detection stay below.
const SESSION_BYTES: u64 = 128 * 1024;
const SESSION_SERVER_RECORDS: u64 = 32;
const SESSION_CLIENT_RECORDS: u64 = 8;
/// Servers end a connection sequence that takes longer ([MS-RDPBCGR] 3.3.6.1):
/// traffic that goes on beyond is a session.
const SEQUENCE_TIMEOUT: Span = Span::from_secs(60);
const SESSION_RECORDS: u64 = 20;

impl Volume {
    pub(super) fn add(&mut self, side: Side, length: u16, at: At) {
        self.first.get_or_insert(at);
        match side {
            Side::Client => self.client_records = self.client_records.saturating_add(1),
            Side::Server => {
                self.server_records = self.server_records.saturating_add(1);
                self.server_bytes = self.server_bytes.saturating_add(length.into());
            }
        }
    }

    pub(super) fn is_a_session(&self, at: At) -> bool {
        let much = self.server_bytes >= SESSION_BYTES
            && self.server_records >= SESSION_SERVER_RECORDS
            && self.client_records >= SESSION_CLIENT_RECORDS;
        let lasting = self.first.is_some_and(|first| at.time.since(first.time) > SEQUENCE_TIMEOUT);
        much || (lasting && self.client_records.saturating_add(self.server_records) >= SESSION_RECORDS)
    }

    /// Whether only `side` has sent any.
    pub(super) const fn is_alone(&self, side: Side) -> bool {
        match side {
            Side::Client => self.server_records == 0,
            Side::Server => self.client_records == 0,
        }
    }
}
