//! Own rows about the token endpoint and userinfo.

use tessera_sandbox::log::Endpoint;

use super::Plan;
use crate::acts::{self, sign_in, sign_in_in_no_time};
use crate::row::Last::{KeySetOfUserinfo, Token, Userinfo};
use crate::row::Outcome::Accept;
use crate::row::Provider::{Does, Right};
use crate::row::Setting::{GitHub, Secret};
use crate::row::{Row, refuse};
use crate::runner::check;

pub(super) const PLAN: Plan = Plan {
    title: "Token responses and profiles",
    about: "Our own: what the token endpoint and the userinfo endpoint may answer.",
    rows,
};

#[rustfmt::skip]
fn rows() -> Vec<Row> {
    vec![
        Row::new("tessera-token-500", &["OAU-11"],
            Does(&["token-500"]), sign_in, refuse("token_endpoint_status", Token)),
        Row::new("tessera-token-html", &["OAU-11"],
            Does(&["token-html"]), sign_in, refuse("token_response_not_json", Token)),
        Row::new("tessera-token-502-html", &["OAU-11"],
            Does(&["token-502-html"]), sign_in, refuse("token_endpoint_status", Token)),
        Row::new("tessera-token-not-json", &["OAU-11"],
            Does(&["token-not-json"]), sign_in, refuse("token_response_not_json", Token)),
        Row::new("tessera-token-labelled-text", &["OAU-2"],
            Does(&["token-labelled-text"]), sign_in, Accept),
        Row::new("tessera-token-labelled-html", &["OAU-2"],
            Does(&["token-labelled-html"]), sign_in, refuse("token_response_not_json", Token)),
        Row::new("tessera-token-redirect", &["OAU-11", "BCP-11"],
            Does(&["token-redirect"]), sign_in, refuse("token_endpoint_status", Token)),
        Row::new("tessera-token-slow", &["MET-7"],
            Does(&["token-slow"]), sign_in_in_no_time, refuse("no_answer_in_time", Token)),
        Row::new("tessera-token-stall", &["MET-7"],
            Does(&["token-stall"]), sign_in_in_no_time, refuse("no_answer_in_time", Token)),
        Row::new("tessera-token-huge", &["MET-7"],
            Does(&["token-huge"]), sign_in, refuse("answer_too_large", Token)),
        Row::new("tessera-token-drop", &["OAU-12"],
            Does(&["token-drop-after"]), sign_in, refuse("answer_broken", Token)),
        Row::new("tessera-token-cut", &["OAU-12"],
            Does(&["token-cut"]), sign_in, refuse("answer_broken", Token)),
        Row::new("tessera-token-invalid-grant", &["OAU-12"],
            Does(&["token-invalid-grant"]), sign_in, refuse("invalid_grant", Token)),
        Row::new("tessera-token-invalid-client", &["NAT-8"],
            Does(&["token-invalid-client"]), sign_in, refuse("invalid_client", Token)),
        Row::new("tessera-token-no-access-token", &["OAU-5"],
            Does(&["token-no-access-token"]), sign_in, refuse("token_response_incomplete", Token)),
        Row::new("tessera-token-no-id-token", &["IDT-6"],
            Does(&["token-no-id-token"]), sign_in, refuse("id_token_missing", Token)),
        Row::new("tessera-token-no-token-type", &["OAU-5"],
            Does(&["token-no-token-type"]), sign_in, refuse("token_response_incomplete", Token)),
        Row::new("tessera-token-other-type", &["OAU-5"],
            Does(&["token-other-type"]), sign_in, refuse("token_type_unsupported", Token)),
        Row::new("tessera-token-type-lower-case", &["OAU-5"],
            Does(&["token-type-lower-case"]), sign_in, Accept),
        Row::new("tessera-secret-as-it-stands", &["NAT-8"],
            Does(&["basic-as-it-stands"]), sign_in, refuse("invalid_client", Token)).at(Secret),
        Row::new("tessera-token-line-breaks", &["BRR-1"],
            Does(&["token-line-breaks"]), sign_in, refuse("token_response_unusable", Token)),
        Row::new("tessera-token-enormous", &["MET-7"],
            Does(&["token-enormous"]), sign_in, refuse("token_response_unusable", Token)),
        Row::new("tessera-token-unknown-members", &["OAU-2"],
            Does(&["token-extra-members"]), sign_in, Accept),
        Row::new("tessera-token-expires-in-text", &["OAU-7"],
            Does(&["token-expires-in-text"]), sign_in, Accept),
        Row::new("tessera-token-expires-in-negative", &["OAU-7"],
            Does(&["token-expires-in-negative"]), sign_in, Accept),
        Row::new("tessera-token-no-scope", &["OAU-6"],
            Does(&["token-no-scope"]), acts::sign_in_and_be_granted_all, Accept)
                .and("what was asked for counts as granted"),
        Row::new("tessera-token-fewer-scopes", &["OAU-6", "BCP-8"],
            Does(&["token-fewer-scopes"]), acts::sign_in_and_be_granted_less, Accept)
                .and("the account shows what was not granted"),
        Row::new("tessera-token-no-refresh-token", &["OAU-8"],
            Does(&["token-no-refresh-token"]), sign_in, Accept),
        Row::new("tessera-failed-sign-in-leaves-the-account", &["IDT-6"],
            Does(&["id-token-bad-signature"]), acts::sign_in_anew, refuse("id_token_signature", Token))
                .after("Ann is signed in already, and signs in once more.")
                .and("she stays signed in with the tokens that she had"),
        Row::new("tessera-userinfo-no-sub", &["UIN-1"],
            Does(&["userinfo-no-sub"]), sign_in, refuse("userinfo_sub", Userinfo)),
        Row::new("tessera-userinfo-500", &["UIN-1"],
            Does(&["userinfo-500"]), acts::sign_in_and_leave_the_profile, Accept)
                .and("the profile is left out"),
        Row::new("tessera-userinfo-html", &["UIN-1"],
            Does(&["userinfo-html"]), acts::sign_in_and_leave_the_profile, Accept)
                .and("the profile is left out"),
        Row::new("tessera-userinfo-huge", &["MET-7"],
            Does(&["userinfo-huge"]), acts::sign_in_and_leave_the_profile, Accept)
                .and("the profile is left out"),
        Row::new("tessera-userinfo-redirect", &["BCP-11", "BRR-3"],
            Does(&["userinfo-redirect"]), acts::sign_in_and_leave_the_profile, Accept)
                .and("the profile is left out"),
        Row::new("tessera-userinfo-401", &["UIN-1"],
            Does(&["userinfo-401"]), acts::sign_in_and_leave_the_profile, Accept)
                .and("the profile is left out"),
        Row::new("tessera-userinfo-signed-bad-signature", &["UIN-3"],
            Does(&["userinfo-bad-signature"]), sign_in, refuse("userinfo_signature", Userinfo)),
        Row::new("tessera-userinfo-signed-alg-none", &["UIN-3"],
            Does(&["userinfo-alg-none"]), sign_in, refuse("userinfo_alg", Userinfo)),
        Row::new("tessera-userinfo-signed-other-key", &["UIN-3"],
            Does(&["userinfo-other-key"]), sign_in, refuse("userinfo_signature", Userinfo)),
        Row::new("tessera-userinfo-signed-unknown-key", &["UIN-3"],
            Does(&["userinfo-unknown-key"]), sign_in, refuse("userinfo_unknown_key", KeySetOfUserinfo)).asking(&[(Endpoint::KeySet, 2)]),
        Row::new("tessera-userinfo-signed-hmac", &["UIN-3"],
            Does(&["userinfo-hmac"]), sign_in, refuse("userinfo_alg", Userinfo)),
        Row::new("tessera-userinfo-signed-encrypted", &["UIN-3"],
            Does(&["userinfo-encrypted"]), acts::sign_in_and_leave_the_profile, Accept)
                .and("the profile is left out"),
        Row::new("tessera-userinfo-signed-wrong-iss", &["UIN-3"],
            Does(&["userinfo-wrong-iss"]), sign_in, refuse("userinfo_iss", Userinfo)),
        Row::new("tessera-userinfo-signed-no-iss", &["UIN-3"],
            Does(&["userinfo-no-iss"]), sign_in, refuse("userinfo_iss", Userinfo)),
        Row::new("tessera-userinfo-signed-wrong-aud", &["UIN-3"],
            Does(&["userinfo-wrong-aud"]), sign_in, refuse("userinfo_aud", Userinfo)),
        Row::new("tessera-userinfo-signed-no-aud", &["UIN-3"],
            Does(&["userinfo-no-aud"]), sign_in, refuse("userinfo_aud", Userinfo)),
        Row::new("tessera-userinfo-signed-expired", &["UIN-3"],
            Does(&["userinfo-expired"]), sign_in, refuse("userinfo_exp", Userinfo)),
        Row::new("tessera-userinfo-signed-other-person", &["UIN-1", "UIN-3"],
            Does(&["userinfo-signed-wrong-sub"]), sign_in, refuse("userinfo_sub", Userinfo)),
        Row::new("tessera-api-token-for-another-api", &["BRR-2"],
            Does(&["access-token-wrong-aud"]), acts::call_with_a_token_for_another_api, Accept)
                .after("The protected API is called.")
                .and("a refused token is replaced once"),
        Row::new("tessera-api-token-of-another-issuer", &["BRR-2"],
            Does(&["access-token-wrong-iss"]), acts::call_with_a_token_for_another_api, Accept)
                .after("The protected API is called.")
                .and("a refused token is replaced once"),
        Row::new("tessera-github-comma-separated-scopes", &["OAU-6"],
            Right("Scopes come back with commas between them, the token type in lower case, and no ID token."), acts::sign_in_and_be_granted_each, Accept)
                .and("each is granted as a permission of its own").at(GitHub),
        Row::new("tessera-github-error-with-200", &["OAU-12"],
            Does(&["token-error-with-200"]), sign_in, refuse("invalid_grant", Token)).at(GitHub),
        Row::new("tessera-github-bad-code", &["OAU-12"],
            Does(&["github-bad-code"]), sign_in, refuse("bad_verification_code", Token)).at(GitHub),
        Row::new("tessera-error-with-200", &["OAU-5"],
            Does(&["token-error-with-200"]), sign_in, refuse("token_response_incomplete", Token)),
    ]
}

#[test]
fn every_row_about_answers_comes_out_as_it_says() {
    check(&rows());
}
