//! What is drawn: from the operating system, without bias.

use rand::TryRng as _;
use rand::rngs::SysRng;

use super::super::arguments::{Arguments, Type};
use super::super::machine::Machine;
use super::super::quote;
use super::super::value::Value;
use super::{Failure, Function, Outcome};

const COUNT: &[Type] = &[Type::Int];

const DIGITS: &[u8] = b"0123456789";
const LETTERS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
const BOTH: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";

pub(super) const FUNCTIONS: &[Function] = &[
    Function::new("randAlphaNum", COUNT, |machine, arguments| drawn(machine, &arguments, BOTH)),
    Function::new("randAlpha", COUNT, |machine, arguments| drawn(machine, &arguments, LETTERS)),
    Function::new("randNumeric", COUNT, |machine, arguments| drawn(machine, &arguments, DIGITS)),
    Function::new("randAscii", COUNT, |machine, arguments| {
        let printable: Vec<u8> = (b' '..=b'~').collect();
        drawn(machine, &arguments, &printable)
    }),
    Function::new("randBytes", COUNT, |machine, arguments| {
        let count = count(&arguments)?;
        machine.reserve(count.saturating_mul(3))?;
        let mut bytes = zeroize::Zeroizing::new(vec![0; count]);
        fill(machine, &mut bytes)?;
        use base64::Engine as _;
        Ok(machine.text(base64::engine::general_purpose::STANDARD.encode(&*bytes))?)
    }),
    Function::new("randInt", &[Type::Int, Type::Int], |machine, arguments| {
        let (low, high) = (arguments.int(0)?, arguments.int(1)?);
        if high <= low {
            return Err("its second number has to be the larger one".into());
        }
        let drawn = below(machine, low.abs_diff(high))?;
        Ok(Value::int(low.wrapping_add_unsigned(drawn)))
    }),
    Function::new("shuffle", &[Type::Text], |machine, arguments| {
        let text = arguments.text(0)?;
        let mut characters: Vec<&[u8]> =
            quote::characters(text.bytes()).map(|(_, raw)| raw).collect();
        for last in (1..characters.len()).rev() {
            machine.step(1)?;
            let other = below(machine, last as u64 + 1)? as usize;
            characters.swap(last, other);
        }
        machine.changing = true;
        Ok(machine.text(characters.concat())?)
    }),
    Function::new("uuidv4", &[], |machine, _| {
        let mut bytes = [0; 16];
        fill(machine, &mut bytes)?;
        bytes[6] = bytes[6] & 0x0f | 0x40;
        bytes[8] = bytes[8] & 0x3f | 0x80;
        let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        let parts = [&hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..]];
        Ok(machine.text(parts.join("-"))?)
    }),
];

/// Fills with random bytes, and notes that the template changes.
pub(super) fn fill(machine: &mut Machine<'_>, bytes: &mut [u8]) -> Result<(), Failure> {
    machine.changing = true;
    SysRng.try_fill_bytes(bytes).map_err(|_| "the operating system gives no random bytes".into())
}

/// A number below `limit`, each as likely as the others.
fn below(machine: &mut Machine<'_>, limit: u64) -> Result<u64, Failure> {
    // The largest multiple of the limit: what lies above it would favour small numbers.
    let fair = u64::MAX - u64::MAX % limit;
    loop {
        let mut bytes = [0; 8];
        fill(machine, &mut bytes)?;
        let number = u64::from_le_bytes(bytes);
        if number < fair {
            return Ok(number % limit);
        }
    }
}

fn count(arguments: &Arguments) -> Result<usize, Failure> {
    Ok(usize::try_from(arguments.int(0)?).map_err(|_| "the count is negative")?)
}

fn drawn(machine: &mut Machine<'_>, arguments: &Arguments, of: &[u8]) -> Outcome {
    let count = count(arguments)?;
    machine.reserve(count)?;
    machine.step(count)?;
    let mut out = Vec::with_capacity(count);
    // Bytes beyond the largest multiple are drawn again.
    let fair = 256 / of.len() * of.len();
    while out.len() < count {
        let mut bytes = zeroize::Zeroizing::new([0; 256]);
        fill(machine, &mut *bytes)?;
        let good = bytes.iter().map(|byte| usize::from(*byte)).filter(|byte| *byte < fair);
        let missing = count - out.len();
        out.extend(good.take(missing).map(|byte| of[byte % of.len()]));
    }
    machine.changing = true;
    Ok(Value::text(out))
}
