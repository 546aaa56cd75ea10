//! Numbers as SOPS prints them into variables and dotenv files.

/// Go's `strconv.FormatFloat(f, 'G', -1, 64)`, with `.0` behind what would else be an integer: `1.5`, `2.0`, `1E+21`.
pub(super) fn printed(float: f64) -> String {
    if float.is_nan() {
        return "NaN".to_owned();
    }
    if float.is_infinite() {
        return if float > 0.0 { "+Inf" } else { "-Inf" }.to_owned();
    }
    // Rust's own exponents have the shortest digits too: `1.234e5`.
    let text = format!("{float:e}");
    let (digits, exponent) = text.split_once('e').unwrap_or((&text, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    // Go decides as if six digits had been asked for.
    if !(-4..6).contains(&exponent) {
        let sign = if exponent < 0 { '-' } else { '+' };
        return format!("{digits}E{sign}{:02}", exponent.unsigned_abs());
    }
    let plain = format!("{float}");
    if plain.contains('.') { plain } else { format!("{plain}.0") }
}

#[cfg(test)]
mod tests {
    use super::printed;

    /// As sops 3.11.0 gives them to `exec-env`.
    #[test]
    fn floats_look_as_sops_prints_them() {
        for (float, expected) in [
            (2.0, "2.0"),
            (1000.0, "1000.0"),
            (1.5, "1.5"),
            (-0.0, "-0.0"),
            (1e-7, "1E-07"),
            (0.0001, "0.0001"),
            (0.00001, "1E-05"),
            (123456.0, "123456.0"),
            (1234567.0, "1.234567E+06"),
            (123_456_789_012.5, "1.234567890125E+11"),
            (1e20, "1E+20"),
            (1e300, "1E+300"),
            (f64::INFINITY, "+Inf"),
            (f64::NEG_INFINITY, "-Inf"),
            (f64::NAN, "NaN"),
        ] {
            assert_eq!(printed(float), expected);
        }
    }
}
