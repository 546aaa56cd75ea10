//! Shamir's secret sharing, in the form of HashiCorp Vault that SOPS uses for key groups.
//!
//! A share of `n` bytes of secret has `n + 1` bytes: the values at `x` of one random polynomial per byte over GF(2⁸)
//! (modulus x⁸ + x⁴ + x³ + x + 1), then `x` itself. SOPS gives its groups the `x` 1, 2, 3, …; any that are different
//! and not 0 are read.
//!
//! Secret bytes index no table and decide no branch: multiplication is eight shifts under masks.

use subtle::{Choice, ConstantTimeEq};
use zeroize::Zeroizing;

use crate::secret::SecretBytes;

/// A secret cannot be shared so, or shares do not fit together. Holds no secret bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ShamirError {
    /// The threshold is outside of 2 to the number of shares, or there are too many of them.
    #[error(
        "a threshold of {threshold} is not possible for {shares} key groups (it must be from 2 to their number, at most 255)"
    )]
    Threshold {
        /// How many shares there are.
        shares: usize,
        /// How many are to be needed.
        threshold: usize,
    },
    /// Shares are too short, of different length, too few, or twice the same.
    #[error("the shares of the key groups do not fit together")]
    Shares,
}

/// Splits a secret into `shares` parts, of which any `threshold` give it back and fewer tell nothing but its length.
///
/// `random` fills a buffer from the operating system.
///
/// # Errors
///
/// A threshold that is not possible, or the error of `random`.
pub fn split<E: From<ShamirError>>(
    secret: &SecretBytes,
    shares: usize,
    threshold: usize,
    random: impl Fn(&mut [u8]) -> Result<(), E>,
) -> Result<Vec<SecretBytes>, E> {
    if threshold < 2 || threshold > shares || shares > usize::from(u8::MAX) {
        return Err(ShamirError::Threshold { shares, threshold }.into());
    }
    let secret = secret.expose();
    let length = secret.len();
    // Coefficients of x¹ and up, one polynomial after the other.
    let degree = threshold - 1;
    let mut coefficients = Zeroizing::new(vec![0; length * degree]);
    random(&mut coefficients)?;
    Ok((1..=shares as u8)
        .map(|x| {
            let mut share = Vec::with_capacity(length + 1);
            for (byte, coefficients) in secret.iter().zip(coefficients.chunks_exact(degree)) {
                // Horner's rule, from the highest power down.
                let high = coefficients.iter().rfold(0, |sum, next| multiply(sum, x) ^ next);
                share.push(multiply(high, x) ^ byte);
            }
            share.push(x);
            SecretBytes::new(share)
        })
        .collect())
}

/// Gives back the secret of which these are shares. All of them are used; with fewer than the threshold, or with one that
/// belongs to another secret, the result is a wrong one, which only the MAC of the file shows.
///
/// # Errors
///
/// Fewer than two shares, of different length, or with the same `x`.
pub fn combine(shares: &[SecretBytes]) -> Result<SecretBytes, ShamirError> {
    let mut points = Vec::with_capacity(shares.len());
    for share in shares {
        match share.expose() {
            [y @ .., x] if !y.is_empty() => points.push((*x, y)),
            _ => return Err(ShamirError::Shares),
        }
    }
    let [(_, first), ..] = points[..] else { return Err(ShamirError::Shares) };
    let length = first.len();
    let same = |a: u8, b: u8| bool::from(a.ct_eq(&b));
    let fits = points.iter().enumerate().all(|(index, (x, y))| {
        let unique = points[..index].iter().all(|(other, _)| !same(*other, *x));
        unique && !same(*x, 0) && y.len() == length
    });
    if points.len() < 2 || !fits {
        return Err(ShamirError::Shares);
    }
    // Lagrange's polynomials at 0: the product of x_j / (x_j - x_i), where minus is xor.
    let basis: Zeroizing<Vec<u8>> = Zeroizing::new(
        points
            .iter()
            .map(|(x, _)| {
                let others = points.iter().filter(|(other, _)| !same(*other, *x));
                others.fold(1, |product, (other, _)| {
                    multiply(product, multiply(*other, inverse(other ^ x)))
                })
            })
            .collect(),
    );
    let mut secret = Vec::with_capacity(length);
    for index in 0..length {
        let terms = points.iter().zip(basis.iter());
        secret.push(terms.fold(0, |sum, ((_, y), factor)| sum ^ multiply(y[index], *factor)));
    }
    Ok(SecretBytes::new(secret))
}

/// The product in GF(2⁸), in the same steps for any factors.
fn multiply(mut a: u8, b: u8) -> u8 {
    let mut product = 0;
    for bit in 0..8 {
        product ^= a & mask(b >> bit);
        a = (a << 1) ^ (0x1b & mask(a >> 7));
    }
    product
}

/// All ones where the lowest bit is set, else zero. `Choice` keeps the compiler from making a branch of it.
fn mask(bits: u8) -> u8 {
    Choice::from(bits & 1).unwrap_u8().wrapping_neg()
}

/// The inverse, as the 254th power; 0 for 0.
fn inverse(a: u8) -> u8 {
    // 254 = 0b1111_1110.
    let mut power = a;
    let mut result = 1;
    for _ in 0..7 {
        power = multiply(power, power);
        result = multiply(result, power);
    }
    result
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn fixed(seed: u8) -> impl Fn(&mut [u8]) -> Result<(), ShamirError> {
        move |bytes| {
            for (index, byte) in bytes.iter_mut().enumerate() {
                *byte = (index as u8).wrapping_mul(37).wrapping_add(seed);
            }
            Ok(())
        }
    }

    fn secret(bytes: &[u8]) -> SecretBytes {
        SecretBytes::new(bytes.to_vec())
    }

    #[test]
    fn multiplies_as_the_standard_says() {
        // FIPS 197, 4.2 and 4.2.1.
        assert_eq!(multiply(0x57, 0x83), 0xc1);
        assert_eq!(multiply(0x57, 0x13), 0xfe);
        for a in 1..=255 {
            assert_eq!(multiply(a, inverse(a)), 1, "{a}");
        }
        assert_eq!(inverse(0), 0);
    }

    #[test]
    fn a_share_is_the_values_and_then_x() {
        let shares = split(&secret(&[0x42]), 2, 2, |bytes| {
            bytes.fill(0x03);
            Ok::<_, ShamirError>(())
        })
        .unwrap();
        // 0x42 + 3·1 and 0x42 + 3·2.
        assert_eq!(shares[0].expose(), [0x41, 1]);
        assert_eq!(shares[1].expose(), [0x44, 2]);
    }

    #[test]
    fn impossible_thresholds_are_refused() {
        for (shares, threshold) in [(2, 0), (2, 1), (2, 3), (1, 1), (0, 0), (256, 2)] {
            let error = split(&secret(&[1]), shares, threshold, fixed(1)).err();
            assert_eq!(error, Some(ShamirError::Threshold { shares, threshold }));
        }
        assert_eq!(split(&secret(&[1]), 255, 255, fixed(1)).unwrap().len(), 255);
    }

    #[test]
    fn shares_that_do_not_fit_are_refused() {
        for shares in [
            vec![],
            vec![secret(&[1, 1])],
            vec![secret(&[1, 1]), secret(&[2, 1])],
            vec![secret(&[1, 1]), secret(&[2, 2, 2])],
            vec![secret(&[1, 0]), secret(&[2, 2])],
            vec![secret(&[1]), secret(&[2])],
            vec![secret(&[]), secret(&[])],
        ] {
            assert_eq!(combine(&shares).err(), Some(ShamirError::Shares));
        }
    }

    proptest! {
        #[test]
        fn any_threshold_of_the_shares_gives_the_secret_and_fewer_do_not(
            bytes in prop::array::uniform32(any::<u8>()),
            (shares, threshold) in (2usize..12).prop_flat_map(|n| (Just(n), 2..=n)),
            seed in any::<u8>(),
            first in any::<prop::sample::Index>(),
        ) {
            let all = split(&secret(&bytes), shares, threshold, fixed(seed)).unwrap();
            let start = first.index(shares);
            let some = |count: usize| -> Vec<SecretBytes> {
                (0..count).map(|i| all[(start + i) % shares].clone()).collect()
            };
            for count in threshold..=shares {
                let combined = combine(&some(count)).unwrap();
                prop_assert_eq!(combined.expose(), &bytes);
            }
            if threshold > 2 {
                let combined = combine(&some(threshold - 1)).unwrap();
                prop_assert_ne!(combined.expose(), &bytes);
            }
        }
    }
}
