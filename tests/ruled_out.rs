//! What is said to be ruled out must not be what happened.
//!
//! A cause that the truth of a case names may be missed, where the capture does
//! not show it; that it is *excluded* would be a false statement. That holds
//! from both ends, and for captures that stop, begin late or lack packets.

use std::collections::BTreeSet;
use std::net::SocketAddr;

use rdpwhy::analysis::Analysis;
use rdpwhy::flow::Endpoint;
use serde::Deserialize;

use super::cases::{captures, folders};
use super::laws_resets::{Kept, play, read};

/// The part of a case's truth that says what happened.
#[derive(Debug, Deserialize)]
struct Truth {
    name: String,
    connections: Vec<Connection>,
    #[serde(default)]
    unlisted_connections: usize,
    expect: Expect,
    expect_from_client: Option<Expect>,
    expect_from_server: Option<Expect>,
}

#[derive(Debug, Deserialize)]
struct Connection {
    client: String,
    /// Of this connection alone, where those of a case have different fates.
    verdict: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
struct Expect {
    #[serde(default)]
    must: Vec<String>,
    verdict: Option<String>,
}

impl Truth {
    /// Everything that happened in the case, whichever end shows it.
    fn happened(&self) -> BTreeSet<&str> {
        let everywhere = [Some(&self.expect), self.expect_from_client.as_ref(), self.expect_from_server.as_ref()];
        let all = everywhere.into_iter().flatten().flat_map(|expect| expect.must.iter().chain(&expect.verdict));
        all.map(String::as_str).filter(|id| !matches!(*id, "" | "any")).collect()
    }

    /// False exclusions of an analysis of this case.
    ///
    /// Where a case has several connections, what happened to one of them may
    /// well be ruled out for another; not for all, and not for the one that is
    /// known to have met it.
    fn contradicted<'a>(&'a self, analysis: &'a Analysis) -> Vec<(&'a str, &'a str)> {
        let excluded = |client: Option<&str>, id: &str| {
            let connections = analysis.connections.iter();
            let is_meant = |endpoint: Endpoint| {
                client.is_none_or(|name| SocketAddr::new(endpoint.ip, endpoint.port).to_string() == name)
            };
            let of = connections.filter(|c| is_meant(c.tcp.endpoints.client));
            let mut all: Vec<Option<&str>> =
                of.map(|c| c.diagnosis.excluded.iter().find(|e| e.finding == id).map(|e| &*e.because)).collect();
            all.pop().and_then(|first| all.iter().all(Option::is_some).then_some(first)).flatten()
        };
        // The one that met it may be missing.
        let all_are_there = analysis.connections.len() >= self.connections.len() + self.unlisted_connections;
        let happened = if all_are_there { self.happened() } else { BTreeSet::new() };
        let anywhere = happened.into_iter().filter_map(|id| Some((id, excluded(None, id)?)));
        let met = self.connections.iter().filter_map(|c| Some((c.client.as_str(), c.verdict.as_deref()?)));
        let there = met.filter_map(|(client, id)| Some((id, excluded(Some(client), id)?)));
        anywhere.chain(there).collect()
    }
}

/// A capture and what is left of it after some mishap.
fn damages(all: &[Kept]) -> Vec<(String, Vec<Kept>)> {
    let mut made = vec![("whole".to_owned(), all.to_vec())];
    let eighths = |count: usize| (1..=count).map(move |n| all.len() * n / 8).filter(|n| *n > 0);
    for n in eighths(7).chain([all.len().saturating_sub(1)]) {
        made.push((format!("first {n} packets"), all[..n].to_vec()));
    }
    for n in eighths(4) {
        made.push((format!("from packet {n} on"), all[n..].to_vec()));
    }
    for nth in [3, 7] {
        let kept = (1..).zip(all).filter(|(i, _)| i % nth != 0).map(|(_, kept)| kept.clone());
        made.push((format!("without every {nth}. packet"), kept.collect()));
    }
    made
}

#[test]
fn what_happened_is_never_ruled_out() {
    let (mut wrong, mut exclusions) = (Vec::new(), 0);
    for folder in folders() {
        let truth: Truth = toml::from_str(&std::fs::read_to_string(folder.join("truth.toml")).unwrap()).unwrap();
        for (vantage, path) in captures(&folder) {
            for (how, packets) in damages(&read(&[&path])) {
                let analysis = play(&packets);
                exclusions += analysis.connections.iter().map(|c| c.diagnosis.excluded.len()).sum::<usize>();
                for (id, because) in truth.contradicted(&analysis) {
                    wrong.push(format!("{}/{vantage}, {how}: {id} is ruled out: {because}", truth.name));
                }
            }
        }
    }
    println!("{exclusions} causes ruled out, {} of them wrongly", wrong.len());
    assert!(exclusions > 10_000, "there is something to check");
    assert!(wrong.is_empty(), "{} false exclusions:\n{}", wrong.len(), wrong.join("\n"));
}
