//! One TCP connection that carried RDP, or tried to.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    BySide, CredSsp, DisconnectUltimatum, Endpoint, ErrorInfo, Finding, FrameRef, Licensing, Negotiation, Network,
    Outcome, Pattern0x7, Reset, RuledOut, Stage, StageRecord, Step, Time, Tls, Verdict,
};

/// One RDP connection.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Connection {
    /// Number of the connection within the report, from 1: in the order of the
    /// first packets. Where there are thousands of connections, they are told
    /// while the captures are read, and those that go on for longer come later.
    pub id: u32,
    /// Number of the attempt that it belongs to.
    pub attempt: u32,
    /// The `id`s of this same connection, as other captures (or interfaces)
    /// show it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub same_as: Vec<u32>,
    /// Community ID (version 1) of the flow, as Zeek, Suricata and Arkime
    /// print it.
    pub community_id: String,
    /// The client's end.
    pub client: Endpoint,
    /// The server's end.
    pub server: Endpoint,
    /// How it is known which end is the client.
    pub roles_from: RolesFrom,
    /// `index` of the capture that holds its first frame.
    pub capture: u32,
    /// Its first frame.
    pub first_frame: FrameRef,
    /// Its last frame.
    pub last_frame: FrameRef,
    /// Time of the first frame.
    pub start: Time,
    /// Time of the last frame.
    pub end: Time,
    /// Packets sent by each side, as captured.
    pub packets: BySide<u64>,
    /// Bytes of TCP payload sent by each side, every byte of the stream counted
    /// once however often it was sent.
    pub bytes: BySide<u64>,
    /// Packets that the capture lost while the connection was open, of this
    /// connection or any other; 0 where nobody counted them. Findings that rest
    /// on absence are less certain for that. Absent where none were lost.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub not_captured: Option<u64>,
    /// The last stage that had begun when the connection, or the capture,
    /// ended.
    pub stage: Stage,
    /// Whether the connection may have come further than `stage`, because the
    /// capture does not show enough.
    pub stage_is_lower_bound: bool,
    /// How it turned out.
    pub outcome: Outcome,
    /// How it ended, and by whom.
    pub ended: Ended,
    /// The stages that it went through, in order.
    pub stages: Vec<StageRecord>,
    /// The messages that were recognised, in order.
    pub steps: Vec<Step>,
    /// Messages that were recognised and are not listed in `steps`.
    pub steps_not_listed: u64,
    /// The proxy or load balancer that passed it on. Absent where nothing shows
    /// one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub proxied: Option<Proxied>,
    /// The X.224 negotiation. Absent where it was not seen.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub negotiation: Option<Negotiation>,
    /// The TLS handshake. Absent where none was seen.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tls: Option<Tls>,
    /// The CredSSP (NLA) exchange. Absent where none was seen.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub credssp: Option<CredSsp>,
    /// The licensing exchange. Absent where none was seen.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub licensing: Option<Licensing>,
    /// The reason that the server gave in a Set Error Info message. Absent
    /// where none could be read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error_info: Option<ErrorInfo>,
    /// The orderly goodbye, an MCS Disconnect Provider Ultimatum. Absent where
    /// none was seen.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub disconnect_ultimatum: Option<DisconnectUltimatum>,
    /// What the network did to the connection.
    pub network: Network,
    /// Every reset of the connection, and who built it.
    pub resets: Vec<Reset>,
    /// What explains the end best; null where nothing needs explaining or
    /// nothing is known.
    pub verdict: Option<Verdict>,
    /// What was found, the verdict's finding first.
    pub findings: Vec<Finding>,
    /// Causes that the capture excludes, and by what.
    pub ruled_out: Vec<RuledOut>,
    /// Whether the end matches what mstsc shows as error 0x904, extended 0x7.
    pub pattern_0x7: Pattern0x7,
}

impl Connection {
    /// The frames that anything in the connection points to, in no particular
    /// order.
    pub fn frames(&self) -> impl Iterator<Item = FrameRef> + '_ {
        let stages = self.stages.iter().flat_map(|s| [s.first_frame, s.last_frame]);
        let steps = self.steps.iter().map(|s| s.frame);
        let negotiation = self.negotiation.iter().flat_map(|n| [n.request_frame, n.response_frame]).flatten();
        let alerts = self.tls.iter().flat_map(|t| t.alerts.iter().map(|a| a.frame));
        let certificate = self.tls.iter().filter_map(|t| t.certificate.as_ref().map(|c| c.frame));
        let refusals = self.credssp.iter().filter_map(|c| c.refused_frame);
        let goodbyes = self.error_info.iter().map(|e| e.frame).chain(self.disconnect_ultimatum.iter().map(|d| d.frame));
        let resets =
            self.resets.iter().flat_map(|r| r.evidence.iter().flat_map(|e| &e.frames).copied().chain([r.frame]));
        let evidence = self.findings.iter().flat_map(|f| f.evidence.iter().map(|e| e.frame));
        let ruled_out = self.ruled_out.iter().flat_map(|r| r.frames.iter().copied());
        [self.first_frame, self.last_frame]
            .into_iter()
            .chain(self.ended.frame)
            .chain(stages)
            .chain(steps)
            .chain(negotiation)
            .chain(alerts)
            .chain(certificate)
            .chain(refusals)
            .chain(goodbyes)
            .chain(resets)
            .chain(evidence)
            .chain(ruled_out)
    }
}

/// How it is known which end is the client, best first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum RolesFrom {
    /// The client sent the SYN.
    Handshake,
    /// The client sent the X.224 Connection Request.
    Negotiation,
    /// The server has the well-known port.
    Port,
}

/// How a connection ended, and by whom.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Ended {
    /// How.
    pub how: EndedHow,
    /// By whom.
    pub by: EndedBy,
    /// The frame that ended it. Absent for `silence` and `capture-end`, and for a
    /// FIN that is not in the capture although the other side acknowledged it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub frame: Option<FrameRef>,
    /// The time of that frame; for `silence`, of the last frame before it; for a
    /// FIN that is not in the capture, of its acknowledgment.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub time: Option<Time>,
}

/// How a connection ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum EndedHow {
    /// A TCP reset (RST).
    Reset,
    /// An orderly TCP close (FIN).
    Fin,
    /// Nobody answered any more.
    Silence,
    /// It had not ended when the capture did.
    CaptureEnd,
}

/// Who ended a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum EndedBy {
    /// The client itself.
    Client,
    /// The server itself.
    Server,
    /// A device that is neither of the two, in the name of one of them.
    OtherDevice,
    /// Nobody, or the capture does not tell.
    Unknown,
}

/// What stood before RDP on a connection. The `server` of such a connection is
/// the proxy, and nothing here shows the computer behind it; behind a load
/// balancer, the `client` is the load balancer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Proxied {
    /// Its protocol. Absent where it is not known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub protocol: Option<ProxyProtocol>,
    /// Bytes of it, by side.
    pub bytes: BySide<u64>,
}

/// How a proxy is told where to connect, or a server for whom.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ProxyProtocol {
    /// SOCKS version 4 or 4a.
    Socks4,
    /// SOCKS version 5 (RFC 1928).
    Socks5,
    /// HTTP CONNECT.
    HttpConnect,
    /// The PROXY protocol of load balancers.
    ProxyProtocol,
}
