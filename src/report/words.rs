//! How the report says things: frames, times, stages, ends. Every phrase is
//! for somebody who has never read a capture.

use std::borrow::Cow;
use std::fmt::Write;

use crate::findings::attempts;
use crate::report::document::{
    BuiltBy, Capture, Certainty, Connection, Ended, EndedBy, EndedHow, FrameRef, Millis, Report, Stage, Strength, Tie,
    Time,
};
use crate::report::escape;
use crate::session;

/// A space that no line breaks at: it keeps `frame` and its number together.
/// The text form writes it as an ordinary space.
pub(super) const GLUE: char = '\u{a0}';

/// The most characters of a capture's name beside a frame number.
const LONGEST_FILE_NAME: usize = 32;

/// Frame numbers as the reader finds them: with the file, where there are
/// several.
pub(super) struct Frames<'r> {
    captures: &'r [Capture],
    /// The capture that goes without saying.
    home: Option<u32>,
}

impl<'r> Frames<'r> {
    pub(super) fn of(report: &'r Report) -> Self {
        Self { captures: &report.captures, home: None }
    }

    /// The same, where a connection's own capture goes without saying.
    pub(super) fn at_home(report: &'r Report, connection: &Connection) -> Self {
        Self { captures: &report.captures, home: Some(connection.capture) }
    }

    /// The capture that goes without saying, which has to be said once.
    pub(super) fn home(&self) -> Option<Cow<'r, str>> {
        let home = self.home.and_then(|i| usize::try_from(i).ok()).and_then(|i| self.captures.get(i))?;
        (self.captures.len() > 1).then(|| file_name(&home.path))
    }

    /// `frame 12`, or `frame 12 of ring_00002.pcapng`.
    pub(super) fn one(&self, frame: FrameRef) -> String {
        format!("frame{GLUE}{}{}", frame.number, self.place(frame))
    }

    /// `frames 1, 8 and 9`.
    pub(super) fn list(&self, frames: &[FrameRef]) -> String {
        match frames {
            [] => String::new(),
            [one] => self.one(*one),
            [firsts @ .., last] => {
                // The file is named once, where it is one.
                let several = firsts.iter().any(|f| f.capture != last.capture);
                let mut out = format!("frames{GLUE}");
                for (i, frame) in firsts.iter().enumerate() {
                    let comma = if i > 0 { ", " } else { "" };
                    let place = if several { self.place(*frame) } else { String::new() };
                    let _ = write!(out, "{comma}{}{place}", frame.number);
                }
                let _ = write!(out, " and{GLUE}{}{}", last.number, self.place(*last));
                out
            }
        }
    }

    /// `frames 4-6`, or `frame 4`.
    pub(super) fn range(&self, first: FrameRef, last: FrameRef) -> String {
        if first == last {
            self.one(first)
        } else if first.capture == last.capture {
            format!("frames{GLUE}{}-{}{}", first.number, last.number, self.place(last))
        } else {
            format!("{} to {}", self.one(first), self.one(last))
        }
    }

    fn place(&self, frame: FrameRef) -> String {
        let index = frame.capture.filter(|_| frame.capture != self.home).and_then(|i| usize::try_from(i).ok());
        match index.and_then(|i| self.captures.get(i)) {
            Some(capture) if self.captures.len() > 1 => format!(" of {}", file_name(&capture.path)),
            _ => String::new(),
        }
    }
}

/// A path as it was given, harmless; `-` in words. What a spreadsheet would take
/// for a formula is written as the same path with its folder.
pub(super) fn path(path: &str) -> Cow<'_, str> {
    match path {
        "-" => Cow::Borrowed("standard input"),
        _ if path.starts_with(['=', '+', '-', '@']) => Cow::Owned(format!("./{}", escape::path(path))),
        _ => escape::path(path),
    }
}

/// The last part of a path, harmless and short.
pub(super) fn file_name(path: &str) -> Cow<'_, str> {
    let name = path.rsplit(['/', '\\']).next().filter(|n| !n.is_empty()).unwrap_or(path);
    if name == "-" { Cow::Borrowed("standard input") } else { escape::shortened(name, LONGEST_FILE_NAME) }
}

/// `2024-05-17 09:31:02 UTC`.
pub(super) fn date(time: Time) -> String {
    format!("{time:.0}").replace('T', &GLUE.to_string()).replace('Z', &format!("{GLUE}UTC"))
}

/// From one time to another; a day is named once.
pub(super) fn period(first: Time, last: Time) -> String {
    let (first, last) = (date(first), date(last));
    let utc = format!("{GLUE}UTC");
    let (day, clock) = last.split_once(GLUE).unwrap_or_default();
    if first == last {
        first
    } else if first.starts_with(day) {
        format!("{} to{GLUE}{clock}", first.trim_end_matches(&utc))
    } else {
        format!("{first} to {last}")
    }
}

/// `09:31:02.118 UTC`.
pub(super) fn clock(time: Time) -> String {
    let text = format!("{time:.3}");
    let clock = text.split_once('T').map_or(text.as_str(), |(_, clock)| clock);
    clock.replace('Z', &format!("{GLUE}UTC"))
}

/// `12.3 ms`, held together.
pub(super) fn span(ms: Millis) -> String {
    ms.to_string().replace(' ', &GLUE.to_string())
}

/// `+3.402 s` since the start.
pub(super) fn offset(ms: Millis) -> String {
    format!("{:+.3}{GLUE}s", ms.as_f64() / 1e3)
}

/// `9231` as `9,231`.
pub(super) fn count(n: u64) -> String {
    let digits = n.to_string();
    let mut out = String::new();
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && digits.len().saturating_sub(i) % 3 == 0 {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// `1 attempt`, `12 attempts`.
pub(super) fn counted(n: u64, what: &str) -> String {
    format!("{}{GLUE}{what}{}", count(n), if n == 1 { "" } else { "s" })
}

/// Why an attempt took more than one connection, and whether more than one
/// capture shows it.
pub(super) fn ties(ties: &[Tie]) -> Option<String> {
    let several = attempts::several(&ties.iter().copied().map(attempts::Tie::from).collect::<Vec<_>>());
    let seen = ties.contains(&Tie::SeenTwice).then(|| "seen from several points".to_owned());
    let why: Vec<String> = several.into_iter().chain(seen).collect();
    (!why.is_empty()).then(|| why.join("; "))
}

/// `812 bytes`, `6.0 MB`.
pub(super) fn size(bytes: u64) -> String {
    let value = bytes as f64;
    match bytes {
        0..1_000 => counted(bytes, "byte"),
        1_000..1_000_000 => format!("{:.1}{GLUE}kB", value / 1e3),
        1_000_000..1_000_000_000 => format!("{:.1}{GLUE}MB", value / 1e6),
        _ => format!("{:.1}{GLUE}GB", value / 1e9),
    }
}

/// What a stage is about.
pub(super) fn stage(stage: Stage) -> &'static str {
    session::Stage::from(stage).words().long
}

/// The same in one or two words, for a line of stages.
pub(super) fn stage_short(stage: Stage) -> &'static str {
    session::Stage::from(stage).words().short
}

/// Every stage, in order.
pub(super) fn stages() -> impl Iterator<Item = Stage> {
    session::Stage::ALL.into_iter().map(Stage::from)
}

/// How sure, and what that means.
pub(super) const fn certainty(certainty: Certainty) -> &'static str {
    match certainty {
        Certainty::Proven => "proven. It cannot be otherwise, if the capture is undamaged.",
        Certainty::Likely => "likely. It is the best explanation by far, not the only one possible.",
        Certainty::Possible => "possible. It fits what was seen, and so do other explanations.",
    }
}

/// `proof`, `compelling`, `strong`, `weak`.
pub(super) const fn strength(strength: Strength) -> &'static str {
    match strength {
        Strength::Proof => "proof",
        Strength::Compelling => "compelling",
        Strength::Strong => "strong",
        Strength::Circumstance => "fits",
        Strength::Weak => "weak",
    }
}

/// Who a builder of resets is, for a reset in the name of `claimed`.
pub(super) fn builder(built_by: BuiltBy, claimed: &str) -> String {
    match built_by {
        BuiltBy::Host => format!("the {claimed} itself"),
        BuiltBy::OtherDevice => "another device on the path".to_owned(),
        BuiltBy::Undetermined => "cannot be told".to_owned(),
    }
}

/// Who ended a connection, how, where and when: after `Ended by: `.
pub(super) fn ended(connection: &Connection, frames: &Frames<'_>) -> String {
    let Ended { how, by, frame, time } = connection.ended;
    let reset = connection.resets.iter().find(|r| Some(r.frame) == frame);
    let claimed = reset.map(|r| r.claimed_by.name());
    let place = frame.map(|f| format!("in {}", frames.one(f))).unwrap_or_default();
    if let (EndedHow::Reset, EndedBy::Unknown, Some(claimed)) = (how, by, claimed) {
        let at = time.map(|time| format!(" at {}", clock(time))).unwrap_or_default();
        return format!(
            "cannot be told. The reset (TCP RST: drop the connection at once) {place}{at} carries the {claimed}'s \
             address, which proves nothing."
        );
    }
    let who = match (how, by) {
        (EndedHow::CaptureEnd, _) => return "nobody yet; it was still open when the capture stopped.".to_owned(),
        (EndedHow::Silence, _) => "nobody; the answers stopped coming".to_owned(),
        (_, EndedBy::Client) => "the client".to_owned(),
        (_, EndedBy::Server) => "the server".to_owned(),
        (_, EndedBy::OtherDevice) => match claimed {
            Some(claimed) => format!("another device on the path, in the {claimed}'s name"),
            None => "another device on the path".to_owned(),
        },
        (EndedHow::Fin, EndedBy::Unknown) => {
            "cannot be told, packets of one side are missing from the capture".to_owned()
        }
        (EndedHow::Reset, EndedBy::Unknown) => "cannot be told".to_owned(),
    };
    // That it was reset may be certain, and by whom less so.
    let as_sure = match (how, reset.map(|r| r.certainty)) {
        (EndedHow::Reset, Some(Certainty::Likely)) => "most likely ",
        (EndedHow::Reset, Some(Certainty::Possible)) => "perhaps ",
        _ => "",
    };
    let what = match how {
        EndedHow::Reset => ", with a reset (TCP RST: drop the connection at once)",
        EndedHow::Fin if frame.is_none() => {
            ", with an orderly close (TCP FIN) that the capture lacks; the other side acknowledged it"
        }
        EndedHow::Fin => ", with an orderly close (TCP FIN)",
        EndedHow::Silence | EndedHow::CaptureEnd => "",
    };
    let place = if place.is_empty() { place } else { format!(", {place}") };
    let when = match (how, time) {
        (EndedHow::Silence, Some(time)) => format!("; last seen at {}", clock(time)),
        (_, Some(time)) => format!(" at {}", clock(time)),
        (_, None) => String::new(),
    };
    format!("{as_sure}{who}{what}{place}{when}.")
}

/// ` (frame 9)`, or nothing.
pub(super) fn in_brackets(text: &str) -> String {
    if text.is_empty() { String::new() } else { format!(" ({text})") }
}

/// `the first letter small`, to stand within a sentence; `TLS` stays.
pub(super) fn within_sentence(text: &str) -> String {
    let mut chars = text.chars();
    match (chars.next(), chars.clone().next()) {
        (Some(first), Some(second)) if first.is_uppercase() && (second.is_lowercase() || second == ' ') => {
            first.to_lowercase().chain(chars).collect()
        }
        _ => text.to_owned(),
    }
}

/// A clause as a sentence of its own.
pub(super) fn as_sentence(text: &str) -> String {
    let mut chars = text.chars();
    let first = chars.next().into_iter().flat_map(char::to_uppercase);
    stopped(&first.chain(chars).collect::<String>())
}

/// `text` with a full stop, unless it ends in one.
pub(super) fn stopped(text: &str) -> String {
    let text = text.trim_end();
    if text.is_empty() || text.ends_with(['.', '!', '?', ':']) { text.to_owned() } else { format!("{text}.") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::samples;

    #[test]
    fn frames_name_their_file_only_among_several() {
        let (one, two) = (samples::healthy(), samples::ring());
        let plain = |s: String| s.replace(GLUE, " ");
        let list = [FrameRef::new(1), FrameRef::new(8), FrameRef::new(9)];
        assert_eq!(plain(Frames::of(&one).list(&list)), "frames 1, 8 and 9");
        assert_eq!(plain(Frames::of(&one).range(list[0], list[2])), "frames 1-9");
        let of_second = [4, 5].map(|n| FrameRef::of_capture(1, n));
        assert_eq!(plain(Frames::of(&two).list(&of_second)), "frames 4 and 5 of ring_00002.pcapng");
        let frame = FrameRef::of_capture(1, 4);
        assert_eq!(plain(Frames::of(&two).one(frame)), "frame 4 of ring_00002.pcapng");
        assert_eq!(file_name("C:\\traces\\a.pcap"), "a.pcap");
    }

    #[test]
    fn who_ended_what_the_capture_lacks_is_told_as_far_as_it_is_known() {
        let report = samples::healthy();
        let told = |by, frame| {
            let mut connection = report.connections[0].clone();
            (connection.ended.how, connection.ended.by, connection.ended.frame) = (EndedHow::Fin, by, frame);
            ended(&connection, &Frames::of(&report)).replace(GLUE, " ")
        };
        let seen = told(EndedBy::Client, Some(FrameRef::new(9)));
        assert!(seen.starts_with("the client, with an orderly close (TCP FIN), in frame 9"), "{seen}");
        let unseen = told(EndedBy::Client, None);
        assert!(
            unseen.starts_with(
                "the client, with an orderly close (TCP FIN) that the capture lacks; the other side acknowledged it at "
            ),
            "{unseen}"
        );
        let unknown = told(EndedBy::Unknown, Some(FrameRef::new(9)));
        assert!(unknown.starts_with("cannot be told, packets of one side are missing from the capture"), "{unknown}");
    }

    #[test]
    fn a_period_names_its_day_once() {
        let at = |text: &str| serde_json::from_value::<Time>(text.into()).unwrap();
        let [first, second, next] = ["2024-05-17T09:00:00Z", "2024-05-17T10:00:00Z", "2024-05-18T09:00:00Z"].map(at);
        let period = |a, b| period(a, b).replace(GLUE, " ");
        assert_eq!(period(first, first), "2024-05-17 09:00:00 UTC");
        assert_eq!(period(first, second), "2024-05-17 09:00:00 to 10:00:00 UTC");
        assert_eq!(period(first, next), "2024-05-17 09:00:00 UTC to 2024-05-18 09:00:00 UTC");
    }

    #[test]
    fn numbers_read_easily() {
        assert_eq!([0, 999, 1_000, 1_234_567].map(count), ["0", "999", "1,000", "1,234,567"]);
        assert_eq!(offset(Millis::from_micros(3_402_000)), format!("+3.402{GLUE}s"));
        assert_eq!(within_sentence("A device"), "a device");
        assert_eq!(within_sentence("TLS failed"), "TLS failed");
        assert_eq!(as_sentence("reset by a device"), "Reset by a device.");
        assert_eq!(as_sentence(""), "");
    }
}
