//! `rdpwhy explain`: what a finding, a stage or a code means.

use std::io::Write;

use rdpwhy::findings::{self, Page};
use rdpwhy::report::text::prose;
use rdpwhy::session::Stage;

use super::args::Explain;
use super::codes::{self, Code, Family};
use super::console::Console;
use super::exit::{Exit, Told};
use super::stages;

/// Explains what was asked for, or lists what can be.
pub(super) fn run(asked: &Explain, console: &mut Console) -> anyhow::Result<Exit> {
    let markdown = pages(&asked.what, &findings::pages().collect::<Vec<_>>())?;
    let color = console.colors_stdout();
    let mut out = console.stdout();
    prose(&markdown, color, &mut out)?;
    out.flush()?;
    Ok(Exit::Success)
}

/// The pages asked for, in the order asked.
fn pages(what: &[String], catalogue: &[Page]) -> anyhow::Result<String> {
    if what.is_empty() {
        return Ok(list(catalogue));
    }
    let mut pages = Vec::new();
    let mut asked = what.iter().map(String::as_str).peekable();
    while let Some(word) = asked.next() {
        let mut next_number = || asked.next_if(|next| number(next).is_some()).and_then(number);
        if let Some(entry) = catalogue.iter().find(|e| e.id.eq_ignore_ascii_case(word)) {
            pages.push(entry.text.trim_end().to_owned());
        } else if let Some(family) = Family::asked(word) {
            pages.push(of_family(family, next_number())?);
        } else if let Some(stage) = stages::named(word) {
            pages.push(stages::page(stage).trim_end().to_owned());
        } else if let Some(number) = number(word) {
            // The client shows codes in pairs: the reason, then the extended one.
            pages.push(match next_number() {
                Some(second) => pair(number, second),
                None => alone(number)?,
            });
        } else if let Some((family, code)) = codes::named(word) {
            pages.push(page(family, &code) + &whose(family));
        } else {
            return Err(unknown(word, catalogue));
        }
    }
    Ok(pages.join("\n\n"))
}

fn list(catalogue: &[Page]) -> String {
    let mut page =
        "# Findings\n\nrdpwhy explain ID tells what a finding means, what it cannot tell, and what to do.\n\n"
            .to_owned();
    for Page { id, title, .. } in catalogue {
        page += &format!("- {id}: {title}\n");
    }
    page += "\n# Stages\n\nrdpwhy explain STAGE tells what happens in a stage and what can go wrong: ";
    page += &Stage::ALL.map(|stage| stage.name()).join(", ");
    page += ".\n\n# Codes\n\nrdpwhy explain CODE tells what a code means: 0x904 0x7, 2308, 0x204, 0xC000006D, or its name. \
             A word before the code says where it was read: ";
    page += &Family::ALL.map(|family| format!("{} ({})", family.word(), family.title())).join(", ");
    page + ".\n"
}

/// A code as it is shown, hexadecimal or decimal.
fn number(word: &str) -> Option<u32> {
    match word.strip_prefix("0x").or_else(|| word.strip_prefix("0X")) {
        Some(hex) => u32::from_str_radix(hex, 16).ok(),
        None => word.parse().ok(),
    }
}

fn of_family(family: Family, number: Option<u32>) -> anyhow::Result<String> {
    let Some(number) = number else {
        return Err(Told::usage(format!("'{0}' wants a code behind it: rdpwhy explain {0} 5", family.word())));
    };
    match family.find(number) {
        Some(code) => Ok(page(family, &code) + &whose(family)),
        None => Err(Told::usage(format!("{number:#x} ({number}) is no documented {}", lower(family.title())))),
    }
}

/// The page of what the dialog of the client shows.
fn pair(first: u32, second: u32) -> String {
    let of = |family: Family, number| match family.find(number) {
        Some(code) => page(family, &code),
        None => undocumented(family, number),
    };
    let together = if (first, second) == (0x904, 0x7) { PAIR_904_7 } else { "" };
    together.to_owned() + &of(Family::Reason, first) + "\n\n" + &of(Family::Extended, second) + WHOSE
}

/// The page of a number that stands alone: its likeliest meaning, and what else
/// it is.
fn alone(number: u32) -> anyhow::Result<String> {
    let mut known = Family::ALL.into_iter().filter_map(|family| Some((family, family.find(number)?)));
    let Some((family, code)) = known.next() else { return Err(unknown_code(number)) };
    let mut text = page(family, &code);
    for (other, code) in known {
        let article = if matches!(other, Family::Extended | Family::Authorization) { "an" } else { "a" };
        text += &format!(
            "\n\nAs {article} {}, {number:#x} ({number}) is {}: {} More: rdpwhy explain {} {number}.",
            title_in_text(other),
            code.name,
            code.says,
            other.word()
        );
    }
    Ok(text + &whose(family))
}

fn page(family: Family, code: &Code) -> String {
    let Code { number, name, says, about } = code;
    let mut page = format!("# {} {number:#x} ({number}): {name}\n\n{says}", family.title());
    page += &format!("\n\n## What it does not mean\n\n{}\n\n## On the wire\n\n{}", about.not, about.wire);
    if !about.findings.is_empty() {
        page += &format!(
            "\n\nFindings that may stand behind it: {}. rdpwhy explain tells more about each.",
            about.findings.join(", ")
        );
    }
    page += "\n\n## What to check\n";
    for step in about.check {
        page += &format!("\n- {step}");
    }
    page + "\n\nSource: " + family.source() + "."
}

fn undocumented(family: Family, number: u32) -> String {
    format!("# {} {number:#x} ({number}): not documented\n\nMicrosoft's lists do not have this code.", family.title())
}

fn lower(title: &str) -> String {
    title.to_lowercase()
}

/// A title inside a sentence: names keep their capitals.
fn title_in_text(family: Family) -> String {
    match family {
        Family::Authorization | Family::Status | Family::Alert => family.title().to_owned(),
        _ => lower(family.title()),
    }
}

fn whose(family: Family) -> String {
    match family {
        Family::Reason | Family::Extended => WHOSE.to_owned(),
        _ => "\n".to_owned(),
    }
}

const PAIR_904_7: &str = "# Error code 0x904, extended error code 0x7

The pair is no cause. 0x904 says that the client's socket closed, and 0x7, if the server really said it, that it \
denied the connection; the first is no proof of the second. Microsoft does not document the two together, and what is \
claimed about them elsewhere contradicts itself. Each cause that people name for the pair leaves its own trace in a \
capture, and many can be ruled out there:

- expired certificate: expired-certificate, certificate-rejected
- damaged WMI, certificate or key out of reach: hello-rejected, negotiation-refused, protocol-not-offered
- firewall, NAT or intrusion prevention: injected-reset, reset-undetermined
- loss, VPN, packet size: retransmission-burst, stalled-negotiation
- slow server, disk, domain controller: stalled-negotiation, service-silent
- licensing: licensing-incomplete (by its documentation the client would show 0x808, 0x908 or 0x100 to 0x10a)
- too many connections or sessions: connection-limit, session-denied, early-close
- listener down: connection-refused, no-answer (the client would show 0x204)
- credentials and policies: credentials-rejected, authorization-denied

Capture on the client and, if possible, on the server while it happens; rdpwhy capture-advice has the commands, and \
rdpwhy analyze FILE says which it was:

- Windows: `pktmon start --capture --comp nics --pkt-size 0 -f rdp.etl`, then `pktmon stop` and `pktmon etl2pcap rdp.etl`
- Linux: `tcpdump -i any -s 0 -w rdp.pcap 'tcp port 3389 or udp port 3389'`

What each of the two numbers says by itself:

";

const WHOSE: &str = "\n\nThese are the codes of the Remote Desktop client of Windows (mstsc). The apps for macOS, iOS and \
Android show similar numbers that mean other things.\n";

fn unknown_code(number: u32) -> anyhow::Error {
    // "0x516" is most often 516, typed by somebody who saw a decimal code.
    let digits = format!("{number:x}");
    let known = |number: &u32| Family::Reason.find(*number).or_else(|| Family::Extended.find(*number)).is_some();
    let meant = digits.parse().ok().filter(known);
    let hint = meant.map(|d: u32| format!("; did you mean {d}, that is {d:#x}?")).unwrap_or_default();
    Told::usage(format!("{number:#x} ({number}) is no code that Microsoft documents{hint}"))
}

fn unknown(word: &str, catalogue: &[Page]) -> anyhow::Error {
    let lower = word.to_lowercase();
    let mut near: Vec<_> = catalogue.iter().filter_map(|e| Some((distance_to(&lower, e)?, e.id))).collect();
    near.sort_unstable();
    let near: Vec<_> = near.into_iter().take(5).map(|(_, id)| id).collect();
    let hint = if near.is_empty() {
        "expected the id of a finding or a code such as 0x904; rdpwhy explain lists the findings".to_owned()
    } else {
        format!("did you mean: {}? rdpwhy explain lists all findings", near.join(", "))
    };
    Told::usage(format!("'{word}' is no finding, stage or code; {hint}"))
}

/// How far `word` is from an entry; `None` where nobody would mix them up.
fn distance_to(word: &str, entry: &Page) -> Option<usize> {
    let edits = edit_distance(word, entry.id);
    if edits <= (entry.id.len() / 3).max(2) {
        Some(edits)
    } else if word.len() >= 3 && (entry.id.contains(word) || entry.title.to_lowercase().contains(word)) {
        Some(entry.id.len())
    } else {
        None
    }
}

/// Insertions, deletions and replacements that turn `a` into `b` (Levenshtein).
fn edit_distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, ca) in a.chars().enumerate() {
        let mut diagonal = i;
        let mut left = i.saturating_add(1);
        for (cb, above) in b.iter().zip(row.iter_mut().skip(1)) {
            let replaced = diagonal.saturating_add(usize::from(ca != *cb));
            diagonal = *above;
            left = replaced.min(left.saturating_add(1)).min(above.saturating_add(1));
            *above = left;
        }
        if let Some(first) = row.first_mut() {
            *first = i.saturating_add(1);
        }
    }
    row.last().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    const CATALOGUE: &[Page] = &[
        Page { id: "injected-reset", title: "Another device reset it", text: "# Another device reset it\n\nText.\n" },
        Page { id: "host-reset", title: "The endpoint reset it", text: "# The endpoint reset it\n\nText.\n" },
        Page { id: "no-answer", title: "Nobody answered", text: "# Nobody answered\n\nText.\n" },
    ];

    fn explain(what: &[&str]) -> Result<String, String> {
        pages(&what.iter().map(ToString::to_string).collect::<Vec<_>>(), CATALOGUE).map_err(|e| e.to_string())
    }

    #[test]
    fn codes_come_in_pairs_in_either_notation() {
        let pair = explain(&["0x904", "0x7"]).unwrap();
        assert_eq!(explain(&["2308", "7"]).unwrap(), pair);
        for part in [
            "AtClientWinsockFDCLOSE",
            "ServerDeniedConnection",
            "The pair is no cause",
            "capture-advice",
            "injected-reset",
        ] {
            assert!(pair.contains(part), "{part}");
        }
        assert!(pair.starts_with("# Error code 0x904, extended error code 0x7"), "what people come for stands first");
        let alone = explain(&["0x204", "no-answer"]).unwrap();
        assert!(alone.contains("SocketConnectFailed") && alone.contains("# Nobody answered"));
        assert!(explain(&["0x3"]).unwrap().contains("As an extended error code"));
        assert!(explain(&["0x904", "0x99"]).unwrap().contains("not documented"));
        // A word says where the code was read; a name does without.
        assert!(explain(&["licence", "7"]).unwrap().contains("STATUS_VALID_CLIENT"));
        assert!(explain(&["alert", "49"]).unwrap().contains("access_denied"));
        assert!(explain(&["ssl_cert_not_on_server"]).unwrap().starts_with("# Negotiation failure 0x3 (3)"));
        assert!(explain(&["0xC000006D"]).unwrap().contains("STATUS_LOGON_FAILURE"));
        assert!(explain(&["licence"]).unwrap_err().contains("wants a code"));
        assert!(explain(&["licensing", "tls"]).unwrap().contains("# Stage tls"));
    }

    #[test]
    fn slips_are_understood() {
        assert!(explain(&["0x516"]).unwrap_err().contains("did you mean 516, that is 0x204?"));
        assert!(explain(&["injeced-reset"]).unwrap_err().contains("did you mean: injected-reset"));
        let both = explain(&["reset"]).unwrap_err();
        assert!(both.contains("host-reset, injected-reset"), "{both}");
        assert!(explain(&["nonsense"]).unwrap_err().contains("rdpwhy explain lists the findings"));
        assert!(explain(&["Injected-Reset"]).is_ok());
    }

    #[test]
    fn distances() {
        for (a, b, n) in [("", "abc", 3), ("kitten", "sitting", 3), ("same", "same", 0), ("abc", "", 3)] {
            assert_eq!(edit_distance(a, b), n, "{a} {b}");
        }
    }
}
