//! Keys of a transit engine that stands in for a real one.

use aes_gcm::aead::{Aead, KeyInit};
use aes_gcm::{Aes256Gcm, Key};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

#[derive(Default)]
pub(super) struct TransitKey {
    pub(super) versions: Vec<[u8; 32]>,
    pub(super) oldest_for_decryption: usize,
}

impl TransitKey {
    pub(super) fn wrap(&self, plaintext: &[u8]) -> Value {
        let version = self.versions.len();
        let cipher = cipher(&self.versions[version - 1]);
        let nonce: [u8; 12] = rand::random();
        let sealed = cipher.encrypt(&nonce.into(), plaintext).unwrap();
        let bytes = [nonce.as_slice(), &sealed].concat();
        let ciphertext = format!("vault:v{version}:{}", STANDARD.encode(bytes));
        json!({"ciphertext": ciphertext, "key_version": version})
    }

    pub(super) fn open(&self, text: &str) -> Result<Vec<u8>, &'static str> {
        let rest = text.strip_prefix("vault:v").ok_or("invalid ciphertext: no prefix")?;
        let (version, rest) =
            rest.split_once(':').ok_or("invalid ciphertext: wrong number of fields")?;
        let version: usize = version
            .parse()
            .map_err(|_| "invalid ciphertext: version number could not be decoded")?;
        if version > self.versions.len() {
            return Err("invalid ciphertext: version is too new");
        }
        if version < self.oldest_for_decryption {
            return Err("ciphertext or signature version is disallowed by policy (too old)");
        }
        let bytes = STANDARD.decode(rest);
        let bytes = bytes.map_err(|_| "invalid ciphertext: could not decode base64")?;
        let (nonce, sealed) = bytes.split_first_chunk::<12>().ok_or("invalid ciphertext length")?;
        let opened = cipher(&self.versions[version.max(1) - 1]).decrypt(&(*nonce).into(), sealed);
        opened.map_err(|_| "cipher: message authentication failed")
    }
}

fn cipher(key: &[u8; 32]) -> Aes256Gcm {
    Aes256Gcm::new(&Key::<Aes256Gcm>::from(*key))
}

pub(super) fn random() -> [u8; 32] {
    rand::random()
}
