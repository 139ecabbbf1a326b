//! How ID tokens are signed, and the keys to check them with.

use super::{Named, row};
use crate::faults::{Change, Fault, KeySetFault, SignatureFault};

#[rustfmt::skip]
pub(super) fn rows() -> Vec<Named> {
    let signed = |name, fault, says| row(name, Fault::Signature(fault), says);
    let keys = |name, fault, says| row(name, Fault::KeySet(fault), says);
    let profile = |name, signature, change, says| row(name, Fault::SignedUserinfo { signature, change }, says);
    vec![
        signed("id-token-bad-signature", SignatureFault::Broken, "The ID token's signature has its bits turned."),
        signed("id-token-alg-none", SignatureFault::None, "The ID token is not signed, and says so."),
        signed("id-token-alg-none-odd-case", SignatureFault::NoneSpelledOddly, "The ID token is not signed, and says so in odd letters."),
        signed("id-token-other-key", SignatureFault::OtherKey, "The ID token is signed by a stranger under the name of the provider's key."),
        signed("id-token-unknown-key", SignatureFault::UnknownKey, "The ID token is signed with a key that is in no key set."),
        signed("id-token-no-kid", SignatureFault::NoKeyId, "The ID token does not say which key it was signed with."),
        signed("id-token-hmac", SignatureFault::Hmac, "The ID token is signed by HS256 with the client's id as the secret."),
        signed("id-token-hmac-public-key", SignatureFault::HmacPublicKey, "The ID token is signed by HS256 with the provider's public key as the secret."),
        signed("id-token-es512", SignatureFault::Es512, "The ID token is signed by ES512, which the provider does not announce."),
        signed("id-token-other-alg", SignatureFault::OtherAlgorithm, "The ID token is signed by an algorithm that the provider does not announce."),
        signed("id-token-jwk", SignatureFault::EmbeddedKey, "The ID token is signed by a stranger and brings the stranger's key along."),
        signed("id-token-jku", SignatureFault::KeyElsewhere("jku"), "The ID token is signed by a stranger and says where the stranger's keys are."),
        signed("id-token-x5u", SignatureFault::KeyElsewhere("x5u"), "The ID token is signed by a stranger and says where the stranger's certificate is."),
        signed("id-token-rotated-key", SignatureFault::Rotated, "The provider changes its keys just before it signs the ID token."),
        signed("id-token-encrypted", SignatureFault::Encrypted, "The ID token has the five parts of an encrypted one."),
        signed("id-token-json-form", SignatureFault::JsonForm, "The ID token comes in the JSON form of a signed token."),
        keys("key-set-private-key", KeySetFault::Private, "The key set shows a private key."),
        keys("key-set-symmetric-key", KeySetFault::Symmetric, "The key set shows a secret key."),
        keys("key-set-no-kids", KeySetFault::NoKeyIds, "The keys in the key set have no names."),
        keys("key-set-empty", KeySetFault::Empty, "The key set has no keys."),
        keys("key-set-other-alg", KeySetFault::OtherAlgorithm, "The keys in the key set are for another algorithm."),
        keys("key-set-for-encryption", KeySetFault::ForEncryption, "The keys in the key set are for encryption."),
        keys("key-set-off-the-curve", KeySetFault::OffTheCurve, "The points of the keys in the key set are not on their curve."),
        keys("key-set-too-many", KeySetFault::TooMany, "The key set has hundreds of keys."),
        profile("userinfo-signed", None, None, "The profile comes as a signed token, which is as good as a plain one."),
        profile("userinfo-bad-signature", Some(SignatureFault::Broken), None, "The profile comes as a signed token whose signature has its bits turned."),
        profile("userinfo-alg-none", Some(SignatureFault::None), None, "The profile comes as a token that is not signed, and says so."),
        profile("userinfo-other-key", Some(SignatureFault::OtherKey), None, "The profile is signed by a stranger under the name of the provider's key."),
        profile("userinfo-unknown-key", Some(SignatureFault::UnknownKey), None, "The profile is signed with a key that is in no key set."),
        profile("userinfo-hmac", Some(SignatureFault::Hmac), None, "The profile is signed by HS256 with the client's id as the secret."),
        profile("userinfo-encrypted", Some(SignatureFault::Encrypted), None, "The profile has the five parts of an encrypted token."),
        profile("userinfo-wrong-iss", None, Some(Change::Set("iss", "https://other.example".into())), "The profile is signed and names another issuer."),
        profile("userinfo-no-iss", None, Some(Change::Remove("iss")), "The profile is signed and names no issuer."),
        profile("userinfo-wrong-aud", None, Some(Change::Set("aud", "another-app".into())), "The profile is signed and made for another app."),
        profile("userinfo-no-aud", None, Some(Change::Remove("aud")), "The profile is signed and made for no app."),
        profile("userinfo-expired", None, Some(Change::Set("exp", 1.into())), "The profile is signed and has expired."),
        profile("userinfo-signed-wrong-sub", None, Some(Change::Set("sub", "somebody-else".into())), "The profile is signed and somebody else's."),
    ]
}
