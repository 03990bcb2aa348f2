//! `rdpwhy interfaces`: where a capture could be taken on this machine.

use std::io::Write;

use rdpwhy::capture::{NetworkInterface, network_interfaces};
use rdpwhy::report::escape;

use super::console::Console;
use super::exit::Exit;

/// Lists the interfaces, one a line.
pub(super) fn run(console: &mut Console) -> anyhow::Result<Exit> {
    let interfaces = network_interfaces().map_err(anyhow::Error::msg)?;
    let width = interfaces.iter().map(|interface| interface.name.chars().count()).max().unwrap_or_default();
    let mut out = console.stdout();
    for interface in &interfaces {
        writeln!(out, "{:width$}  {}", escape::text(&interface.name), facts(interface))?;
    }
    out.flush()?;
    Ok(Exit::Success)
}

fn facts(interface: &NetworkInterface) -> String {
    let mut facts = vec![if interface.is_up { "up" } else { "down" }.to_owned()];
    if interface.is_loopback {
        facts.push("loopback".to_owned());
    }
    facts.extend(interface.addresses.iter().map(ToString::to_string));
    facts.extend(interface.link.map(str::to_owned));
    facts.extend(interface.traffic.map(|(received, sent)| format!("{received} packets in, {sent} out")));
    facts.extend(interface.description.as_deref().map(|text| escape::text(text).to_string()));
    facts.join(", ")
}
