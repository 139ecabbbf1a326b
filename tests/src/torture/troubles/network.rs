//! Networks, and providers that are not well.

use std::time::Duration;

use anyhow::{Result, ensure};
use lab::untrusted::Untrusted;
use rusqlite::Connection;
use tessera_client::Client;
use tessera_sandbox::faults::{Fault, HttpFault, Rule};
use tessera_sandbox::log::Endpoint;

use super::clock::Kept;
use super::{Row, Table};
use crate::scene::Scene;
use crate::sends::is_renewal;
use crate::traces;

/// Seconds that a provider asks to be left alone.
const WAIT: i64 = 120;

impl Scene<'_> {
    /// The account is of this issuer from now on.
    fn set_issuer(&self, issuer: &str) -> Result<()> {
        let changed = Connection::open(self.store())?.execute("UPDATE account SET issuer = ?1", [issuer])?;
        ensure!(changed == 1, "{changed} accounts");
        Ok(())
    }
}

pub(super) async fn real(scene: &Scene<'_>, table: &mut Table) -> Result<()> {
    let untrusted = Untrusted::start().await?;
    let offline = "unreachable, offline -> well, signed_in";
    let broken = "answer_broken, offline -> well, signed_in";
    for (what, issuer, expected) in [
        // Nothing listens there.
        ("the connection is refused", "http://127.0.0.1:1", offline),
        // A name that is reserved for having no address (RFC 2606).
        ("the name is not found", "https://login.invalid", offline),
        (
            "the certificate is of an unknown root",
            &untrusted.issuer(),
            "tls_untrusted, offline -> well, signed_in",
        ),
    ] {
        scene.set_issuer(issuer)?;
        let meanwhile = scene.seen().await?;
        scene.set_issuer(scene.sandbox.issuer())?;
        table.add(Row::new("network", what, expected, scene.after(meanwhile).await?));
    }
    let unavailable = "token_endpoint_status, provider_unavailable -> well, signed_in";
    let status = |status| HttpFault::Status {
        status,
        retry_after: None,
    };
    for (what, fault, expected) in [
        ("the connection is dropped", HttpFault::Drop, broken),
        (
            "it is dropped after the request was carried out",
            HttpFault::DropAfter,
            broken,
        ),
        (
            "the answer comes two seconds late",
            HttpFault::Slow(Duration::from_secs(2)),
            "well, signed_in -> well, signed_in",
        ),
        ("the answer is cut in the middle", HttpFault::Cut, broken),
        (
            "a captive portal answers: status 200, a web page",
            HttpFault::Html,
            "token_response_not_json, offline -> well, signed_in",
        ),
        (
            "a captive portal sends elsewhere",
            HttpFault::Redirect("http://portal.invalid/"),
            "token_endpoint_status, offline -> well, signed_in",
        ),
        ("status 429", status(429), unavailable),
        ("status 500", status(500), unavailable),
        ("status 502 and a web page", HttpFault::Page(502), unavailable),
    ] {
        let endpoint = Endpoint::Token;
        let seen = scene.under(Fault::Http { endpoint, fault }).await?;
        table.add(Row::new("network", what, expected, seen));
    }
    Ok(())
}

/// A provider that says when it wants to be asked again: nobody asks it before, neither the process that heard it nor
/// another one, and neither for a call nor by itself. By the sandbox's clock, which stands still unless it is moved.
pub(super) async fn asks_to_wait(table: &mut Table) -> Result<()> {
    let kept = Kept::new().await;
    let other = kept.rig.client().await;
    let busy = Fault::Http {
        endpoint: Endpoint::Token,
        fault: HttpFault::Status {
            status: 429,
            retry_after: Some(u32::try_from(WAIT)?),
        },
    };
    kept.rig.sandbox.faults().set(Rule::new(busy).times(1));
    kept.rig.sandbox.clock().advance(400);
    let meanwhile = kept.call().await?;
    let mut told = Vec::new();
    for pause in [0, WAIT / 2, WAIT / 2 - 1] {
        kept.alarm.pass(pause);
        for client in [&kept.client, &other] {
            told.push(told_by(client, &kept).await);
        }
    }
    ensure!(
        told.iter().all(|told| *told == "provider_unavailable"),
        "{told:?}"
    );
    let log = kept.rig.sandbox.log();
    let early = log.matching(is_renewal).len() - 1;
    kept.alarm.pass(1);
    let afterwards = kept.call().await?;
    let asked: Vec<i64> = log.matching(is_renewal).iter().map(|entry| entry.at).collect();
    let after = match asked.as_slice() {
        [first, second] => second - first,
        _ => -1,
    };
    table.add(Row::new(
        "network",
        "status 429, and Retry-After two minutes",
        "token_endpoint_status, provider_unavailable, 0 sent until then -> well, signed_in, sent after 120 s",
        (
            format!("{meanwhile}, {early} sent until then -> {afterwards}, sent after {after} s"),
            traces::search_beside(&kept.rig, &[&kept.client, &other])?,
        ),
    ));
    Ok(())
}

async fn told_by(client: &Client, kept: &Kept) -> &'static str {
    let came = client.access_token(&kept.id).await;
    came.map_or_else(|error| error.code(), |_| "well")
}
