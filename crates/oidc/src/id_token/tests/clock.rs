//! Two clocks: what is tolerated, what is refused, and who is told that their clock is wrong.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

use serde_json::{Value, json};

use super::super::*;
use super::{Stage, claims};
use crate::testing::NOW;

/// This computer's clock is so many seconds ahead of the provider's, whose time is `NOW`.
struct Ahead(i64);

impl Ahead {
    fn refusal(&self, date: Option<UnixTime>, changes: &Value) -> Option<IdTokenRefusal> {
        let stage = Stage::new(Algorithm::ES256);
        let mut expected = stage.expectations();
        expected.now = NOW.plus(self.0);
        expected.provider_time = date;
        let token = stage.token(&claims(changes));
        Stage::verdict(&token, &stage.keys(), &expected);
        verify(&token, &stage.keys(), &expected).err()
    }

    fn check(&self, changes: &Value, expected: &str) {
        let code = self
            .refusal(Some(NOW), changes)
            .map_or("ok", |refusal| refusal.code());
        assert_eq!(code, expected, "{} seconds ahead, {changes}", self.0);
    }
}

/// The ID token of these tests is good for ten minutes.
#[test]
fn five_minutes_are_tolerated_and_beyond_them_the_clock_is_to_blame() {
    for ahead in [0, 300, -300, 899] {
        Ahead(ahead).check(&json!({}), "ok");
    }
    for ahead in [900, 3600, -301, -720, -86_400] {
        Ahead(ahead).check(&json!({}), "clock_differs");
    }
    Ahead(-310).check(&json!({"nbf": NOW.0}), "clock_differs");
    Ahead(400).check(&json!({"exp": NOW.0 + 60}), "clock_differs");
}

#[test]
fn a_token_that_is_wrong_by_the_providers_clock_too_is_refused_for_what_it_is() {
    Ahead(0).check(&json!({"exp": NOW.0 - 3600}), "id_token_exp");
    Ahead(299).check(&json!({"exp": NOW.0 - 10}), "id_token_exp");
    Ahead(3600).check(&json!({"exp": NOW.0 - 3600}), "id_token_exp");
    Ahead(3600).check(
        &json!({"iat": NOW.0 - 90_000, "exp": NOW.0 + 600}),
        "id_token_exp",
    );
    Ahead(-3600).check(&json!({"iat": NOW.0 + 7200}), "id_token_iat");
    Ahead(-3600).check(&json!({"nbf": NOW.0 + 7200}), "id_token_iat");
    Ahead(3600).check(&json!({"exp": null}), "id_token_exp");
    Ahead(-3600).check(&json!({"iat": null}), "id_token_iat");
    Ahead(-3600).check(&json!({"nbf": "now"}), "id_token_iat");
}

#[test]
fn what_else_is_wrong_is_never_put_on_the_clock() {
    Ahead(3600).check(&json!({"nonce": "x"}), "id_token_exp");
    Ahead(3600).check(&json!({"iss": "x"}), "id_token_iss");
    Ahead(-3600).check(&json!({"sub": null}), "id_token_sub");
}

#[test]
fn without_the_providers_word_for_it_nobody_is_told_that_their_clock_is_wrong() {
    let refusal = Ahead(3600).refusal(None, &json!({})).unwrap();
    assert_eq!(refusal.code(), "id_token_exp");
}

#[test]
fn how_far_and_which_way_is_told() {
    let check = |ahead: i64, part: &str| {
        let refusal = Ahead(ahead).refusal(Some(NOW), &json!({})).unwrap();
        assert!(refusal.message().starts_with(part), "{}", refusal.message());
        assert!(refusal.hint().contains("clock"), "{}", refusal.hint());
    };
    check(
        1000,
        "Your computer's clock is 16 minutes ahead of the provider's,",
    );
    check(-720, "Your computer's clock is 12 minutes behind the provider's,");
    check(-310, "Your computer's clock is 5 minutes behind the provider's,");
    check(
        10_800,
        "Your computer's clock is 3 hours ahead of the provider's,",
    );
    check(
        -31_536_000,
        "Your computer's clock is 365 days behind the provider's,",
    );
}

/// `auth_time` and `Date` are both the provider's: how old a sign-in is does not depend on this computer's clock.
#[test]
fn the_age_of_a_sign_in_is_taken_by_the_providers_clock_where_it_is_known() {
    let check = |ahead: i64, date: Option<UnixTime>, age: i64, expected: &str| {
        let stage = Stage::new(Algorithm::ES256);
        let mut expectations = stage.expectations();
        expectations.now = NOW.plus(ahead);
        expectations.provider_time = date;
        expectations.max_age = Some(60);
        let token = stage.token(&claims(&json!({"auth_time": NOW.0 - age})));
        let code = Stage::verdict(&token, &stage.keys(), &expectations);
        assert_eq!(code, expected, "{ahead} seconds ahead, {age} seconds old");
    };
    for ahead in [0, 290, -290] {
        check(ahead, Some(NOW), 120, "ok");
        check(ahead, Some(NOW), 121, "id_token_auth_time");
        check(ahead, Some(NOW), -61, "id_token_auth_time");
    }
    check(290, None, 70, "ok");
    check(290, None, 71, "id_token_auth_time");
}
