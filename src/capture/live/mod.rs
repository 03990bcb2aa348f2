//! The network interfaces of this machine, by libpcap.

#[cfg(unix)]
mod filter;
#[cfg(unix)]
mod tap;

use std::net::IpAddr;

#[cfg(unix)]
pub use filter::default_filter;
#[cfg(unix)]
pub use tap::{Tap, TapCounters, TapError, TapOptions, wait};

/// An interface that packets could be captured on.
#[derive(Clone, Debug)]
pub struct NetworkInterface {
    /// What the system calls it: `eth0`, `any`.
    pub name: String,
    /// What it is, where the system says so.
    pub description: Option<String>,
    /// Its addresses.
    pub addresses: Vec<IpAddr>,
    /// It is switched on.
    pub is_up: bool,
    /// It leads back to this machine.
    pub is_loopback: bool,
    /// What its frames begin with, where the system says so without opening it.
    pub link: Option<&'static str>,
    /// Packets received and sent since it was switched on, where the system
    /// counts them.
    pub traffic: Option<(u64, u64)>,
}

/// Lists the interfaces, those that are up first, as libpcap orders them.
///
/// # Errors
/// What libpcap says, in its own words.
pub fn network_interfaces() -> Result<Vec<NetworkInterface>, String> {
    let devices = pcap::Device::list().map_err(|error| error.to_string())?;
    let interfaces = devices.into_iter().map(|device| NetworkInterface {
        link: link(&device.name),
        traffic: traffic(&device.name),
        is_up: device.flags.is_up(),
        is_loopback: device.flags.is_loopback(),
        name: device.name,
        description: device.desc,
        addresses: device.addresses.into_iter().map(|address| address.addr).collect(),
    });
    Ok(interfaces.collect())
}

/// What Linux says of an interface in a file of its own.
fn told(interface: &str, what: &str) -> Option<u64> {
    // Names are what the system gave, and hold no slash; `any` has no folder.
    std::fs::read_to_string(format!("/sys/class/net/{interface}/{what}")).ok()?.trim().parse().ok()
}

/// The ARPHRD_ number (Linux, if_arp.h), as far as frames of its kind are
/// understood.
fn link(interface: &str) -> Option<&'static str> {
    Some(match told(interface, "type")? {
        1 | 772 => "Ethernet",
        512 => "PPP",
        768 | 769 | 776 | 778 | 65534 => "raw IP",
        801..=803 => "802.11",
        _ => "another kind of frame",
    })
}

fn traffic(interface: &str) -> Option<(u64, u64)> {
    told(interface, "statistics/rx_packets").zip(told(interface, "statistics/tx_packets"))
}
