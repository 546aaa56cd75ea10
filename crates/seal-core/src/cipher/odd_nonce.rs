//! Decryption with a nonce of any length. `aes-gcm` fixes the length in the type; ENC texts carry it in the data.

use aes_gcm::aead::array::Array;
use aes_gcm::aead::consts::U16;
use aes_gcm::aes::Aes256;
use aes_gcm::aes::cipher::BlockCipherEncrypt;
use ctr::CtrCore;
use ctr::cipher::{InnerIvInit, StreamCipherCore};
use ctr::flavors::Ctr32BE;
use ghash::GHash;
use ghash::universal_hash::UniversalHash;
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

type Block = Array<u8, U16>;

/// Decrypts in place and returns true, or returns false with the buffer as it was: the value is not authentic.
///
/// This is GCM as NIST SP 800-38D section 7.2 defines it.
pub(super) fn decrypt(
    aes: &Aes256,
    nonce: &[u8],
    aad: &[u8],
    buffer: &mut [u8],
    tag: &[u8; 16],
) -> bool {
    let mut hash_key = Zeroizing::new(Block::default());
    aes.encrypt_block(&mut hash_key);
    let hash = GHash::new(&hash_key);

    let mut mask = Zeroizing::new(Block::default());
    let counter = first_counter(&hash, nonce);
    let mut stream = CtrCore::<&Aes256, Ctr32BE>::inner_iv_init(aes, &counter);
    stream.write_keystream_block(&mut mask);

    let mut expected = digest(hash, aad, buffer);
    for (byte, mask) in expected.iter_mut().zip(mask.iter()) {
        *byte ^= mask;
    }
    let authentic = bool::from(expected.as_slice().ct_eq(tag));
    if authentic {
        stream.apply_keystream_partial(buffer.into());
    }
    authentic
}

/// J0 of the specification.
fn first_counter(hash: &GHash, nonce: &[u8]) -> Block {
    if nonce.len() == 12 {
        let mut block = Block::default();
        block[..12].copy_from_slice(nonce);
        block[15] = 1;
        block
    } else {
        digest(hash.clone(), &[], nonce)
    }
}

/// GHASH over both texts, each padded to whole blocks, and their lengths in bits.
fn digest(mut hash: GHash, aad: &[u8], text: &[u8]) -> Block {
    hash.update_padded(aad);
    hash.update_padded(text);
    let mut lengths = Block::default();
    lengths[..8].copy_from_slice(&(aad.len() as u64 * 8).to_be_bytes());
    lengths[8..].copy_from_slice(&(text.len() as u64 * 8).to_be_bytes());
    hash.update(&[lengths]);
    hash.finalize()
}

#[cfg(test)]
mod tests {
    use aes_gcm::AesGcm;
    use aes_gcm::aead::array::ArraySize;
    use aes_gcm::aead::consts::{U1, U12, U16, U32, U33};
    use aes_gcm::aead::{AeadInOut, KeyInit};
    use proptest::prelude::{any, prop, prop_assert, proptest};

    use super::*;

    fn aes() -> Aes256 {
        Aes256::new(&Array::from([9; 32]))
    }

    /// Encrypts with `aes-gcm` and decrypts here.
    fn agrees_with_aes_gcm<N: ArraySize>(nonce: &[u8], aad: &[u8], plaintext: &[u8]) -> bool {
        let nonce = &nonce[..N::to_usize()];
        let mut buffer = plaintext.to_vec();
        let tag = AesGcm::<Aes256, N>::from(aes())
            .encrypt_inout_detached(nonce.try_into().unwrap(), aad, buffer.as_mut_slice().into())
            .unwrap();
        decrypt(&aes(), nonce, aad, &mut buffer, &tag.into()) && buffer == plaintext
    }

    proptest! {
        #[test]
        fn opens_what_aes_gcm_made(
            nonce in any::<[u8; 33]>(),
            aad in prop::collection::vec(any::<u8>(), 0..40),
            plaintext in prop::collection::vec(any::<u8>(), 0..300),
        ) {
            prop_assert!(agrees_with_aes_gcm::<U1>(&nonce, &aad, &plaintext));
            prop_assert!(agrees_with_aes_gcm::<U12>(&nonce, &aad, &plaintext));
            prop_assert!(agrees_with_aes_gcm::<U16>(&nonce, &aad, &plaintext));
            prop_assert!(agrees_with_aes_gcm::<U32>(&nonce, &aad, &plaintext));
            prop_assert!(agrees_with_aes_gcm::<U33>(&nonce, &aad, &plaintext));
        }
    }

    #[test]
    fn a_false_tag_leaves_the_buffer_as_it_was() {
        let mut buffer = *b"ciphertext";
        assert!(!decrypt(&aes(), &[1; 16], b"a:", &mut buffer, &[0; 16]));
        assert_eq!(&buffer, b"ciphertext");
    }
}
