//! New private keys and certificates.

use aws_lc_rs::encoding::{AsDer as _, EcPrivateKeyRfc5915Der, Pkcs8V1Der};
use aws_lc_rs::rsa::{KeyPair as RsaKeyPair, KeySize};
use aws_lc_rs::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa,
    Issuer, KeyPair, KeyUsagePurpose, SanType, SerialNumber,
};
use std::rc::Rc;
use std::time::Duration;
use zeroize::Zeroizing;

use super::super::arguments::{Arguments, Type};
use super::super::machine::Machine;
use super::super::value::{Certificate, Text, Value};
use super::random::fill;
use super::{Failure, Function, Outcome};
use crate::sealing::pkcs1_of;

pub(super) const FUNCTIONS: &[Function] = &[
    Function::new("genPrivateKey", &[Type::Text], |machine, arguments| {
        let key = match arguments.text(0)?.bytes() {
            b"" | b"rsa" => rsa(machine, KeySize::Rsa4096)?,
            b"ecdsa" => ecdsa(machine)?,
            b"ed25519" => ed25519(machine)?,
            b"dsa" => {
                return Err("keys of DSA are not made here: nobody takes them any more".into());
            }
            _ => return Err("its argument is none of rsa, ecdsa and ed25519".into()),
        };
        Ok(machine.text(key.as_bytes())?)
    }),
    Function::new("genCA", &[Type::Text, Type::Int], |machine, arguments| {
        let key = rsa(machine, KeySize::Rsa2048)?;
        authority(machine, &arguments, &key)
    }),
    Function::new("genCAWithKey", &[Type::Text, Type::Int, Type::Text], |machine, arguments| {
        let key = given(&arguments, 2)?;
        authority(machine, &arguments, &key)
    }),
    Function::new(
        "genSelfSignedCert",
        &[Type::Text, Type::Any, Type::Any, Type::Int],
        |machine, arguments| {
            let key = rsa(machine, KeySize::Rsa2048)?;
            leaf(machine, &arguments, &key, None)
        },
    ),
    Function::new(
        "genSelfSignedCertWithKey",
        &[Type::Text, Type::Any, Type::Any, Type::Int, Type::Text],
        |machine, arguments| {
            let key = given(&arguments, 4)?;
            leaf(machine, &arguments, &key, None)
        },
    ),
    Function::new(
        "genSignedCert",
        &[Type::Text, Type::Any, Type::Any, Type::Int, Type::Any],
        |machine, arguments| {
            let key = rsa(machine, KeySize::Rsa2048)?;
            leaf(machine, &arguments, &key, Some(4))
        },
    ),
    Function::new(
        "genSignedCertWithKey",
        &[Type::Text, Type::Any, Type::Any, Type::Int, Type::Any, Type::Text],
        |machine, arguments| {
            let key = given(&arguments, 5)?;
            leaf(machine, &arguments, &key, Some(4))
        },
    ),
    Function::new("buildCustomCert", &[Type::Text, Type::Text], |_, arguments| {
        let decoded = |index: usize| -> Result<Vec<u8>, Failure> {
            let text = arguments.text(index)?;
            Ok(STANDARD.decode(text.bytes()).map_err(|_| "its arguments have to be base64")?)
        };
        let (cert, key) = (decoded(0)?, Zeroizing::new(decoded(1)?));
        let is_certificate = x509_parser::pem::Pem::iter_from_buffer(&cert)
            .find_map(Result::ok)
            .is_some_and(|block| block.parse_x509().is_ok());
        if !is_certificate {
            return Err("its first argument holds no certificate".into());
        }
        let pem = std::str::from_utf8(&key).map_err(|_| NO_KEY)?;
        KeyPair::from_pem(pem).map_err(|_| NO_KEY)?;
        let (cert, key) = (Text::from(cert), Text::from(key.as_slice()));
        Ok(Value::Certificate(Rc::new(Certificate { cert, key })))
    }),
];

const NO_KEY: &str = "there is no private key in PEM form where one is expected";
const GENERATION: &str = "no key could be made";
const NO_CERTIFICATE: &str = "no certificate could be made of its arguments";

/// A private key in the form that Go's tools write.
type Pem = Zeroizing<String>;

fn rsa(machine: &mut Machine<'_>, size: KeySize) -> Result<Pem, Failure> {
    // One of 4096 bits takes half a second and more.
    machine.slow(if size == KeySize::Rsa4096 { 6 } else { 3 })?;
    machine.changing = true;
    let pair = RsaKeyPair::generate(size).map_err(|_| GENERATION)?;
    let pkcs8: Pkcs8V1Der<'_> = pair.as_der().map_err(|_| GENERATION)?;
    Ok(pem("RSA PRIVATE KEY", pkcs1_of(pkcs8.as_ref()).ok_or(GENERATION)?))
}

fn ecdsa(machine: &mut Machine<'_>) -> Result<Pem, Failure> {
    machine.changing = true;
    let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_ASN1_SIGNING).map_err(|_| GENERATION)?;
    let der: EcPrivateKeyRfc5915Der<'_> = pair.private_key().as_der().map_err(|_| GENERATION)?;
    Ok(pem("EC PRIVATE KEY", der.as_ref()))
}

fn ed25519(machine: &mut Machine<'_>) -> Result<Pem, Failure> {
    let mut seed = Zeroizing::new([0; 32]);
    fill(machine, &mut *seed)?;
    // PKCS#8 of an Ed25519 key (RFC 8410): everything before the seed is fixed.
    let mut der = Zeroizing::new(vec![
        0x30, 0x2e, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x04, 0x22, 0x04,
        0x20,
    ]);
    der.reserve_exact(32);
    der.extend_from_slice(&*seed);
    Ok(pem("PRIVATE KEY", &der))
}

fn pem(label: &str, der: &[u8]) -> Pem {
    let body = Zeroizing::new(STANDARD.encode(der));
    let mut pem = Zeroizing::new(String::with_capacity(body.len() + body.len() / 64 + 100));
    pem.push_str(&format!("-----BEGIN {label}-----\n"));
    for line in body.as_bytes().chunks(64) {
        // Base64 is ASCII, so each chunk is text.
        pem.push_str(std::str::from_utf8(line).unwrap_or_default());
        pem.push('\n');
    }
    pem.push_str(&format!("-----END {label}-----\n"));
    pem
}

/// A private key that the template brings.
fn given(arguments: &Arguments, index: usize) -> Result<Pem, Failure> {
    let text = arguments.text(index)?;
    let text = std::str::from_utf8(text.bytes()).map_err(|_| NO_KEY)?;
    KeyPair::from_pem(text).map_err(|_| NO_KEY)?;
    Ok(Zeroizing::new(text.to_owned()))
}

/// What all certificates have: a name, a time and a number of their own.
fn template(
    machine: &mut Machine<'_>,
    name: &Text,
    days: i64,
) -> Result<CertificateParams, Failure> {
    let mut serial = [0; 16];
    fill(machine, &mut serial)?;
    // A number has to be positive.
    serial[0] &= 0x7f;
    let now = machine.now().as_second();
    let days = u64::try_from(days).map_err(|_| "its days are negative")?;
    let mut params = CertificateParams::default();
    params.serial_number = Some(SerialNumber::from_slice(&serial));
    params.distinguished_name = DistinguishedName::new();
    let name = std::str::from_utf8(name.bytes()).map_err(|_| "its name is no text")?;
    params.distinguished_name.push(DnType::CommonName, name);
    let since_1970 = u64::try_from(now).map_err(|_| NO_CERTIFICATE)?;
    // X.509 ends with the year 9999.
    let valid = days.saturating_mul(86_400).min(253_402_300_799_u64.saturating_sub(since_1970));
    params.not_before = rcgen::date_time_ymd(1970, 1, 1) + Duration::from_secs(since_1970);
    params.not_after = params.not_before + Duration::from_secs(valid);
    params.extended_key_usages =
        vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth];
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature, KeyUsagePurpose::KeyEncipherment];
    params.is_ca = IsCa::ExplicitNoCa;
    Ok(params)
}

fn authority(machine: &mut Machine<'_>, arguments: &Arguments, key: &Pem) -> Outcome {
    let mut params = template(machine, &arguments.text(0)?, arguments.int(1)?)?;
    params.key_usages.push(KeyUsagePurpose::KeyCertSign);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let pair = KeyPair::from_pem(key).map_err(|_| NO_KEY)?;
    let cert = params.self_signed(&pair).map_err(|_| NO_CERTIFICATE)?;
    made(machine, cert.pem(), key)
}

/// A certificate for servers and clients, signed by itself or by the authority among the arguments.
fn leaf(
    machine: &mut Machine<'_>,
    arguments: &Arguments,
    key: &Pem,
    authority: Option<usize>,
) -> Outcome {
    let mut params = template(machine, &arguments.text(0)?, arguments.int(3)?)?;
    for address in strings(arguments.value(1))? {
        let address = address.parse().map_err(|_| "its second argument lists IP addresses")?;
        params.subject_alt_names.push(SanType::IpAddress(address));
    }
    for name in strings(arguments.value(2))? {
        let name = name.try_into().map_err(|_| "its third argument lists names of hosts")?;
        params.subject_alt_names.push(SanType::DnsName(name));
    }
    let pair = KeyPair::from_pem(key).map_err(|_| NO_KEY)?;
    let cert = match authority.map(|index| arguments.value(index)) {
        None => params.self_signed(&pair),
        Some(Value::Certificate(authority)) => {
            let text = |text: &Text| String::from_utf8(text.bytes().to_vec()).map_err(|_| NO_KEY);
            let signer = KeyPair::from_pem(&text(&authority.key)?).map_err(|_| NO_KEY)?;
            let issuer = Issuer::from_ca_cert_pem(&text(&authority.cert)?, signer)
                .map_err(|_| "its authority cannot sign")?;
            params.use_authority_key_identifier_extension = true;
            params.signed_by(&pair, &issuer)
        }
        Some(_) => {
            return Err("its authority is no certificate (of genCA or buildCustomCert)".into());
        }
    };
    made(machine, cert.map_err(|_| NO_CERTIFICATE)?.pem(), key)
}

fn strings(list: &Value) -> Result<Vec<String>, Failure> {
    const NO_LIST: &str = "names and addresses come as a list of strings";
    match list {
        Value::Missing | Value::Nil => Ok(Vec::new()),
        Value::List(list) => {
            let strings = list.items.iter().map(|item| match item {
                Value::Text(text) => String::from_utf8(text.bytes().to_vec()).map_err(|_| NO_LIST),
                _ => Err(NO_LIST),
            });
            Ok(strings.collect::<Result<_, _>>()?)
        }
        _ => Err(NO_LIST.into()),
    }
}

fn made(machine: &mut Machine<'_>, cert: String, key: &Pem) -> Outcome {
    machine.reserve(cert.len() + key.len())?;
    // rcgen breaks lines as Windows does on Windows only.
    let cert = Text::from(cert.into_bytes());
    Ok(Value::Certificate(Rc::new(Certificate { cert, key: Text::from(key.as_bytes()) })))
}
