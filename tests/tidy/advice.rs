//! What we tell people to do never weakens security without saying so.

use super::{Texts, complain, texts};

/// Words of steps that open, allow or switch off something. A step that has one
/// says in the same breath what it costs, or how to keep it narrow.
const OPENING: &[&str] = &[
    "switch",
    "turn off",
    "disable",
    "uncheck",
    "allow ",
    "open ",
    "give ",
    "grant",
    "permit",
    "administrator",
    "vulnerable",
    "layer 0",
    "exclu",
    "bypass",
    "lower",
];

/// That is how it is said.
const WARNING: &[&str] = &[
    "weaken",
    "do not",
    "exposes",
    "alone",
    "not for every",
    "strangers",
    "impostors",
    "not as a habit",
    "not for good",
    "not administrator's rights",
    "for the networks that need it only",
];

/// Steps that only look as if they opened something.
const HARMLESS: &[&str] = &[
    "switch on keep-alives",
    "allowed on the way",
    "mirror port",
    "(policy",
    "secpol.msc",
    "packet size",
    "mtu=",
    "interface MTU",
    "a Windows server grants",
    "channels, drivers and printers",
    "as Administrator",
    "administrators without the session host role",
];

#[test]
fn no_step_weakens_security_in_silence() {
    let mut sources = texts("src/findings");
    sources.append(&mut texts("src/cli/stages"));
    sources.append(&mut texts("src/cli/codes"));
    sources.append(&mut texts("src/cli/advice.md"));
    assert!(sources.values().map(|text| steps("x.md", text).len()).sum::<usize>() > 100);
    complain(&violations(&sources));
}

fn violations(sources: &Texts) -> Vec<String> {
    let mut found = Vec::new();
    for (path, text) in sources {
        for step in steps(path, text) {
            let lower = step.to_lowercase();
            let opens = OPENING.iter().find(|word| lower.contains(**word));
            let says_so = WARNING.iter().any(|word| lower.contains(word));
            let harmless = HARMLESS.iter().any(|words| step.contains(words));
            if let Some(word) = opens.filter(|_| !says_so && !harmless) {
                found.push(format!("{path}: '{word}', and no word of what it costs: {step}"));
            }
        }
    }
    found
}

/// What a text tells people to do: the items of its lists, and in code the
/// strings that become next steps and checks.
fn steps(path: &str, text: &str) -> Vec<String> {
    if path.ends_with(".md") {
        let items = text.split("\n- ").skip(1).map(|item| item.split("\n\n").next().unwrap_or(item));
        return items.map(|item| item.split_whitespace().collect::<Vec<_>>().join(" ")).collect();
    }
    let code = text.split("#[cfg(test)]").next().unwrap_or(text);
    let mut found = Vec::new();
    for (start, end) in [(".next(", ")\n"), ("check: &[", "],\n")] {
        for part in code.split(start).skip(1) {
            let part = part.split(end).next().unwrap_or(part);
            found.extend(strings(part));
        }
    }
    found
}

/// The string literals of a piece of code, as they are printed.
fn strings(code: &str) -> Vec<String> {
    let (mut found, mut rest) = (Vec::new(), code);
    while let Some((_, after)) = rest.split_once('"') {
        let mut end = 0;
        let bytes = after.as_bytes();
        while end < bytes.len() && bytes[end] != b'"' {
            end += if bytes[end] == b'\\' { 2 } else { 1 };
        }
        let Some(literal) = after.get(..end) else { break };
        found.push(literal.replace("\\\n", " ").split_whitespace().collect::<Vec<_>>().join(" "));
        rest = after.get(end + 1..).unwrap_or_default();
    }
    found
}

#[cfg(test)]
mod tests {
    use super::super::made_up;
    use super::*;

    #[test]
    fn silence_is_seen_and_a_warning_suffices() {
        let page = "# T\n\n## What to do next\n\n- Disable NLA on the\n  server.\n- Look at the log.\n";
        let rule = "out.found(f.next(\"allow \\\"everybody\\\" in\")\n);\n#[cfg(test)]\n.next(\"disable it\")\n";
        let silent = violations(&made_up([("a.md", page), ("b.rs", rule)]));
        assert_eq!(silent.len(), 2, "{silent:?}");
        assert!(silent[0].contains("'disable'") && silent[0].ends_with("Disable NLA on the server."));
        assert!(silent[1].ends_with("allow \\\"everybody\\\" in"));
        let warned = page.replace("server.", "server: that weakens security.");
        assert_eq!(violations(&made_up([("a.md", &warned)])), Vec::<String>::new());
    }
}
