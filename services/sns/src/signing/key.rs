//! The RSA key: its making, its certificate, its signatures. The modulus has 2048 bits and eight primes
//! (RFC 8017, "multi-prime"): whoever verifies sees no difference, and the powers by short primes, which every
//! message that is published pays for, are made in step (`power`). What is made once is `num-bigint`'s.

use super::power::{self, Modulus};
use crate::state::sending::SigningKey;
use names::Timestamp;
use num_bigint::BigUint;
use rcgen::{CertificateParams, DnType, PublicKeyData, SignatureAlgorithm, SigningKey as Signs};
use service::Entropy;
use sha1::Sha1;
use sha2::{Digest, Sha256};

/// How many primes.
const PRIMES: usize = 8;
/// Bytes of each prime and of the modulus.
const PRIME_BYTES: usize = 32;
const MODULUS_BYTES: usize = PRIMES * PRIME_BYTES;
/// Rounds of the test of a number that may be prime: of random numbers of 250 bits these leave less than one in 2^80
/// wrong (Handbook of Applied Cryptography, table 4.4).
const ROUNDS: usize = 12;
/// Numbers that are looked at from one that was drawn.
const SEARCHED: u32 = 4096;
/// Draws of numbers before the making is given up.
const DRAWS: usize = 1000;
const EXPONENT: u32 = 65_537;
/// How long the certificate holds, in years.
const YEARS: i32 = 100;

/// What stands before a digest that is signed (RFC 8017, section 9.2).
const SHA1_PREFIX: [u8; 15] =
    [0x30, 0x21, 0x30, 0x09, 0x06, 0x05, 0x2b, 0x0e, 0x03, 0x02, 0x1a, 0x05, 0x00, 0x04, 0x14];
const SHA256_PREFIX: [u8; 19] = [
    0x30, 0x31, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x01, 0x05, 0x00,
    0x04, 0x20,
];

/// The key as it signs.
pub struct Key {
    primes: [BigUint; PRIMES],
    /// What makes the powers by each prime.
    powers: [Modulus; PRIMES],
    joints: [Joint; PRIMES],
    /// The public key as PKCS #1 writes it.
    public: Vec<u8>,
    /// Its certificate in PEM.
    pub certificate: String,
}

/// What puts the power by a prime together with those by the ones before.
struct Joint {
    /// The product of the primes before it, and its inverse by this one.
    before: BigUint,
    inverse: BigUint,
}

impl Key {
    /// The key of primes that were kept.
    pub fn of(kept: &SigningKey) -> Option<Self> {
        let primes: Vec<BigUint> = kept.primes.iter().map(|bytes| BigUint::from_bytes_be(bytes)).collect();
        Key::of_primes(&primes, kept.certificate.clone())
    }

    fn of_primes(primes: &[BigUint], certificate: String) -> Option<Self> {
        let one = BigUint::from(1_u8);
        let mut modulus = one.clone();
        let (mut powers, mut joints) = (Vec::new(), Vec::new());
        for prime in primes {
            let exponent = BigUint::from(EXPONENT).modinv(&(prime - &one))?;
            powers.push(Modulus::of(prime, &exponent)?);
            let inverse = if modulus == one { one.clone() } else { modulus.modinv(prime)? };
            joints.push(Joint { before: modulus.clone(), inverse });
            modulus *= prime;
        }
        let modulus = modulus.to_bytes_be();
        let fits = modulus.len() == MODULUS_BYTES;
        Some(Key {
            primes: primes.to_vec().try_into().ok()?,
            powers: powers.try_into().ok()?,
            joints: joints.try_into().ok()?,
            public: fits.then(|| public_key(&modulus))?,
            certificate,
        })
    }

    /// Signs by PKCS #1 v1.5, over SHA-256 or SHA-1.
    pub fn sign(&self, sha256: bool, text: &[u8]) -> Vec<u8> {
        let digest = if sha256 {
            [&SHA256_PREFIX[..], &Sha256::digest(text)].concat()
        } else {
            [&SHA1_PREFIX[..], &Sha1::digest(text)].concat()
        };
        let mut padded = vec![0xff; MODULUS_BYTES];
        padded[..2].copy_from_slice(&[0, 1]);
        let at = MODULUS_BYTES - digest.len();
        padded[at - 1] = 0;
        padded[at..].copy_from_slice(&digest);
        self.power(&BigUint::from_bytes_be(&padded))
    }

    /// The private power of a number, put together from those by each prime (Garner's way).
    fn power(&self, number: &BigUint) -> Vec<u8> {
        let rests = self.primes.each_ref().map(|prime| power::limbs(&(number % prime)).unwrap_or_default());
        let powers = power::powers(&self.powers, &rests);
        let mut result = BigUint::ZERO;
        for ((prime, joint), own) in self.primes.iter().zip(&self.joints).zip(&powers) {
            let so_far = &result % prime;
            let missing = (power::number(own) + prime - so_far) * &joint.inverse % prime;
            result += missing * &joint.before;
        }
        let bytes = result.to_bytes_be();
        let mut signature = vec![0; MODULUS_BYTES - bytes.len()];
        signature.extend(bytes);
        signature
    }
}

impl PublicKeyData for Key {
    fn der_bytes(&self) -> &[u8] {
        &self.public
    }

    fn algorithm(&self) -> &'static SignatureAlgorithm {
        &rcgen::PKCS_RSA_SHA256
    }
}

impl Signs for Key {
    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, rcgen::Error> {
        Ok(Key::sign(self, true, message))
    }
}

/// A sequence of two numbers in DER.
fn public_key(modulus: &[u8]) -> Vec<u8> {
    let number = |bytes: &[u8]| {
        // The highest bit is the sign.
        let padded = if bytes[0] & 0x80 == 0 { bytes.to_vec() } else { [&[0], bytes].concat() };
        element(0x02, &padded)
    };
    let exponent = EXPONENT.to_be_bytes();
    element(0x30, &[number(modulus), number(&exponent[1..])].concat())
}

fn element(tag: u8, content: &[u8]) -> Vec<u8> {
    let length = content.len();
    let length = match u8::try_from(length) {
        Ok(short @ 0..=0x7f) => vec![short],
        Ok(byte) => vec![0x81, byte],
        Err(_) => vec![0x82, (length >> 8) as u8, length as u8],
    };
    [&[tag], &length[..], content].concat()
}

/// Makes a key with its certificate; `None` if the numbers that are drawn are none to make one of.
pub fn make(entropy: &Entropy, now: Timestamp) -> Option<SigningKey> {
    let mut primes: Vec<BigUint> = Vec::with_capacity(PRIMES);
    let small = small_primes();
    for _ in 0..DRAWS {
        if primes.len() == PRIMES {
            break;
        }
        let found = prime_from(&drawn(entropy), &small);
        primes.extend(found.filter(|prime| !primes.contains(prime)));
    }
    let key = Key::of_primes(&primes, String::new())?;
    let certificate = certificate(&key, now).ok()?;
    Some(SigningKey { primes: primes.iter().map(BigUint::to_bytes_be).collect(), certificate })
}

/// An odd number whose highest six bits are set, so that the product of all has its highest bit set.
fn drawn(entropy: &Entropy) -> BigUint {
    let mut bytes: [u8; PRIME_BYTES] = entropy.bytes();
    bytes[0] |= 0xfc;
    bytes[PRIME_BYTES - 1] |= 1;
    BigUint::from_bytes_be(&bytes)
}

fn small_primes() -> Vec<u32> {
    let mut primes: Vec<u32> = Vec::new();
    for number in (3..2000).step_by(2) {
        if primes.iter().take_while(|prime| *prime * *prime <= number).all(|prime| number % prime != 0) {
            primes.push(number);
        }
    }
    primes
}

/// The first prime from a number on that fits the exponent.
fn prime_from(start: &BigUint, small: &[u32]) -> Option<BigUint> {
    let rests: Vec<u32> =
        small.iter().map(|prime| (start % *prime).to_u32_digits().first().copied().unwrap_or(0)).collect();
    let candidates = (0..SEARCHED)
        .step_by(2)
        .filter(|step| small.iter().zip(&rests).all(|(prime, rest)| !(rest + step).is_multiple_of(*prime)));
    let mut candidates = candidates.map(|step| start + step);
    let one = BigUint::from(1_u8);
    candidates.find(|candidate| {
        let fits = (candidate - &one) % EXPONENT != BigUint::ZERO;
        fits && candidate.bits() == PRIME_BYTES as u64 * 8 && is_prime(candidate, small)
    })
}

/// The test of Miller and Rabin, with small primes as witnesses.
fn is_prime(number: &BigUint, witnesses: &[u32]) -> bool {
    let one = BigUint::from(1_u8);
    let less = number - &one;
    let twos = less.trailing_zeros().unwrap_or(0);
    let odd = &less >> twos;
    witnesses.iter().take(ROUNDS).all(|witness| {
        let mut power = BigUint::from(*witness).modpow(&odd, number);
        if power == one || power == less {
            return true;
        }
        (1..twos).any(|_| {
            power = &power * &power % number;
            power == less
        })
    })
}

fn certificate(key: &Key, now: Timestamp) -> Result<String, rcgen::Error> {
    let mut params = CertificateParams::new(vec!["sns.amazonaws.com".to_owned()])?;
    params.distinguished_name.push(DnType::CommonName, "sns.amazonaws.com");
    let (year, month, day, ..) = now.civil();
    params.not_before = rcgen::date_time_ymd(year - 1, month, day.min(28));
    params.not_after = rcgen::date_time_ymd(year + YEARS, month, day.min(28));
    Ok(params.self_signed(key)?.pem())
}

#[cfg(test)]
mod tests {
    use super::*;
    use ring::signature::{
        RSA_PKCS1_2048_8192_SHA1_FOR_LEGACY_USE_ONLY, RSA_PKCS1_2048_8192_SHA256, UnparsedPublicKey,
    };

    #[test]
    fn signatures_are_verified_by_another_implementation() {
        let kept = make(&Entropy::seeded(7), Timestamp(1_767_225_600_000)).unwrap();
        let key = Key::of(&kept).unwrap();
        assert!(kept.certificate.starts_with("-----BEGIN CERTIFICATE-----"));
        let sha1 = UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA1_FOR_LEGACY_USE_ONLY, &key.public);
        let sha256 = UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, &key.public);
        for text in ["", "a message", "another"] {
            assert!(sha1.verify(text.as_bytes(), &key.sign(false, text.as_bytes())).is_ok());
            assert!(sha256.verify(text.as_bytes(), &key.sign(true, text.as_bytes())).is_ok());
            assert!(sha256.verify(b"other", &key.sign(true, text.as_bytes())).is_err());
        }
    }

    /// What a signature costs: `cargo test --release -p sns signature_costs -- --ignored --nocapture`.
    #[test]
    #[ignore = "a measurement, which only a release build can make"]
    #[expect(clippy::disallowed_methods, clippy::print_stdout, reason = "it measures, and says what it read")]
    fn signature_costs() {
        let key = Key::of(&make(&Entropy::seeded(7), Timestamp(1_767_225_600_000)).unwrap()).unwrap();
        let rounds = (0..2000).map(|_| {
            let start = std::time::Instant::now();
            std::hint::black_box(key.sign(true, b"a message"));
            start.elapsed().as_nanos()
        });
        let mut rounds: Vec<u128> = rounds.collect();
        rounds.sort_unstable();
        println!("ns per signature: least {}, median {}", rounds[0], rounds[rounds.len() / 2]);
    }

    #[test]
    fn primes_are_told_from_others() {
        let small = small_primes();
        let prime = (BigUint::from(1_u8) << 521) - 1_u8;
        assert!(is_prime(&prime, &small));
        assert!(!is_prime(&(&prime * 3_u8), &small));
        // The product of two primes near each other.
        assert!(!is_prime(&(BigUint::from(10_007_u32) * 10_009_u32), &small));
    }
}
