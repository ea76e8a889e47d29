//! An IP address as text, written once and kept inline.

use std::io::Write as _;
use std::net::IpAddr;

/// The longest text: an IPv6 address with an IPv4 one inside.
const MAX: usize = 45;

/// The text of an IP address, without allocation.
#[derive(Debug, Clone, Copy)]
pub(crate) struct IpText {
    bytes: [u8; MAX],
    len: u8,
}

impl IpText {
    /// Writes `address`.
    pub(crate) fn new(address: IpAddr) -> Self {
        let mut bytes = [0; MAX];
        if let IpAddr::V4(address) = address {
            // A tenth of what formatting costs, for every connection.
            let mut len = 0;
            for (index, octet) in address.octets().into_iter().enumerate() {
                if index > 0 {
                    bytes[len] = b'.';
                    len += 1;
                }
                let mut digits = itoa::Buffer::new();
                let digits = digits.format(octet).as_bytes();
                bytes[len..len + digits.len()].copy_from_slice(digits);
                len += digits.len();
            }
            return Self { bytes, len: len as u8 };
        }
        let mut rest = &mut bytes[..];
        // An address is never longer than the room.
        let _ = write!(rest, "{address}");
        let len = (MAX - rest.len()) as u8;
        Self { bytes, len }
    }

    /// The text.
    #[inline]
    pub(crate) fn as_bytes(&self) -> &[u8] {
        &self.bytes[..usize::from(self.len)]
    }
}

#[cfg(test)]
mod tests {
    use super::IpText;

    #[test]
    fn the_longest_address_fits() {
        let longest = "1111:2222:3333:4444:5555:6666:7777:8888";
        for text in [longest, "255.255.255.255", "10.0.0.9", "::ffff:255.255.255.255", "::1"] {
            let address = text.parse().expect("the test names addresses");
            assert_eq!(IpText::new(address).as_bytes(), text.as_bytes());
        }
    }
}
