//! Floats with the digits that Go gives them: the fewest that read back as the same number, and of two numbers that are
//! equally near the one that ends in an even digit. Rust takes the other one half of the time, and then a MAC over the
//! text would not be SOPS's.

/// Go's `FormatFloat(f, 'f', -1, 64)` of a finite number: never an exponent.
pub(crate) fn plain(float: f64) -> String {
    let mut text = float.to_string();
    if is_off_by_one(float)
        && let Some(last) = text.rfind(|digit: char| matches!(digit, '1'..='9'))
    {
        let digit = text.as_bytes()[last] - 1;
        text.replace_range(last..=last, char::from(digit).encode_utf8(&mut [0; 4]));
    }
    text
}

/// The digits of a finite number as `1.25`, and the power of ten that goes with them.
pub(crate) fn scientific(float: f64) -> (String, i32) {
    let (mut digits, exponent) = split(&format!("{float:e}"));
    if is_off_by_one(float)
        && let Some(last) = digits.pop()
    {
        // Odd, so there is one below it.
        digits.push(char::from(last as u8 - 1));
    }
    (digits, exponent)
}

/// Rust's digits end in an odd one although an even one is as near.
fn is_off_by_one(float: f64) -> bool {
    // With fewer digits only one number is that near, unless the float has less precision than others.
    const FEWEST: usize = 16;
    /// A float has no more digits than these.
    const ALL: usize = 800;
    if !float.is_finite() || float == 0.0 {
        return false;
    }
    let float = float.abs();
    let (digits, exponent) = split(&format!("{float:e}"));
    let length = digits.bytes().filter(u8::is_ascii_digit).count();
    if length < FEWEST && !float.is_subnormal() {
        return false;
    }
    if !digits.ends_with(['1', '3', '5', '7', '9']) {
        return false;
    }
    // The exact number, cut to as many digits, and what is cut off.
    let cut = |precision: usize| {
        let (exact, _) = split(&format!("{float:.precision$e}"));
        let exact: String = exact.chars().filter(char::is_ascii_digit).collect();
        let (kept, rest) = exact.split_at(length);
        (
            kept.to_owned(),
            rest.strip_prefix('5').is_some_and(|rest| rest.bytes().all(|b| b == b'0')),
        )
    };
    if !cut(length + 8).1 {
        return false;
    }
    let (kept, is_half) = cut(ALL);
    if !is_half || !kept.ends_with(['0', '2', '4', '6', '8']) {
        return false;
    }
    let (first, rest) = kept.split_at(1);
    format!("{first}.{rest}e{exponent}").parse() == Ok(float)
}

fn split(text: &str) -> (String, i32) {
    match text.split_once('e') {
        Some((digits, exponent)) => (digits.to_owned(), exponent.parse().unwrap_or(0)),
        None => (text.to_owned(), 0),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_number_in_the_middle_ends_in_an_even_digit() {
        // As Go prints them.
        for (written, exactly) in [
            ("-807366962828685.2", "-807366962828685.25"),
            ("807366962828685.8", "807366962828685.75"),
            ("1125899906842623.9", "1125899906842623.875"),
            ("9007199254740992", "9007199254740993"),
            ("0.5", "0.50"),
        ] {
            assert_eq!(plain(exactly.parse().unwrap()), written);
        }
        let middle = "-807366962828685.25".parse().unwrap();
        assert_eq!(scientific(middle), ("-8.073669628286852".to_owned(), 14));
        assert_eq!(scientific("5e-324".parse().unwrap()), ("5".to_owned(), -324));
    }

    proptest! {
        #[test]
        fn both_forms_read_back_and_have_the_same_digits(bits in any::<u64>(), quarters in any::<i64>()) {
            // Quarters of large numbers are in the middle more often than others.
            let quarters = (quarters >> 9) as f64 / 4.0;
            for float in [f64::from_bits(bits), quarters] {
                if float.is_finite() {
                    let (digits, exponent) = scientific(float);
                    prop_assert_eq!(format!("{digits}e{exponent}").parse::<f64>().unwrap(), float);
                    prop_assert_eq!(plain(float).parse::<f64>().unwrap(), float);
                    let digits = |text: &str| {
                        let text: String = text.chars().filter(char::is_ascii_digit).collect();
                        text.trim_matches('0').to_owned()
                    };
                    prop_assert_eq!(digits(&plain(float)), digits(&scientific(float).0));
                }
            }
        }
    }
}
