//! Floor 4: facts → findings.
//!
//! Never sees bytes. One rule is one file with its prose beside it; the two
//! lists here register them, and everything else (`explain`, the order in which
//! verdicts are preferred) follows from the lists.

pub mod attempts;
mod bare;
mod catalogue;
mod crowd;
pub mod crowding;
mod diagnosis;
mod fault;
mod finding;
mod link;
mod path;
mod pattern;
mod probe;
mod prose;
pub mod resets;
mod rule;
#[cfg(test)]
mod scripts;
mod sentence;
mod sighting;
#[cfg(test)]
mod testing;
mod totals;
mod words;

mod abrupt_close;
mod authorization_denied;
mod certificate_not_yet_valid;
mod certificate_rejected;
mod connection_limit;
mod connection_refused;
mod credentials_rejected;
mod early_close;
mod expired_certificate;
mod hello_rejected;
mod high_latency;
mod host_reset;
mod injected_reset;
mod jitter;
mod licensing_incomplete;
mod middlebox;
mod negotiation_refused;
mod no_answer;
mod not_rdp;
mod packet_loss;
mod path_mtu_black_hole;
mod protocol_not_offered;
mod reset_undetermined;
mod retransmission_burst;
mod service_silent;
mod session_denied;
mod slow_server;
mod stalled_negotiation;
mod state_expired;
mod tls_alert;
mod udp_blocked;
mod zero_window;

mod capture_cut_packets;
mod capture_duplicates;
mod capture_gaps;
mod capture_late_start;
mod capture_one_sided;

pub use bare::{Class, Classes, Known};
pub use catalogue::{Page, pages};
pub use connection_limit::TURNED_AWAY;
pub use crowd::{Crowd, CrowdRule, Member};
pub use diagnosis::{Diagnosis, EndedBy, Outcome, diagnose, diagnose_in, reconsider, told_in};
pub use finding::{AtFault, Evidence, Excluded, Finding, Severity};
pub use link::{Link, Opener};
pub use pattern::{Match, Pattern0x7};
pub use probe::{Told, is_probe, may_be_probe};
pub use prose::Prose;
pub use rule::{Case, Coverage, Out, Rule};
pub use sentence::connection as connection_sentence;
pub use sighting::{Sighting, sightings};
pub use totals::{CaptureRule, Totals};

/// The rules for one connection, the most specific explanation first: where
/// several explain an end equally surely, the first is the verdict.
pub const RULES: &[&dyn Rule] = &[
    &no_answer::NoAnswer,
    &connection_refused::ConnectionRefused,
    &injected_reset::InjectedReset,
    &not_rdp::NotRdp,
    &negotiation_refused::NegotiationRefused,
    &protocol_not_offered::ProtocolNotOffered,
    &tls_alert::TlsAlert,
    &expired_certificate::ExpiredCertificate,
    &certificate_not_yet_valid::CertificateNotYetValid,
    &credentials_rejected::CredentialsRejected,
    &authorization_denied::AuthorizationDenied,
    &licensing_incomplete::LicensingIncomplete,
    &session_denied::SessionDenied,
    &path_mtu_black_hole::PathMtuBlackHole,
    &state_expired::StateExpired,
    &service_silent::ServiceSilent,
    &stalled_negotiation::StalledNegotiation,
    &retransmission_burst::RetransmissionBurst,
    &hello_rejected::HelloRejected,
    &certificate_rejected::CertificateRejected,
    &early_close::EarlyClose,
    &abrupt_close::AbruptClose,
    &host_reset::HostReset,
    &reset_undetermined::ResetUndetermined,
    &slow_server::SlowServer,
    &packet_loss::PacketLoss,
    &zero_window::ZeroWindow,
    &high_latency::HighLatency,
    &jitter::Jitter,
];

/// The rules for a whole capture.
pub const CAPTURE_RULES: &[&dyn CaptureRule] = &[
    &middlebox::Middlebox,
    &capture_gaps::CaptureGaps,
    &capture_one_sided::CaptureOneSided,
    &capture_late_start::CaptureLateStart,
    &capture_cut_packets::CaptureCutPackets,
    &capture_duplicates::CaptureDuplicates,
];

/// The rules for several connections together.
pub const CROWD_RULES: &[&dyn CrowdRule] = &[&connection_limit::ConnectionLimit, &udp_blocked::UdpBlocked];
