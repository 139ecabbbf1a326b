//! A process that is about to be killed: stopped first, so that it can be seen what it has in its hands, and killed
//! without having run again.

use std::collections::HashSet;
use std::fs;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use lab::processes::Process;
use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process, waitid};

/// A process that is stopped.
pub(crate) struct Stopped {
    /// The ends of its connections on this machine.
    pub(crate) connections: HashSet<SocketAddr>,
    /// How it looks to others.
    pub(crate) process: Process,
}

impl Stopped {
    /// Stops the child of this id; `None` when it has ended before.
    pub(crate) fn stop(pid: u32) -> Result<Option<Self>> {
        let id = Pid::from_raw(i32::try_from(pid)?).context("a process id")?;
        kill_process(id, Signal::STOP)?;
        // It stays to be waited for by whoever started it.
        let options = WaitIdOptions::STOPPED | WaitIdOptions::EXITED | WaitIdOptions::NOWAIT;
        let status = waitid(WaitId::Pid(id), options)?.context("its status")?;
        if !status.stopped() {
            return Ok(None);
        }
        let folder = PathBuf::from(format!("/proc/{pid}"));
        Ok(Some(Self {
            connections: connections(&folder)?,
            process: Process {
                pid,
                exe: fs::read_link(folder.join("exe"))?,
                arguments: fs::read(folder.join("cmdline"))?,
                environment: fs::read(folder.join("environ"))?,
            },
        }))
    }
}

/// The own ends of a process's connections by IPv4: the sockets among its files, found in the system's list of them.
fn connections(process: &Path) -> Result<HashSet<SocketAddr>> {
    let mut sockets = HashSet::new();
    for file in fs::read_dir(process.join("fd"))? {
        let name = fs::read_link(file?.path())?.to_string_lossy().into_owned();
        let socket = name
            .strip_prefix("socket:[")
            .and_then(|name| name.strip_suffix(']'));
        sockets.extend(socket.map(str::to_owned));
    }
    let list = fs::read_to_string(process.join("net/tcp"))?;
    Ok(list
        .lines()
        .skip(1)
        .filter_map(|line| {
            let columns: Vec<&str> = line.split_ascii_whitespace().collect();
            let own = sockets.contains(*columns.get(9)?);
            own.then(|| address(columns.get(1)?)).flatten()
        })
        .collect())
}

/// Reads `0100007F:C350`: the address in the machine's byte order, and the port.
fn address(text: &str) -> Option<SocketAddr> {
    let (address, port) = text.split_once(':')?;
    let address = Ipv4Addr::from(u32::from_str_radix(address, 16).ok()?.to_ne_bytes());
    Some((address, u16::from_str_radix(port, 16).ok()?).into())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]

    use super::*;

    #[test]
    fn the_connections_of_a_process_are_its_own() {
        let listener = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let stream = std::net::TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let own = connections(Path::new("/proc/self")).unwrap();
        assert!(own.contains(&stream.local_addr().unwrap()), "{own:?}");
        drop(listener);
        let address = stream.local_addr().unwrap();
        drop(stream);
        assert!(!connections(Path::new("/proc/self")).unwrap().contains(&address));
    }

    #[test]
    fn who_has_ended_is_not_stopped() {
        let mut child = std::process::Command::new("/bin/true").spawn().unwrap();
        let id = Pid::from_raw(child.id().cast_signed()).unwrap();
        waitid(WaitId::Pid(id), WaitIdOptions::EXITED | WaitIdOptions::NOWAIT).unwrap();
        assert!(Stopped::stop(child.id()).unwrap().is_none());
        child.wait().unwrap();
        let mut child = std::process::Command::new("/bin/cat")
            .stdin(std::process::Stdio::piped())
            .spawn()
            .unwrap();
        let stopped = Stopped::stop(child.id()).unwrap().unwrap();
        assert!(stopped.process.exe.ends_with("cat"), "{:?}", stopped.process.exe);
        child.kill().unwrap();
        child.wait().unwrap();
    }
}
