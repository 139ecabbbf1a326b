//! Takes the account's token out of what an API answers. Some echo the request with all its headers, and the answer
//! goes to a page, a terminal or a log that must never hold a token.

use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use futures_util::{StreamExt as _, stream};
use http::{HeaderMap, HeaderValue};
use memchr::memmem;
use tessera_oidc::AccessToken;
use zeroize::Zeroizing;

use crate::ports::BodyStream;

/// What stands in the token's place.
pub(super) const MARK: &str = "[your access token]";

/// Shorter ones prove nothing, and would be found in ordinary words.
const SHORTEST: usize = 4;

/// Every way in which an answer may write the tokens that were sent.
#[derive(Default)]
pub(super) struct Mask {
    spellings: Vec<Zeroizing<Vec<u8>>>,
}

impl Mask {
    /// Takes out this token as well from now on.
    pub(super) fn hide(&mut self, token: &AccessToken) {
        let plain = token.expose();
        if plain.len() < SHORTEST {
            return;
        }
        let in_query: String = url::form_urlencoded::byte_serialize(plain.as_bytes()).collect();
        for spelling in [plain.to_owned(), in_query, plain.replace('/', "\\/")] {
            let spelling = Zeroizing::new(spelling.into_bytes());
            if !self.spellings.contains(&spelling) {
                self.spellings.push(spelling);
            }
        }
    }

    /// A text without the tokens.
    pub(super) fn text(&self, text: &str) -> String {
        let clean = self.clean(text.as_bytes());
        // Tokens and the mark are both whole characters.
        clean.map_or_else(
            || text.to_owned(),
            |clean| String::from_utf8_lossy(&clean).into_owned(),
        )
    }

    /// Header fields without the tokens.
    pub(super) fn headers(&self, mut headers: HeaderMap) -> HeaderMap {
        for value in headers.values_mut() {
            if let Some(clean) = self.clean(value.as_bytes()) {
                // Only the token was taken away from a value that was valid before.
                *value = HeaderValue::from_bytes(&clean).unwrap_or_else(|_| HeaderValue::from_static(MARK));
            }
        }
        headers
    }

    /// The body without the tokens, also where one arrives in pieces. What cannot be the beginning of a token is
    /// handed on at once.
    pub(super) fn body(self, body: BodyStream) -> BodyStream {
        if self.spellings.is_empty() {
            return body;
        }
        let mask = Arc::new(self);
        let begin = (Some(body), BytesMut::new());
        Box::pin(stream::unfold(begin, move |(body, mut held)| {
            let mask = Arc::clone(&mask);
            async move {
                let mut body = body?;
                loop {
                    match body.next().await {
                        Some(Ok(chunk)) => {
                            held.extend_from_slice(&chunk);
                            let ready = mask.take(&mut held);
                            if !ready.is_empty() {
                                return Some((Ok(ready), (Some(body), held)));
                            }
                        }
                        Some(Err(error)) => return Some((Err(error), (Some(body), held))),
                        None if held.is_empty() => return None,
                        // Less than a whole token.
                        None => return Some((Ok(held.split().freeze()), (None, held))),
                    }
                }
            }
        }))
    }

    /// What of `held` is settled. The rest, at its end, may be the beginning of a token.
    fn take(&self, held: &mut BytesMut) -> Bytes {
        let mut ready = BytesMut::new();
        while let Some((start, length)) = self.find(held) {
            ready.extend_from_slice(&held.split_to(start));
            ready.extend_from_slice(MARK.as_bytes());
            let _token = held.split_to(length);
        }
        let settled = held.len() - self.begun(held);
        ready.extend_from_slice(&held.split_to(settled));
        ready.freeze()
    }

    fn clean(&self, bytes: &[u8]) -> Option<BytesMut> {
        self.find(bytes)?;
        let mut rest = BytesMut::from(bytes);
        let mut clean = BytesMut::from(self.take(&mut rest));
        clean.extend_from_slice(&rest);
        Some(clean)
    }

    /// Where the first token is, and how long; of two that begin there, the longer one.
    fn find(&self, bytes: &[u8]) -> Option<(usize, usize)> {
        self.spellings
            .iter()
            .filter_map(|spelling| Some((memmem::find(bytes, spelling)?, spelling.len())))
            .min_by_key(|&(start, length)| (start, usize::MAX - length))
    }

    /// How many bytes at the end are the beginning of a token.
    fn begun(&self, bytes: &[u8]) -> usize {
        let longest = |spelling: &[u8]| {
            (1..spelling.len().min(bytes.len() + 1))
                .rev()
                .find(|&length| bytes.ends_with(&spelling[..length]))
                .unwrap_or(0)
        };
        self.spellings
            .iter()
            .map(|spelling| longest(spelling))
            .max()
            .unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use futures_util::TryStreamExt as _;

    use super::*;

    fn mask(token: &str) -> Mask {
        let mut mask = Mask::default();
        mask.hide(&AccessToken::new(token.to_owned()));
        mask
    }

    async fn masked(token: &str, chunks: &[&str]) -> String {
        let chunks: Vec<_> = chunks
            .iter()
            .map(|chunk| Ok(Bytes::copy_from_slice(chunk.as_bytes())))
            .collect();
        let body = mask(token).body(Box::pin(stream::iter(chunks)));
        let body: Vec<Bytes> = body.try_collect().await.unwrap_or_default();
        String::from_utf8_lossy(&body.concat()).into_owned()
    }

    #[tokio::test]
    async fn a_token_is_taken_out_however_it_arrives() {
        let check = async |token: &str, chunks: &[&str], expected: &str| {
            assert_eq!(masked(token, chunks).await, expected, "{chunks:?}");
        };
        let token = "eyJ.abc-1/2+3=";
        check(token, &["nothing here"], "nothing here").await;
        check(token, &["Bearer eyJ.abc-1/2+3=!"], "Bearer [your access token]!").await;
        check(token, &["a eyJ.a", "bc-1/2", "+3= b"], "a [your access token] b").await;
        check(
            token,
            &["eyJ.abc-1/2+3=eyJ.abc-1/2+3="],
            "[your access token][your access token]",
        )
        .await;
        check(token, &["q=eyJ.abc-1%2F2%2B3%3D&x"], "q=[your access token]&x").await;
        check(
            token,
            &[r#"{"t":"eyJ.abc-1\/2+3="}"#],
            r#"{"t":"[your access token]"}"#,
        )
        .await;
        // What only begins like it is kept, to its last byte.
        check(token, &["eyJ.abc", "-1/2+4=", " eyJ."], "eyJ.abc-1/2+4= eyJ.").await;
        check("aaab", &["aaa", "aab"], "aa[your access token]").await;
        for cut in 1..token.len() {
            let (left, right) = token.split_at(cut);
            check(token, &[left, right], MARK).await;
        }
    }

    #[tokio::test]
    async fn what_cannot_be_a_token_is_not_held_back() {
        let chunks = [Ok(Bytes::from_static(b"one\n")), Ok(Bytes::from_static(b"two\n"))];
        let body = mask("token-1").body(Box::pin(stream::iter(chunks)));
        let chunks: Vec<Bytes> = body.try_collect().await.unwrap_or_default();
        assert_eq!(chunks, ["one\n", "two\n"]);
    }

    #[test]
    fn headers_and_texts_are_cleaned_as_well() {
        let mask = mask("token-1");
        let mut headers = HeaderMap::new();
        headers.insert("x-request", HeaderValue::from_static("Bearer token-1"));
        headers.insert("x-other", HeaderValue::from_static("token-2"));
        let headers = mask.headers(headers);
        assert_eq!(headers["x-request"], "Bearer [your access token]");
        assert_eq!(headers["x-other"], "token-2");
        assert_eq!(mask.text("/a/token-1/b"), "/a/[your access token]/b");
    }
}
