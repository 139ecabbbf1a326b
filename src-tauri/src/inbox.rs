//! The one inbox for callbacks: whatever way the system brings an address to this app, it goes through here.
//!
//! Three ways lead in: the arguments of this process, those of a second instance, and the operating system's own
//! event. The web view is none of them, so a page cannot forge a callback. What is not an address of exactly our
//! scheme is dropped, and no address is ever logged: it holds the authorization code.

use std::ffi::OsStr;

use tokio::sync::mpsc;
use zeroize::Zeroizing;

/// The longest callback that is taken, in bytes. Real ones stay below a tenth of it.
const MAX_LENGTH: usize = 32 * 1024;

/// How many callbacks wait at most; there is one attempt at a time.
const CAPACITY: usize = 16;

/// A callback as it came in. Secret: it holds the authorization code.
pub(crate) struct Callback(Zeroizing<String>);

impl Callback {
    /// The whole address, for the client to judge.
    pub(crate) fn expose(&self) -> &str {
        &self.0
    }

    /// Takes `text` if it is an address of exactly `scheme`. Schemes are compared without regard to case, and
    /// handed on in lower case (RFC 3986 section 3.1).
    fn parse(scheme: &str, text: &str) -> Option<Self> {
        let (found, rest) = text.split_once(':')?;
        let taken = found.eq_ignore_ascii_case(scheme) && text.len() <= MAX_LENGTH;
        taken.then(|| Self(Zeroizing::new(format!("{scheme}:{rest}"))))
    }
}

impl std::fmt::Debug for Callback {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Callback([redacted])")
    }
}

/// Where callbacks are put in.
#[derive(Clone)]
pub(crate) struct Inbox {
    scheme: String,
    sender: mpsc::Sender<Callback>,
}

impl Inbox {
    /// An inbox for addresses of `scheme`, and the end at which they are taken out.
    pub(crate) fn new(scheme: &str) -> (Self, mpsc::Receiver<Callback>) {
        let (sender, receiver) = mpsc::channel(CAPACITY);
        (
            Self {
                scheme: scheme.to_owned(),
                sender,
            },
            receiver,
        )
    }

    /// Puts in what is ours of a process's arguments, the program's name first. Says whether there was any.
    pub(crate) fn put_arguments<A: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = A>) -> bool {
        let mut any = false;
        for argument in arguments.into_iter().skip(1) {
            any |= argument.as_ref().to_str().is_some_and(|text| self.put(text));
        }
        any
    }

    /// Puts in `text` if it is ours, and says whether it is. Never waits: whoever calls stands in an event of the
    /// system.
    pub(crate) fn put(&self, text: &str) -> bool {
        let Some(callback) = Callback::parse(&self.scheme, text) else {
            return false;
        };
        if self.sender.try_send(callback).is_err() {
            tracing::warn!("a callback was dropped: too many are waiting");
        }
        true
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::ffi::OsString;

    use super::*;

    const OURS: &str = "app.tessera.desktop";

    fn taken(scheme: &str, arguments: Vec<OsString>) -> Vec<String> {
        let (inbox, mut receiver) = Inbox::new(scheme);
        let any = inbox.put_arguments(arguments);
        let mut taken = Vec::new();
        while let Ok(callback) = receiver.try_recv() {
            taken.push(callback.expose().to_owned());
        }
        assert_eq!(any, !taken.is_empty());
        taken
    }

    #[test]
    fn only_addresses_of_exactly_our_scheme_are_taken() {
        let check = |scheme: &str, arguments: &[&str], expected: &[&str]| {
            assert_eq!(
                taken(scheme, arguments.iter().map(OsString::from).collect()),
                expected,
                "{arguments:?}"
            );
        };
        let url = "app.tessera.desktop:/callback?code=c&state=s";
        let dev = "app.tessera.desktop.dev:/callback?code=c&state=s";
        check(OURS, &[], &[]);
        check(OURS, &["tessera-desktop"], &[]);
        check(OURS, &["tessera-desktop", url], &[url]);
        // The program's own name is no argument, whatever it looks like.
        check(OURS, &[url], &[]);
        // A development build and a release one never take each other's.
        check(OURS, &["t", dev], &[]);
        check("app.tessera.desktop.dev", &["t", url, dev], &[dev]);
        // The scheme's case does not matter, the rest's does.
        check(
            OURS,
            &["t", "APP.Tessera.Desktop:/callback?code=Cc"],
            &["app.tessera.desktop:/callback?code=Cc"],
        );
        // Other schemes, options, files, and near misses.
        for other in [
            "https://app.tessera.desktop/callback?code=c",
            "tauri://localhost",
            "file:///app.tessera.desktop:/callback",
            "--app.tessera.desktop:/callback",
            "--url=app.tessera.desktop:/callback",
            "xapp.tessera.desktop:/callback",
            " app.tessera.desktop:/callback",
            "app.tessera.desktop",
            "",
        ] {
            check(OURS, &["t", other], &[]);
        }
        // Where it stands among others does not matter.
        check(OURS, &["t", "--hidden", url, "file.txt"], &[url]);
    }

    #[cfg(unix)]
    #[test]
    fn arguments_that_are_not_text_are_passed_over() {
        use std::os::unix::ffi::OsStringExt as _;

        let broken = OsString::from_vec(b"app.tessera.desktop:/callback?code=\xff".to_vec());
        let url = OsString::from("app.tessera.desktop:/callback");
        assert_eq!(
            taken(OURS, vec!["t".into(), broken, url]),
            ["app.tessera.desktop:/callback"]
        );
    }

    #[test]
    fn what_is_too_long_or_too_many_is_dropped() {
        let longest = format!("{OURS}:{}", "a".repeat(MAX_LENGTH - OURS.len() - 1));
        assert_eq!(taken(OURS, vec!["t".into(), longest.clone().into()]).len(), 1);
        assert_eq!(
            taken(OURS, vec!["t".into(), format!("{longest}a").into()]).len(),
            0
        );
        let many = std::iter::repeat_n(OsString::from("app.tessera.desktop:/callback"), 1_000);
        assert_eq!(taken(OURS, many.collect()).len(), CAPACITY);
    }

    #[test]
    fn a_callback_is_not_shown() {
        let callback = Callback::parse(OURS, "app.tessera.desktop:/callback?code=SECRET").unwrap();
        assert!(!format!("{callback:?}").contains("SECRET"));
    }
}
