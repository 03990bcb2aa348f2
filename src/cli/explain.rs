//! `rdpwhy explain`: what a finding or an error code means.

use std::io::Write;

use rdpwhy::findings::{self, Page};
use rdpwhy::report::text::prose;

use super::args::Explain;
use super::codes::{self, Code};
use super::console::Console;
use super::exit::{Exit, Told};

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
    let mut asked = what.iter().peekable();
    while let Some(word) = asked.next() {
        if let Some(entry) = catalogue.iter().find(|e| e.id.eq_ignore_ascii_case(word)) {
            pages.push(entry.text.trim_end().to_owned());
        } else if let Some(number) = number(word) {
            // The client shows codes in pairs: the reason, then the extended
            // one.
            let second = asked.next_if(|next| self::number(next).is_some()).and_then(|next| self::number(next));
            pages.push(code(number, second)?);
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
    page + "\nrdpwhy explain CODE tells what a code of the Remote Desktop client means: 0x904 0x7, 2308, 0x204.\n"
}

/// A code as the client shows it, hexadecimal or decimal.
fn number(word: &str) -> Option<u32> {
    match word.strip_prefix("0x").or_else(|| word.strip_prefix("0X")) {
        Some(hex) => u32::from_str_radix(hex, 16).ok(),
        None => word.parse().ok(),
    }
}

/// The page of a code, or of a pair.
fn code(first: u32, second: Option<u32>) -> anyhow::Result<String> {
    let known = codes::reason(first);
    if let Some(second) = second {
        let mut page = entry(&format!("Error code {first:#x} ({first})"), known);
        page += &entry(&format!("\n\nExtended error code {second:#x} ({second})"), codes::extended(second));
        if (first, second) == (0x904, 0x7) {
            page += PAIR_904_7;
        }
        return Ok(page + &behind(known) + WHOSE);
    }
    let extended = codes::extended(first);
    match (known, extended) {
        (None, None) => Err(unknown_code(first)),
        (Some(_), None) => Ok(entry(&format!("Error code {first:#x} ({first})"), known) + &behind(known) + WHOSE),
        (None, Some(_)) => Ok(entry(&format!("Extended error code {first:#x} ({first})"), extended) + WHOSE),
        (Some(_), Some(_)) => {
            let page = entry(&format!("Error code {first:#x} ({first})"), known);
            let also = entry(&format!("\n\nAs an extended error code, {first:#x} ({first})"), extended);
            Ok(page + &behind(known) + &also + WHOSE)
        }
    }
}

fn entry(heading: &str, code: Option<&Code>) -> String {
    let (gap, heading) = heading.split_at(heading.len() - heading.trim_start().len());
    match code {
        Some(Code { name, says, .. }) => format!("{gap}# {heading}: {name}\n\n{says}"),
        None => format!("{gap}# {heading}: not documented\n\nMicrosoft's lists do not have this code."),
    }
}

fn behind(code: Option<&Code>) -> String {
    match code {
        Some(Code { findings: [first, rest @ ..], .. }) => {
            let rest: String = rest.iter().map(|id| format!(", {id}")).collect();
            format!("\n\nFindings that may stand behind it: {first}{rest}. rdpwhy explain tells more about each.")
        }
        _ => String::new(),
    }
}

const PAIR_904_7: &str = "

# Together

The pair says less than it seems to: the connection was cut, and the client fills in \"denied\". A certificate, a \
firewall, a slow server and a lost packet all end in it. Capture on the client and, if possible, on the server, while \
it happens, and let rdpwhy analyze FILE say which it was:

- Windows: `pktmon start --capture --pkt-size 0 -f trace.etl`, then `pktmon stop` and `pktmon etl2pcap trace.etl`
- Linux: `tcpdump -i any -w trace.pcap tcp port 3389 or udp port 3389`";

const WHOSE: &str = "\n\nThese are the codes of the Remote Desktop client of Windows (mstsc). The apps for macOS, iOS and \
Android show similar numbers that mean other things.\n";

fn unknown_code(number: u32) -> anyhow::Error {
    // "0x516" is most often 516, typed by somebody who saw a decimal code.
    let digits = format!("{number:x}");
    let meant = digits.parse().ok().filter(|d| codes::reason(*d).is_some() || codes::extended(*d).is_some());
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
    Told::usage(format!("'{word}' is no finding; {hint}"))
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
        for part in ["AtClientWinsockFDCLOSE", "ServerDeniedConnection", "# Together", "injected-reset"] {
            assert!(pair.contains(part), "{part}");
        }
        let alone = explain(&["0x204", "no-answer"]).unwrap();
        assert!(alone.contains("SocketConnectFailed") && alone.contains("# Nobody answered"));
        assert!(explain(&["0x3"]).unwrap().contains("As an extended error code"));
        assert!(explain(&["0x904", "0x99"]).unwrap().contains("not documented"));
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
