//! `rdpwhy reveal`: back from a pseudonym, for whoever has the key.

use std::io::Write;
use std::net::{IpAddr, SocketAddr};

use anyhow::Context;
use rdpwhy::report::escape;
use rdpwhy::report::redact::Redactor;

use super::args::Reveal;
use super::console::Console;
use super::exit::Exit;
use super::redaction;

/// Prints what stands behind each pseudonym.
pub(super) fn run(asked: &Reveal, console: &mut Console) -> anyhow::Result<Exit> {
    let redactor = Redactor::new(redaction::read(&asked.key)?);
    let mut out = console.stdout();
    for pseudonym in &asked.pseudonyms {
        let name = revealed(&redactor, pseudonym);
        writeln!(out, "{}\t{}", escape::sentence(pseudonym), escape::sentence(&name))
            .context("standard output: the names could not be written")?;
    }
    out.flush().context("standard output: the names could not be written")?;
    Ok(Exit::Success)
}

fn revealed(redactor: &Redactor, pseudonym: &str) -> String {
    if let Ok(address) = pseudonym.parse::<IpAddr>() {
        return redactor.reveal_address(address).to_string();
    }
    if let Ok(end) = pseudonym.parse::<SocketAddr>() {
        return SocketAddr::from((redactor.reveal_address(end.ip()), end.port())).to_string();
    }
    match mac(pseudonym) {
        Some(mac) => redactor.reveal_mac(mac).map(|byte| format!("{byte:02x}")).join(":"),
        None => redactor.reveal_name(pseudonym),
    }
}

fn mac(text: &str) -> Option<[u8; 6]> {
    let mut mac = [0; 6];
    let mut parts = text.split([':', '-']);
    for byte in &mut mac {
        *byte = parts.next().filter(|part| part.len() == 2).and_then(|part| u8::from_str_radix(part, 16).ok())?;
    }
    parts.next().is_none().then_some(mac)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_that_is_hidden_comes_back() {
        let redactor = Redactor::new([8; 32]);
        let address: IpAddr = "10.20.30.40".parse().unwrap();
        assert_eq!(revealed(&redactor, &redactor.address(address).to_string()), "10.20.30.40");
        let end = format!("{}:3389", redactor.address(address));
        assert_eq!(revealed(&redactor, &end), "10.20.30.40:3389");
        assert_eq!(revealed(&redactor, &redactor.name("SRV01.corp.example")), "srv01.corp.example");
        let hidden = redactor.mac([0x52, 0x54, 0, 1, 2, 3]).map(|byte| format!("{byte:02X}")).join("-");
        assert_eq!(revealed(&redactor, &hidden), "52:54:00:01:02:03");
    }
}
