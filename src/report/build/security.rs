//! Negotiation, TLS, CredSSP, licensing, and the last words.

use super::{Frames, hexadecimal};
use crate::base::{Seen, Side, Text, Visibility};
use crate::findings::{Diagnosis, Finding, Severity};
use crate::report::document::{
    Alert, BySide, Certificate, Code, CredSsp, DisconnectUltimatum, ErrorInfo, Licensing, Negotiation, Reaction, Tls,
    Validity,
};
use crate::session::{Mechanism, SessionFacts, Stage};
use crate::wire::negotiation::Protocols;
use crate::wire::tls::alert::AlertLevel;
use crate::wire::tls::names::bears_name;
use crate::wire::tls::{CipherSuite, ClientHello, Version};

pub(super) fn negotiation(session: &SessionFacts, frames: Frames) -> Option<Negotiation> {
    let facts = &session.negotiation;
    if facts.request.is_none() && facts.confirm.is_none() {
        return None;
    }
    Some(Negotiation {
        cookie_present: facts.request.as_ref().is_some_and(|r| r.value.token.is_some()),
        requested: facts.requested().map(protocols).unwrap_or_default(),
        selected: facts.selected().map(Protocols::text),
        failure: facts.failure().map(|f| code(f.value.0, f.value.name())),
        request_frame: facts.request.as_ref().map(|r| frames.name(r.frame)),
        response_frame: facts.confirm.as_ref().map(|c| frames.name(c.frame)),
    })
}

fn protocols(requested: Protocols) -> Vec<Text> {
    match requested.0 {
        0 => vec![requested.to_string().into()],
        _ => {
            let unnamed = requested.unnamed().0;
            let number = (unnamed != 0).then(|| format!("{unnamed:#x}").into());
            requested.names().map(Text::from).chain(number).collect()
        }
    }
}

fn code(code: u32, name: Option<&'static str>) -> Code {
    Code { code, name: name.map(Into::into) }
}

pub(super) fn tls(session: &SessionFacts, diagnosis: &Diagnosis, frames: Frames) -> Option<Tls> {
    let facts = session.tls.as_ref()?;
    Some(Tls {
        version: facts.version().map(version),
        suite: facts.server_hello.as_ref().map(|hello| suite(hello.value.suite)),
        offered_versions: facts.client_hello.as_ref().map(|hello| offered(&hello.value)).unwrap_or_default(),
        sni_present: facts.client_hello.as_ref().is_some_and(|hello| hello.value.server_name.is_some()),
        completed: facts.is_done(),
        alerts: facts
            .alerts
            .iter()
            .map(|seen| {
                let (side, alert) = &seen.value;
                Alert {
                    side: (*side).into(),
                    fatal: alert.level == AlertLevel::fatal,
                    description: code(alert.description.0.into(), alert.description.name()),
                    frame: frames.name(seen.frame),
                }
            })
            .collect(),
        certificate: facts.certificate.as_ref().map(|seen| Certificate {
            matches_sni: facts
                .client_hello
                .as_ref()
                .and_then(|hello| bears_name(&seen.value, hello.value.server_name.as_ref()?.expose())),
            client: reaction(session, diagnosis),
            ..certificate(seen, facts.chain_len, frames)
        }),
    })
}

fn reaction(session: &SessionFacts, diagnosis: &Diagnosis) -> Option<Reaction> {
    /// Findings that say that the client left over the certificate.
    const LEFT: [&str; 3] = ["certificate-rejected", "expired-certificate", "certificate-not-yet-valid"];
    if session.stage() > Stage::Tls {
        return Some(Reaction::WentOn);
    }
    let left = |f: &Finding| f.severity == Severity::Failure && LEFT.contains(&f.id);
    diagnosis.findings.iter().any(left).then_some(Reaction::Left)
}

/// As people write it: `TLS 1.2`.
fn version(version: Version) -> Text {
    version.label().map_or_else(|| version.to_string().into(), Text::from)
}

fn suite(suite: CipherSuite) -> Text {
    suite.name().map_or_else(|| suite.to_string().into(), Text::from)
}

/// The versions on offer: the list of TLS 1.3 clients, else the one number.
fn offered(hello: &ClientHello) -> Vec<Text> {
    match hello.supported_versions.as_slice() {
        [] => vec![version(hello.legacy_version)],
        versions => versions.iter().copied().map(version).collect(),
    }
}

fn certificate(seen: &Seen<crate::wire::tls::Certificate>, chain_len: usize, frames: Frames) -> Certificate {
    let certificate = &seen.value;
    Certificate {
        subject: certificate.subject.clone(),
        issuer: certificate.issuer.clone(),
        serial: certificate.serial.clone(),
        not_before: certificate.not_before.into(),
        not_after: certificate.not_after.into(),
        validity: if seen.time > certificate.not_after {
            Validity::Expired
        } else if seen.time < certificate.not_before {
            Validity::NotYetValid
        } else {
            Validity::Valid
        },
        self_signed: certificate.is_self_issued,
        key: match certificate.key_bits {
            Some(bits) => format!("{} {bits}", certificate.key_algorithm),
            None => certificate.key_algorithm.clone(),
        },
        signature: certificate.signature_algorithm.clone(),
        sha256: hexadecimal(&certificate.sha256),
        matches_sni: None,
        client: None,
        chain_length: u32::try_from(chain_len).unwrap_or(u32::MAX),
        frame: frames.name(seen.frame),
    }
}

pub(super) fn credssp(session: &SessionFacts, frames: Frames) -> Option<CredSsp> {
    let facts = session.credssp.as_ref()?;
    if facts.legs.is_empty() {
        return None;
    }
    let count = |side: Side| facts.legs.iter().filter(|leg| leg.side == side).count() as u64;
    Some(CredSsp {
        visibility: Visibility::Inferred.into(),
        messages: BySide { client: count(Side::Client), server: count(Side::Server) },
        mechanism: facts.mechanism.map(|m| {
            match m {
                Mechanism::Ntlm => "NTLM",
                Mechanism::Kerberos => "Kerberos",
            }
            .into()
        }),
        completed: session.stage() > Stage::Credssp,
        error: None,
        refused_frame: facts.error.map(|at| frames.name(at.frame)),
    })
}

pub(super) fn licensing(session: &SessionFacts) -> Option<Licensing> {
    let facts = &session.licensing;
    if facts.messages.is_empty() && facts.granted.is_none() {
        return None;
    }
    let count = |side: Side| facts.messages.iter().filter(|m| m.value.0 == side).count() as u64;
    Some(Licensing {
        visibility: facts.granted.map_or(Visibility::Inferred, |seen| seen.value).into(),
        messages: BySide { client: count(Side::Client), server: count(Side::Server) },
        completed: facts.granted.is_some(),
        error: facts.alert.map(|seen| code(seen.value.code.0, seen.value.code.name())),
    })
}

pub(super) fn error_info(session: &SessionFacts, frames: Frames) -> Option<ErrorInfo> {
    session.error_info.map(|seen| ErrorInfo {
        visibility: seen.value.visibility.into(),
        reason: seen.value.code.map(|reason| code(reason.0, reason.name())),
        frame: frames.name(seen.frame),
    })
}

pub(super) fn disconnect_ultimatum(session: &SessionFacts, frames: Frames) -> Option<DisconnectUltimatum> {
    session.disconnect_ultimatum.map(|seen| DisconnectUltimatum {
        visibility: seen.value.visibility.into(),
        side: seen.value.side.into(),
        reason: seen.value.reason.map(|reason| reason.name().map_or_else(|| reason.to_string().into(), Text::from)),
        frame: frames.name(seen.frame),
    })
}
