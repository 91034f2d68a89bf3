//! Which addresses functions reach, and what each of them stands for.

use std::net::{IpAddr, Ipv4Addr, SocketAddr, SocketAddrV4};
use std::str::FromStr;

/// A sandbox's own address besides those of loopback: one of the block that AWS's functions have theirs in.
pub(crate) const OWN_ADDRESS: Ipv4Addr = Ipv4Addr::new(169, 254, 76, 1);
/// Where names are asked for, as in AWS's functions.
pub(crate) const RESOLVER: SocketAddrV4 = SocketAddrV4::new(Ipv4Addr::new(169, 254, 78, 1), 53);

/// What functions in sandboxes reach beyond their region.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Egress {
    /// Nothing.
    None,
    /// What this machine reaches, but not the machine itself: neither its loopback nor the addresses of its
    /// interfaces, nor what is link-local to it, unless they lie in one of these networks.
    Internet(Vec<Network>),
}

/// A network by an address and how many bits of it are given: `10.0.0.0/8`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Network {
    address: Ipv4Addr,
    bits: u32,
}

impl FromStr for Network {
    type Err = &'static str;

    /// An address without bits is a network of one.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (address, bits) = text.split_once('/').unwrap_or((text, "32"));
        let address = address.parse().map_err(|_| "no IPv4 address")?;
        let bits = bits.parse().map_err(|_| "no number of bits")?;
        if bits > 32 { Err("more than 32 bits") } else { Ok(Self { address, bits }) }
    }
}

impl Network {
    fn contains(self, address: Ipv4Addr) -> bool {
        let mask = u32::MAX.checked_shl(32 - self.bits).unwrap_or(0);
        (u32::from(self.address) ^ u32::from(address)) & mask == 0
    }
}

/// What an address stands for that a program in a sandbox names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Destination {
    /// Something within the sandbox, or nothing at all: the kernel knows.
    Within,
    /// The resolvers of this machine.
    Resolver(SocketAddrV4),
    /// A host out there.
    Outside(SocketAddrV4),
    /// Not for functions: the error that says so.
    Refused(i32),
}

/// Judges an address. `is_own` says whether it is one of this machine's.
pub(super) fn judge(
    address: SocketAddr,
    allowed: &[Network],
    is_own: impl Fn(Ipv4Addr) -> bool,
) -> Destination {
    // A socket for both versions writes the older addresses in the newer form.
    let IpAddr::V4(ip) = address.ip().to_canonical() else { return Destination::Within };
    let named = SocketAddrV4::new(ip, address.port());
    if ip.is_loopback() || ip.is_unspecified() || ip == OWN_ADDRESS {
        return Destination::Within;
    }
    if named == RESOLVER {
        return Destination::Resolver(named);
    }
    if allowed.iter().any(|network| network.contains(ip)) {
        return Destination::Outside(named);
    }
    let reserved = ip.octets()[0] == 0 || ip.octets()[0] >= 224;
    if reserved || ip.is_link_local() {
        return Destination::Refused(libc::ENETUNREACH);
    }
    if is_own(ip) { Destination::Refused(libc::ECONNREFUSED) } else { Destination::Outside(named) }
}

/// Whether an address is one of this machine's interfaces: nothing else can be bound to.
pub(super) fn is_own(ip: Ipv4Addr) -> bool {
    match std::net::UdpSocket::bind((ip, 0)) {
        Ok(_) => true,
        // Out of descriptors, say: then nothing is known, and nothing opened.
        Err(error) => error.kind() != std::io::ErrorKind::AddrNotAvailable,
    }
}

/// The first resolver of this machine.
pub(super) fn resolver() -> Option<SocketAddr> {
    nameserver(&std::fs::read_to_string("/etc/resolv.conf").ok()?)
}

fn nameserver(text: &str) -> Option<SocketAddr> {
    let servers = text.lines().filter_map(|line| line.trim().strip_prefix("nameserver"));
    let addresses = servers.filter_map(|rest| rest.trim().parse::<IpAddr>().ok());
    addresses.map(|ip| SocketAddr::new(ip, RESOLVER.port())).next()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judged(address: &str, allowed: &[&str]) -> Destination {
        let allowed: Vec<Network> = allowed.iter().map(|text| text.parse().unwrap()).collect();
        judge(address.parse().unwrap(), &allowed, |ip| ip == Ipv4Addr::new(192, 0, 2, 2))
    }

    #[test]
    fn addresses_are_judged() {
        let outside = |text: &str| Destination::Outside(text.parse().unwrap());
        let unreachable = Destination::Refused(libc::ENETUNREACH);
        let cases = [
            ("127.0.0.1:9001", Destination::Within),
            ("127.9.9.9:1", Destination::Within),
            ("0.0.0.0:80", Destination::Within),
            ("169.254.76.1:80", Destination::Within),
            ("[::1]:80", Destination::Within),
            ("[2001:db8::1]:80", Destination::Within),
            ("[::ffff:127.0.0.1]:80", Destination::Within),
            ("169.254.78.1:53", Destination::Resolver(RESOLVER)),
            ("169.254.78.1:54", unreachable),
            ("169.254.169.254:80", unreachable),
            ("0.1.2.3:80", unreachable),
            ("224.0.0.1:80", unreachable),
            ("255.255.255.255:80", unreachable),
            ("192.0.2.2:80", Destination::Refused(libc::ECONNREFUSED)),
            ("192.0.2.3:80", outside("192.0.2.3:80")),
            ("[::ffff:192.0.2.3]:80", outside("192.0.2.3:80")),
        ];
        for (address, expected) in cases {
            assert_eq!(judged(address, &[]), expected, "{address}");
        }
        assert_eq!(judged("192.0.2.2:80", &["192.0.2.0/30"]), outside("192.0.2.2:80"));
        assert_eq!(judged("127.0.0.1:80", &["0.0.0.0/0"]), Destination::Within);
    }

    #[test]
    fn networks() {
        let contains =
            |network: &str, ip: &str| network.parse::<Network>().unwrap().contains(ip.parse().unwrap());
        assert!(contains("10.0.0.0/8", "10.255.0.1") && !contains("10.0.0.0/8", "11.0.0.1"));
        assert!(contains("0.0.0.0/0", "203.0.113.9"));
        assert!(contains("198.51.100.7", "198.51.100.7") && !contains("198.51.100.7", "198.51.100.6"));
        for bad in ["", "10.0.0.0/33", "10.0.0/8", "::/0", "10.0.0.0/", "10.0.0.0/-1"] {
            assert!(bad.parse::<Network>().is_err(), "{bad}");
        }
    }

    #[test]
    fn this_machine_knows_its_addresses() {
        assert!(is_own(Ipv4Addr::LOCALHOST));
        // A block for documentation, of which no machine has this one.
        assert!(!is_own(Ipv4Addr::new(203, 0, 113, 253)));
    }

    #[test]
    fn resolvers() {
        let text =
            "# made by\nsearch home\nnameserver fe80::1%eth0\n nameserver 192.0.2.53\nnameserver ::1\n";
        assert_eq!(nameserver(text), Some("192.0.2.53:53".parse().unwrap()));
        assert_eq!(nameserver("options x\n"), None);
    }
}
