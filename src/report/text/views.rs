//! Servers and clients: what their attempts show together.

use super::page::{Page, Tone};
use super::words;
use crate::report::document::{Client, Report, Server};
use crate::report::escape;

/// The most servers and the most clients described.
const MOST_LISTED: usize = 10;

/// So many half-done connections at once are worth a line; a few are the
/// ordinary course of things.
const MANY_HALF_DONE: u64 = 10;

/// The servers at which something failed, and the clients that failed at
/// several; nothing where one attempt is the whole report.
pub(super) fn views(page: &mut Page<'_>, report: &Report, all: bool) {
    if report.attempts.len() < 2 {
        return;
    }
    let most = if all { usize::MAX } else { MOST_LISTED };
    let telling = |s: &&Server| s.failed > 0 || s.half_done.as_ref().is_some_and(|h| h.most >= MANY_HALF_DONE);
    let servers: Vec<_> = report.servers.iter().filter(telling).collect();
    if !servers.is_empty() {
        page.heading("By server");
        for one in servers.iter().take(most) {
            server(page, one);
        }
        more(page, servers.len().saturating_sub(most), "more server");
    }
    let clients: Vec<_> = report.clients.iter().filter(|c| c.sentence.is_some()).collect();
    if !clients.is_empty() {
        page.heading("By client");
        for one in clients.iter().take(most) {
            client(page, one);
        }
        more(page, clients.len().saturating_sub(most), "more client");
    }
}

fn server(page: &mut Page<'_>, server: &Server) {
    let address = crate::report::document::Endpoint { ip: server.ip, port: server.port };
    let (attempts, clients) = (words::counted(server.attempts, "attempt"), words::counted(server.clients, "client"));
    let results = results(server.failed, server.active);
    let at_least = at_least(server.clients_at_least);
    page.item("- ", &format!("{address}: {attempts} of {at_least}{clients}, {results}"));
    if !server.by_finding.is_empty() {
        let mut causes: Vec<_> = server.by_finding.iter().collect();
        causes.sort_by_key(|&(id, n)| (core::cmp::Reverse(n), id));
        let causes: Vec<_> =
            causes.iter().map(|(id, n)| format!("{} {}", escape::text(id), words::count(**n))).collect();
        page.item("  ", &format!("failures: {}", causes.join(", ")));
    }
    if let Some(sentence) = &server.sentence {
        page.item_in("  ", &escape::sentence(sentence), Tone::Warn);
    }
    let times = [
        ("first failure", server.first_failure),
        ("last failure", server.last_failure.filter(|last| Some(*last) != server.first_failure)),
        ("first success", server.first_success.filter(|_| server.failed > 0)),
        ("last success", server.last_success.filter(|last| server.failed > 0 && Some(*last) != server.first_success)),
    ];
    let times: Vec<_> =
        times.iter().filter_map(|(what, time)| Some(format!("{what} {}", words::date((*time)?)))).collect();
    if !times.is_empty() {
        page.item("  ", &times.join(", "));
    }
    match server.certificates.as_slice() {
        [] => {}
        [one] if one.connections > 1 => {
            page.item("  ", &format!("the same certificate on {}", words::counted(one.connections, "connection")));
        }
        [_] => {}
        several => {
            let n = words::counted(several.len() as u64, "different certificate");
            page.item("  ", &format!("{n}: renewed, a farm behind one address, or TLS inspection in between"));
        }
    }
    if let Some(shared) = server.certificates.iter().find(|seen| seen.servers > 1) {
        let others = words::counted(shared.servers - 1, "other server");
        page.item("  ", &format!("{others} showed its certificate: a farm, one image for many, or TLS inspection"));
    }
    if let Some(half_done) = server.half_done.as_ref().filter(|h| h.most >= MANY_HALF_DONE) {
        let most = words::counted(half_done.most, "connection");
        page.item("  ", &format!("up to {most} half done at once (begun, neither at the desktop nor ended)"));
    }
}

fn client(page: &mut Page<'_>, client: &Client) {
    let (attempts, servers) = (words::counted(client.attempts, "attempt"), words::counted(client.servers, "server"));
    let results = results(client.failed, client.active);
    let at_least = at_least(client.servers_at_least);
    page.item("- ", &format!("{}: {attempts} at {at_least}{servers}, {results}", client.ip));
    if let Some(sentence) = &client.sentence {
        page.item_in("  ", &escape::sentence(sentence), Tone::Warn);
    }
}

const fn at_least(more: bool) -> &'static str {
    if more { "at least " } else { "" }
}

fn results(failed: u64, active: u64) -> String {
    format!("{} failed, {} worked", words::count(failed), words::count(active))
}

fn more(page: &mut Page<'_>, n: usize, what: &str) {
    if n > 0 {
        let n = words::counted(n as u64, what);
        page.item_in("- ", &format!("and {n} (--all shows them)"), Tone::Dim);
    }
}
