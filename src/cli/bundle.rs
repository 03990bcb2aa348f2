//! `rdpwhy bundle`: everything for the ticket in one file.

use std::io::{self, Write};

use rdpwhy::capture::CaptureOptions;
use rdpwhy::report::document::Report;
use rdpwhy::report::evidence::{Evidence, Selection, Written};
use rdpwhy::report::{html, json, markdown, text};
use zip::result::ZipError;
use zip::write::{SimpleFileOptions, StreamWriter, ZipWriter};

use super::args::BundleArguments;
use super::console::Console;
use super::evidence::{self, Analysed};
use super::exit::Exit;
use super::output;
use super::redaction;

type Archive<'a> = ZipWriter<StreamWriter<UntilFull<'a>>>;

/// Analyses, and writes the archive.
pub(super) fn run(asked: &BundleArguments, console: &mut Console) -> anyhow::Result<Exit> {
    evidence::check(&asked.files, &asked.output)?;
    let redactor = redaction::redactor(&asked.redaction, [asked.output.as_path()])?;
    // What goes to others says which file it was made from.
    let options = CaptureOptions { sha256: true };
    let analysed = evidence::analysed(&asked.files, options, redactor, &asked.output, true, console)?;
    let selection = Selection::failed(&analysed.report);
    let packets = (!selection.is_empty()).then(|| evidence::collect(&asked.files, selection, console));
    let mut written = Written::default();
    output::write(&asked.output, |out| {
        written = archive(&analysed, packets.as_ref(), asked.full, out)?;
        Ok(())
    })?;
    if let Some(packets) = &packets {
        evidence::complain(written, packets, console);
    }
    Ok(Exit::of_report(&analysed.report, asked.exit_zero).or_missing(analysed.missing))
}

fn archive(analysed: &Analysed, packets: Option<&Evidence>, full: bool, out: &mut dyn Write) -> io::Result<Written> {
    let report = &analysed.told;
    let mut archive = ZipWriter::new_stream(UntilFull { out, failed: None });
    let mut written = Written::default();
    start(&mut archive, "README.txt")?;
    archive.write_all(readme(report, packets.is_some(), analysed.redactor.is_some()).as_bytes())?;
    start(&mut archive, "report.html")?;
    html::write(report, &analysed.plots, html::Options { all: false }, &mut archive)?;
    start(&mut archive, "report.md")?;
    markdown::write(report, markdown::Options { all: true }, &mut archive)?;
    start(&mut archive, "report.txt")?;
    text::write(report, text::Options { all: true, color: false }, &mut archive)?;
    start(&mut archive, "report.json")?;
    json::write(report, &mut archive)?;
    if let Some(packets) = packets {
        start(&mut archive, "evidence.pcapng")?;
        written = evidence::write(packets, analysed, full, &mut archive)?;
    }
    archive.finish().map_err(plain)?.into_inner().end()?;
    Ok(written)
}

fn start(archive: &mut Archive<'_>, file: &str) -> io::Result<()> {
    archive.start_file(file, SimpleFileOptions::default()).map_err(plain)
}

/// What the system said, without what `zip` puts around it.
fn plain(error: ZipError) -> io::Error {
    match error {
        ZipError::Io(error) => error,
        other => other.into(),
    }
}

/// Refuses to write once, and takes everything from then on, to nowhere.
///
/// An archive that is given up tries to write its end all the same, and where that
/// fails, too, `zip` prints so to standard error, in its own words.
struct UntilFull<'a> {
    out: &'a mut dyn Write,
    failed: Option<io::ErrorKind>,
}

impl UntilFull<'_> {
    fn attempt<T>(&mut self, or: T, to: impl FnOnce(&mut dyn Write) -> io::Result<T>) -> io::Result<T> {
        if self.failed.is_some() {
            return Ok(or);
        }
        to(self.out).inspect_err(|error| {
            // Who is interrupted tries again.
            self.failed = Some(error.kind()).filter(|kind| *kind != io::ErrorKind::Interrupted);
        })
    }

    /// Nothing is lost that was taken.
    fn end(self) -> io::Result<()> {
        self.failed.map_or_else(|| self.out.flush(), |kind| Err(kind.into()))
    }
}

impl Write for UntilFull<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.attempt(bytes.len(), |out| out.write(bytes))
    }

    fn flush(&mut self) -> io::Result<()> {
        self.attempt((), |out| out.flush())
    }
}

fn readme(report: &Report, has_packets: bool, is_redacted: bool) -> String {
    let mut text = format!(
        "Why did this Remote Desktop connection die? Made by {} {}, which read\npacket captures and sent nothing anywhere.\n\n",
        report.tool.name, report.tool.version
    );
    text.push_str("report.html      the report with diagrams, for any browser; it loads nothing\n");
    text.push_str("report.md        the report, for a ticket; it reads well as plain text, too\n");
    text.push_str("report.txt       the same without markup\n");
    text.push_str("report.json      everything, for programs\n");
    if has_packets {
        text.push_str("evidence.pcapng  the packets of the failed attempts, with comments on those\n");
        text.push_str("                 that decide: open it in Wireshark; the comment of the file\n");
        text.push_str("                 says where to look. Frame numbers in the reports are those\n");
        text.push_str("                 of the original capture; the comments name both.\n");
    } else {
        text.push_str("\nNo attempt failed, so there is no file with packets.\n");
    }
    if is_redacted {
        text.push_str("\nAddresses and names are pseudonyms, the same in all files. Whoever made this can\nturn them back if they kept the key: rdpwhy reveal KEYFILE PSEUDONYM.\n");
    } else {
        text.push_str("\nNothing was redacted: addresses, and names that were sent in the clear, are the\nreal ones. rdpwhy bundle --redact makes an archive with pseudonyms.\n");
    }
    text
}
