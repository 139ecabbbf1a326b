//! The words of what is around a sign-in and a call: the network, the list of providers, the disk, the keychain, and what
//! may be sent where.

use super::{Category, Told, told};
use crate::gateway::PolicyError;
use crate::ports::{HttpError, VaultError};
use crate::providers::ProviderError;
use crate::store::StoreError;

pub(super) fn of_http(error: &HttpError) -> Told {
    match error {
        HttpError::Insecure(host) => told(
            "endpoint_insecure",
            Category::CheckFailed,
            format!("You were kept from sending anything to {host}: the connection would not be encrypted."),
            "Use an address that starts with https://.",
        ),
        HttpError::Unreachable { host, .. } => told(
            "unreachable",
            Category::Network,
            format!("You cannot reach {host} from here right now."),
            "Check the address and your network connection, and try again; nothing is lost.",
        ),
        HttpError::Tls { host, .. } => told(
            "tls_untrusted",
            Category::Network,
            format!("Your connection to {host} cannot be trusted, so nothing was sent."),
            "On a company network, ask for its certificate to be installed on this computer; elsewhere, change networks.",
        ),
        HttpError::TimedOut(host) => told(
            "no_answer_in_time",
            Category::Network,
            format!("You were kept waiting: {host} did not answer in time."),
            "Try again in a moment; nothing is lost.",
        ),
        HttpError::TooLarge { host, .. } => told(
            "answer_too_large",
            Category::Network,
            format!("The answer of {host} was larger than it should be, and was not read to its end."),
            "Ask for less at once, or tell whoever runs the server.",
        ),
        HttpError::Broken { host, .. } => told(
            "answer_broken",
            Category::Network,
            format!("The answer of {host} broke off."),
            "Try again in a moment; nothing is lost.",
        ),
    }
}

pub(super) fn of_policy(error: &PolicyError) -> Told {
    match error {
        PolicyError::Address(address) => told(
            "address_invalid",
            Category::Usage,
            format!("`{address}` is not an address that can be called."),
            "Enter a whole address, such as https://api.example/items.",
        ),
        PolicyError::Origin(origin) => told(
            "origin_not_allowed",
            Category::Policy,
            format!("Nothing was sent: this account's token may not go to {origin}."),
            "If you trust that server with this account, name it among the provider's APIs and sign in again.",
        ),
        PolicyError::Method(method) => told(
            "method_invalid",
            Category::Usage,
            format!("`{method}` is not a method that can be sent."),
            "Use one such as GET, POST, PUT, PATCH or DELETE.",
        ),
        PolicyError::Body => told(
            "body_invalid",
            Category::Usage,
            "The body could not be read, or has more than 16 MiB.",
            "Send a smaller one.",
        ),
        PolicyError::Header(name) => told(
            "header_not_allowed",
            Category::Usage,
            format!("The header field `{name}` cannot be set by you."),
            "Leave it out; Tessera sets what a call needs.",
        ),
    }
}

pub(super) fn of_provider(error: &ProviderError) -> Told {
    let usage = Category::Usage;
    match error {
        ProviderError::Unknown(name) => told(
            "provider_unknown",
            usage,
            format!("There is no provider called `{name}` here."),
            "Use one of the listed names, or give an issuer address and a client id.",
        ),
        ProviderError::NotNamed => told(
            "provider_not_named",
            usage,
            "You did not say whom to sign in with.",
            "Name a provider, or give an issuer address and a client id.",
        ),
        ProviderError::NoClientId(name) => told(
            "client_id_missing",
            usage,
            format!("You cannot sign in with {name} yet: this build has no client id for it."),
            "Register an app with the provider, and set its client id in Settings.",
        ),
        ProviderError::NoClientSecret(name) => told(
            "client_secret_missing",
            usage,
            format!("You cannot sign in with {name} yet: it wants a client secret even from desktop apps."),
            "Put the secret that came with the client id into providers.toml.",
        ),
        ProviderError::Issuer(tessera_oidc::AddressError::NotHttps(_)) => told(
            "issuer_insecure",
            Category::CheckFailed,
            "You were kept from signing in there: the issuer's address is not encrypted.",
            "Use an address that starts with https://.",
        ),
        ProviderError::Issuer(_) => told(
            "issuer_invalid",
            usage,
            "That issuer address cannot be one.",
            "Enter it as the provider gives it, such as https://login.example.",
        ),
        ProviderError::Api(address) => told(
            "api_invalid",
            usage,
            format!("`{address}` cannot be allowed as an API's address."),
            "Enter one server's origin such as https://api.example, without a path and without `*`; plain http works only on this computer.",
        ),
        ProviderError::Route { name, route } => told(
            "route_unavailable",
            usage,
            format!("You cannot sign in with {name} by this way back ({route})."),
            "Choose another way back.",
        ),
        ProviderError::File(problem) => told(
            "providers_file_invalid",
            usage,
            format!("Your providers.toml cannot be used: {problem}."),
            "Correct the file; the built-in providers still work.",
        ),
        ProviderError::Save(_) => told(
            "providers_file_not_saved",
            Category::Machine,
            "Your providers.toml could not be saved.",
            "Check that the data folder can be written to and has space left.",
        ),
        ProviderError::OtherIssuer(name) => told(
            "provider_other_issuer",
            usage,
            format!("{name} stays as it was: its issuer address cannot be changed."),
            "Add the other address as a provider of its own.",
        ),
        ProviderError::BuiltIn(name) => told(
            "provider_built_in",
            usage,
            format!("{name} is part of this build and cannot be removed."),
            "Only providers that were added here can be removed.",
        ),
    }
}

pub(super) fn of_store(error: &StoreError) -> Told {
    let machine = Category::Machine;
    match error {
        StoreError::Full => told(
            "disk_full",
            machine,
            "Your disk is full, so this could not be saved.",
            "Make some space and try again; nothing that was there is lost.",
        ),
        StoreError::Unusable(_) => told(
            "store_unusable",
            machine,
            "Your list of accounts cannot be opened.",
            "Check that the data folder is there, can be written to and belongs to you.",
        ),
        StoreError::Damaged(_) => told(
            "store_damaged",
            machine,
            "Your list of accounts is damaged.",
            "Quit Tessera and open it again: it keeps a damaged file aside and brings your accounts back from the keychain. If this comes once more, move tessera.db aside yourself; the same happens then.",
        ),
        StoreError::BegunAnew(_) => told(
            "store_begun_anew",
            machine,
            "Your list of accounts was damaged, so Tessera kept it aside and began a new one.",
            "Accounts come back from your keychain as far as it knows them; sign in again where one is missing.",
        ),
        StoreError::TooNew { .. } => told(
            "store_too_new",
            machine,
            "Your list of accounts was written by a newer version of Tessera.",
            "Quit this one and open the newer version; install it again if it is not there.",
        ),
        StoreError::Busy => told(
            "store_busy",
            machine,
            "Your list of accounts is being used by another program for too long.",
            "Try again in a moment; nothing is lost.",
        ),
    }
}

pub(super) fn of_vault(error: &VaultError) -> Told {
    let keychain = Category::Keychain;
    match error {
        VaultError::Missing(_) => told(
            "keychain_missing",
            keychain,
            "There is no keychain on this computer that Tessera could keep your sign-in in.",
            "Start a keychain such as GNOME Keyring or KWallet; in the app you can also stay signed in until you quit.",
        ),
        VaultError::Locked => told(
            "keychain_locked",
            keychain,
            "Your keychain is locked.",
            "Unlock it and try again; in the app you can also stay signed in until you quit.",
        ),
        VaultError::Refused(_) => told(
            "keychain_refused",
            keychain,
            "Your keychain did not let Tessera in.",
            "Allow Tessera in your keychain's own settings; in the app you can also stay signed in until you quit.",
        ),
        VaultError::Full(_) => told(
            "keychain_full",
            keychain,
            "Your keychain has no room for what Tessera has to keep.",
            "Make room on this computer's disk and try again; in the app you can also stay signed in until you quit.",
        ),
        VaultError::TooSmall { .. } => told(
            "keychain_too_small",
            keychain,
            "Your keychain takes only secrets that are smaller than those of this sign-in.",
            "Use another keychain; in the app you can also stay signed in until you quit.",
        ),
        VaultError::HeldElsewhere => told(
            "held_elsewhere",
            keychain,
            "Your keychain did not take this sign-in when it was renewed, so only the Tessera that renewed it has it now.",
            "Leave that one open: it tries again by itself. Unlock the keychain or make room in it, then try again.",
        ),
        VaultError::Replaced => told(
            "keychain_replaced",
            keychain,
            "This is another keychain than the one that holds this sign-in.",
            "Bring back the keychain that was used before, or sign in again to keep the sign-in in this one.",
        ),
        VaultError::Damaged => told(
            "keychain_damaged",
            keychain,
            "What your keychain holds for this account cannot be read back whole.",
            "Sign in again; that replaces it.",
        ),
        VaultError::Failed(_) => told(
            "keychain_failed",
            keychain,
            "Your keychain did not do what was asked of it.",
            "Try again; if it stays so, restart the keychain.",
        ),
    }
}
