//! What a call that was handed over names: its addresses, read from the caller's memory.

use crate::sys::notify::{self, Call};
use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::os::fd::{AsFd, OwnedFd};

/// Messages of one call whose addresses are looked at.
const MAX_MESSAGES: u64 = 16;
const LONGEST_ADDRESS: usize = 28;
/// A message's head, and where in it its address and the address's length lie.
const HEAD_BYTES: u64 = 64;
const NAME: usize = 0;
const NAME_LENGTH: usize = 8;

/// The addresses that a call names; none where it names none of the internet.
pub(super) fn addresses(call: &Call) -> io::Result<Vec<SocketAddr>> {
    let [_, second, third, _, fifth, sixth] = call.arguments;
    match call.number {
        libc::SYS_connect => Ok(address(call, second, third)?.into_iter().collect()),
        libc::SYS_sendto => Ok(address(call, fifth, sixth)?.into_iter().collect()),
        libc::SYS_sendmsg => Ok(of_message(call, second)?.into_iter().collect()),
        libc::SYS_sendmmsg => {
            let mut found = Vec::new();
            for place in 0..third.min(MAX_MESSAGES) {
                found.extend(of_message(call, second.wrapping_add(place * HEAD_BYTES))?);
            }
            Ok(found)
        }
        _ => Ok(Vec::new()),
    }
}

fn of_message(call: &Call, head: u64) -> io::Result<Option<SocketAddr>> {
    let mut bytes = [0; 16];
    read(call, head, &mut bytes)?;
    let name = bytes[NAME..].first_chunk().map_or(0, |bytes| u64::from_ne_bytes(*bytes));
    let length = bytes[NAME_LENGTH..].first_chunk().map_or(0, |bytes| u32::from_ne_bytes(*bytes));
    if name == 0 { Ok(None) } else { address(call, name, length.into()) }
}

fn address(call: &Call, place: u64, length: u64) -> io::Result<Option<SocketAddr>> {
    let mut bytes = [0; LONGEST_ADDRESS];
    let length = usize::try_from(length).unwrap_or(usize::MAX).min(LONGEST_ADDRESS);
    let bytes = bytes.get_mut(..length).unwrap_or_default();
    read(call, place, bytes)?;
    Ok(parse(bytes))
}

fn read(call: &Call, place: u64, into: &mut [u8]) -> io::Result<()> {
    let read = notify::read_memory(call.thread, place, into)?;
    if read == into.len() { Ok(()) } else { Err(io::ErrorKind::UnexpectedEof.into()) }
}

/// An address as programs hand it to the kernel.
fn parse(bytes: &[u8]) -> Option<SocketAddr> {
    let family = i32::from(u16::from_ne_bytes(*bytes.first_chunk()?));
    let port = u16::from_be_bytes(*bytes.get(2..)?.first_chunk()?);
    match family {
        libc::AF_INET => {
            let ip: [u8; 4] = *bytes.get(4..)?.first_chunk()?;
            Some(SocketAddr::new(Ipv4Addr::from(ip).into(), port))
        }
        libc::AF_INET6 => {
            let ip: [u8; 16] = *bytes.get(8..)?.first_chunk()?;
            Some(SocketAddr::new(Ipv6Addr::from(ip).into(), port))
        }
        _ => None,
    }
}

/// The socket that a call is made on.
pub(super) fn socket(call: &Call) -> io::Result<OwnedFd> {
    let process = crate::sys::process::open(process_of(call.thread)?)?;
    let number = i32::try_from(call.arguments[0] & u64::from(u32::MAX)).map_err(io::Error::other)?;
    notify::descriptor_of(process.as_fd(), number)
}

/// The process that a thread belongs to.
fn process_of(thread: i32) -> io::Result<i32> {
    let status = std::fs::read_to_string(format!("/proc/{thread}/status"))?;
    let number = status.lines().find_map(|line| line.strip_prefix("Tgid:"));
    number.and_then(|number| number.trim().parse().ok()).ok_or_else(|| io::ErrorKind::InvalidData.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn own(call: Call) -> Vec<SocketAddr> {
        addresses(&Call { thread: std::process::id() as i32, ..call }).unwrap()
    }

    fn internet(port: u16, ip: [u8; 4]) -> [u8; 16] {
        let mut bytes = [0; 16];
        bytes[..2].copy_from_slice(&(libc::AF_INET as u16).to_ne_bytes());
        bytes[2..4].copy_from_slice(&port.to_be_bytes());
        bytes[4..8].copy_from_slice(&ip);
        bytes
    }

    #[test]
    fn addresses_are_read_from_memory() {
        let name = internet(443, [192, 0, 2, 7]);
        let place = name.as_ptr() as u64;
        let connect =
            Call { number: libc::SYS_connect, arguments: [3, place, 16, 0, 0, 0], ..Call::default() };
        let expected: SocketAddr = "192.0.2.7:443".parse().unwrap();
        assert_eq!(own(connect), [expected]);
        let send = Call { number: libc::SYS_sendto, arguments: [3, 0, 0, 0, place, 16], ..Call::default() };
        assert_eq!(own(send), [expected]);
        let mut heads = [[0_u8; 64]; 2];
        heads[1][..8].copy_from_slice(&place.to_ne_bytes());
        heads[1][8..12].copy_from_slice(&16_u32.to_ne_bytes());
        let arguments = [3, heads.as_ptr() as u64, 2, 0, 0, 0];
        assert_eq!(own(Call { number: libc::SYS_sendmmsg, arguments, ..Call::default() }), [expected]);
        let arguments = [3, heads[1].as_ptr() as u64, 0, 0, 0, 0];
        assert_eq!(own(Call { number: libc::SYS_sendmsg, arguments, ..Call::default() }), [expected]);
    }

    #[test]
    fn what_is_no_address_of_the_internet_names_nothing() {
        assert_eq!(parse(b""), None);
        assert_eq!(parse(&internet(1, [1, 2, 3, 4])[..7]), None);
        let mut path = [0; 28];
        path[..2].copy_from_slice(&(libc::AF_UNIX as u16).to_ne_bytes());
        assert_eq!(parse(&path), None);
        path[..2].copy_from_slice(&(libc::AF_INET6 as u16).to_ne_bytes());
        assert_eq!(parse(&path), Some("[::]:0".parse().unwrap()));
        let nowhere = Call { number: libc::SYS_connect, arguments: [3, 8, 16, 0, 0, 0], ..Call::default() };
        assert!(addresses(&Call { thread: std::process::id() as i32, ..nowhere }).is_err());
    }
}
