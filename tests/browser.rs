//! The HTML in a real browser, where one is installed: nothing is loaded, nothing
//! stands beyond its edge or on something else, everything can be read, and the
//! diagrams have the packets of which the JSON speaks.

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Sender, channel};
use std::time::Duration;

use rdpwhy::report::document::{EndedHow, Outcome, Report, Role};
use rdpwhy::report::html;
use rdpwhy::report::plots::Plots;
use rdpwhy::report::redact::Redactor;
use serde::Deserialize;

use super::golden::reported;

/// Cases whose pages differ in what is drawn: who ended it and when, losses,
/// silences, long addresses, many attempts, damage, trouble, health.
const CASES: [&str; 14] = [
    "black-hole-certificate-tls12/client.pcap",
    "crowd-limit-silent/client.pcap",
    "crowd-middlebox/server.pcap",
    "damage-missing-5-loss/client.pcap",
    "dark-credssp/client.pcap",
    "healthy-nla-tls13/client.pcap",
    "injected-snort-active-passive/client.pcap",
    "injected-suricata-tls/client.pcap",
    "injected-v6-zeek-mcs/client.pcap",
    "no-answer/client.pcap",
    "refused-expired-certificate-tls12/client.pcap",
    "rough-outage-3s/client.pcap",
    "windows-idle-240s-silent/client.pcap",
    "windows-zero-window/client.pcap",
];

/// How long a browser may take on a machine that is busy with other tests.
const PATIENCE: Duration = Duration::from_secs(120);

/// What Chromium asks for by itself, whatever it shows.
const ITS_OWN: [&str; 7] = [
    "accounts.google.com",
    "android.clients.google.com",
    "clients2.google.com",
    "content-autofill.googleapis.com",
    "optimizationguide-pa.googleapis.com",
    "redirector.gvt1.com",
    "update.googleapis.com",
];

/// What the page measured of one report at one width.
#[derive(Debug, Deserialize)]
struct Told {
    name: String,
    shown: String,
    overflow: i64,
    loaded: Vec<String>,
    scripts: usize,
    faint: Vec<String>,
    drawings: Vec<String>,
    attempts: Vec<Drawn>,
}

#[derive(Debug, Deserialize)]
struct Drawn {
    attempt: u32,
    ladder: BTreeSet<u64>,
    sequence: BTreeSet<u64>,
}

/// A browser, which ends with the test.
struct Browser(Child);

impl Drop for Browser {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn browser() -> Option<PathBuf> {
    let named = std::env::var_os("RDPWHY_BROWSER").map(PathBuf::from);
    let folders: Vec<PathBuf> = std::env::split_paths(&std::env::var_os("PATH").unwrap_or_default()).collect();
    let names = ["chromium", "chromium-browser", "google-chrome"];
    let found = names.iter().flat_map(|name| folders.iter().map(move |folder| folder.join(name)));
    let found = named.into_iter().chain(found).find(|path| path.is_file());
    if found.is_none() {
        println!("skipped: no Chromium is installed (RDPWHY_BROWSER names one)");
    }
    found
}

/// Everything that the browser asks for comes here; the first line of each
/// request, and its body.
fn listen(tell: Sender<(String, String)>) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let tell = tell.clone();
            std::thread::spawn(move || answer(&stream, &tell));
        }
    });
    port
}

fn answer<S>(stream: &S, tell: &Sender<(String, String)>) -> Option<()>
where
    for<'s> &'s S: Read + Write,
{
    let mut reader = BufReader::new(stream);
    let (mut asked, mut length) = (String::new(), 0);
    reader.read_line(&mut asked).ok()?;
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok()?;
        if let Some((name, value)) = line.split_once(':')
            && name.eq_ignore_ascii_case("content-length")
        {
            length = value.trim().parse().ok()?;
        }
        if line.trim().is_empty() {
            break;
        }
    }
    let mut body = String::new();
    reader.take(length).read_to_string(&mut body).ok()?;
    tell.send((asked, body)).ok()?;
    let mut stream = stream;
    stream.write_all(b"HTTP/1.1 404 Nothing\r\nContent-Length: 0\r\nConnection: close\r\n\r\n").ok()
}

/// The host in the first line of a request to a proxy.
fn host(asked: &str) -> &str {
    let target = asked.split(' ').nth(1).unwrap_or_default();
    let target = target.split_once("://").map_or(target, |(_, rest)| rest);
    target.split(['/', ':']).next().unwrap_or_default()
}

/// What the page says, and which hosts the browser asked for something.
fn measured(browser: &Path, folder: &Path, page: &Path) -> (Vec<Told>, BTreeSet<String>) {
    let (tell, asked) = channel();
    let port = listen(tell);
    let mut command = Command::new(browser);
    command.args(["--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--hide-scrollbars", "--no-pings"]);
    command.args(["--disable-background-networking", "--disable-component-update", "--disable-sync"]);
    command.arg(format!("--user-data-dir={}", folder.join("profile").display()));
    command.arg(format!("--proxy-server=http://127.0.0.1:{port}")).arg(format!("file://{}", page.display()));
    let _browser = Browser(command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap());
    let mut hosts = BTreeSet::new();
    loop {
        let (asked, body) = asked.recv_timeout(PATIENCE).expect("the browser says nothing");
        if host(&asked) == "told.invalid" {
            let told = serde_json::from_str(&body).unwrap_or_else(|_| panic!("{body}"));
            return (told, hosts);
        }
        hosts.insert(host(&asked).to_owned());
    }
}

/// Frames that a page must draw of an attempt: its resets, what ended it, and
/// what its verdict rests on.
fn deciding(report: &Report, attempt: u32) -> BTreeSet<u64> {
    let attempt = report.attempt(attempt).unwrap();
    let verdict = attempt.verdict.as_ref().unwrap();
    let c = report.connection(verdict.connection).unwrap();
    let finding = c.findings.iter().find(|finding| finding.id == verdict.finding).unwrap();
    let primary = finding.evidence.iter().filter(|e| e.role == Role::Primary).map(|e| e.frame.number);
    let end = c.ended.frame.filter(|_| c.ended.how != EndedHow::CaptureEnd).map(|frame| frame.number);
    primary.chain(end).collect()
}

fn pages() -> Vec<(String, Report, Plots)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/cases");
    let mut pages: Vec<_> = CASES
        .iter()
        .map(|case| {
            let (report, plots) = reported(&root.join(case));
            ((*case).to_owned(), report, plots)
        })
        .collect();
    // Under pseudonyms addresses are as long as can be.
    let (_, report, plots) = pages[8].clone();
    pages.push(("redacted".to_owned(), Redactor::new([7; 32]).report(&report).unwrap(), plots));
    pages
}

#[test]
fn pages_load_nothing_fit_every_width_and_draw_what_they_speak_of() {
    let Some(browser) = browser() else { return };
    let folder = tempfile::tempdir().unwrap();
    let pages = pages();
    let mut listed = Vec::new();
    for (n, (name, report, plots)) in pages.iter().enumerate() {
        let mut page = Vec::new();
        html::write(report, plots, html::Options { all: true }, &mut page).unwrap();
        let file = folder.path().join(format!("{n}.html"));
        std::fs::write(&file, &page).unwrap();
        // Without the policy nothing would be held back, and all be seen.
        let page = String::from_utf8(page).unwrap().replace("Content-Security-Policy", "x-none");
        listed.push(serde_json::json!({ "name": name, "page": page, "file": format!("file://{}", file.display()) }));
    }
    let listed = serde_json::to_string(&listed).unwrap().replace("</", "<\\/");
    let script = include_str!("browser/measure.js");
    let measuring = folder.path().join("measure.html");
    // That a request would be noticed is seen by one.
    let control = "<img src=\"http://control.invalid/pixel\" alt=\"\">";
    let page = format!(
        "<!DOCTYPE html>\n<meta charset=\"utf-8\">\n<body>{control}<script>const PAGES = {listed};\n{script}</script>"
    );
    std::fs::write(&measuring, page).unwrap();

    let (told, mut hosts) = measured(&browser, folder.path(), &measuring);
    assert!(hosts.remove("control.invalid"), "{hosts:?}");
    hosts.retain(|host| !ITS_OWN.contains(&host.as_str()));
    assert!(hosts.is_empty(), "asked for: {hosts:?}");

    assert_eq!(told.len(), 4 * pages.len());
    let mut wrong = Vec::new();
    let mut drawn = 0;
    for Told { name, shown, overflow, loaded, scripts, faint, drawings, attempts } in told {
        if overflow > 0 || scripts > 0 || !loaded.is_empty() || !faint.is_empty() || !drawings.is_empty() {
            wrong.push(format!(
                "{name}, {shown}: {overflow} px too wide, {scripts} scripts, loads {loaded:?}, too faint: {faint:?}, {drawings:#?}"
            ));
        }
        let (_, report, plots) = pages.iter().find(|page| page.0 == name).unwrap();
        let failed = report.attempts.iter().filter(|attempt| attempt.outcome == Outcome::Failed).count();
        assert_eq!(attempts.len(), failed, "{name}");
        for Drawn { attempt, ladder, sequence } in attempts {
            let wanted = deciding(report, attempt);
            assert!(!wanted.is_empty() && ladder.is_superset(&wanted), "{name}: {wanted:?}, drawn: {ladder:?}");
            let connection = report.attempt(attempt).unwrap().verdict.as_ref().unwrap().connection;
            let known: BTreeSet<u64> =
                plots.get(connection).unwrap().packets.iter().map(|packet| packet.frame.number).collect();
            let c = report.connection(connection).unwrap();
            let told: BTreeSet<u64> =
                c.steps.iter().map(|s| s.frame.number).chain(c.resets.iter().map(|r| r.frame.number)).collect();
            assert!(known.is_superset(&sequence), "{name}: {sequence:?}");
            let stray: Vec<_> =
                ladder.difference(&known).filter(|frame| !told.contains(frame) && !wanted.contains(frame)).collect();
            assert!(stray.is_empty(), "{name}: {stray:?}");
            drawn += 1;
        }
    }
    assert!(drawn > 30, "{drawn}");
    assert!(wrong.is_empty(), "{} pages:\n{}", wrong.len(), wrong.join("\n"));
}
