//! The text that is being printed, and the forms of numbers.

use zeroize::Zeroizing;

use crate::document::Value;
use crate::document::float::{plain, scientific};
use crate::secret::SecretBytes;

/// Plaintext that grows without leaving copies of itself behind.
#[derive(Default)]
pub(super) struct Text(Zeroizing<Vec<u8>>);

impl Text {
    pub(super) fn push(&mut self, text: &str) {
        self.push_bytes(text.as_bytes());
    }

    pub(super) fn push_bytes(&mut self, bytes: &[u8]) {
        if self.0.capacity() - self.0.len() < bytes.len() {
            let needed = self.0.len() + bytes.len();
            let mut larger =
                Zeroizing::new(Vec::with_capacity(needed.max(2 * self.0.capacity()).max(1024)));
            larger.extend_from_slice(&self.0);
            self.0 = larger;
        }
        self.0.extend_from_slice(bytes);
    }

    pub(super) fn blanks(&mut self, count: usize) {
        const BLANKS: &str = "                                ";
        let mut left = count;
        while left > 0 {
            let now = left.min(BLANKS.len());
            self.push(&BLANKS[..now]);
            left -= now;
        }
    }

    pub(super) fn finish(mut self) -> SecretBytes {
        SecretBytes::new(std::mem::take(&mut *self.0))
    }
}

/// Go's `FormatFloat(f, 'g', -1, 64)` with an `e` of your choice: an exponent below -4 and from 6 on.
pub(super) fn short_float(float: f64, e: char) -> String {
    if float.is_nan() {
        return "NaN".to_owned();
    }
    if float.is_infinite() {
        return if float > 0.0 { "+Inf" } else { "-Inf" }.to_owned();
    }
    let (digits, exponent) = scientific(float);
    match exponent {
        -4..6 => plain(float),
        _ => with_exponent(&digits, exponent, e),
    }
}

/// Go's `encoding/json`: an exponent below 1e-6 and from 1e21 on, without a leading zero below.
pub(super) fn json_float(float: f64) -> String {
    let magnitude = float.abs();
    if magnitude == 0.0 || (1e-6..1e21).contains(&magnitude) {
        return plain(float);
    }
    let (digits, exponent) = scientific(float);
    match exponent {
        -9..0 => format!("{digits}e{exponent}"),
        _ => with_exponent(&digits, exponent, 'e'),
    }
}

/// How SOPS writes a value where a format has only text: `true`, decimal integers, `1.0`, RFC 3339. Null has none.
///
/// `whole_seconds` drops fractions of seconds, as SOPS does.
pub fn plain_form(value: &Value<'_>, whole_seconds: bool) -> Option<Zeroizing<Vec<u8>>> {
    Some(Zeroizing::new(match value {
        Value::Null => return None,
        Value::Bool(bool) => bool.to_string().into_bytes(),
        Value::Int(int) => int.to_string().into_bytes(),
        Value::UInt(int) => int.to_string().into_bytes(),
        Value::Float(float) => {
            let mut text = short_float(*float, 'E');
            if text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'-') {
                text.push_str(".0");
            }
            text.into_bytes()
        }
        Value::Time(time) if whole_seconds => time.whole_seconds().to_rfc3339().into_bytes(),
        Value::Time(time) => time.to_rfc3339().into_bytes(),
        Value::String(text) => text.as_bytes().to_vec(),
        Value::Bytes(bytes) => bytes.to_vec(),
    }))
}

/// Two digits of exponent at least, always with a sign.
fn with_exponent(digits: &str, exponent: i32, e: char) -> String {
    let sign = if exponent < 0 { '-' } else { '+' };
    format!("{digits}{e}{sign}{:02}", exponent.unsigned_abs())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn floats_have_the_forms_of_go() {
        let forms = [
            (1.0, "1", "1", "1.0"),
            (-0.0, "-0", "-0", "-0.0"),
            (1.5, "1.5", "1.5", "1.5"),
            (100_000.5, "100000.5", "100000.5", "100000.5"),
            (1e6, "1e+06", "1000000", "1E+06"),
            (1_234_567.5, "1.2345675e+06", "1234567.5", "1.2345675E+06"),
            (0.0001, "0.0001", "0.0001", "0.0001"),
            (0.000_01, "1e-05", "0.00001", "1E-05"),
            (1e-7, "1e-07", "1e-7", "1E-07"),
            (-1.5e-10, "-1.5e-10", "-1.5e-10", "-1.5E-10"),
            (1e20, "1e+20", "100000000000000000000", "1E+20"),
            (1e21, "1e+21", "1e+21", "1E+21"),
            (1e100, "1e+100", "1e+100", "1E+100"),
        ];
        for (float, yaml, json, plain) in forms {
            assert_eq!(short_float(float, 'e'), yaml);
            assert_eq!(json_float(float), json);
            let form = plain_form(&Value::Float(float), false).unwrap();
            assert_eq!(std::str::from_utf8(&form).unwrap(), plain);
        }
    }

    #[test]
    fn text_is_what_was_pushed_whatever_its_length() {
        let mut text = Text::default();
        let mut expected = Vec::new();
        for length in [0, 1, 1023, 1, 5000, 0, 3] {
            let part = "x".repeat(length);
            text.push(&part);
            expected.extend_from_slice(part.as_bytes());
        }
        text.blanks(70);
        expected.extend_from_slice(" ".repeat(70).as_bytes());
        assert_eq!(text.finish().expose(), expected);
    }

    proptest! {
        #[test]
        fn every_form_of_a_float_reads_back_as_it(float in any::<f64>()) {
            prop_assume!(float.is_finite());
            prop_assert_eq!(short_float(float, 'e').parse::<f64>().unwrap(), float);
            prop_assert_eq!(json_float(float).parse::<f64>().unwrap(), float);
            prop_assert_eq!(short_float(float, 'E').parse::<f64>().unwrap(), float);
        }
    }
}
