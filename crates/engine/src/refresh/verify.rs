//! Whether bytes are those that the operator means.

use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::signature::{ED25519, UnparsedPublicKey};

use super::fetch::Fetched;

/// A signature in hexadecimal and some white space.
pub(super) const SIGNATURE_MAX: usize = 4096;

/// Holds bytes against a hash, if one is wanted.
pub(super) fn hash(wanted: Option<[u8; 32]>, bytes: &[u8]) -> Result<(), String> {
    match wanted {
        Some(wanted) if digest(&SHA256, bytes).as_ref() != wanted => {
            Err("its SHA-256 is not the one wanted (catalog.sha256)".to_owned())
        }
        _ => Ok(()),
    }
}

/// Holds bytes against a signature that was fetched.
pub(super) fn signature(
    key: &[u8; 32],
    bytes: &[u8],
    signature: Option<&Fetched>,
) -> Result<(), String> {
    let signature = signature.and_then(|fetched| hexadecimal(&fetched.body));
    let signature = signature.ok_or("its signature is not 64 bytes in hexadecimal")?;
    UnparsedPublicKey::new(&ED25519, key)
        .verify(bytes, &signature)
        .map_err(|_| "its signature is not of the key wanted (catalog.public_key)".to_owned())
}

fn hexadecimal(text: &[u8]) -> Option<Vec<u8>> {
    let text = text.trim_ascii();
    let digit = |byte: u8| char::from(byte).to_digit(16);
    let pairs = text.chunks(2).map(|pair| match pair {
        [high, low] => u8::try_from(16 * digit(*high)? + digit(*low)?).ok(),
        _ => None,
    });
    pairs.collect()
}
