//! The ports that a browser's answer comes back to: any that is free, and those that a provider was told of.

use futures_util::future::join_all;
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

    /// Whether one of its ports is free, in the order in which a sign-in tries them.
    async fn try_ports_of(&self, provider: &Provider) -> Result<String, Error> {
        let LoopbackSettings { host, ports, path } = &provider.loopback;
        let mut reason = "it has no port".to_owned();
        for port in ports {
            let bind = LoopbackBind {
                host: *host,
                ports: vec![*port],
                path: path.clone(),
            };
            match self.inner().ports.loopback.bind(bind).await {
                Ok(listener) => {
                    let port = listener.address().port();
                    return Ok(format!(
                        "{}'s answer comes back to {}:{port}, which is free.",
                        provider.name,
                        host.as_str()
                    ));
                }
                Err(LoopbackError::NoPort(_, why) | LoopbackError::Failed(why)) => reason = why,
            }
        }
        let holders = join_all(
            ports
                .iter()
                .map(|port| self.inner().ports.desktop.port_holder(*host, *port)),
        )
        .await;
        // A sign-in that is under way here waits at it, and the next one takes its place.
        if let Some(at) = holders.iter().position(|holder| *holder == Holder::This) {
            return Ok(format!(
                "{}'s answer comes back to {}, where a sign-in waits for it right now.",
                provider.name,
                place(*host, &ports[at..=at])
            ));
        }
        Err(CheckUpError::PortTaken {
            name: provider.name.clone(),
            place: place(*host, ports),
            holder: holders.into_iter().find_map(|holder| told(&holder)),
            reason,
        }
        .into())
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
