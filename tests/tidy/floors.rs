//! A file names only floors below its own, and no neighbour it must not know.

use super::source::{Token, code, tokens};
use super::{Texts, complain, texts};

/// From the ground up. The binary's own part comes last.
const FLOORS: &[(&str, u8)] = &[
    ("base", 0),
    ("capture", 1),
    ("wire", 1),
    ("flow", 2),
    ("session", 3),
    ("findings", 4),
    ("analysis", 5),
    ("report", 6),
    ("cli", 7),
];

/// Who must not know whom although the floors would allow it: captured bytes
/// meet the rest in `analysis` alone.
const STRANGERS: &[(&str, &str)] = &[("flow", "capture"), ("session", "capture"), ("findings", "capture")];

/// Libraries that belong to some floors, so that each can be exchanged there.
const LIBRARIES: &[(&str, &[&str])] = &[
    ("pcap_parser", &["capture"]),
    ("flate2", &["capture"]),
    ("ruzstd", &["capture"]),
    ("lz4_flex", &["capture"]),
    ("etherparse", &["wire"]),
    ("tls_parser", &["wire"]),
    ("x509_parser", &["wire"]),
    ("schemars", &["report"]),
    ("serde_json", &["report", "cli"]),
    ("clap", &["cli"]),
    ("clap_complete", &["cli"]),
    ("clap_mangen", &["cli"]),
    ("indicatif", &["cli"]),
    ("anyhow", &["cli"]),
];

#[test]
fn files_name_only_floors_below_their_own() {
    complain(&violations(&texts("src")));
}

#[test]
fn every_floor_has_its_place() {
    let sources = texts("src");
    for path in sources.keys().filter(|path| !["src/lib.rs", "src/main.rs"].contains(&path.as_str())) {
        assert!(own_floor(path).is_some(), "{path} stands on no floor");
    }
}

fn violations(sources: &Texts) -> Vec<String> {
    let mut found = Vec::new();
    for (path, text) in sources.iter().filter(|(path, _)| path.ends_with(".rs")) {
        let Some((own, height)) = own_floor(path) else { continue };
        let code = code(text);
        for Named { what, line } in named(path, &tokens(&code)) {
            let complaint = match what {
                What::Floor(name) if name == own => None,
                What::Floor(name) => match FLOORS.iter().find(|(floor, _)| *floor == name) {
                    None => Some(format!("names '{name}', which is no floor")),
                    Some((_, other)) if *other >= height => Some(format!("names {name}, which is not below {own}")),
                    Some(_) if STRANGERS.contains(&(own, name)) => Some(format!("{own} must not know {name}")),
                    Some(_) => None,
                },
                What::WholeCrate => Some("takes the whole crate; name what is needed".to_owned()),
                What::SuperSuper => Some("climbs by super::super; say crate::… instead".to_owned()),
                What::Library(name) => LIBRARIES
                    .iter()
                    .find(|(library, floors)| *library == name && !floors.contains(&own))
                    .map(|(_, floors)| format!("{name} belongs to {}", floors.join(" and "))),
            };
            found.extend(complaint.map(|says| format!("{path}:{line}: {says}")));
        }
    }
    found
}

fn own_floor(path: &str) -> Option<(&str, u8)> {
    let inside = path.strip_prefix("src/")?;
    let name = inside.split('/').next()?.trim_end_matches(".rs");
    FLOORS.iter().find(|(floor, _)| *floor == name).copied()
}

struct Named<'a> {
    what: What<'a>,
    line: usize,
}

enum What<'a> {
    Floor(&'a str),
    Library(&'a str),
    WholeCrate,
    SuperSuper,
}

fn named<'a>(path: &str, tokens: &[Token<'a>]) -> Vec<Named<'a>> {
    // Modules between the crate's root and this file.
    let folders = path.trim_start_matches("src/").trim_end_matches("/mod.rs").trim_end_matches(".rs");
    let file_depth = folders.split('/').count();
    let mut found = Vec::new();
    let mut braces = 0_usize;
    let mut inline: Vec<usize> = Vec::new();
    for (at, token) in tokens.iter().enumerate() {
        let text = |ahead: usize| tokens.get(at + ahead).map_or("", |t| t.text);
        let begins_path = at == 0 || tokens[at - 1].text != "::";
        match token.text {
            "{" => {
                braces += 1;
                if at >= 2 && tokens[at - 2].text == "mod" {
                    inline.push(braces);
                }
            }
            "}" => {
                if inline.last() == Some(&braces) {
                    inline.pop();
                }
                braces = braces.saturating_sub(1);
            }
            "super" if !begins_path || (text(1) == "::" && text(2) == "super") => {
                found.push(Named { what: What::SuperSuper, line: token.line });
            }
            "super" if text(1) == "::" => {
                let is_root = file_depth + inline.len() == 1;
                for (head, line) in heads(&tokens[at + 2..]) {
                    let what = match head {
                        "super" => Some(What::SuperSuper),
                        "*" if is_root => Some(What::WholeCrate),
                        head if is_root => Some(What::Floor(head)),
                        _ => None,
                    };
                    found.extend(what.map(|what| Named { what, line }));
                }
            }
            "crate" | "rdpwhy" if begins_path && text(1) == "::" => {
                for (head, line) in heads(&tokens[at + 2..]) {
                    let what = if ["*", "self"].contains(&head) { What::WholeCrate } else { What::Floor(head) };
                    found.push(Named { what, line });
                }
            }
            "crate" | "rdpwhy" if begins_path && text(1) == "as" => {
                found.push(Named { what: What::WholeCrate, line: token.line });
            }
            name if begins_path && text(1) == "::" => {
                found.push(Named { what: What::Library(name), line: token.line });
            }
            _ => {}
        }
    }
    found
}

/// The first names of a path, or of each path in a `{…}` list.
fn heads<'a>(tokens: &[Token<'a>]) -> Vec<(&'a str, usize)> {
    let Some(first) = tokens.first() else { return Vec::new() };
    if first.text != "{" {
        return vec![(first.text, first.line)];
    }
    let mut found = Vec::new();
    let (mut depth, mut expects) = (0, true);
    for token in tokens {
        match token.text {
            "{" => depth += 1,
            "}" if depth == 1 => break,
            "}" => depth -= 1,
            "," if depth == 1 => expects = true,
            text if depth == 1 && expects => {
                found.push((text, token.line));
                expects = false;
            }
            _ => {}
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::super::made_up;
    use super::*;

    #[track_caller]
    fn breaks(path: &str, text: &str, says: &str) {
        let found = violations(&made_up([(path, text)]));
        assert!(found.iter().any(|complaint| complaint.contains(says)), "{text}: {found:?}");
    }

    #[test]
    fn a_floor_above_is_seen_however_it_is_named() {
        breaks("src/wire/tcp.rs", "use crate::flow::Seq;", "names flow");
        breaks("src/wire/tcp.rs", "use crate::{base::Side, session};", "names session");
        breaks("src/wire/tcp.rs", "use crate::{base::{Side, Gap},\n report::{json}};", "tcp.rs:2: names report");
        breaks("src/wire/mod.rs", "use super::flow::Seq;", "names flow");
        breaks("src/wire/mod.rs", "use super::{base, flow};", "names flow");
        breaks("src/wire/tcp.rs", "fn f() -> crate::analysis::Analysis { loop {} }", "names analysis");
        breaks("src/wire/tcp.rs", "macro_rules! m { () => { $crate::flow::Seq } }", "names flow");
        breaks("src/report/json.rs", "use crate::cli::run;", "names cli");
    }

    #[test]
    fn neighbours_are_strangers() {
        breaks("src/wire/tcp.rs", "use crate::capture::Packet;", "names capture");
        breaks("src/capture/pcap.rs", "use crate::wire::decode;", "names wire");
        breaks("src/flow/table.rs", "use crate::capture::Packet;", "flow must not know capture");
    }

    #[test]
    fn shortcuts_around_the_floors_are_refused() {
        breaks("src/wire/tcp.rs", "use super::super::base;", "super::super");
        breaks("src/wire/tcp.rs", "use super::{super::base, udp};", "super::super");
        breaks("src/wire/tcp.rs", "use crate::*;", "whole crate");
        breaks("src/wire/tcp.rs", "use crate as everything;", "whole crate");
        breaks("src/wire/tcp.rs", "use crate::{self as everything};", "whole crate");
        breaks("src/wire/mod.rs", "use super::*;", "whole crate");
        breaks("src/session/tls.rs", "use tls_parser::parse;", "belongs to wire");
    }

    #[test]
    fn what_is_allowed_is_silent() {
        let sources = made_up([
            ("src/flow/mod.rs", "use crate::wire::Segment; mod tests { use super::*; use super::report; }"),
            ("src/flow/table.rs", "//! crate::report\nuse super::seq::Seq; fn f() { let s = \"crate::cli\"; }"),
            ("src/analysis.rs", "use crate::{capture::Packet, findings, session};"),
            ("src/cli/mod.rs", "use rdpwhy::analysis::Analyzer; use crate::cli::args; pub(in crate::cli) fn f() {}"),
        ]);
        assert_eq!(violations(&sources), Vec::<String>::new());
    }
}
