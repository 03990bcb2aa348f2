//! The live table: what goes on now, at 80 columns.

use std::cmp::Reverse;
use std::collections::VecDeque;

use rdpwhy::analysis::InProgress;
use rdpwhy::base::{CaptureTime, Span};
use rdpwhy::flow::Endpoint;
use rdpwhy::report::escape;
use rdpwhy::session::Stage;

use super::tally::Tally;

/// The width that everything fits into.
const WIDTH: usize = 80;

/// Verdicts that are shown, and kept; a taller terminal shows no more.
pub(super) const VERDICTS: usize = 8;

/// Lines that are no connection: title, numbers, headings, blank lines.
const OTHER_LINES: usize = 8;

/// Begins the screen for the table, and gives it back.
pub(super) const BEGIN: &str = "\x1b[?1049h\x1b[?25l";
/// See [`BEGIN`].
pub(super) const END: &str = "\x1b[?25h\x1b[?1049l";

/// What is shown.
pub(super) struct Screen<'a> {
    /// The interfaces, and whether each is up.
    pub(super) interfaces: &'a [(&'a str, bool)],
    /// The numbers.
    pub(super) tally: &'a Tally,
    /// The connections in progress.
    pub(super) open: Vec<InProgress>,
    /// The last verdicts, the newest first.
    pub(super) verdicts: &'a VecDeque<String>,
    /// What was last said of the capture itself; nothing, if it is empty.
    pub(super) remark: &'a str,
    /// The time.
    pub(super) now: CaptureTime,
    /// Lines of the terminal.
    pub(super) height: usize,
}

impl Screen<'_> {
    /// The text that replaces what is on the screen.
    pub(super) fn draw(&mut self) -> String {
        let mut text = String::from("\x1b[H");
        for line in self.lines() {
            text.push_str(&line);
            text.push_str("\x1b[K\n");
        }
        text.push_str("\x1b[J");
        text
    }

    /// The lines, without the terminal's commands.
    pub(super) fn lines(&mut self) -> Vec<String> {
        let Tally { uptime, packets, .. } = self.tally;
        let names: Vec<String> = self
            .interfaces
            .iter()
            .map(|(name, is_up)| format!("{}{}", escape::text(name), if *is_up { "" } else { " (DOWN)" }))
            .collect();
        let lost = match self.tally.lost() {
            0 => "none dropped".to_owned(),
            n => format!("{n} DROPPED"),
        };
        let mut lines = vec![
            cut(&format!("rdpwhy live on {}, for {uptime}: {packets} packets, {lost}", names.join(", ")), WIDTH),
            cut(&self.numbers(self.open.len()), WIDTH),
            cut(&escape::sentence(self.remark), WIDTH),
            row(["CLIENT", "SERVER", "STAGE", "AGE", "QUIET", "RTT", "RESENT"]),
        ];
        let verdicts = self.verdicts.len().min(VERDICTS);
        let room = self.height.saturating_sub(OTHER_LINES + verdicts).max(3);
        // What is not a running session comes first, and of that the oldest.
        self.open.sort_by_key(|c| (c.stage == Stage::Active, c.tcp.first.time, Reverse(c.tcp.last)));
        lines.extend(self.open.iter().take(room).map(|connection| self.connection(connection)));
        if self.open.len() > room {
            lines.push(format!("and {} more", self.open.len() - room));
        }
        lines.push(String::new());
        lines.push(if verdicts == 0 { "No connection has failed yet.".to_owned() } else { "LAST VERDICTS".to_owned() });
        lines.extend(self.verdicts.iter().take(VERDICTS).map(|verdict| cut(verdict, WIDTH)));
        lines
    }

    fn numbers(&self, open: usize) -> String {
        let ended: Vec<String> = self.tally.outcomes.iter().map(|(what, n)| format!("{n} {what}")).collect();
        let ended = if ended.is_empty() { "none".to_owned() } else { ended.join(", ") };
        format!("{open} connections open; ended: {ended}")
    }

    fn connection(&self, connection: &InProgress) -> String {
        let tcp = &connection.tcp;
        let ends = &tcp.endpoints;
        row([
            &end(&ends.client),
            &end(&ends.server),
            connection.stage.name(),
            &age(self.now.since(tcp.first.time)),
            &age(self.now.since(tcp.last)),
            &tcp.round_trip.map_or_else(|| "-".to_owned(), |trip| trip.to_string()),
            &tcp.sent_again.to_string(),
        ])
    }
}

/// One line of the table, 80 columns at most.
fn row(cells: [&str; 7]) -> String {
    let [client, server, stage, age, quiet, trip, again] = cells;
    format!("{client:<21} {server:<21} {stage:<10} {age:>4} {quiet:>5} {trip:>7} {again:>6}")
}

/// An address and port in 21 columns: the middle of a long IPv6 address is left
/// out.
fn end(endpoint: &Endpoint) -> String {
    const ROOM: usize = 21;
    let (ip, port) = (endpoint.ip.to_string(), endpoint.port.to_string());
    let room = ROOM - 1 - port.len();
    if ip.len() <= room {
        return format!("{ip}:{port}");
    }
    let (front, back) = ((room - 1) / 2, room - 1 - (room - 1) / 2);
    let middle_less: String = ip.chars().take(front).chain(['…']).chain(ip.chars().skip(ip.len() - back)).collect();
    format!("{middle_less}:{port}")
}

/// A time in four columns.
fn age(span: Span) -> String {
    let seconds = span.nanos().max(0) / 1_000_000_000;
    match seconds {
        0..=999 => format!("{seconds}s"),
        1_000..=35_999 => format!("{}m", seconds / 60),
        36_000..=863_999 => format!("{}h", seconds / 3_600),
        _ => format!("{}d", seconds / 86_400),
    }
}

/// `text`, or as much of it as fits.
fn cut(text: &str, width: usize) -> String {
    if text.chars().count() <= width {
        return text.to_owned();
    }
    text.chars().take(width - 1).chain(['…']).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use rdpwhy::base::{At, BySide, Frame};
    use rdpwhy::flow::Glimpse;

    fn connection(ip: &str, stage: Stage, began: i64) -> InProgress {
        let endpoint = |port| Endpoint { ip: ip.parse().unwrap(), port };
        let time = CaptureTime::from_parts(began, 0);
        InProgress {
            tcp: Glimpse {
                endpoints: BySide { client: endpoint(50_123), server: endpoint(3389) },
                first: At { frame: Frame::new(0, 1), time },
                last: time,
                round_trip: Some(Span::from_millis(21)),
                sent_again: 2,
                outstanding: false,
                is_sound: true,
            },
            stage,
            waiting_for: None,
        }
    }

    fn screen<'a>(tally: &'a Tally, verdicts: &'a VecDeque<String>, open: Vec<InProgress>) -> Screen<'a> {
        Screen { interfaces: &[], tally, open, verdicts, remark: "", now: CaptureTime::from_parts(100, 0), height: 24 }
    }

    #[test]
    fn it_reads_like_this() {
        let tally = Tally { uptime: Span::from_secs(75), packets: 12, open: 2, ..Tally::default() };
        let verdicts = ["12:03:05 injected-reset".to_owned()].into();
        let open = vec![connection("10.77.1.2", Stage::Active, 1), connection("10.77.1.3", Stage::Tls, 90)];
        let interfaces = [("eth0", true), ("eth1", false)];
        let remark = "eth1: switched off; it is listened to again as soon as it is back";
        let lines = Screen { interfaces: &interfaces, remark, ..screen(&tally, &verdicts, open) }.lines();
        insta::assert_snapshot!(lines.join("\n"), @r"
        rdpwhy live on eth0, eth1 (DOWN), for 75.0 s: 12 packets, none dropped
        2 connections open; ended: none
        eth1: switched off; it is listened to again as soon as it is back
        CLIENT                SERVER                STAGE       AGE QUIET     RTT RESENT
        10.77.1.3:50123       10.77.1.3:3389        tls         10s   10s 21.0 ms      2
        10.77.1.2:50123       10.77.1.2:3389        active      99s   99s 21.0 ms      2

        LAST VERDICTS
        12:03:05 injected-reset
        ");
    }

    #[test]
    fn nothing_is_wider_than_the_screen_or_longer() {
        let tally =
            Tally { packets: u64::MAX, dropped: u64::MAX, uptime: Span::from_secs(i64::MAX / 2), ..Tally::default() };
        let verdicts = vec!["v".repeat(300); 20].into();
        let long = "2001:db8:1234:5678:9abc:def0:1234:5678";
        let open = (0..500).map(|n| connection(long, Stage::Activation, n)).collect();
        let lines = screen(&tally, &verdicts, open).lines();
        assert!(lines.iter().all(|line| line.chars().count() <= WIDTH), "{lines:#?}");
        assert!(lines.len() <= 24);
        assert!(lines.contains(&"and 492 more".to_owned()), "{lines:#?}");
    }
}
