//! Finding the way again after damage.

use std::io;

use super::info::CaptureInfo;
use super::window::Window;

/// Bytes searched for the next record after damage. More than any lost write
/// buffer or bad disk area; an end to reading what is no capture any more. A
/// byte costs 5 to 9 ns, zeros and random ones alike: this is half a second.
const MAX_SEARCH: u64 = 64 * 1024 * 1024;

/// What stands at the next byte cannot be read: searches behind it for a place
/// where a record `begins`, and moves there. `false` when there is none, and
/// the capture ends here for us. Either way a notice tells.
///
/// `may_be_cut`: it might have been whole, had the file gone on.
#[cold]
pub(super) fn resync(
    window: &mut Window,
    info: &mut CaptureInfo,
    what: &str,
    may_be_cut: bool,
    mut begins: impl FnMut(&mut Window) -> io::Result<bool>,
) -> io::Result<bool> {
    let from = window.offset();
    loop {
        window.skip(1);
        let searched = window.offset().saturating_sub(from);
        if searched > MAX_SEARCH || !window.ensure(1)? {
            break;
        }
        if begins(window)? {
            info.damaged(from, searched, true, what);
            return Ok(true);
        }
    }
    window.skip(window.len());
    if may_be_cut && window.has_ended() {
        info.cut_short(window, from, what);
    } else {
        info.damaged(from, window.offset().saturating_sub(from), false, what);
    }
    Ok(false)
}
