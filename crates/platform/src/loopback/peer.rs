//! Whose program is at the other end of a loopback connection. Linux shows that in its tables of connections
//! (proc(5), `/proc/net/tcp`); where nothing is shown, nothing is decided.

use std::fs::File;
use std::io::{BufRead as _, BufReader};
use std::net::{IpAddr, SocketAddr};

/// The tables, one for each family. A program may reach an IPv4 address by a socket of the other one.
pub(crate) const TABLES: [&str; 2] = ["/proc/net/tcp", "/proc/net/tcp6"];

/// Whether another user's program brought this connection, or one that did not stay for the answer, as no browser
/// does. What the system itself relays (uid 0) counts as this user's. Blocking: it reads the tables.
pub(super) fn is_a_strangers(peer: SocketAddr, here: SocketAddr) -> bool {
    judged(&rows_about(peer), peer, here)
}

/// The rows of the tables that name this end. The tables are as long as the machine is busy, and so read by the line.
fn rows_about(end: SocketAddr) -> String {
    let names = spellings(end);
    let mut rows = String::new();
    for file in TABLES.iter().filter_map(|table| File::open(table).ok()) {
        for line in BufReader::new(file).lines().map_while(Result::ok) {
            if names.iter().any(|name| line.contains(name.as_str())) {
                rows.push_str(&line);
                rows.push('\n');
            }
        }
    }
    rows
}

fn judged(tables: &str, peer: SocketAddr, here: SocketAddr) -> bool {
    let (Some(ours), Some(theirs)) = (end_of(tables, here, peer), end_of(tables, peer, here)) else {
        return false;
    };
    let is_abandoned = theirs.inode == 0;
    is_abandoned || (theirs.user != ours.user && theirs.user != 0)
}

/// One end of a connection.
struct End {
    user: u32,
    /// 0 when no program holds it any more.
    inode: u64,
}

/// The end at `local` of the connection with `remote`.
fn end_of(tables: &str, local: SocketAddr, remote: SocketAddr) -> Option<End> {
    let (local, remote) = (spellings(local), spellings(remote));
    tables.lines().find_map(|line| {
        let fields: Vec<&str> = line.split_ascii_whitespace().collect();
        let is_it = local.iter().any(|text| fields.get(1) == Some(&text.as_str()))
            && remote.iter().any(|text| fields.get(2) == Some(&text.as_str()));
        if !is_it {
            return None;
        }
        Some(End {
            user: fields.get(7)?.parse().ok()?,
            inode: fields.get(9)?.parse().ok()?,
        })
    })
}

/// How the tables write an address: in words of four bytes, each as this machine reads them.
pub(crate) fn spellings(address: SocketAddr) -> Vec<String> {
    let port = address.port();
    let hex = |bytes: &[u8]| {
        bytes.chunks_exact(4).fold(String::new(), |text, chunk| {
            let word = chunk.try_into().map(u32::from_ne_bytes).unwrap_or_default();
            format!("{text}{word:08X}")
        })
    };
    match address.ip() {
        IpAddr::V4(ip) => vec![
            format!("{}:{port:04X}", hex(&ip.octets())),
            format!("{}:{port:04X}", hex(&ip.to_ipv6_mapped().octets())),
        ],
        IpAddr::V6(ip) => vec![format!("{}:{port:04X}", hex(&ip.octets()))],
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

    use std::net::{TcpListener, TcpStream};

    use super::*;

    const HEAD: &str =
        "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n";

    fn row(local: &str, remote: &str, user: u32, inode: u64) -> String {
        format!(
            "   1: {local} {remote} 01 00000000:00000000 00:00000000 00000000  {user}        0 {inode} 1 0\n"
        )
    }

    fn of(address: &str) -> String {
        spellings(address.parse().unwrap()).remove(0)
    }

    #[test]
    fn another_users_program_is_told_from_ones_own() {
        let (peer, here) = ("127.0.0.1:40000", "127.0.0.1:1234");
        let ours = row(&of(here), &of(peer), 1000, 7);
        let listening = row(&of(here), &of("0.0.0.0:0"), 1000, 5);
        let check = |theirs: &str, strange: bool| {
            let tables = format!("{HEAD}{listening}{ours}{theirs}");
            let judged = judged(&tables, peer.parse().unwrap(), here.parse().unwrap());
            assert_eq!(judged, strange, "{theirs}");
        };
        check(&row(&of(peer), &of(here), 1000, 8), false);
        check(&row(&of(peer), &of(here), 1001, 8), true);
        check(&row(&of(peer), &of(here), 65534, 8), true);
        // A relay of the system, as where the browser runs on the other side of a virtual machine.
        check(&row(&of(peer), &of(here), 0, 8), false);
        // Whoever is gone already waits for no page.
        check(&row(&of(peer), &of(here), 0, 0), true);
        check(&row(&of(peer), &of(here), 1000, 0), true);
        // Nothing is known.
        check("", false);
        check(&row(&of("127.0.0.1:40001"), &of(here), 1001, 8), false);
        check("junk\n\n   2: a b\n", false);
        // The same connection, by a socket of the other family.
        let mapped = |address: &str| spellings(address.parse().unwrap()).remove(1);
        check(&row(&mapped(peer), &mapped(here), 1001, 8), true);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn the_systems_own_tables_are_read() {
        for address in ["127.0.0.1:0", "[::1]:0"] {
            // A machine may have no IPv6.
            let Ok(listener) = TcpListener::bind(address) else {
                continue;
            };
            let near = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
            let (far, peer) = listener.accept().unwrap();
            let here = far.local_addr().unwrap();
            let tables = TABLES
                .map(|table| std::fs::read_to_string(table).unwrap_or_default())
                .concat();
            let found = (end_of(&tables, here, peer), end_of(&tables, peer, here));
            assert!(
                matches!(found, (Some(ours), Some(theirs)) if ours.user == theirs.user),
                "{address}"
            );
            assert!(!is_a_strangers(peer, here));
            drop(near);
            assert!(
                is_a_strangers(peer, here),
                "{address}: it did not stay for the answer"
            );
        }
    }
}
