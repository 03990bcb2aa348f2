//! How a connection that has ended is told: a JSON line, a line for syslog, or
//! as the next verdict under a table.

use std::collections::VecDeque;
use std::io::{self, IsTerminal};
use std::sync::Arc;
use std::time::Duration;

use rdpwhy::analysis::{Analysis, Connection, InProgress};
use rdpwhy::base::{BySide, CaptureTime};
use rdpwhy::capture::{CaptureInfo, Tap};
use rdpwhy::findings::attempts::Attempt;
use rdpwhy::findings::{Finding, Outcome};
use rdpwhy::flow::Endpoint;
use rdpwhy::report::build::{self, Inputs};
use rdpwhy::report::document::{Concerns, Report, Time};
use rdpwhy::report::redact::Redactor;
use rdpwhy::report::{escape, ndjson};

use super::asked::Format;
use super::outlet::Outlet;
use super::table::{self, Screen};
use super::tally::{Tally, outcome};

/// A screen, where the terminal does not say how high it is.
const USUAL_HEIGHT: usize = 24;

/// What a reader gets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    Table,
    Ndjson,
    Log,
}

impl Form {
    /// The form that was asked for.
    pub(super) fn of(asked: Format, to_a_file: bool) -> Self {
        match asked {
            Format::Table => Self::Table,
            Format::Ndjson => Self::Ndjson,
            Format::Log => Self::Log,
            Format::Auto if !to_a_file && io::stdout().is_terminal() => Self::Table,
            Format::Auto => Self::Ndjson,
        }
    }
}

/// Tells what was found.
pub(super) struct Telling {
    form: Form,
    outlet: Outlet,
    redactor: Option<Arc<Redactor>>,
    verdicts: VecDeque<String>,
}

impl Telling {
    pub(super) fn new(form: Form, mut outlet: Outlet, redactor: Option<Arc<Redactor>>) -> Self {
        if form == Form::Table {
            outlet.line(table::BEGIN.to_owned());
        }
        Self { form, outlet, redactor, verdicts: VecDeque::new() }
    }

    /// A connection has ended, as part of `attempt`.
    pub(super) fn ended(
        &mut self,
        mut connection: Connection,
        attempt: (u32, Attempt),
        shared: Vec<Finding>,
        taps: &[Tap],
    ) {
        if self.form != Form::Table && !self.outlet.has_room() {
            return;
        }
        let redactor = self.redactor.as_deref();
        match self.form {
            Form::Ndjson => {
                let report = report(connection, attempt, shared, taps.iter().map(Tap::info).collect());
                let told = redactor.map_or_else(|| Ok(report.clone()), |redactor| redactor.report(&report));
                let mut line = Vec::new();
                // Memory takes all that is written to it, and no type is changed by
                // hiding.
                if told.is_ok_and(|told| ndjson::write(&told, &mut line).is_ok()) {
                    self.outlet.line(String::from_utf8_lossy(&line).into_owned());
                }
            }
            // <4> is a warning and <6> a piece of information (RFC 5424, sd-daemon(3)).
            Form::Log => {
                hide(redactor, &mut connection.tcp.endpoints);
                if let Some(redactor) = redactor {
                    connection.sentence = redactor.sentence(&connection.sentence);
                }
                let priority = if connection.diagnosis.outcome == Outcome::Failed { 4 } else { 6 };
                let end = Time::from(connection.diagnosis.ended_at.time);
                let line = format!(
                    "<{priority}>{end:.3} {}: {}\n",
                    summary(&connection),
                    escape::sentence(&connection.sentence)
                );
                self.outlet.line(line);
            }
            Form::Table if connection.diagnosis.outcome == Outcome::Failed => {
                hide(redactor, &mut connection.tcp.endpoints);
                let end = Time::from(connection.diagnosis.ended_at.time).to_string();
                let clock = end.get(11..19).unwrap_or_default();
                // All of them failed: that need not be said of each.
                let summary = summary(&connection);
                self.verdict(format!("{clock} {}", summary.strip_prefix("failed ").unwrap_or(&summary)));
            }
            Form::Table => {}
        }
    }

    /// What several connections show together is told people once.
    pub(super) fn shared(&mut self, finding: &Finding, now: CaptureTime) {
        let now = Time::from(now);
        match self.form {
            // It stands in the lines of the connections.
            Form::Ndjson => {}
            Form::Log => {
                let detail = self.redactor.as_ref().map(|redactor| redactor.sentence(&finding.detail));
                let says = escape::sentence(detail.as_deref().unwrap_or(&finding.detail));
                self.outlet.line(format!("<4>{now:.3} {} ({}): {says}\n", finding.id, certainty(finding)));
            }
            Form::Table => {
                let clock = now.to_string().get(11..19).unwrap_or_default().to_owned();
                self.verdict(format!("{clock} {}: {}", finding.id, finding.title));
            }
        }
    }

    fn verdict(&mut self, verdict: String) {
        self.verdicts.push_front(verdict);
        self.verdicts.truncate(table::VERDICTS);
    }

    /// Draws the table, where there is one.
    pub(super) fn draw(
        &mut self,
        interfaces: &[(&str, bool)],
        tally: &Tally,
        open: impl Iterator<Item = InProgress>,
        remark: &str,
        now: CaptureTime,
    ) {
        if self.form != Form::Table {
            return;
        }
        let height = terminal_size::terminal_size().map_or(USUAL_HEIGHT, |(_, height)| usize::from(height.0));
        let mut open: Vec<_> = open.collect();
        open.iter_mut().for_each(|open| hide(self.redactor.as_deref(), &mut open.tcp.endpoints));
        let verdicts = &self.verdicts;
        let mut screen = Screen { interfaces, tally, open, verdicts, remark, now, height };
        self.outlet.line(screen.draw());
    }

    /// Opens the file again.
    pub(super) fn reopen(&mut self) {
        self.outlet.reopen();
    }

    /// Whether nobody reads any more.
    pub(super) fn is_closed(&self) -> bool {
        self.outlet.is_closed()
    }

    /// Lines that were left out.
    pub(super) fn lost(&self) -> u64 {
        self.outlet.lost()
    }

    /// The last line has been told.
    pub(super) fn close(&mut self) {
        if self.form == Form::Table {
            self.outlet.line(table::END.to_owned());
        }
        self.outlet.close();
    }

    /// Whether all was written within `patience`, after [`Telling::close`].
    pub(super) fn finish(&mut self, patience: Duration) -> bool {
        self.outlet.finish(patience)
    }
}

/// Puts pseudonyms in place of addresses, where that is asked for.
fn hide(redactor: Option<&Redactor>, ends: &mut BySide<Endpoint>) {
    if let Some(redactor) = redactor {
        for end in [&mut ends.client, &mut ends.server] {
            end.ip = redactor.address(end.ip);
        }
    }
}

/// A report about one connection.
fn report(
    connection: Connection,
    (number, attempt): (u32, Attempt),
    shared: Vec<Finding>,
    captures: Vec<&CaptureInfo>,
) -> Report {
    let concerns = Concerns { captures: vec![connection.capture.0], connections: vec![connection.id] };
    let (connections, attempts) = (vec![connection], vec![attempt]);
    let analysis = Analysis { connections, attempts, findings: shared, ..Analysis::default() };
    let mut report = build::report(analysis, &Inputs { captures, unreadable: Vec::new() });
    // Numbers count over the whole run.
    for attempt in &mut report.attempts {
        attempt.id = number;
    }
    for connection in &mut report.connections {
        connection.attempt = number;
    }
    for finding in &mut report.findings {
        finding.concerns = Some(concerns.clone());
    }
    report
}

fn certainty(finding: &Finding) -> String {
    format!("{:?}", finding.certainty).to_lowercase()
}

/// `failed 10.0.0.1:50123 10.0.0.2:3389 tls injected-reset (likely)`.
fn summary(connection: &Connection) -> String {
    let ends = &connection.tcp.endpoints;
    let address = |end: &rdpwhy::flow::Endpoint| std::net::SocketAddr::new(end.ip, end.port);
    let cause = connection.diagnosis.verdict().map(|finding| format!(" {} ({})", finding.id, certainty(finding)));
    format!(
        "{} {} {} {}{}",
        outcome(connection.diagnosis.outcome),
        address(&ends.client),
        address(&ends.server),
        connection.session.stage(),
        cause.unwrap_or_default()
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::live::attempts::Attempts;
    use rdpwhy::analysis::Analyzer;
    use rdpwhy::base::Span;
    use rdpwhy::capture::{CaptureOptions, Source, Timeline};
    use std::path::Path;

    /// What is told while a capture passes, and the addresses in it.
    fn told(form: Form, redactor: Option<Arc<Redactor>>, case: &Path) -> (String, Vec<String>) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("lines");
        let mut telling = Telling::new(form, Outlet::new(Some(&path)).unwrap(), redactor);
        let (mut analyzer, mut attempts) = (Analyzer::default(), Attempts::default());
        let (mut now, mut addresses) = (CaptureTime::default(), Vec::new());
        let mut timeline = Timeline::new(vec![Source::Path(case.to_owned())], CaptureOptions::default());
        while let Some(packet) = timeline.next_packet() {
            now = packet.time;
            analyzer.push(&packet);
            if packet.frame.number == 5 {
                telling.draw(&[], &Tally::default(), analyzer.in_progress(), "", now);
            }
        }
        while analyzer.tick(now + Span::from_secs(300)) {}
        for connection in analyzer.take() {
            let ends = &connection.tcp.endpoints;
            addresses.extend([ends.client.ip.to_string(), ends.server.ip.to_string()]);
            let attempt = attempts.add(&connection).unwrap();
            let shared = analyzer.of_the_capture().collect();
            telling.ended(connection, attempt, shared, &[]);
        }
        analyzer.of_the_capture().for_each(|finding| telling.shared(&finding, now));
        telling.draw(&[], &Tally::default(), analyzer.in_progress(), "", now);
        telling.close();
        assert!(telling.finish(Duration::from_secs(60)));
        (std::fs::read_to_string(&path).unwrap(), addresses)
    }

    #[test]
    fn under_pseudonyms_no_form_tells_an_address() {
        let cases = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/cases");
        for case in ["injected-suricata-tls", "injected-v6-suricata-tls", "crowd-middlebox", "crowd-limit-refused"] {
            let case = cases.join(case).join("client.pcap");
            for form in [Form::Ndjson, Form::Log, Form::Table] {
                let (open, addresses) = told(form, None, &case);
                let (hidden, _) = told(form, Some(Arc::new(Redactor::new([9; 32]))), &case);
                // The middle of a long address is left out of a table.
                let start = |address: &String| address.chars().take(7).collect::<String>();
                assert!(addresses.iter().any(|address| open.contains(&start(address))), "{form:?}: {open}");
                assert!(!addresses.iter().any(|address| hidden.contains(&start(address))), "{form:?}: {hidden}");
            }
        }
    }

    #[test]
    fn a_line_of_the_log_begins_with_the_priority_that_syslog_knows() {
        let case = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/cases/injected-suricata-tls/client.pcap");
        let (log, _) = told(Form::Log, None, &case);
        let expected = "<4>2026-11-23T23:13:16.855Z failed 10.77.1.2:50818 10.77.2.2:3389 tls injected-reset (likely): Failed in the TLS handshake";
        assert!(log.starts_with(expected) && log.lines().count() == 1, "{log}");
    }
}
