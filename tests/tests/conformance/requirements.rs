//! Everything that is asked of a client and of a resource server, by the ids that the rows name: what it is, where it
//! is met, and which tests prove it, or why it does not apply.

mod asvs;
mod client;
mod native;
mod server;
mod tokens;

/// A thing that is asked for.
pub(crate) struct Item {
    /// Its id. Of ASVS it is the standard's own; the others are this project's, by which rows name them.
    pub(crate) id: &'static str,
    /// Where it is written down.
    pub(crate) section: &'static str,
    /// What it asks, in short.
    pub(crate) asks: &'static str,
    pub(crate) met: Met,
}

/// Whether it is met.
#[derive(Clone, Copy)]
pub(crate) enum Met {
    /// In this file or folder; proven by the rows that name the id, and by these rows and tests. A test goes by its name,
    /// or by `file::name` where several files have one of that name.
    At(&'static str, &'static [&'static str]),
    /// It does not apply, and why.
    DoesNotApply(&'static str),
}

/// A group of items.
pub(crate) struct Family {
    /// Its heading in the document.
    pub(crate) title: &'static str,
    pub(crate) items: &'static [Item],
}

/// All of them.
pub(crate) const FAMILIES: &[Family] = &[
    asvs::CLIENT,
    asvs::RESOURCE_SERVER,
    asvs::TOKENS,
    native::APPS,
    native::BEST_PRACTICE,
    client::PKCE,
    client::OAUTH,
    client::ISSUER,
    client::METADATA,
    client::DEVICE,
    client::PUSHED,
    client::ENDING,
    tokens::ID_TOKEN,
    tokens::USERINFO,
    tokens::JWT,
    server::BEARER,
    server::ACCESS_TOKEN,
    server::POSSESSION,
];

const fn item(id: &'static str, section: &'static str, asks: &'static str, met: Met) -> Item {
    Item {
        id,
        section,
        asks,
        met,
    }
}
