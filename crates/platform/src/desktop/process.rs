//! Which process it is that has a port, or anything else that only one has. Linux tells of the processes of one's own
//! (proc(5)); of another user's only that there is one.

use std::fs::{self, File};
use std::io::{BufRead as _, BufReader};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::Path;

use tessera_client::ports::{Holder, LoopbackHost};

use crate::loopback::peer::{TABLES, spellings};

/// What the tables call a socket that listens.
const LISTENING: &str = "0A";

pub(super) async fn port_holder(host: LoopbackHost, port: u16) -> Holder {
    let found = tokio::task::spawn_blocking(move || holder_of_port(host, port)).await;
    found.unwrap_or(Holder::Untold)
}

/// The process of this number, as a holder.
pub(super) fn holder(process: u32) -> Holder {
    if process == std::process::id() {
        return Holder::This;
    }
    let folder = Path::new("/proc").join(process.to_string());
    let file = fs::read_link(folder.join("exe"));
    let program = file.map(|file| file.display().to_string()).or_else(|_| {
        let name = fs::read_to_string(folder.join("comm"))?;
        Ok::<_, std::io::Error>(name.trim().to_owned())
    });
    Holder::Program {
        program: program.ok().filter(|program| !program.is_empty()),
        process: Some(process),
    }
}

fn holder_of_port(host: LoopbackHost, port: u16) -> Holder {
    let tables: Vec<File> = TABLES.iter().filter_map(|table| File::open(table).ok()).collect();
    if tables.is_empty() {
        return Holder::Untold;
    }
    let places = Places::of(host, port);
    let found = tables
        .into_iter()
        .flat_map(|table| BufReader::new(table).lines().map_while(Result::ok))
        .filter_map(|row| places.listening(&row));
    let (own, every): (Vec<_>, Vec<_>) = found.partition(|(is_own, _)| *is_own);
    // Whoever has the address itself gets what comes to it, also beside one that has them all.
    let sockets = if own.is_empty() { every } else { own };
    if sockets.is_empty() {
        return Holder::Nobody;
    }
    let names: Vec<String> = sockets
        .iter()
        .map(|(_, socket)| format!("socket:[{socket}]"))
        .collect();
    processes().find(|process| has_open(*process, &names)).map_or(
        Holder::Program {
            program: None,
            process: None,
        },
        holder,
    )
}

/// Where a listener gets what comes to a port of a host, as the tables write it.
struct Places {
    /// At the host's own addresses.
    own: Vec<String>,
    /// At every address of this computer.
    every: Vec<String>,
}

impl Places {
    fn of(host: LoopbackHost, port: u16) -> Self {
        let (v4, v6) = (IpAddr::V4(Ipv4Addr::LOCALHOST), IpAddr::V6(Ipv6Addr::LOCALHOST));
        // What listens at every IPv6 address has those of the other family as well (ipv6(7)), and not the other way
        // round.
        let (every_v4, every) = (
            IpAddr::V4(Ipv4Addr::UNSPECIFIED),
            IpAddr::V6(Ipv6Addr::UNSPECIFIED),
        );
        let written = |addresses: &[IpAddr]| {
            let spelled = addresses.iter().map(|ip| spellings(SocketAddr::new(*ip, port)));
            spelled.flatten().collect()
        };
        let (own, every): (&[IpAddr], &[IpAddr]) = match host {
            LoopbackHost::V4 => (&[v4], &[every_v4, every]),
            LoopbackHost::V6 => (&[v6], &[every]),
            LoopbackHost::Localhost => (&[v4, v6], &[every_v4, every]),
        };
        Self {
            own: written(own),
            every: written(every),
        }
    }

    /// The number of the socket that this row of a table is of, if it listens at one of these places; and whether that
    /// is the host's own.
    fn listening(&self, row: &str) -> Option<(bool, u64)> {
        let fields: Vec<&str> = row.split_ascii_whitespace().collect();
        let place = *fields.get(1)?;
        let is_at = |places: &[String]| places.iter().any(|one| one == place);
        let is_own = is_at(&self.own);
        if fields.get(3) != Some(&LISTENING) || !(is_own || is_at(&self.every)) {
            return None;
        }
        Some((is_own, fields.get(9)?.parse().ok()?))
    }
}

fn processes() -> impl Iterator<Item = u32> {
    let entries = fs::read_dir("/proc").into_iter().flatten();
    entries.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
}

/// Whether a process has one of these open. Another user's does not say.
fn has_open(process: u32, names: &[String]) -> bool {
    let open = fs::read_dir(format!("/proc/{process}/fd")).into_iter().flatten();
    open.filter_map(|entry| fs::read_link(entry.ok()?.path()).ok())
        .any(|target| names.iter().any(|name| target.as_os_str() == name.as_str()))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

    use super::*;

    #[test]
    fn only_a_socket_that_listens_there_holds_a_port() {
        use LoopbackHost::{Localhost, V4, V6};
        let row = |local: &str, state: &str| {
            let address: SocketAddr = local.parse().unwrap();
            let local = spellings(address).remove(0);
            format!(
                "   1: {local} 00000000:0000 {state} 00000000:00000000 00:00000000 00000000  1000        0 77 1 0"
            )
        };
        let check = |row: &str, hosts: &[(LoopbackHost, bool)]| {
            for host in [V4, V6, Localhost] {
                let expected = hosts.iter().find(|(one, _)| *one == host);
                let expected = expected.map(|(_, is_own)| (*is_own, 77));
                assert_eq!(Places::of(host, 8400).listening(row), expected, "{host:?}: {row}");
            }
        };
        check(&row("127.0.0.1:8400", "0A"), &[(V4, true), (Localhost, true)]);
        check(
            &row("[::ffff:127.0.0.1]:8400", "0A"),
            &[(V4, true), (Localhost, true)],
        );
        check(&row("[::1]:8400", "0A"), &[(V6, true), (Localhost, true)]);
        // Every address of this computer.
        check(&row("0.0.0.0:8400", "0A"), &[(V4, false), (Localhost, false)]);
        check(
            &row("[::]:8400", "0A"),
            &[(V4, false), (V6, false), (Localhost, false)],
        );
        // Another address of this computer, another port, a connection.
        check(&row("192.168.1.7:8400", "0A"), &[]);
        check(&row("127.0.0.2:8400", "0A"), &[]);
        check(&row("[fe80::1]:8400", "0A"), &[]);
        check(&row("127.0.0.1:8401", "0A"), &[]);
        check(&row("127.0.0.1:8400", "01"), &[]);
        check(
            "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode",
            &[],
        );
        check("junk", &[]);
        check("", &[]);
    }
}
