//! Which process it is that has a port, or anything else that only one has. Linux tells of the processes of one's own
//! (proc(5)); of another user's only that there is one.

use std::fs::{self, File};
use std::io::{BufRead as _, BufReader};
use std::path::Path;

use tessera_client::ports::Holder;

/// The tables of sockets, one for each family.
const TABLES: [&str; 2] = ["/proc/net/tcp", "/proc/net/tcp6"];

/// What the tables call a socket that listens.
const LISTENING: &str = "0A";

pub(super) async fn port_holder(port: u16) -> Holder {
    let found = tokio::task::spawn_blocking(move || holder_of_port(port)).await;
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

fn holder_of_port(port: u16) -> Holder {
    let tables: Vec<File> = TABLES.iter().filter_map(|table| File::open(table).ok()).collect();
    if tables.is_empty() {
        return Holder::Untold;
    }
    let sockets: Vec<u64> = tables
        .into_iter()
        .flat_map(|table| BufReader::new(table).lines().map_while(Result::ok))
        .filter_map(|row| listens(&row, port))
        .collect();
    if sockets.is_empty() {
        return Holder::Nobody;
    }
    let names: Vec<String> = sockets
        .iter()
        .map(|socket| format!("socket:[{socket}]"))
        .collect();
    processes().find(|process| has_open(*process, &names)).map_or(
        Holder::Program {
            program: None,
            process: None,
        },
        holder,
    )
}

/// The number of the socket that this row of a table is of, if it listens on `port`.
fn listens(row: &str, port: u16) -> Option<u64> {
    let fields: Vec<&str> = row.split_ascii_whitespace().collect();
    let (_, own) = fields.get(1)?.rsplit_once(':')?;
    let is_it = u16::from_str_radix(own, 16) == Ok(port) && fields.get(3) == Some(&LISTENING);
    is_it.then(|| fields.get(9)?.parse().ok()).flatten()
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
    use super::*;

    #[test]
    fn only_a_socket_that_listens_there_holds_a_port() {
        let row = |local: &str, state: &str| {
            format!(
                "   1: {local} 00000000:0000 {state} 00000000:00000000 00:00000000 00000000  1000        0 77 1 0"
            )
        };
        let check = |row: &str, expected: Option<u64>| assert_eq!(listens(row, 8400), expected, "{row}");
        check(&row("0100007F:20D0", "0A"), Some(77));
        check(&row("00000000000000000000000001000000:20D0", "0A"), Some(77));
        check(&row("0100007F:20D0", "01"), None);
        check(&row("0100007F:20D1", "0A"), None);
        check(
            "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode",
            None,
        );
        check("junk", None);
        check("", None);
    }
}
