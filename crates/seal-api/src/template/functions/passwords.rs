//! Hashes of passwords, passwords made of a master password, and AES with a password.

use aws_lc_rs::cipher::{
    AES_256, DecryptionContext, EncryptionContext, PaddedBlockDecryptingKey,
    PaddedBlockEncryptingKey, UnboundCipherKey,
};
use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use zeroize::Zeroizing;

use super::super::arguments::{Arguments, Type};
use super::super::machine::Machine;
use super::super::value::Value;
use super::random::fill;
use super::{Failure, Function, Outcome};

const TWO: &[Type] = &[Type::Text, Type::Text];

pub(super) const FUNCTIONS: &[Function] = &[
    Function::new("bcrypt", &[Type::Text], |machine, arguments| {
        let hash = bcrypt(machine, arguments.text(0)?.bytes())?;
        Ok(machine.text(hash)?)
    }),
    Function::new("htpasswd", TWO, |machine, arguments| {
        let (user, password) = (arguments.text(0)?, arguments.text(1)?);
        if user.bytes().contains(&b':') {
            return Err("a user's name holds no colon".into());
        }
        let hash = bcrypt(machine, password.bytes())?;
        Ok(machine.text([user.bytes(), b":", hash.as_bytes()].concat())?)
    }),
    Function::new(
        "derivePassword",
        &[Type::Int, Type::Text, Type::Text, Type::Text, Type::Text],
        derive_password,
    ),
    Function::new("encryptAES", TWO, encrypt_aes),
    Function::new("decryptAES", TWO, decrypt_aes),
];

/// Go's default cost.
const COST: u32 = 10;

fn bcrypt(machine: &mut Machine<'_>, password: &[u8]) -> Result<String, Failure> {
    machine.slow(1)?;
    let mut salt = [0; 16];
    fill(machine, &mut salt)?;
    let hash = bcrypt::non_truncating_hash_with_salt(password, COST, salt);
    // sprig makes the error's text the hash.
    let hash = hash.map_err(|_| "bcrypt takes passwords of 72 bytes at most")?;
    Ok(hash.format_for_version(bcrypt::Version::TwoA))
}

/// What passwords of each type look like: letters that stand for sets of characters.
const SHAPES: &[(&str, &[&str])] = &[
    ("maximum", &["anoxxxxxxxxxxxxxxxxx", "axxxxxxxxxxxxxxxxxno"]),
    (
        "long",
        &[
            "CvcvnoCvcvCvcv",
            "CvcvCvcvnoCvcv",
            "CvcvCvcvCvcvno",
            "CvccnoCvcvCvcv",
            "CvccCvcvnoCvcv",
            "CvccCvcvCvcvno",
            "CvcvnoCvccCvcv",
            "CvcvCvccnoCvcv",
            "CvcvCvccCvcvno",
            "CvcvnoCvcvCvcc",
            "CvcvCvcvnoCvcc",
            "CvcvCvcvCvccno",
            "CvccnoCvccCvcv",
            "CvccCvccnoCvcv",
            "CvccCvccCvcvno",
            "CvcvnoCvccCvcc",
            "CvcvCvccnoCvcc",
            "CvcvCvccCvccno",
            "CvccnoCvcvCvcc",
            "CvccCvcvnoCvcc",
            "CvccCvcvCvccno",
        ],
    ),
    ("medium", &["CvcnoCvc", "CvcCvcno"]),
    ("short", &["Cvcn"]),
    ("basic", &["aaanaaan", "aannaaan", "aaannaaa"]),
    ("pin", &["nnnn"]),
];

fn set_of(letter: u8) -> &'static [u8] {
    match letter {
        b'V' => b"AEIOU",
        b'C' => b"BCDFGHJKLMNPQRSTVWXYZ",
        b'v' => b"aeiou",
        b'c' => b"bcdfghjklmnpqrstvwxyz",
        b'a' => b"AEIOUaeiouBCDFGHJKLMNPQRSTVWXYZbcdfghjklmnpqrstvwxyz",
        b'n' => b"0123456789",
        b'o' => b"@&%?,=[]_:-+*$#!'^~;()/.",
        _ => b"AEIOUaeiouBCDFGHJKLMNPQRSTVWXYZbcdfghjklmnpqrstvwxyz0123456789!@#$%^&*()",
    }
}

/// The algorithm "Master Password" in sprig's version.
fn derive_password(machine: &mut Machine<'_>, arguments: Arguments) -> Outcome {
    const SEED: &[u8] = b"com.lyndir.masterpassword";
    let counter =
        u32::try_from(arguments.int(0)?).map_err(|_| "its counter is no 32-bit number")?;
    let kind = arguments.text(1)?;
    let (password, user, site) = (arguments.text(2)?, arguments.text(3)?, arguments.text(4)?);
    let shapes = SHAPES.iter().find(|(name, _)| name.as_bytes() == kind.bytes());
    let (_, shapes) =
        shapes.ok_or("its type is none of maximum, long, medium, short, basic and pin")?;
    machine.slow(2)?;
    let length = |text: &[u8]| (text.len() as u32).to_be_bytes();
    let salt = [SEED, &length(user.bytes()), user.bytes()].concat();
    let mut key = Zeroizing::new([0; 64]);
    scrypt::Params::new(15, 8, 2, 64)
        .ok()
        .and_then(|params| scrypt::scrypt(password.bytes(), &salt, &params, &mut *key).ok())
        .ok_or("scrypt failed")?;
    let key = hmac::Key::new(hmac::HMAC_SHA256, &*key);
    let message = [SEED, &length(site.bytes()), site.bytes(), &counter.to_be_bytes()].concat();
    let seed = hmac::sign(&key, &message);
    let seed = seed.as_ref();
    let shape = shapes[usize::from(seed[0]) % shapes.len()];
    let letters = shape.bytes().zip(&seed[1..]).map(|(letter, byte)| {
        let set = set_of(letter);
        set[usize::from(*byte) % set.len()]
    });
    Ok(machine.text(letters.collect::<Vec<u8>>())?)
}

/// The first 32 bytes of a password, with zeros behind where it is shorter.
fn aes_key(password: &[u8]) -> Result<UnboundCipherKey, Failure> {
    let mut key = Zeroizing::new([0; 32]);
    let length = password.len().min(32);
    key[..length].copy_from_slice(&password[..length]);
    Ok(UnboundCipherKey::new(&AES_256, &*key).map_err(|_| "AES failed")?)
}

fn encrypt_aes(machine: &mut Machine<'_>, arguments: Arguments) -> Outcome {
    let (password, text) = (arguments.text(0)?, arguments.text(1)?);
    if text.bytes().is_empty() {
        return Ok(machine.text("")?);
    }
    machine.reserve(text.bytes().len().saturating_mul(4))?;
    let key = PaddedBlockEncryptingKey::cbc_pkcs7(aes_key(password.bytes())?);
    let key = key.map_err(|_| "AES failed")?;
    let mut iv = [0; 16];
    fill(machine, &mut iv)?;
    let mut out = text.bytes().to_vec();
    key.less_safe_encrypt(&mut out, EncryptionContext::Iv128(iv.into()))
        .map_err(|_| "AES failed")?;
    Ok(machine.text(STANDARD.encode([&iv, out.as_slice()].concat()))?)
}

fn decrypt_aes(machine: &mut Machine<'_>, arguments: Arguments) -> Outcome {
    const WRONG: &str = "its second argument was not encrypted with this password";
    let (password, text) = (arguments.text(0)?, arguments.text(1)?);
    if text.bytes().is_empty() {
        return Ok(machine.text("")?);
    }
    machine.reserve(text.bytes().len().saturating_mul(2))?;
    let mut bytes = Zeroizing::new(STANDARD.decode(text.bytes()).map_err(|_| WRONG)?);
    let (iv, ciphertext) = bytes.split_first_chunk_mut::<16>().ok_or(WRONG)?;
    let key = PaddedBlockDecryptingKey::cbc_pkcs7(aes_key(password.bytes())?);
    let key = key.map_err(|_| "AES failed")?;
    let plain = key.decrypt(ciphertext, DecryptionContext::Iv128((&*iv).into()));
    Ok(Value::text(&*plain.map_err(|_| WRONG)?))
}
