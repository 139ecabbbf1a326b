//! The ports that a provider insists on: whether they are free, and who has them.

use tessera_client::ports::Holder;
use tessera_client::{Error, Finding, Standing};
use tokio::net::TcpListener;

use super::{code, find, look};
use crate::rig::Rig;

/// Writes a provider that takes its answers at these ports alone, and gives back what is found of them.
async fn ports(rig: &Rig, ports: &[u16]) -> Finding {
    rig.name_provider();
    let file = rig.folder().join("providers.toml");
    let text = std::fs::read_to_string(&file).unwrap();
    std::fs::write(&file, format!("{text}loopback = {{ ports = {ports:?} }}\n")).unwrap();
    let findings = look(rig, &rig.client().await).await;
    let mut about = findings
        .iter()
        .filter(|finding| finding.check == "loopback" && finding.about.is_some());
    let found = about.next().unwrap().clone();
    assert!(about.next().is_none(), "it is told once");
    assert_eq!(
        find(&findings, "loopback").standing,
        Standing::Ok,
        "any other port"
    );
    found
}

#[tokio::test]
async fn the_ports_that_a_provider_insists_on_are_tried_and_who_has_them_is_named() {
    let taken = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = taken.local_addr().unwrap().port();
    let free = {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        listener.local_addr().unwrap().port()
    };
    let holder = |holder| {
        let rig = Rig::new();
        async move {
            let rig = rig.await;
            rig.desktop.ports.lock().unwrap().insert(port, holder);
            rig
        }
    };
    let check = |found: &Finding, expected: (&str, Standing), told: &str| {
        assert_eq!((code(found), found.standing), expected, "{found:?}");
        assert!(found.sentence.contains(told), "{}", found.sentence);
    };
    let fails = ("loopback_port_taken", Standing::Failed);
    let here = format!("127.0.0.1:{port}");

    let known = holder(Holder::Program {
        program: Some("/opt/squatter".to_owned()),
        process: Some(77),
    })
    .await;
    let told = format!("goes to {here}, which /opt/squatter (process 77) has taken.");
    check(&ports(&known, &[port]).await, fails, &told);
    // One that is free is enough.
    let told = format!("comes back to 127.0.0.1:{free}, which is free");
    check(&ports(&known, &[port, free]).await, ("none", Standing::Ok), &told);
    let strange = holder(Holder::Program {
        program: None,
        process: None,
    })
    .await;
    check(
        &ports(&strange, &[port]).await,
        fails,
        "a program of somebody else",
    );
    let untold = holder(Holder::Untold).await;
    let found = ports(&untold, &[port]).await;
    check(
        &found,
        fails,
        &format!("goes to {here}, which cannot be opened now."),
    );
    let detail = found.problem.as_ref().and_then(Error::detail);
    assert!(
        detail.is_some_and(|detail| detail.contains("in use")),
        "{found:?}"
    );
    // A port that is only tried is not opened: a sign-in may begin in that moment.
    assert!(known.loopback.tried.lock().unwrap().contains(&free));
    for rig in [&known, &strange, &untold] {
        let asked = rig.loopback.asked.lock().unwrap().clone();
        assert!(asked.iter().all(|port| *port == 0), "{asked:?}");
    }
}

#[tokio::test]
async fn a_sign_in_that_waits_at_a_providers_port_is_well_and_left_alone() {
    let taken = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = taken.local_addr().unwrap().port();
    let squatted = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let squatted = squatted.local_addr().unwrap().port();
    let program = |program: &str| Holder::Program {
        program: Some(program.to_owned()),
        process: Some(77),
    };
    for (holder, told) in [
        (Holder::This, "where a sign-in waits for it right now."),
        (
            program("/usr/bin/tessera"),
            "where a sign-in of /usr/bin/tessera (process 77) waits for it right now.",
        ),
        (
            program("/usr/bin/tessera-desktop"),
            "where a sign-in of /usr/bin/tessera-desktop (process 77) waits for it right now.",
        ),
    ] {
        for named in [&[port][..], &[squatted, port]] {
            let rig = Rig::new().await;
            {
                let mut holders = rig.desktop.ports.lock().unwrap();
                holders.insert(port, holder.clone());
                holders.insert(squatted, program("/opt/squatter"));
            }
            let found = ports(&rig, named).await;
            assert_eq!(
                (code(&found), found.standing),
                ("none", Standing::Ok),
                "{found:?}"
            );
            let told = format!("comes back to 127.0.0.1:{port}, {told}");
            assert!(found.sentence.contains(&told), "{}", found.sentence);
            assert!(!rig.loopback.tried.lock().unwrap().contains(&port), "{holder:?}");
        }
    }
}
