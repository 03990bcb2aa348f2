//! The network interfaces of this machine, by libpcap.

use std::net::IpAddr;

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
}

/// Lists the interfaces, those that are up first, as libpcap orders them.
///
/// # Errors
/// What libpcap says, in its own words.
pub fn network_interfaces() -> Result<Vec<NetworkInterface>, String> {
    let devices = pcap::Device::list().map_err(|error| error.to_string())?;
    let interfaces = devices.into_iter().map(|device| NetworkInterface {
        is_up: device.flags.is_up(),
        is_loopback: device.flags.is_loopback(),
        name: device.name,
        description: device.desc,
        addresses: device.addresses.into_iter().map(|address| address.addr).collect(),
    });
    Ok(interfaces.collect())
}
