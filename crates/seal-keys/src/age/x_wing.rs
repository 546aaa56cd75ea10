//! X-Wing, the key encapsulation of post-quantum recipients: ML-KEM-768 and X25519, so that one of them may fall.
//!
//! Source: draft-connolly-cfrg-xwing-kem. It has the number 0x647a among the KEMs of HPKE.

use hpke::kem::SharedSecret;
use hpke::rand_core::{CryptoRng, RngCore};
use hpke::{Deserializable, HpkeError, Serializable};
use ml_kem::kem::{Decapsulate, DecapsulationKey, EncapsulationKey};
use ml_kem::{
    B32, Ciphertext, EncapsulateDeterministic, EncodedSizeUser, KemCore, MlKem768, MlKem768Params,
};
use sha3::digest::typenum::{Sum, U32, U96, U192, U1024};
use sha3::digest::{ExtendableOutput, Update, XofReader};
use sha3::{Digest, Sha3_256, Shake256};
use x25519_dalek::{PublicKey as X25519Public, StaticSecret};
use zeroize::{Zeroize, Zeroizing};

const SEED: usize = 32;
const ML_KEM_PUBLIC: usize = 1184;
const ML_KEM_CIPHERTEXT: usize = 1088;
const X25519: usize = 32;
/// `\./` above `/^\`: a picture of the fighter.
const LABEL: &[u8] = br"\.//^\";

/// Marks the KEM for HPKE.
pub(super) struct XWing;

/// Both private halves are derived from a seed.
#[derive(Clone)]
pub(super) struct PrivateKey(Zeroizing<[u8; SEED]>);

/// Both public halves.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct PublicKey {
    ml_kem: EncapsulationKey<MlKem768Params>,
    x25519: X25519Public,
}

/// What the recipient needs to come to the same secret.
#[derive(Clone)]
pub(super) struct Encapsulated {
    ml_kem: Ciphertext<MlKem768>,
    x25519: X25519Public,
}

struct Expanded {
    ml_kem: DecapsulationKey<MlKem768Params>,
    public: PublicKey,
    x25519: StaticSecret,
}

impl PrivateKey {
    pub(super) fn new(seed: [u8; SEED]) -> Self {
        Self(Zeroizing::new(seed))
    }

    pub(super) fn public(&self) -> PublicKey {
        self.expand().public
    }

    fn expand(&self) -> Expanded {
        let mut seeds = Zeroizing::new([0; 96]);
        let mut reader = Shake256::default().chain(self.0.as_slice()).finalize_xof();
        reader.read(seeds.as_mut_slice());
        let part = |index: usize| {
            let mut part = Zeroizing::new([0; 32]);
            part.copy_from_slice(&seeds[32 * index..32 * (index + 1)]);
            part
        };
        // Borrowed, because the arrays of this library do not wipe themselves.
        let (d, z) = (part(0), part(1));
        let (d, z): (&B32, &B32) = ((&*d).into(), (&*z).into());
        let (ml_kem, ml_kem_public) = MlKem768::generate_deterministic(d, z);
        let x25519 = StaticSecret::from(*part(2));
        let public = PublicKey { ml_kem: ml_kem_public, x25519: X25519Public::from(&x25519) };
        Expanded { ml_kem, public, x25519 }
    }
}

impl PublicKey {
    /// Encapsulates with given randomness, which must never be used again.
    fn encapsulate(&self, randomness: &[u8; 64]) -> Result<(Secret, Encapsulated), HpkeError> {
        let (of_ml_kem, of_x25519) = randomness.split_at(32);
        let m = B32::try_from(of_ml_kem).map_err(|_| HpkeError::EncapError)?;
        let ephemeral: [u8; 32] = of_x25519.try_into().map_err(|_| HpkeError::EncapError)?;
        let ephemeral = StaticSecret::from(ephemeral);
        let (ml_kem, mut secret) =
            self.ml_kem.encapsulate_deterministic(&m).map_err(|_| HpkeError::EncapError)?;
        let sent = Encapsulated { ml_kem, x25519: X25519Public::from(&ephemeral) };
        let shared = ephemeral.diffie_hellman(&self.x25519);
        // A point of low order would give everybody the same secret; age refuses it as well.
        if !shared.was_contributory() {
            return Err(HpkeError::EncapError);
        }
        let both = combine(&secret, shared.as_bytes(), &sent.x25519, &self.x25519);
        secret.as_mut_slice().zeroize();
        Ok((both, sent))
    }
}

type Secret = sha3::digest::Output<Sha3_256>;

fn combine(
    ml_kem: &[u8],
    x25519: &[u8; X25519],
    sent: &X25519Public,
    recipient: &X25519Public,
) -> Secret {
    let mut hash = Sha3_256::new();
    for part in [ml_kem, x25519, sent.as_bytes(), recipient.as_bytes(), LABEL] {
        Digest::update(&mut hash, part);
    }
    hash.finalize()
}

impl hpke::Kem for XWing {
    type PublicKey = PublicKey;
    type PrivateKey = PrivateKey;
    type EncappedKey = Encapsulated;
    type NSecret = U32;
    const KEM_ID: u16 = 0x647a;

    fn sk_to_pk(private: &PrivateKey) -> PublicKey {
        private.public()
    }

    /// Not part of what age uses: identities are drawn, never derived.
    fn derive_keypair(ikm: &[u8]) -> (PrivateKey, PublicKey) {
        let mut seed = [0; SEED];
        Shake256::default().chain(ikm).finalize_xof().read(&mut seed);
        let private = PrivateKey::new(seed);
        let public = private.public();
        (private, public)
    }

    fn decap(
        private: &PrivateKey,
        sender: Option<&PublicKey>,
        sent: &Encapsulated,
    ) -> Result<SharedSecret<Self>, HpkeError> {
        if sender.is_some() {
            return Err(HpkeError::DecapError);
        }
        let own = private.expand();
        let mut secret =
            own.ml_kem.decapsulate(&sent.ml_kem).map_err(|()| HpkeError::DecapError)?;
        let shared = own.x25519.diffie_hellman(&sent.x25519);
        if !shared.was_contributory() {
            return Err(HpkeError::DecapError);
        }
        let both = combine(&secret, shared.as_bytes(), &sent.x25519, &own.public.x25519);
        secret.as_mut_slice().zeroize();
        Ok(SharedSecret(both))
    }

    fn encap<R: CryptoRng + RngCore>(
        recipient: &PublicKey,
        sender: Option<(&PrivateKey, &PublicKey)>,
        random: &mut R,
    ) -> Result<(SharedSecret<Self>, Encapsulated), HpkeError> {
        if sender.is_some() {
            return Err(HpkeError::EncapError);
        }
        let mut randomness = Zeroizing::new([0; 64]);
        random.try_fill_bytes(randomness.as_mut_slice()).map_err(|_| HpkeError::EncapError)?;
        let (secret, sent) = recipient.encapsulate(&randomness)?;
        Ok((SharedSecret(secret), sent))
    }
}

impl Serializable for PublicKey {
    type OutputSize = Sum<U1024, U192>;

    fn write_exact(&self, buffer: &mut [u8]) {
        let (ml_kem, x25519) = buffer.split_at_mut(ML_KEM_PUBLIC);
        ml_kem.copy_from_slice(&self.ml_kem.as_bytes());
        x25519.copy_from_slice(self.x25519.as_bytes());
    }
}

impl Deserializable for PublicKey {
    fn from_bytes(bytes: &[u8]) -> Result<Self, HpkeError> {
        let (ml_kem, x25519) = halves(bytes, ML_KEM_PUBLIC)?;
        let encoded = ml_kem.try_into().map_err(|_| HpkeError::ValidationError)?;
        let key = EncapsulationKey::<MlKem768Params>::from_bytes(encoded);
        // FIPS 203, 7.2: numbers that are not reduced are no key.
        if key.as_bytes().as_slice() != ml_kem {
            return Err(HpkeError::ValidationError);
        }
        Ok(Self { ml_kem: key, x25519 })
    }
}

impl Serializable for Encapsulated {
    type OutputSize = Sum<U1024, U96>;

    fn write_exact(&self, buffer: &mut [u8]) {
        let (ml_kem, x25519) = buffer.split_at_mut(ML_KEM_CIPHERTEXT);
        ml_kem.copy_from_slice(&self.ml_kem);
        x25519.copy_from_slice(self.x25519.as_bytes());
    }
}

impl Deserializable for Encapsulated {
    fn from_bytes(bytes: &[u8]) -> Result<Self, HpkeError> {
        let (ml_kem, x25519) = halves(bytes, ML_KEM_CIPHERTEXT)?;
        let ml_kem = ml_kem.try_into().map_err(|_| HpkeError::ValidationError)?;
        Ok(Self { ml_kem, x25519 })
    }
}

/// Splits off the X25519 half, which must be all that is left.
fn halves(bytes: &[u8], first: usize) -> Result<(&[u8], X25519Public), HpkeError> {
    let wrong = || HpkeError::IncorrectInputLength(first + X25519, bytes.len());
    let (ml_kem, x25519) = bytes.split_at_checked(first).ok_or_else(wrong)?;
    let x25519: [u8; X25519] = x25519.try_into().map_err(|_| wrong())?;
    Ok((ml_kem, X25519Public::from(x25519)))
}

impl Serializable for PrivateKey {
    type OutputSize = U32;

    fn write_exact(&self, buffer: &mut [u8]) {
        buffer.copy_from_slice(self.0.as_slice());
    }
}

impl Deserializable for PrivateKey {
    fn from_bytes(bytes: &[u8]) -> Result<Self, HpkeError> {
        let wrong = |_| HpkeError::IncorrectInputLength(SEED, bytes.len());
        Ok(Self::new(bytes.try_into().map_err(wrong)?))
    }
}

impl PartialEq for PrivateKey {
    /// By the public halves: nothing is to be learned from how long that takes.
    fn eq(&self, other: &Self) -> bool {
        self.public() == other.public()
    }
}

impl Eq for PrivateKey {}

impl Eq for PublicKey {}

#[cfg(test)]
mod tests;
