//! Which addresses a stranger's URL may lead to.
//!
//! Sources: the IANA special-purpose address registries for IPv4 and IPv6 (RFC 6890 and what
//! followed it). Of IPv6 only 2000::/3 is handed out for global unicast, so everything outside it
//! (loopback, unique local, link-local, multicast, NAT64 64:ff9b::/96 and 64:ff9b:1::/48, discard,
//! SRv6 5f00::/16) falls without being listed.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::{IpNet, Ipv4Net, Ipv6Net};

/// The rules for addresses.
#[derive(Clone, Debug, Default)]
pub struct AddressPolicy {
    /// Networks that are allowed though they are not public: the company's own receivers, or
    /// `127.0.0.0/8` in a demo. An IPv4 network also covers its v4-mapped IPv6 form.
    pub allowed: Vec<IpNet>,
    /// Whether only `https` URLs are called.
    pub https_only: bool,
}

impl AddressPolicy {
    /// Whether an address may be connected to.
    pub fn permits(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        self.allowed.iter().any(|net| net.contains(&address)) || is_public(address)
    }
}

fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => !NOT_PUBLIC_V4.iter().any(|net| net.contains(&address)),
        IpAddr::V6(address) => {
            GLOBAL_V6.contains(&address) && !NOT_PUBLIC_V6.iter().any(|net| net.contains(&address))
        }
    }
}

const fn v4(a: u8, b: u8, c: u8, d: u8, prefix: u8) -> Ipv4Net {
    Ipv4Net::new_assert(Ipv4Addr::new(a, b, c, d), prefix)
}

const fn v6(a: u16, b: u16, prefix: u8) -> Ipv6Net {
    Ipv6Net::new_assert(Ipv6Addr::new(a, b, 0, 0, 0, 0, 0, 0), prefix)
}

const NOT_PUBLIC_V4: [Ipv4Net; 16] = [
    v4(0, 0, 0, 0, 8),        // this network
    v4(10, 0, 0, 0, 8),       // private
    v4(100, 64, 0, 0, 10),    // carrier-grade NAT
    v4(127, 0, 0, 0, 8),      // loopback
    v4(168, 63, 129, 16, 32), // Azure's platform services, on a public address
    v4(169, 254, 0, 0, 16),   // link-local, with the clouds' metadata services
    v4(172, 16, 0, 0, 12),    // private
    v4(192, 0, 0, 0, 24),     // protocol assignments
    v4(192, 0, 2, 0, 24),     // documentation
    v4(192, 88, 99, 0, 24),   // 6to4 relays
    v4(192, 168, 0, 0, 16),   // private
    v4(198, 18, 0, 0, 15),    // benchmarks
    v4(198, 51, 100, 0, 24),  // documentation
    v4(203, 0, 113, 0, 24),   // documentation
    v4(224, 0, 0, 0, 4),      // multicast
    v4(240, 0, 0, 0, 4),      // reserved, with the broadcast address
];

const GLOBAL_V6: Ipv6Net = v6(0x2000, 0, 3);

const NOT_PUBLIC_V6: [Ipv6Net; 4] = [
    v6(0x2001, 0, 23),     // protocol assignments: Teredo, benchmarks, ORCHID
    v6(0x2001, 0xdb8, 32), // documentation
    v6(0x2002, 0, 16),     // 6to4: an IPv4 address in disguise
    v6(0x3fff, 0, 20),     // documentation
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_told_apart() {
        let policy = AddressPolicy::default();
        let forbidden = "0.0.0.0 0.1.2.3 10.0.0.1 10.255.255.255 100.64.0.1 100.127.255.255 127.0.0.1 127.255.0.1 \
            168.63.129.16 169.254.169.254 169.254.170.2 172.16.0.1 172.31.255.255 192.0.0.8 192.0.2.1 192.88.99.1 \
            192.168.0.1 198.18.0.1 198.19.255.255 198.51.100.7 203.0.113.9 224.0.0.1 239.255.255.255 240.0.0.1 \
            255.255.255.255 :: ::1 ::7f00:1 ::ffff:127.0.0.1 ::ffff:169.254.169.254 ::ffff:10.0.0.1 ::ffff:0:127.0.0.1 \
            64:ff9b::7f00:1 64:ff9b::808:808 64:ff9b:1::1 100::1 2001::1 2001:2::1 2001:10::1 2001:20::1 2001:1ff::1 \
            2001:db8::1 2002:7f00:1:: 2002:a9fe:a9fe::1 3fff::1 3fff:fff::1 4000::1 5f00::1 fc00::1 fd00:ec2::254 \
            fe80::1 fec0::1 ff02::1";
        for text in forbidden.split_whitespace() {
            assert!(!policy.permits(text.parse().unwrap()), "{text}");
        }
        let permitted = "1.1.1.1 8.8.8.8 9.255.255.255 11.0.0.1 100.63.255.255 100.128.0.1 126.255.255.255 128.0.0.1 \
            168.63.129.17 169.253.255.255 172.15.255.255 172.32.0.1 192.0.1.1 192.167.255.255 192.169.0.1 \
            198.17.255.255 198.20.0.1 223.255.255.255 ::ffff:8.8.8.8 2001:200::1 2001:4860:4860::8888 2001:db9::1 \
            2003::1 2606:4700:4700::1111 2a00:1450::1 3fff:1000::1";
        for text in permitted.split_whitespace() {
            assert!(policy.permits(text.parse().unwrap()), "{text}");
        }
    }

    #[test]
    fn allowed_networks_are_exceptions() {
        let policy = AddressPolicy {
            allowed: vec!["127.0.0.0/8".parse().unwrap(), "fd00:1::/32".parse().unwrap()],
            https_only: false,
        };
        for text in ["127.0.0.1", "::ffff:127.0.0.1", "fd00:1::5", "8.8.8.8"] {
            assert!(policy.permits(text.parse().unwrap()), "{text}");
        }
        for text in ["::1", "10.0.0.1", "fd00:2::5", "169.254.169.254"] {
            assert!(!policy.permits(text.parse().unwrap()), "{text}");
        }
    }
}
