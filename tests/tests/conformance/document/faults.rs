//! docs/sandbox-faults.md, written from the sandbox's catalogue.

use std::fmt::Write as _;

use tessera_sandbox::faults::{Document, Fault, Named, catalogue};
use tessera_sandbox::log::Endpoint;

use super::proofs::Tests;
use super::{rows, up_to_date};

const BEGINNING: &str = r#"# What the sandbox can do wrong

The sandbox is an OpenID provider and a protected API on your own machine. It does things wrong on demand, so that you can see
what an app makes of them: Tessera, or yours. This page is written from the sandbox's own catalogue
(`cargo xtask conformance`), and a test fails when it is not what the catalogue says. What Tessera makes of most of them is
in [conformance.md](conformance.md).

## How to use them

Start a sandbox; it prints one line of JSON with its addresses.

```sh
cargo run -p tessera-sandbox -- --port 4000
```

The issuer is then `http://127.0.0.1:4000`, the client id `tessera-desktop` (public, with PKCE), the redirect URI
`http://127.0.0.1/callback` with any port, or `app.tessera.desktop:/callback`. People are `ann` and `bob`; the password is the
user name.

```sh
# From now on every ID token is for somebody else.
curl --json '{"fault": "id-token-wrong-aud"}' http://127.0.0.1:4000/faults

# The next two refreshes fail, after one that goes well.
curl --json '{"fault": "token-500", "grant_type": "refresh_token", "after": 1, "times": 2}' http://127.0.0.1:4000/faults

# Which are on, and which there are.
curl http://127.0.0.1:4000/faults

# All off again.
curl -X DELETE http://127.0.0.1:4000/faults
```

| member of `POST /faults` | what it says | when it is missing |
|---|---|---|
| `fault` | a name from the tables below | none is switched on |
| `times` | how often it shows | always |
| `after` | how many requests go well before it shows | none |
| `client_id` | only for this client | for every client |
| `dialect` | only for `standard`, `google` (under `/google`) or `github` (under `/github`) | for all |
| `grant_type` | only for this grant at the token endpoint | for all |
| `path` | only for this path | for all |
| `expire_access_tokens` | `true` ends every access token now; refresh tokens stay good | |
| `rotate_keys` | `true` signs with new keys from now on | |
| `forget_earlier_keys` | with `rotate_keys`: the earlier keys leave the key set | they stay in it |
| `advance_seconds` | moves the sandbox's clock | |

The members may be combined. A request needs the media type `application/json`, so that no web page can send one unasked. In a
Rust test the same is `Sandbox::faults().set(…)`, which takes faults that have no name as well.
"#;

fn written() -> String {
    let mut text = BEGINNING.to_owned();
    let catalogue = catalogue();
    for (title, belongs) in GROUPS {
        let group: Vec<&Named> = catalogue.iter().filter(|row| belongs(&row.fault)).collect();
        write!(text, "\n## {title}\n\n| fault | what goes wrong |\n|---|---|\n").unwrap();
        for Named { name, says, .. } in group {
            writeln!(text, "| `{name}` | {says} |").unwrap();
        }
    }
    text
}

/// A heading, and whether a fault belongs under it.
type Group = (&'static str, fn(&Fault) -> bool);

const GROUPS: &[Group] = &[
    ("Discovery", |fault| {
        is_about(fault, Document::Discovery) || is_at(fault, Endpoint::Discovery)
    }),
    ("Authorization responses", |fault| {
        matches!(
            fault,
            Fault::Callback(_) | Fault::CallbackInFragment | Fault::ExactLoopbackPort
        )
    }),
    ("Pushed authorization requests", |fault| {
        is_about(fault, Document::PushedResponse)
            || is_at(fault, Endpoint::PushedAuthorization)
            || matches!(fault, Fault::PushedRequests(_) | Fault::PushedRequestExpired)
    }),
    ("Token responses", |fault| {
        is_about(fault, Document::TokenResponse)
            || is_at(fault, Endpoint::Token)
            || matches!(
                fault,
                Fault::Refuse(_) | Fault::RefuseWithOk(_) | Fault::BasicAsItStands
            )
    }),
    ("ID tokens: claims and header", |fault| {
        is_about(fault, Document::IdToken) || is_about(fault, Document::IdTokenHeader)
    }),
    ("ID tokens: signatures", |fault| {
        matches!(fault, Fault::Signature(_))
    }),
    ("Key sets", |fault| {
        matches!(fault, Fault::KeySet(_)) || is_at(fault, Endpoint::KeySet)
    }),
    ("Proof of possession", |fault| {
        matches!(fault, Fault::Dpop(_) | Fault::EverNewNonces { .. })
    }),
    ("Profiles", |fault| {
        is_about(fault, Document::Userinfo)
            || is_at(fault, Endpoint::Userinfo)
            || matches!(fault, Fault::SignedUserinfo { .. })
    }),
    ("Devices", |fault| {
        is_about(fault, Document::DeviceResponse) || is_at(fault, Endpoint::DeviceAuthorization)
    }),
    ("Signing out", |fault| {
        is_at(fault, Endpoint::Revocation)
            || is_at(fault, Endpoint::EndSession)
            || matches!(fault, Fault::SignOutReturn(_))
    }),
    ("Access tokens and the API", |fault| {
        is_about(fault, Document::AccessToken) || is_at(fault, Endpoint::Api)
    }),
];

fn is_about(fault: &Fault, document: Document) -> bool {
    matches!(fault, Fault::Json { document: own, .. } if *own == document)
}

fn is_at(fault: &Fault, endpoint: Endpoint) -> bool {
    matches!(fault, Fault::Http { endpoint: own, .. } if *own == endpoint)
}

#[test]
fn the_page_of_faults_is_what_the_catalogue_says() {
    up_to_date("docs/sandbox-faults.md", &written());
}

#[test]
fn every_fault_is_in_one_group() {
    for row in catalogue() {
        let groups = GROUPS.iter().filter(|(_, belongs)| belongs(&row.fault)).count();
        assert_eq!(groups, 1, "{}", row.name);
    }
}

#[test]
fn every_fault_is_in_a_row_or_proven_elsewhere() {
    let in_rows: Vec<&str> = rows()
        .flat_map(|row| row.provider.faults().iter().copied())
        .collect();
    let mut loose: Vec<&str> = catalogue().iter().map(|row| row.name).collect();
    loose.retain(|name| !in_rows.contains(name) && ELSEWHERE.iter().all(|(own, _)| own != name));
    assert!(loose.is_empty(), "{loose:?}");
    let tests = Tests::in_the_tree();
    for (name, test) in ELSEWHERE {
        assert!(!in_rows.contains(name), "{name} is in a row");
        let found = tests.find(test).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert!(
            found.text.contains(&format!("\"{name}\"")),
            "{test} does not switch {name} on"
        );
    }
}

/// Faults that no row needs, and the test that needs them or proves what they are about: most take time while the
/// client waits, or are the API's.
const ELSEWHERE: &[(&str, &str)] = &[
    (
        "token-bare-400",
        "a_refusal_that_does_not_say_why_signs_nobody_out_and_names_both_ways_on",
    ),
    (
        "userinfo-bare-401",
        "a_profile_that_cannot_be_read_costs_the_profile_and_no_more",
    ),
    (
        "revocation-bare-401",
        "what_cannot_be_reached_is_a_line_and_the_local_copy_goes_all_the_same",
    ),
    (
        "redirect-exact-port",
        "a_provider_that_takes_no_other_port_is_reached_by_the_private_scheme",
    ),
    ("token-hold", "cancel_while_the_provider_is_slow"),
    (
        "github-bad-refresh-token",
        "a_refresh_token_that_it_takes_no_more_needs_a_new_sign_in",
    ),
    ("api-500", "an_api_that_does_not_answer_is_5_and_no_sign_out"),
    ("api-429-retry-after", "the_api_answers_as_told"),
    ("api-slow", "the_api_answers_as_told"),
    ("api-hold", "being_stopped_in_any_way_is_4"),
    ("api-drop", "an_api_that_does_not_answer_is_5_and_no_sign_out"),
    ("api-cut", "an_api_that_does_not_answer_is_5_and_no_sign_out"),
    (
        "discovery-loopback-key-set",
        "endpoints_on_the_readers_own_machine_are_named_as_told",
    ),
    (
        "discovery-localhost-revocation",
        "endpoints_on_the_readers_own_machine_are_named_as_told",
    ),
    ("par-expired", "a_fault_lets_it_run_out_as_soon_as_it_is_named"),
    (
        "dpop-offered",
        "a_token_that_is_bound_to_a_key_is_printed_with_a_word_of_what_it_is_worth",
    ),
    (
        "api-dpop-ever-new-nonces",
        "a_nonce_that_is_refused_again_is_not_tried_a_third_time",
    ),
];
