//! The pages of the stages, for `explain`.

use rdpwhy::session::Stage;

/// The page of a stage, in Markdown.
pub(super) const fn page(stage: Stage) -> &'static str {
    match stage {
        Stage::Tcp => include_str!("stages/tcp.md"),
        Stage::X224 => include_str!("stages/x224.md"),
        Stage::Tls => include_str!("stages/tls.md"),
        Stage::Credssp => include_str!("stages/credssp.md"),
        Stage::Mcs => include_str!("stages/mcs.md"),
        Stage::Licensing => include_str!("stages/licensing.md"),
        Stage::Activation => include_str!("stages/activation.md"),
        Stage::Active => include_str!("stages/active.md"),
    }
}

/// The stage that `word` names.
pub(super) fn named(word: &str) -> Option<Stage> {
    Stage::ALL.into_iter().find(|stage| stage.name().eq_ignore_ascii_case(word))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_page_is_whole_and_bears_its_name() {
        for stage in Stage::ALL {
            let text = page(stage);
            assert!(text.starts_with(&format!("# Stage {stage}: ")), "{stage}");
            for part in ["What it means", "What can go wrong here", "What it cannot tell", "What to check"] {
                assert!(text.contains(&format!("\n## {part}\n")), "{stage} lacks '{part}'");
            }
            assert!(text.contains("Source: "), "{stage}");
        }
    }

    #[test]
    fn every_finding_that_a_page_names_exists() {
        let known: Vec<&str> = rdpwhy::findings::pages().map(|page| page.id).collect();
        let mut named = 0;
        for stage in Stage::ALL {
            let in_code = page(stage).split('`').skip(1).step_by(2);
            for id in
                in_code.filter(|word| word.contains('-') && word.chars().all(|c| c.is_ascii_lowercase() || c == '-'))
            {
                assert!(known.contains(&id), "{stage} names {id}");
                named += 1;
            }
        }
        assert!(named >= 20, "{named}");
    }
}
