//! What is told of the inputs on standard error, where the result does not tell
//! it all.

use rdpwhy::capture::{FILE_PASSED_OVER, Timeline};

use super::console::Console;

/// What could not be read, what was passed over, and what else is to be known.
pub(super) fn complain(timeline: &Timeline, console: &Console) {
    timeline.problems().iter().for_each(|problem| console.complain(&problem.to_string()));
    for notice in timeline.notices().list().iter().filter(|notice| notice.kind != FILE_PASSED_OVER) {
        let times = if notice.count > 1 { format!(" ({} times)", notice.count) } else { String::new() };
        console.complain(&format!("{}{times}", notice.says));
    }
    passed_over(timeline, console);
}

/// Which files of folders were taken for no captures.
pub(super) fn passed_over(timeline: &Timeline, console: &Console) {
    if timeline.passed_over().count() > 0 {
        console.complain(&timeline.passed_over().to_string());
    }
}
