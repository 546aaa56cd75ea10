//! Decimal numbers, as exact as sprig's: digits and a power of ten.

/// `digits` times ten to the power of `exponent`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Decimal {
    digits: i128,
    exponent: i32,
}

/// Digits behind the point that a division gives.
const PRECISION: i32 = 16;

impl Decimal {
    /// The shortest decimal that is this float; none for what is no number.
    pub(super) fn of(float: f64) -> Option<Self> {
        if !float.is_finite() {
            return None;
        }
        let text = format!("{float:e}");
        let (mantissa, exponent) = text.split_once('e')?;
        let decimals = mantissa.split_once('.').map_or(0, |(_, decimals)| decimals.len());
        let digits = mantissa.replace('.', "").parse().ok()?;
        let exponent: i32 = exponent.parse().ok()?;
        Some(Self { digits, exponent: exponent - i32::try_from(decimals).ok()? })
    }

    pub(super) fn to_float(self) -> f64 {
        format!("{}e{}", self.digits, self.exponent).parse().unwrap_or(f64::NAN)
    }

    /// The digits of both at the same power of ten.
    fn aligned(self, other: Self) -> Option<(i128, i128, i32)> {
        let exponent = self.exponent.min(other.exponent);
        let scaled = |number: Self| {
            let power = u32::try_from(number.exponent - exponent).ok()?;
            if number.digits == 0 {
                Some(0)
            } else {
                number.digits.checked_mul(10_i128.checked_pow(power)?)
            }
        };
        Some((scaled(self)?, scaled(other)?, exponent))
    }

    pub(super) fn add(self, other: Self) -> Option<Self> {
        let (one, two, exponent) = self.aligned(other)?;
        Some(Self { digits: one.checked_add(two)?, exponent })
    }

    pub(super) fn subtract(self, other: Self) -> Option<Self> {
        let (one, two, exponent) = self.aligned(other)?;
        Some(Self { digits: one.checked_sub(two)?, exponent })
    }

    pub(super) fn multiply(self, other: Self) -> Option<Self> {
        let digits = self.digits.checked_mul(other.digits)?;
        Some(Self { digits, exponent: self.exponent.checked_add(other.exponent)? })
    }

    /// Rounded to 16 digits behind the point, half away from zero.
    pub(super) fn divide(self, other: Self) -> Option<Self> {
        let shift = PRECISION.checked_add(self.exponent)?.checked_sub(other.exponent)?;
        let power = 10_i128.checked_pow(shift.unsigned_abs())?;
        let (dividend, divisor) = if shift < 0 {
            (self.digits, other.digits.checked_mul(power)?)
        } else {
            (self.digits.checked_mul(power)?, other.digits)
        };
        let quotient = dividend.checked_div(divisor)?;
        let rest = dividend.checked_rem(divisor)?;
        let rounds_up = rest.unsigned_abs() >= divisor.unsigned_abs().div_ceil(2);
        let away = if (dividend < 0) == (divisor < 0) { 1 } else { -1 };
        let digits = if rounds_up { quotient.checked_add(away)? } else { quotient };
        Some(Self { digits, exponent: -PRECISION })
    }
}
