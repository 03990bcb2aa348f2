//! The report: every place that may hold an address or a name.

use core::net::IpAddr;
use std::io;

use serde_json::Value;

use super::Redactor;
use crate::base::NoticeKind;
use crate::capture::{FILE_PASSED_OVER, FILE_REPEATED, without_commands};
use crate::report::build::community_id;
use crate::report::document::Report;

/// What stands for a text that somebody wrote into a capture.
const REMOVED: &str = "[redacted]";

/// A load balancer that writes the cause of a reset into it, behind its name.
const KNOWN_DEVICE: &str = "BIG-IP";

/// Notices that name files, and what they say without.
const OF_FILES: [(NoticeKind, &str); 2] = [
    (FILE_PASSED_OVER, "a file of a folder that was given is no capture"),
    (FILE_REPEATED, "a file was given more than once; it is read once"),
];

/// Attributes of a distinguished name; anything else in front of a `=` may be
/// part of a value.
const ATTRIBUTES: &[&str] = &[
    "CN",
    "C",
    "O",
    "OU",
    "L",
    "ST",
    "DC",
    "SN",
    "GN",
    "T",
    "UID",
    "STREET",
    "serialNumber",
    "emailAddress",
    "Email",
    "title",
    "description",
    "postalCode",
];

impl Redactor {
    /// The report under pseudonyms. What it says stays; so do times, sizes,
    /// ports, frame numbers, and the SHA-256 of a capture, from which nobody
    /// learns anything and by which its owner can prove which file it was.
    ///
    /// Community IDs become those of the pseudonyms. File names, interface
    /// names and comments are replaced, since anything may stand in them.
    ///
    /// # Errors
    /// When it cannot be redacted; then it is not given at all.
    pub fn report(&self, report: &Report) -> io::Result<Report> {
        let captures = report.captures.iter().map(|capture| &capture.path);
        let names = self.files(captures.chain(report.unreadable.iter().map(|unreadable| &unreadable.path)));
        let mut value = serde_json::to_value(report)?;
        self.value(&mut value, &[], &names);
        let mut redacted: Report = serde_json::from_value(value)?;
        for connection in &mut redacted.connections {
            connection.community_id = community_id(connection.client, connection.server);
        }
        for notice in &mut redacted.notices {
            if let Some((_, says)) = OF_FILES.iter().find(|(kind, _)| kind.0 == notice.kind) {
                (*says).clone_into(&mut notice.says);
            }
        }
        Ok(redacted)
    }

    /// The files by path, each with what to call it.
    pub(super) fn files<'p>(&self, paths: impl Iterator<Item = &'p String>) -> Vec<(String, String)> {
        let named = (1..).zip(paths).filter(|(_, path)| *path != "-" && !path.is_empty());
        named.map(|(n, path)| (path.clone(), format!("file-{n}{}", endings(path)))).collect()
    }

    /// Everything in `value`, which stands at `place` in the report.
    pub(super) fn value(&self, value: &mut Value, place: &[&str], names: &[(String, String)]) {
        match value {
            Value::Object(fields) => {
                for (name, value) in fields {
                    let place = [place, &[name.as_str()]].concat();
                    self.value(value, &place, names);
                }
            }
            Value::Array(entries) => entries.iter_mut().for_each(|entry| self.value(entry, place, names)),
            Value::String(text) => {
                if let Some(redacted) = self.field(place, text, names) {
                    *text = redacted;
                }
            }
            Value::Null | Value::Bool(_) | Value::Number(_) => {}
        }
    }

    /// A text at its place in the document; `None` where it stays.
    fn field(&self, place: &[&str], text: &str, names: &[(String, String)]) -> Option<String> {
        Some(match *place {
            ["tool", ..] => return None,
            ["captures", "comments" | "written_by"] => REMOVED.to_owned(),
            ["captures", "interfaces", "name" | "description"] => self.name(text),
            ["captures" | "unreadable", "path"] => {
                let known = names.iter().find(|(name, _)| name == text);
                known.map_or_else(|| text.to_owned(), |(_, called)| called.clone())
            }
            ["unreadable", "says"] => without_commands(text).to_owned(),
            [.., "certificate", "subject" | "issuer"] => self.distinguished_name(text),
            ["captures", "sha256"] | [.., "community_id"] => return None,
            [.., "serial" | "sha256"] => self.hexadecimal(text),
            _ => self.sentence(text),
        })
    }

    /// `CN=host, O=company`: the values.
    fn distinguished_name(&self, text: &str) -> String {
        let parts = text.split_inclusive([',', '+']).map(|part| {
            let before = part.len().saturating_sub(part.trim_start().len());
            match part.split_once('=') {
                Some((attribute, value)) if is_attribute(attribute.trim()) => {
                    format!("{attribute}={}", self.name(value))
                }
                _ => format!("{}{}", " ".repeat(before), self.name(part.trim_start())),
            }
        });
        parts.collect()
    }

    fn hexadecimal(&self, text: &str) -> String {
        let digits: Vec<u8> =
            text.chars().filter_map(|c| c.to_digit(16)).filter_map(|d| u8::try_from(d).ok()).collect();
        let padded: Vec<u8> = core::iter::repeat_n(0, digits.len() % 2).chain(digits.iter().copied()).collect();
        let mut bytes: Vec<u8> = padded.as_chunks::<2>().0.iter().map(|[high, low]| high << 4 | low).collect();
        self.scramble(&mut bytes);
        let hidden = bytes.iter().flat_map(|byte| [byte >> 4, byte & 0x0f]).skip(digits.len() % 2);
        let mut hidden = hidden.filter_map(|digit| char::from_digit(digit.into(), 16));
        text.chars().map(|c| if c.is_ascii_hexdigit() { hidden.next().unwrap_or('0') } else { c }).collect()
    }

    /// A sentence of ours or a filter, with every address in it replaced, and what
    /// it quotes.
    #[must_use]
    pub fn sentence(&self, text: &str) -> String {
        let text = self.addresses_in(text);
        // Within quotation marks stands what a device wrote into a packet.
        match text.split_once('"').and_then(|(before, rest)| Some((before, rest.rsplit_once('"')?))) {
            Some((before, (quoted, behind))) => format!("{before}\"{}\"{behind}", self.device_text(quoted)),
            None => text,
        }
    }

    /// What a device wrote into a reset: all but the name of its kind may tell
    /// of somebody.
    #[must_use]
    pub fn device_text(&self, text: &str) -> String {
        match text.split_once(KNOWN_DEVICE) {
            Some((before, behind)) => format!("{}{KNOWN_DEVICE}{}", self.name(before), self.name(behind)),
            None => self.name(text),
        }
    }

    /// The text with every address in it replaced.
    fn addresses_in(&self, text: &str) -> String {
        let is_part = |c: char| c.is_ascii_hexdigit() || matches!(c, '.' | ':');
        let mut out = String::with_capacity(text.len());
        let mut rest = text;
        while let Some(from) = rest.find(is_part) {
            let (before, behind) = rest.split_at(from);
            let len = behind.find(|c| !is_part(c)).unwrap_or(behind.len());
            let (word, after) = behind.split_at(len);
            out.push_str(before);
            // Part of a longer word, it is no address.
            let is_alone = !before.ends_with(|c: char| c.is_alphanumeric() || c == '_');
            let bare = word.trim_end_matches(['.', ':']);
            match bare.parse::<IpAddr>() {
                Ok(address) if is_alone => {
                    out.push_str(&self.address(address).to_string());
                    out.push_str(word.get(bare.len()..).unwrap_or_default());
                }
                _ => match bare.rsplit_once(':').and_then(|(ip, port)| Some((ip.parse::<IpAddr>().ok()?, port))) {
                    Some((address, port)) if is_alone => {
                        out.push_str(&format!("{}:{port}", self.address(address)));
                        out.push_str(word.get(bare.len()..).unwrap_or_default());
                    }
                    _ => out.push_str(word),
                },
            }
            rest = after;
        }
        out.push_str(rest);
        out
    }
}

fn is_attribute(name: &str) -> bool {
    ATTRIBUTES.contains(&name) || (name.contains('.') && name.chars().all(|c| c.is_ascii_digit() || c == '.'))
}

/// What a file's name ends in, where that tells its kind.
fn endings(path: &str) -> &str {
    const KNOWN: [&str; 9] = [".pcap", ".pcapng", ".cap", ".snoop", ".etl", ".gz", ".zst", ".lz4", ".zip"];
    let mut kept = path.len();
    while let Some(front) = path.get(..kept) {
        let Some(ending) = KNOWN.iter().find(|known| front.ends_with(*known)) else { break };
        kept = kept.saturating_sub(ending.len());
    }
    path.get(kept..).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_in_sentences_are_found() {
        let redactor = Redactor::new([5; 32]);
        let hide = |text: &str| redactor.address(text.parse().unwrap()).to_string();
        let (a, b, c) = (hide("10.1.2.3"), hide("2001:db8::5"), hide("192.168.3.4"));
        let told = redactor.addresses_in(
            "ip.addr == 10.1.2.3 && ipv6.addr == 2001:db8::5; from 192.168.3.4:50000, [2001:db8::5]:3389. At 12:30:05.250, add 10.1.2.3.",
        );
        assert_eq!(
            told,
            format!("ip.addr == {a} && ipv6.addr == {b}; from {c}:50000, [{b}]:3389. At 12:30:05.250, add {a}.")
        );
    }

    #[test]
    fn what_a_device_wrote_is_hidden_and_keeps_its_length() {
        let redactor = Redactor::new([5; 32]);
        let told = redactor.sentence("it carries a text: \"BIG-IP: [0x2] pool_jane idle timeout\" at 10.1.2.3");
        assert!(told.starts_with("it carries a text: \"BIG-IP: [") && !told.contains("jane"), "{told}");
        assert!(!told.contains("10.1.2.3") && told.contains("\" at "), "{told}");
        assert_eq!(redactor.device_text("BIG-IP: [0x2] pool_jane").len(), 23);
    }

    #[test]
    fn distinguished_names_keep_their_form() {
        let redactor = Redactor::new([5; 32]);
        let name = redactor.distinguished_name("CN=srv01.corp.example, O=Jane, Inc.=x, OU=Desk");
        assert!(name.starts_with("CN=") && name.contains(", O=") && name.contains(", OU="), "{name}");
        for part in ["srv01", "corp", "jane", "Jane", "Inc", "Desk"] {
            assert!(!name.contains(part), "{name}");
        }
        assert_eq!(redactor.hexadecimal("0a:bc:01").len(), 8);
        assert_eq!(endings("of-jane/jane.pcapng.gz"), ".pcapng.gz");
        assert_eq!(endings("jane"), "");
    }
}
