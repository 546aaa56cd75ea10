//! What the tests of whole files share: a data key, the clock, and the calls with them.
//!
//! Each test binary takes this file in and uses a part of it.
#![allow(dead_code, reason = "each test binary uses its own part")]

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use seal_core::envelope::{KeyGroup, MasterKey, WrappedKey};
use seal_core::file::{
    BoxError, DecryptOptions, Decrypted, EncryptOptions, Encrypted, FileError, FileKey, Keys,
    Previous, decrypt, encrypt,
};
use seal_core::format::Format;
use seal_core::secret::DataKey;
use sha2::{Digest, Sha256};

/// The date of every run.
pub(crate) const DATE: &str = "2026-11-20T12:00:00Z";

/// The data key of every run that is not told another.
pub(crate) const KEY: [u8; 32] = [7; 32];

/// Options of a run over a manifest.
pub(crate) fn options() -> EncryptOptions {
    EncryptOptions { last_modified: DATE.to_owned(), ..EncryptOptions::default() }
}

/// Options of a run that encrypts every value of a file without Kubernetes objects.
pub(crate) fn whole() -> EncryptOptions {
    EncryptOptions { whole_files: true, ..options() }
}

/// A wrapped key that says its data key aloud: enough where unwrapping is not what is tested.
pub(crate) fn file_key(data_key: [u8; 32]) -> FileKey {
    let enc = format!(
        "-----BEGIN TEST KEY-----\n{}\n-----END TEST KEY-----\n",
        data_key.iter().map(|byte| format!("{byte:02x}")).collect::<String>()
    );
    let key = WrappedKey { key: recipient("age1test"), created_at: None, enc };
    FileKey {
        data_key: DataKey::new(data_key),
        key_groups: vec![KeyGroup { keys: vec![key] }],
        shamir_threshold: None,
    }
}

pub(crate) fn recipient(name: &str) -> MasterKey {
    MasterKey::Age { recipient: name.to_owned() }
}

/// The data key that [`file_key`] wrapped.
pub(crate) fn unwrap(metadata: &seal_core::envelope::Metadata) -> Result<DataKey, BoxError> {
    let enc = &metadata.key_groups[0].keys[0].enc;
    let digits = enc.lines().nth(1).ok_or("no key")?;
    let bytes: Vec<u8> = (0..digits.len() / 2)
        .map(|at| u8::from_str_radix(&digits[2 * at..2 * at + 2], 16))
        .collect::<Result<_, _>>()?;
    DataKey::from_slice(&bytes).ok_or_else(|| "no key".into())
}

/// Calls [`encrypt`] with random bytes that never repeat in a process.
pub(crate) fn try_encrypt(
    format: Format,
    source: &[u8],
    options: &EncryptOptions,
    data_key: [u8; 32],
    previous: Option<&Previous<'_>>,
) -> Result<Encrypted, FileError> {
    static DRAWN: AtomicU64 = AtomicU64::new(0);
    let random = || -> Result<[u8; 32], BoxError> {
        let number = DRAWN.fetch_add(1, Ordering::Relaxed);
        Ok(Sha256::digest(number.to_be_bytes()).into())
    };
    let file_key = || -> Result<FileKey, BoxError> { Ok(file_key(data_key)) };
    let keys = Keys { file_key: &file_key, random: &random };
    encrypt(format, source, options, &keys, previous)
}

/// The encrypted text of a source in which there is something to encrypt.
pub(crate) fn encrypted(format: Format, source: &str, options: &EncryptOptions) -> String {
    let encrypted = try_encrypt(format, source.as_bytes(), options, KEY, None)
        .unwrap_or_else(|error| panic!("{}\n--- of\n{source}", describe(&error)));
    let bytes = encrypted.bytes.unwrap_or_else(|| panic!("nothing was encrypted of\n{source}"));
    String::from_utf8(bytes).expect("an encrypted file is text")
}

pub(crate) fn try_decrypt(format: Format, source: &str) -> Result<Decrypted, FileError> {
    decrypt(format, source.as_bytes(), &DecryptOptions::default(), &unwrap)
}

/// The decrypted text of an encrypted one.
pub(crate) fn decrypted(format: Format, source: &str) -> String {
    let decrypted = try_decrypt(format, source)
        .unwrap_or_else(|error| panic!("{}\n--- of\n{source}", describe(&error)));
    text(&decrypted).unwrap_or_else(|| source.to_owned())
}

pub(crate) fn text(decrypted: &Decrypted) -> Option<String> {
    let bytes = decrypted.bytes.as_ref()?.expose();
    Some(String::from_utf8(bytes.to_vec()).expect("a decrypted file is text"))
}

/// Everything that an error says, with its sources.
pub(crate) fn describe(error: &FileError) -> String {
    let mut out = format!("{:?} {error} {:?} {:?}", error.class, error.position, error.hint);
    let mut source = std::error::Error::source(error);
    while let Some(error) = source {
        out.push_str(&format!("\ncaused by {error} {error:?}"));
        source = error.source();
    }
    out.push_str(&format!("\n{error:?}"));
    out
}

/// A directory below `tests`.
pub(crate) fn tests(below: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests").join(below)
}

/// All files below a directory, sorted.
pub(crate) fn files(root: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    let mut directories = vec![root.to_owned()];
    while let Some(directory) = directories.pop() {
        for entry in std::fs::read_dir(&directory).expect("the directory is there") {
            let path = entry.expect("it can be listed").path();
            if path.is_dir() { directories.push(path) } else { files.push(path) }
        }
    }
    files.sort();
    files
}
