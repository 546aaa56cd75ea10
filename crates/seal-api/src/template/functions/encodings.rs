//! Base64, base32 and checksums.

use aws_lc_rs::digest;
use base64::Engine as _;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig, general_purpose};

use super::super::arguments::{Arguments, Type};
use super::super::machine::Machine;
use super::super::value::Value;
use super::{Function, Outcome};

const TEXT: &[Type] = &[Type::Text];

pub(super) const FUNCTIONS: &[Function] = &[
    Function::new("b64enc", TEXT, |machine, arguments| {
        let text = arguments.text(0)?;
        machine.reserve(text.bytes().len() * 2)?;
        Ok(Value::text(general_purpose::STANDARD.encode(text.bytes())))
    }),
    Function::new("b64dec", TEXT, b64_decode),
    Function::new("b32enc", TEXT, |machine, arguments| {
        let text = arguments.text(0)?;
        machine.reserve(text.bytes().len() * 2)?;
        Ok(Value::text(b32_encode(text.bytes())))
    }),
    Function::new("b32dec", TEXT, |machine, arguments| {
        let text = arguments.text(0)?;
        machine.read(text.bytes().len().saturating_mul(16))?;
        machine.reserve(text.bytes().len())?;
        Ok(Value::text(b32_decode(text.bytes()).ok_or("its argument is no base32")?))
    }),
    Function::new("sha1sum", TEXT, |machine, arguments| {
        hashed(machine, &arguments, &digest::SHA1_FOR_LEGACY_USE_ONLY)
    }),
    Function::new("sha256sum", TEXT, |machine, arguments| {
        hashed(machine, &arguments, &digest::SHA256)
    }),
    Function::new("sha512sum", TEXT, |machine, arguments| {
        hashed(machine, &arguments, &digest::SHA512)
    }),
    Function::new("adler32sum", TEXT, |machine, arguments| {
        let text = arguments.text(0)?;
        machine.read(text.bytes().len() * 8)?;
        let (one, two) = text.bytes().iter().fold((1_u32, 0_u32), |(one, two), byte| {
            let one = (one + u32::from(*byte)) % 65521;
            (one, (two + one) % 65521)
        });
        Ok(machine.text((two << 16 | one).to_string())?)
    }),
];

/// Go forgives bits that belong to no byte.
const LENIENT: GeneralPurpose = GeneralPurpose::new(
    &base64::alphabet::STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_allow_trailing_bits(true)
        .with_decode_padding_mode(DecodePaddingMode::RequireCanonical),
);

fn b64_decode(machine: &mut Machine<'_>, arguments: Arguments) -> Outcome {
    let text = arguments.text(0)?;
    machine.reserve(text.bytes().len() * 2)?;
    let lines: Vec<u8> = without_line_breaks(text.bytes());
    // sprig gives the error's text as the value, which would become a Secret.
    Ok(Value::text(LENIENT.decode(lines).map_err(|_| "its argument is no base64")?))
}

fn without_line_breaks(text: &[u8]) -> Vec<u8> {
    text.iter().copied().filter(|byte| !matches!(byte, b'\r' | b'\n')).collect()
}

const BASE32: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

fn b32_encode(bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(bytes.len().div_ceil(5) * 8);
    for chunk in bytes.chunks(5) {
        let mut block = [0; 8];
        block[3..3 + chunk.len()].copy_from_slice(chunk);
        let bits = u64::from_be_bytes(block);
        let used = (chunk.len() * 8).div_ceil(5);
        for index in 0..8 {
            let digit = (bits >> (35 - 5 * index)) as usize & 31;
            out.push(if index < used { BASE32[digit] } else { b'=' });
        }
    }
    out
}

fn b32_decode(text: &[u8]) -> Option<Vec<u8>> {
    let text = without_line_breaks(text);
    if !text.len().is_multiple_of(8) {
        return None;
    }
    let mut out = Vec::with_capacity(text.len() / 8 * 5);
    let blocks = text.len() / 8;
    for (number, block) in text.chunks(8).enumerate() {
        let used = block.iter().rposition(|byte| *byte != b'=')? + 1;
        if used < 8 && (number + 1 < blocks || !matches!(used, 2 | 4 | 5 | 7)) {
            return None;
        }
        let mut bits = 0_u64;
        for (index, byte) in block[..used].iter().enumerate() {
            let digit = BASE32.iter().position(|known| known == byte)?;
            bits |= (digit as u64) << (35 - 5 * index);
        }
        out.extend_from_slice(&bits.to_be_bytes()[3..3 + used * 5 / 8]);
    }
    Some(out)
}

fn hashed(
    machine: &mut Machine<'_>,
    arguments: &Arguments,
    algorithm: &'static digest::Algorithm,
) -> Outcome {
    let text = arguments.text(0)?;
    machine.read(text.bytes().len() * 4)?;
    let hash = digest::digest(algorithm, text.bytes());
    let hex: String = hash.as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
    Ok(machine.text(hex)?)
}
