//! The ports that a browser's answer comes back to: any that is free, and those that a provider was told of.

use std::ffi::OsStr;
use std::path::Path;

use tokio::time::Instant;

use super::{CheckUpError, Finding, in_time};
use crate::client::Client;
use crate::error::Error;
use crate::ports::{Holder, LoopbackBind, LoopbackError, LoopbackHost};
use crate::provider::{LoopbackSettings, Provider, Route};

impl Client {
    pub(super) async fn try_loopback(&self) -> Result<String, Error> {
        let usual = LoopbackSettings::default();
        let bind = LoopbackBind {
            host: usual.host,
            ports: usual.ports,
            path: usual.path,
        };
        let port = self.inner().ports.loopback.bind(bind).await?.address().port();
        Ok(format!(
            "Your browser's answer can come back to this computer: an address was opened for it, 127.0.0.1:{port}."
        ))
    }

    /// Tries the addresses of the providers that take an answer to certain ports only, or to another spelling of this
    /// computer than the usual one.
    pub(super) async fn try_named_ports(&self, until: Instant) -> Vec<Finding> {
        let usual = LoopbackSettings::default();
        let named: Vec<Provider> = self
            .ready_providers()
            .into_iter()
            .filter(|provider| {
                let own = &provider.loopback;
                provider.routes.contains(&Route::Loopback)
                    && (own.host != usual.host || !own.ports.contains(&0))
            })
            .collect();
        // One after the other: two providers may have the same port, and are not to be in each other's way.
        let mut findings = Vec::new();
        for provider in &named {
            let found = in_time(until, "This computer's own address", self.try_ports_of(provider)).await;
            findings.push(Finding::of("loopback", found).about(&provider.id));
        }
        findings
    }

    /// Whether one of its ports is free, in the order in which a sign-in tries them. Who has a port is looked at first,
    /// and a sign-in that waits at one is left alone, here or in another Tessera.
    async fn try_ports_of(&self, provider: &Provider) -> Result<String, Error> {
        let LoopbackSettings { host, ports, .. } = &provider.loopback;
        let (desktop, loopback) = (&self.inner().ports.desktop, &self.inner().ports.loopback);
        let mut reason = "it has no port".to_owned();
        let (mut waits, mut others) = (None, Vec::new());
        for port in ports {
            let mut holder = desktop.port_holder(*host, *port).await;
            if !is_tessera(&holder) {
                match loopback.try_port(*host, *port).await {
                    Ok(port) => {
                        return Ok(format!(
                            "{}'s answer comes back to {}, which is free.",
                            provider.name,
                            place(*host, &[port])
                        ));
                    }
                    Err(LoopbackError::NoPort(_, why) | LoopbackError::Failed(why)) => reason = why,
                }
                // A sign-in may have begun in that moment.
                holder = desktop.port_holder(*host, *port).await;
            }
            if is_tessera(&holder) {
                waits.get_or_insert((*port, holder));
            } else {
                others.push(holder);
            }
        }
        // In this program, the next sign-in takes its place.
        if let Some((port, holder)) = waits {
            let of = told(&holder)
                .map(|other| format!(" of {other}"))
                .unwrap_or_default();
            return Ok(format!(
                "{}'s answer comes back to {}, where a sign-in{of} waits for it right now.",
                provider.name,
                place(*host, &[port])
            ));
        }
        Err(CheckUpError::PortTaken {
            name: provider.name.clone(),
            place: place(*host, ports),
            holder: others.iter().find_map(told),
            reason,
        }
        .into())
    }
}

/// What the programs are called that a sign-in of Tessera's can wait in: the app, and the one for a terminal.
const PROGRAMS: [&str; 2] = ["tessera-desktop", "tessera"];

/// Whether this is Tessera, which has a port for nothing but a sign-in.
fn is_tessera(holder: &Holder) -> bool {
    match holder {
        Holder::This => true,
        Holder::Program {
            program: Some(program),
            ..
        } => {
            // One whose file an update has replaced is called so (proc(5)).
            let file = program.strip_suffix(" (deleted)").unwrap_or(program);
            let name = Path::new(file).file_name().and_then(OsStr::to_str);
            name.is_some_and(|name| PROGRAMS.contains(&name))
        }
        Holder::Program { program: None, .. } | Holder::Nobody | Holder::Untold => false,
    }
}

/// `127.0.0.1:8400`, or several of them.
fn place(host: LoopbackHost, ports: &[u16]) -> String {
    let all: Vec<String> = ports
        .iter()
        .map(|port| format!("{}:{port}", host.as_str()))
        .collect();
    all.join(" or ")
}

/// Who it is that has something, where it is another program.
pub(super) fn told(holder: &Holder) -> Option<String> {
    match holder {
        Holder::Nobody | Holder::This | Holder::Untold => None,
        Holder::Program {
            program: None,
            process: None,
        } => Some("a program of somebody else".to_owned()),
        Holder::Program {
            program: Some(program),
            process: None,
        } => Some(program.clone()),
        Holder::Program {
            program: None,
            process: Some(process),
        } => Some(format!("process {process}")),
        Holder::Program {
            program: Some(program),
            process: Some(process),
        } => Some(format!("{program} (process {process})")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tessera_is_known_by_its_programs_names() {
        let check = |program: &str, expected: bool| {
            let holder = Holder::Program {
                program: Some(program.to_owned()),
                process: Some(7),
            };
            assert_eq!(is_tessera(&holder), expected, "{program}");
        };
        check("/usr/bin/tessera", true);
        check("/usr/bin/tessera-desktop", true);
        check("/tmp/.mount_TesserXYZ/usr/bin/tessera-desktop", true);
        check("/usr/bin/tessera (deleted)", true);
        // Where the system tells the name alone.
        check("tessera-desktop", true);
        check("/usr/bin/tesseract", false);
        check("/opt/tessera/squatter", false);
        check("/usr/bin/tessera-sandbox", false);
        check("", false);
        assert!(is_tessera(&Holder::This));
        for holder in [Holder::Nobody, Holder::Untold] {
            assert!(!is_tessera(&holder));
        }
    }
}
