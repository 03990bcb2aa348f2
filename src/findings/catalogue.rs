//! Every finding's page, for `explain`.

use super::{CAPTURE_RULES, CROWD_RULES, RULES};

/// The page of one finding.
#[derive(Clone, Copy, Debug)]
pub struct Page {
    /// The finding's id.
    pub id: &'static str,
    /// Its heading.
    pub title: &'static str,
    /// The whole page in Markdown, heading included.
    pub text: &'static str,
}

/// All pages, in the order of the lists.
pub fn pages() -> impl Iterator<Item = Page> {
    let connection = RULES.iter().map(|rule| (rule.id(), rule.prose()));
    let capture = CAPTURE_RULES.iter().map(|rule| (rule.id(), rule.prose()));
    let crowd = CROWD_RULES.iter().map(|rule| (rule.id(), rule.prose()));
    connection.chain(crowd).chain(capture).map(|(id, text)| Page { id, title: heading(text), text })
}

fn heading(text: &'static str) -> &'static str {
    text.lines().next().and_then(|line| line.strip_prefix("# ")).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_page_is_whole_and_every_id_is_its_own() {
        let mut ids = Vec::new();
        for Page { id, title, text } in pages() {
            assert!(!title.is_empty(), "{id} has no heading");
            for part in ["## What it means", "## What it cannot tell", "## What to do next"] {
                assert!(text.contains(part), "{id} lacks '{part}'");
            }
            assert!(!ids.contains(&id), "{id} twice");
            assert!(id.chars().all(|c| c.is_ascii_lowercase() || c == '-'), "{id}");
            ids.push(id);
        }
        assert!(ids.len() >= 16);
    }
}
