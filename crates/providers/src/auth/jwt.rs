//! A signed statement of who asks, as Google's token service wants it: JSON Web Tokens under RS256.

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{RSA_PKCS1_SHA256, RsaKeyPair};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde_json::Value;

use super::{BadCredential, Hidden};

const WHAT: &str = "the private key";

/// The private key of a PEM text: PKCS#8, or PKCS#1 as older tools write it.
pub(super) fn key(pem: &Hidden) -> Result<RsaKeyPair, BadCredential> {
    let bad = BadCredential::Form {
        what: WHAT,
        expected: "a PEM text of an RSA key (PKCS#8)",
    };
    // A key that came through an environment variable often has its line breaks escaped.
    let text = pem.expose().replace("\\n", "\n");
    let (label, der) = block(&text).ok_or(bad.clone())?;
    match label {
        "PRIVATE KEY" => RsaKeyPair::from_pkcs8(&der).map_err(|_| bad),
        "RSA PRIVATE KEY" => RsaKeyPair::from_der(&der).map_err(|_| bad),
        _ => Err(bad),
    }
}

/// The first block of a PEM text: its label, and what it holds.
fn block(text: &str) -> Option<(&str, Vec<u8>)> {
    let (_, rest) = text.split_once("-----BEGIN ")?;
    let (label, rest) = rest.split_once("-----")?;
    let (inside, _) = rest.split_once("-----END ")?;
    let digits: String = inside.split_whitespace().collect();
    Some((label, STANDARD.decode(digits).ok()?))
}

/// The statement, signed.
pub(super) fn sign(
    key: &RsaKeyPair,
    header: &Value,
    claims: &Value,
) -> Result<Hidden, BadCredential> {
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let mut statement = format!("{}.{}", part(header), part(claims));
    let mut signature = vec![0; key.public_modulus_len()];
    key.sign(
        &RSA_PKCS1_SHA256,
        &SystemRandom::new(),
        statement.as_bytes(),
        &mut signature,
    )
    .map_err(|_| BadCredential::Form {
        what: WHAT,
        expected: "an RSA key that can sign",
    })?;
    statement.push('.');
    URL_SAFE_NO_PAD.encode_string(signature, &mut statement);
    Ok(Hidden::new(statement))
}
