//! Every message that a trace can hold, with the words for a person: what it is, why it exists, and where it is
//! written down. One table, for the window, the terminal and the report.

macro_rules! messages {
    ($($variant:ident = $code:literal, $title:literal, $why:literal, $section:expr;)*) => {
        /// A message between two parties.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum MessageId {
            $(#[doc = $title] $variant,)*
        }

        impl MessageId {
            /// All of them.
            pub const ALL: &'static [Self] = &[$(Self::$variant),*];

            /// The stable name, such as `token_request`.
            pub fn code(self) -> &'static str {
                match self { $(Self::$variant => $code),* }
            }

            /// What it is, in a few words.
            pub fn title(self) -> &'static str {
                match self { $(Self::$variant => $title),* }
            }

            /// Why it exists, in two sentences.
            pub fn why(self) -> &'static str {
                match self { $(Self::$variant => $why),* }
            }

            /// Where it is written down; `None` where Tessera does it by its own rules.
            pub fn section(self) -> Option<&'static str> {
                match self { $(Self::$variant => $section),* }
            }
        }
    };
}

messages! {
    SignIn = "sign_in", "You ask to sign in",
        "Nothing happens before you ask for it. From here on Tessera waits for this one sign-in, and a newer one replaces it.",
        None;
    MetadataRequest = "metadata_request", "How does one sign in with you?",
        "A provider publishes where its pages and services are, at one well-known address. Asking there means that none of these addresses has to be built into Tessera, or typed by you.",
        Some("OpenID Connect Discovery 4.1");
    MetadataResponse = "metadata_response", "The provider describes itself",
        "The description must name exactly the issuer that was asked, or somebody else is answering. Every later request to the provider goes to an address from this document.",
        Some("OpenID Connect Discovery 4.2");
    AttemptKept = "attempt_kept", "The unfinished sign-in is kept",
        "The answer may find Tessera closed, and must still be checked against what was asked. So the secrets of this attempt wait in the keychain, are good for ten minutes at most, and are deleted when it ends.",
        None;
    AttemptRead = "attempt_read", "The unfinished sign-in is found again",
        "The answer found Tessera closed, so what was asked is read from the keychain and deleted there. From now on nobody else can complete this sign-in.",
        None;
    PushedRequest = "pushed_request", "The request goes to the provider first",
        "What Tessera asks for travels on a connection of its own, where nobody on the way through the browser can read or change it. The provider checks it before you are sent anywhere.",
        Some("RFC 9126 2.1");
    PushedResponse = "pushed_response", "The provider gives the request a name",
        "Your browser carries only this name, which is good for a short while and for this app alone. Where the provider says no, you are told at once instead of on its page.",
        Some("RFC 9126 2.2");
    AuthorizationRequest = "authorization_request", "You are sent to the provider",
        "You sign in at the provider's own page in your own browser, so Tessera never sees your password. With the request, in the address or sent ahead, goes the hash of a secret that stays here (the code challenge), which makes the answer useless to anybody else.",
        Some("RFC 8252 4.1, RFC 7636 4.3");
    SignInPages = "sign_in_pages", "You sign in and agree",
        "This is between you and the provider: your password, your second factor, and what you allow. Tessera sees nothing of it.",
        Some("RFC 6749 4.1.1");
    Callback = "callback", "The answer comes back",
        "The provider sends your browser to an address that leads back to this computer, with a code that can be used once or with the reason why there is none. Any page could send something to that address, so the answer is compared with what was asked before anything is done with it.",
        Some("RFC 6749 4.1.2, RFC 9207 2");
    TokenRequest = "token_request", "Tessera redeems what it holds",
        "A code or a refresh token opens nothing by itself; here it is exchanged for tokens, on a connection of Tessera's own that no browser sees. For a code, Tessera proves that it is the one that asked by sending the secret whose hash was sent before.",
        Some("RFC 6749 4.1.3 and 6, RFC 7636 4.5");
    TokenResponse = "token_response", "The provider gives tokens",
        "The access token opens the API for a short while, the refresh token brings the next one, and the ID token says who you are. They stay in Rust and where they are kept: no window and no log of Tessera ever holds them.",
        Some("RFC 6749 5.1");
    ErrorResponse = "error_response", "The provider answers with an error",
        "The status, and the error that it names, decide what Tessera does next and what it tells you. No token is ever taken from such an answer.",
        Some("RFC 9110 15, RFC 6749 5.2");
    KeySetRequest = "key_set_request", "Which keys do you sign with?",
        "The ID token is signed, and only the provider's own keys count. They are fetched from the address in its description, never from one that a token names.",
        Some("OpenID Connect Core 10.1");
    KeySetResponse = "key_set_response", "The provider's public keys",
        "With these the signature is checked on this computer. They are used for ten minutes, and asked for again before that when no key among them fits a token.",
        Some("RFC 7517 5");
    IdTokenCheck = "id_token_check", "Tessera checks who signed in",
        "The ID token is the provider's statement about you, and worth as much as its checks: whose signature, for which app, for which sign-in, and when. If one of them fails, the access token that came with it is neither used nor kept.",
        Some("OpenID Connect Core 3.1.3.7");
    UserinfoRequest = "userinfo_request", "Who is this?",
        "Name, e-mail address and picture may be more complete here than in the ID token, and a provider without ID tokens says only here who you are. The access token proves that Tessera may ask.",
        Some("OpenID Connect Core 5.3.1");
    UserinfoResponse = "userinfo_response", "Your profile",
        "Where there is an ID token, the profile is taken only when it is about the same person. Otherwise one of the two tokens is not yours.",
        Some("OpenID Connect Core 5.3.2");
    TokensStored = "tokens_stored", "Tokens are put where they are kept",
        "A renewed refresh token is stored before anyone gets the access token that came with it, because the one before it may be void already. That is the keychain, or only Tessera's memory if you chose so, and never a file.",
        Some("RFC 6749 10.4");
    FinishedPage = "finished_page", "The browser shows what came of it",
        "Whoever brought an answer is told what became of it, also when it was not the right one. The page carries no token and loads nothing from elsewhere.",
        Some("RFC 8252 7.3");
    DeviceAuthorizationRequest = "device_authorization_request", "Tessera asks for a code to type",
        "Where no answer can come back to this computer, you type a short code on any device instead. Tessera gets a secret of its own to wait with.",
        Some("RFC 8628 3.1");
    DeviceAuthorizationResponse = "device_authorization_response", "The code, and where to type it",
        "Compare the code before you agree: whoever sends you such a code would sign in as you. It is good for a few minutes.",
        Some("RFC 8628 3.2");
    VerificationPage = "verification_page", "You are sent to the page for the code",
        "You type the code at the provider's own page, here or on another device, so Tessera never sees your password. The address comes without the code, so that you compare it before you agree.",
        Some("RFC 8628 3.3");
    DevicePoll = "device_poll", "Is it done?",
        "The provider cannot call this computer, so Tessera asks again and again, no faster than the provider allows. It stops when you agree, decline or cancel, or when the code runs out.",
        Some("RFC 8628 3.4");
    DevicePending = "device_pending", "Not yet",
        "You have not finished in the browser. When the provider says to slow down, Tessera waits longer between two questions.",
        Some("RFC 8628 3.5");
    AccessTokenRead = "access_token_read", "Tessera looks for the kept access token",
        "An access token that is still good for a while is used again. Only where there is none, the provider is asked for another.",
        Some("RFC 6749 1.4");
    RefreshTokenRead = "refresh_token_read", "The refresh token is read",
        "The kept access token cannot be used any more, or it is not certain what became of an earlier renewal. With the refresh token another can be had without a browser.",
        Some("RFC 6749 1.5");
    KeyRead = "key_read", "The key of this account is read",
        "The account's tokens are bound to this key, and are of no use to anybody who does not have it. The key itself is never sent: it signs a proof for each request.",
        Some("RFC 9449 4");
    ClientSecretRead = "client_secret_read", "The client secret is read",
        "The provider was named for this account alone, together with a secret by which it knows Tessera. So the secret is kept with the account.",
        Some("RFC 6749 2.3.1");
    ApiRequest = "api_request", "The call, with the token",
        "Rust adds the access token, and only for addresses that this account's token may go to. Whatever shows you the answer never holds it.",
        Some("RFC 6750 2.1");
    ApiResponse = "api_response", "The API answers",
        "A refusal of the token is worth one fresh token and one more try. A missing permission is told as one, so that you can be asked for it.",
        Some("RFC 6750 3");
    SignOut = "sign_out", "You ask to sign out",
        "Signing out ends the account on this computer, whatever the provider answers. What the provider can end is ended there first.",
        None;
    TokensRead = "tokens_read", "The tokens are read once more",
        "To end them, the provider has to be shown them. The ID token says whose session in the browser may be ended too.",
        Some("RFC 7009 2.1");
    RevocationRequest = "revocation_request", "Tessera gives a token back",
        "A token that is only deleted here would stay good at the provider. The refresh token goes first, because others can be had with it.",
        Some("RFC 7009 2.1");
    RevocationResponse = "revocation_response", "The provider's word on it",
        "A provider also says yes to a token that is void already. If it cannot be reached, the copy here is deleted all the same, and the receipt says so.",
        Some("RFC 7009 2.2");
    RevocationKept = "revocation_kept", "What could not be given back yet is kept for it",
        "You are signed out here, and the provider could not be told. The tokens wait under a name of their own, for nothing but to be given back when it can be reached.",
        None;
    EndSessionRequest = "end_session_request", "Your browser is sent to the provider's sign-out page",
        "Your browser has a session of its own with the provider, which only the two of them can end. The address says whose session it is, with the last ID token where there is one, and carries a state by which the return is known.",
        Some("OpenID Connect RP-Initiated Logout 2");
    EndSessionReturn = "end_session_return", "The browser comes back from it",
        "Any page could open this address, so only the state that was sent counts. Everything was deleted here before, so a wrong return changes nothing.",
        Some("OpenID Connect RP-Initiated Logout 3");
    SecretsDeleted = "secrets_deleted", "The tokens are deleted here",
        "Whatever the provider answered, nothing of the account is left where its secrets were kept. The receipt lists it.",
        None;
}

impl MessageId {
    /// Whether it happens where Tessera cannot see it: known to belong there, not observed.
    pub fn is_unseen(self) -> bool {
        self == Self::SignInPages
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_message_has_a_name_of_its_own_and_two_sentences_that_say_why() {
        for (index, message) in MessageId::ALL.iter().enumerate() {
            assert!(
                MessageId::ALL[..index]
                    .iter()
                    .all(|other| other.code() != message.code()),
                "{}",
                message.code()
            );
            let sentences = message
                .why()
                .split_inclusive(['.', '!', '?'])
                .filter(|part| part.trim().len() > 3);
            assert_eq!(sentences.count(), 2, "{}: {}", message.code(), message.why());
            assert!(!message.title().ends_with('.'), "{}", message.code());
        }
    }
}
