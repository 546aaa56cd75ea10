use hpke::Kem;
use serde_json::Value;

use super::*;

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn bytes(value: &Value) -> Vec<u8> {
    let digits = value.as_str().unwrap();
    let pairs = (0..digits.len()).step_by(2);
    pairs.map(|at| u8::from_str_radix(&digits[at..at + 2], 16).unwrap()).collect()
}

#[test]
fn the_vectors_of_the_draft_come_out() {
    let text = include_str!("../../../../../tests/vectors/x-wing/vectors.json");
    let vectors: Vec<Value> = serde_json::from_str(text).unwrap();
    assert_eq!(vectors.len(), 3);
    for vector in vectors {
        let private = PrivateKey::from_bytes(&bytes(&vector["seed"])).unwrap();
        let public = XWing::sk_to_pk(&private);
        assert_eq!(hex(&public.to_bytes()), vector["pk"].as_str().unwrap());
        let read = PublicKey::from_bytes(&bytes(&vector["pk"])).unwrap();
        assert!(read == public);

        let eseed: [u8; 64] = bytes(&vector["eseed"]).try_into().unwrap();
        let (secret, sent) = read.encapsulate(&eseed).unwrap();
        assert_eq!(hex(&sent.to_bytes()), vector["ct"].as_str().unwrap());
        assert_eq!(hex(&secret), vector["ss"].as_str().unwrap());

        let sent = Encapsulated::from_bytes(&bytes(&vector["ct"])).unwrap();
        let shared = XWing::decap(&private, None, &sent).unwrap();
        assert_eq!(hex(&shared.0), vector["ss"].as_str().unwrap());
    }
}

#[test]
fn what_is_no_key_is_refused() {
    let public = PrivateKey::new([1; SEED]).public().to_bytes();
    assert!(PublicKey::from_bytes(&public).is_ok());
    for length in [0, 32, 1184, 1215] {
        assert!(PublicKey::from_bytes(&public[..length]).is_err(), "{length}");
    }
    let mut not_reduced = public;
    not_reduced[..2].fill(0xFF);
    assert!(PublicKey::from_bytes(&not_reduced).is_err());
    assert!(Encapsulated::from_bytes(&[0; 1121]).is_err());
    assert!(PrivateKey::from_bytes(&[0; 31]).is_err());
}

#[test]
fn a_point_that_gives_everybody_the_same_secret_is_refused() {
    let private = PrivateKey::new([1; SEED]);
    let mut public = private.public();
    let (_, mut sent) = public.encapsulate(&[2; 64]).unwrap();
    sent.x25519 = X25519Public::from([0; X25519]);
    assert!(XWing::decap(&private, None, &sent).is_err());
    public.x25519 = X25519Public::from([0; X25519]);
    assert!(public.encapsulate(&[2; 64]).is_err());
}
