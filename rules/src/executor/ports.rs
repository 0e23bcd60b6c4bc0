//! The ports of a case: assigned when it starts, held until it ends.

use std::fs;
use std::io;
use std::net::{Ipv4Addr, SocketAddrV4};
use std::os::fd::{AsRawFd, OwnedFd};
use std::path::PathBuf;

use nix::sys::socket::{
    AddressFamily, Backlog, SockFlag, SockType, SockaddrIn, bind, getsockname, listen, setsockopt, socket, sockopt,
};

use crate::case::{Case, PortId, PortKind, ProcessId};
use crate::process::high;
use crate::sandbox::Place;

/// The sockets behind the ports.
#[derive(Debug, Default)]
pub(crate) struct Ports {
    pub(crate) numbers: Vec<u16>,
    pub(crate) sockets: Vec<PathBuf>,
    /// Bound and, for `fd`, listening.
    held: Vec<Option<OwnedFd>>,
}

impl Ports {
    /// Assigns every port of the case.
    pub(crate) fn assign(case: &Case, place: &Place) -> io::Result<Self> {
        let mut ports = Self::default();
        for (id, port) in case.ports.iter().enumerate() {
            let (number, socket, held) = match port.kind {
                PortKind::Fixed(number) => (number, PathBuf::new(), None),
                PortKind::Auto => reserve().map(|(number, held)| (number, PathBuf::new(), Some(held)))?,
                PortKind::Fd => {
                    let (number, held) = reserve()?;
                    listen(&held, Backlog::new(511).unwrap_or(Backlog::MAXCONN))?;
                    (number, PathBuf::new(), Some(high(held)?))
                }
                PortKind::Unix => {
                    fs::create_dir_all(&place.sockets)?;
                    (0, place.sockets.join(id.to_string()), None)
                }
            };
            ports.numbers.push(number);
            ports.sockets.push(socket);
            ports.held.push(held);
        }
        Ok(ports)
    }

    /// The listening sockets to be passed to a process, with their names.
    pub(crate) fn passed(&self, case: &Case, process: ProcessId) -> io::Result<Vec<(OwnedFd, String)>> {
        let of = |(id, port): (PortId, &crate::case::Port)| {
            let held = self.held[id].as_ref()?;
            let passed = port.process == process && port.kind == PortKind::Fd;
            passed.then(|| Ok((high(held.try_clone()?)?, port.name.clone())))
        };
        case.ports.iter().enumerate().filter_map(of).collect()
    }

    /// Lets go of the process's reserved ports, for servers that don't set `SO_REUSEADDR`.
    pub(crate) fn release(&mut self, case: &Case, process: ProcessId) {
        for (id, port) in case.ports.iter().enumerate() {
            if port.process == process && port.kind == PortKind::Auto {
                self.held[id] = None;
            }
        }
    }
}

/// Binds a free port of the loopback without listening on it: the kernel gives it to nobody else, connections are refused,
/// and a server that sets `SO_REUSEADDR` can still bind it.
fn reserve() -> io::Result<(u16, OwnedFd)> {
    let fd = socket(AddressFamily::Inet, SockType::Stream, SockFlag::SOCK_CLOEXEC, None)?;
    setsockopt(&fd, sockopt::ReuseAddr, &true)?;
    bind(fd.as_raw_fd(), &SockaddrIn::from(SocketAddrV4::new(Ipv4Addr::LOCALHOST, 0)))?;
    let bound: SockaddrIn = getsockname(fd.as_raw_fd())?;
    Ok((bound.port(), fd))
}
