//! The RSA key: its making, its certificate, its signatures. The modulus has 2048 bits and eight primes
//! (RFC 8017, "multi-prime") of one form: whoever verifies sees no difference, and the powers by short primes, which
//! every message that is published pays for, are made in step (`power`). What is made once is `num-bigint`'s.

use super::power::{self, LIMBS, Limbs, Modulus, ONES};
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
const PRIME_BYTES: usize = LIMBS * 8;
const MODULUS_BYTES: usize = PRIMES * PRIME_BYTES;
/// Limbs of the modulus.
const ALL_LIMBS: usize = PRIMES * LIMBS;
/// Bytes of the number before the ones of a prime, and of the prime that divides it.
const STEP_BYTES: usize = PRIME_BYTES - ONES / 8;
const DIVISOR_BYTES: usize = STEP_BYTES - 3;
/// Rounds of the test of a number that may be prime: of random numbers of 250 bits these leave less than one in 2^80
/// wrong (Handbook of Applied Cryptography, table 4.4). A divisor that is none after all weakens its prime only.
const ROUNDS: usize = 12;
/// Numbers that are looked at from one that was drawn.
const SEARCHED: u32 = 2048;
/// Draws of numbers before the making is given up.
const DRAWS: usize = 1000;
const EXPONENT: u32 = 65_537;
/// How long the certificate holds, in years.
const YEARS: i32 = 100;

const SHA1_BYTES: usize = 20;
/// What stands before a digest that is signed (RFC 8017, section 9.2).
const SHA1_PREFIX: [u8; 15] =
    [0x30, 0x21, 0x30, 0x09, 0x06, 0x05, 0x2b, 0x0e, 0x03, 0x02, 0x1a, 0x05, 0x00, 0x04, 0x14];
const SHA256_PREFIX: [u8; 19] = [
    0x30, 0x31, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x01, 0x05, 0x00,
    0x04, 0x20,
];

/// The key as it signs.
pub struct Key {
    /// What makes the powers by each prime, and multiplies each by what the other primes need.
    powers: [Modulus; PRIMES],
    /// What stands before a digest of SHA-1 and of SHA-256, by each prime.
    paddings: [[Limbs; PRIMES]; 2],
    /// The product of the other primes, for each one.
    others: [[u64; ALL_LIMBS]; PRIMES],
    modulus: [u64; ALL_LIMBS],
    /// The public key as PKCS #1 writes it.
    public: Vec<u8>,
    /// Its certificate in PEM.
    pub certificate: String,
}

impl Key {
    /// The key of primes that were kept; `None` where they are not of the form.
    pub fn of(kept: &SigningKey) -> Option<Self> {
        let primes: Vec<BigUint> = kept.primes.iter().map(|bytes| BigUint::from_bytes_be(bytes)).collect();
        Key::of_primes(&primes, kept.certificate.clone())
    }

    fn of_primes(primes: &[BigUint], certificate: String) -> Option<Self> {
        let one = BigUint::from(1_u8);
        let modulus: BigUint = primes.iter().product();
        let (mut powers, mut others) = (Vec::new(), Vec::new());
        for prime in primes {
            let exponent = BigUint::from(EXPONENT).modinv(&(prime - &one))?;
            let other = &modulus / prime;
            powers.push(Modulus::of(prime, &exponent, &other.modinv(prime)?)?);
            others.push(power::limbs(&other)?);
        }
        let paddings = |padding: &BigUint| {
            let rests = primes.iter().map(|prime| power::limbs(&(padding % prime)));
            rests.collect::<Option<Vec<Limbs>>>()?.try_into().ok()
        };
        let paddings =
            [paddings(&padding(&SHA1_PREFIX, SHA1_BYTES))?, paddings(&padding(&SHA256_PREFIX, PRIME_BYTES))?];
        let bytes = modulus.to_bytes_be();
        let fits = bytes.len() == MODULUS_BYTES;
        Some(Key {
            powers: powers.try_into().ok()?,
            paddings,
            others: others.try_into().ok()?,
            modulus: power::limbs(&modulus)?,
            public: fits.then(|| public_key(&bytes))?,
            certificate,
        })
    }

    /// Signs by PKCS #1 v1.5, over SHA-256 or SHA-1.
    pub fn sign(&self, sha256: bool, text: &[u8]) -> [u8; MODULUS_BYTES] {
        let mut digest = [0; PRIME_BYTES];
        if sha256 {
            digest.copy_from_slice(&Sha256::digest(text));
        } else {
            digest[PRIME_BYTES - SHA1_BYTES..].copy_from_slice(&Sha1::digest(text));
        }
        let mut number = [0; LIMBS];
        for (limb, bytes) in number.iter_mut().rev().zip(digest.as_chunks().0) {
            *limb = u64::from_be_bytes(*bytes);
        }
        let paddings = &self.paddings[usize::from(sha256)];
        let rests = std::array::from_fn(|at| self.powers[at].plus(&paddings[at], &number));
        let signature = self.put_together(&power::powers(&self.powers, &rests));
        let mut bytes = [0; MODULUS_BYTES];
        for (bytes, limb) in bytes.as_chunks_mut().0.iter_mut().zip(signature.iter().rev()) {
            *bytes = limb.to_be_bytes();
        }
        bytes
    }

    /// The number below the modulus that each prime has a share in: the sum of each share times the other primes.
    fn put_together(&self, shares: &[Limbs; PRIMES]) -> [u64; ALL_LIMBS] {
        let (mut sum, mut above) = ([0; ALL_LIMBS], 0);
        for (share, others) in shares.iter().zip(&self.others) {
            for (at, limb) in share.iter().enumerate() {
                let mut carry = 0;
                for (to, other) in sum[at..].iter_mut().zip(others) {
                    (*to, carry) = power::add_product(*to, *other, *limb, carry);
                }
                above += carry;
            }
        }
        // Each share makes less than the modulus.
        loop {
            let (mut less, mut borrow) = (sum, false);
            for (limb, own) in less.iter_mut().zip(&self.modulus) {
                (*limb, borrow) = power::subtract(*limb, *own, borrow);
            }
            if borrow && above == 0 {
                return sum;
            }
            above -= u64::from(borrow);
            sum = less;
        }
    }
}

/// What is signed of a digest, without it (RFC 8017, section 9.2).
fn padding(prefix: &[u8], digest_bytes: usize) -> BigUint {
    let mut padded = vec![0xff; MODULUS_BYTES];
    padded[..2].copy_from_slice(&[0, 1]);
    let at = MODULUS_BYTES - digest_bytes - prefix.len();
    padded[at - 1] = 0;
    padded[at..][..prefix.len()].copy_from_slice(prefix);
    padded[at + prefix.len()..].fill(0);
    BigUint::from_bytes_be(&padded)
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
        Ok(Key::sign(self, true, message).to_vec())
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
        let found = divisor(entropy, &small).and_then(|divisor| prime_of(entropy, &divisor, &small));
        primes.extend(found.filter(|prime| !primes.contains(prime)));
    }
    let key = Key::of_primes(&primes, String::new())?;
    let certificate = certificate(&key, now).ok()?;
    Some(SigningKey { primes: primes.iter().map(BigUint::to_bytes_be).collect(), certificate })
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

/// A random prime that is to divide the successor of one of the key's. That has a large power of two in it: were the
/// rest of it small primes only, the key's could be found by them (the method of Williams).
fn divisor(entropy: &Entropy, small: &[u32]) -> Option<BigUint> {
    let mut bytes: [u8; DIVISOR_BYTES] = entropy.bytes();
    bytes[0] |= 0x80;
    bytes[DIVISOR_BYTES - 1] |= 1;
    // Of the numbers from it on, each second one.
    first_prime(&BigUint::from_bytes_be(&bytes), &BigUint::from(2_u8), small)
}

/// A prime of the form that the powers want, of a random number that the divisor divides.
fn prime_of(entropy: &Entropy, divisor: &BigUint, small: &[u32]) -> Option<BigUint> {
    let mut bytes: [u8; STEP_BYTES] = entropy.bytes();
    // The product of all has its highest bit set, where the six highest of each are.
    bytes[0] |= 0xfc;
    let multiple = (BigUint::from_bytes_be(&bytes) / divisor + 1_u8) * divisor;
    let found = first_prime(&((multiple << ONES) - 1_u8), &(divisor << ONES), small)?;
    let fits = (&found - 1_u8) % EXPONENT != BigUint::ZERO && found.bits() == PRIME_BYTES as u64 * 8;
    fits.then_some(found)
}

/// The first prime from a number on, by steps.
fn first_prime(start: &BigUint, step: &BigUint, small: &[u32]) -> Option<BigUint> {
    let rest = |number: &BigUint, prime: u32| (number % prime).to_u32_digits().first().copied().unwrap_or(0);
    let rests: Vec<[u32; 2]> = small.iter().map(|prime| [rest(start, *prime), rest(step, *prime)]).collect();
    let coprime = |steps: &u32| {
        let each = small.iter().zip(&rests);
        each.into_iter().all(|(prime, [start, step])| !(start + steps * step).is_multiple_of(*prime))
    };
    let mut candidates = (0..SEARCHED).filter(coprime).map(|steps| start + step * steps);
    candidates.find(|candidate| is_prime(candidate, small))
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
        let mut kept = make(&Entropy::seeded(7), Timestamp(1_767_225_600_000)).unwrap();
        let key = Key::of(&kept).unwrap();
        assert!(kept.certificate.starts_with("-----BEGIN CERTIFICATE-----"));
        let sha1 = UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA1_FOR_LEGACY_USE_ONLY, &key.public);
        let sha256 = UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, &key.public);
        for text in ["", "a message", "another"] {
            assert!(sha1.verify(text.as_bytes(), &key.sign(false, text.as_bytes())).is_ok());
            assert!(sha256.verify(text.as_bytes(), &key.sign(true, text.as_bytes())).is_ok());
            assert!(sha256.verify(b"other", &key.sign(true, text.as_bytes())).is_err());
        }
        kept.primes[3] = other_prime().to_bytes_be();
        assert!(Key::of(&kept).is_none(), "a key of primes of any form, as it was once kept");
    }

    /// A prime of the right width, of no form.
    fn other_prime() -> BigUint {
        first_prime(&((BigUint::from(0xfe_u8) << 248) + 1_u8), &BigUint::from(2_u8), &small_primes()).unwrap()
    }

    /// Many keys, as carries that are rare in one are not in others; and their primes are of the form.
    #[test]
    fn shares_are_put_together() {
        for seed in 20..24 {
            let kept = make(&Entropy::seeded(seed), Timestamp(1_767_225_600_000)).unwrap();
            let key = Key::of(&kept).unwrap();
            let modulus: BigUint = kept.primes.iter().map(|prime| BigUint::from_bytes_be(prime)).product();
            for text in 0..16_u8 {
                let signature = BigUint::from_bytes_be(&key.sign(true, &[text]));
                let digest = BigUint::from_bytes_be(&Sha256::digest([text]));
                let signed = signature.modpow(&BigUint::from(EXPONENT), &modulus);
                assert!(signature < modulus);
                assert_eq!(signed, padding(&SHA256_PREFIX, PRIME_BYTES) + digest);
            }
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
