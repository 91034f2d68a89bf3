//! Powers modulo numbers of a fixed width: Montgomery's multiplication on an array of limbs, without an allocation
//! and without a division. All moduli are worked on in step, so that a processor has several independent chains of
//! multiplications at hand; what is done, and in which order, depends on the width alone, and only where a
//! table is read depends on the exponent.

use num_bigint::BigUint;

/// Limbs of each modulus.
pub const LIMBS: usize = 4;
const LIMB_BITS: usize = 64;
const BITS: usize = LIMBS * LIMB_BITS;
/// Bits of the exponent that one multiplication handles.
const WINDOW: usize = 4;
const WINDOWS: usize = BITS.div_ceil(WINDOW);

/// A number, its lowest limb first.
pub type Limbs = [u64; LIMBS];

/// The limbs of a number; `None` if it has more than a modulus may.
pub fn limbs(number: &BigUint) -> Option<Limbs> {
    let digits = number.to_u64_digits();
    let mut limbs = [0; LIMBS];
    limbs.get_mut(..digits.len())?.copy_from_slice(&digits);
    Some(limbs)
}

/// The number of limbs.
pub fn number(limbs: &Limbs) -> BigUint {
    let halves = limbs.iter().flat_map(|limb| [*limb as u32, (*limb >> 32) as u32]);
    BigUint::new(halves.collect())
}

/// An odd modulus whose highest bit is set, and the exponent of the powers by it.
pub struct Modulus {
    limbs: Limbs,
    /// What the lowest limb times this leaves is -1.
    inverse: u64,
    /// R and R² by the modulus, R being two to the power of its width.
    one: Limbs,
    square: Limbs,
    exponent: Limbs,
}

impl Modulus {
    /// A modulus with its exponent; `None` if either does not fit.
    pub fn of(modulus: &BigUint, exponent: &BigUint) -> Option<Self> {
        let digits = limbs(modulus)?;
        if digits[0] & 1 == 0 || digits[LIMBS - 1] >> (LIMB_BITS - 1) == 0 {
            return None;
        }
        // Newton's way: each step doubles the bits that are right, three at first.
        let mut inverse = digits[0];
        for _ in 0..5 {
            inverse = inverse.wrapping_mul(2_u64.wrapping_sub(digits[0].wrapping_mul(inverse)));
        }
        let one = BigUint::from(1_u8);
        Some(Modulus {
            limbs: digits,
            inverse: inverse.wrapping_neg(),
            one: limbs(&((&one << BITS) % modulus))?,
            square: limbs(&((one << (2 * BITS)) % modulus))?,
            exponent: limbs(exponent)?,
        })
    }

    /// The product of two numbers, divided by R: below R, and equal to it by the modulus. Each limb of one is multiplied in
    /// while the lowest limb of the sum is cleared.
    #[inline]
    fn times(&self, a: &Limbs, b: &Limbs) -> Limbs {
        let (mut sum, mut top) = ([0; LIMBS], 0);
        for limb in b {
            let (lowest, mut carry) = add_product(sum[0], a[0], *limb, 0);
            let quotient = lowest.wrapping_mul(self.inverse);
            let (_, mut cleared) = add_product(lowest, quotient, self.limbs[0], 0);
            for at in 1..LIMBS {
                let (with, above) = add_product(sum[at], a[at], *limb, carry);
                carry = above;
                (sum[at - 1], cleared) = add_product(with, quotient, self.limbs[at], cleared);
            }
            let next = u128::from(carry) + u128::from(cleared) + u128::from(top);
            sum[LIMBS - 1] = next as u64;
            top = (next >> LIMB_BITS) as u64;
        }
        // What is below R need not be below the modulus until the end.
        self.less(&sum, top.wrapping_neg()).0
    }

    /// A number less the limbs of the modulus that a mask lets through, and whether that is below nothing.
    #[inline]
    fn less(&self, sum: &Limbs, mask: u64) -> (Limbs, bool) {
        let (mut less, mut borrow) = ([0; LIMBS], false);
        for at in 0..LIMBS {
            let (difference, under) = sum[at].overflowing_sub(self.limbs[at] & mask);
            let (difference, again) = difference.overflowing_sub(u64::from(borrow));
            less[at] = difference;
            borrow = under | again;
        }
        (less, borrow)
    }

    /// A number below R, made below the modulus, whose highest bit is set.
    fn below(&self, number: &Limbs) -> Limbs {
        let (less, is_below) = self.less(number, u64::MAX);
        if is_below { *number } else { less }
    }

    /// Some of the exponent's bits, counted in windows from the lowest.
    fn window(&self, index: usize) -> usize {
        let (limb, shift) = (index * WINDOW / LIMB_BITS, index * WINDOW % LIMB_BITS);
        let above = self.exponent.get(limb + 1).copied().unwrap_or_default();
        let both = u128::from(self.exponent[limb]) | u128::from(above) << LIMB_BITS;
        (both >> shift) as usize & ((1 << WINDOW) - 1)
    }

    /// The first powers of a number, as the multiplication wants them.
    fn first_powers(&self, number: &Limbs) -> [Limbs; 1 << WINDOW] {
        let base = self.times(number, &self.square);
        let mut powers = [self.one; 1 << WINDOW];
        for at in 1..powers.len() {
            powers[at] = self.times(&powers[at - 1], &base);
        }
        powers
    }
}

/// The low and the high limb of `sum + a * b + carry`, which fits.
#[inline]
fn add_product(sum: u64, a: u64, b: u64, carry: u64) -> (u64, u64) {
    let wide = u128::from(a) * u128::from(b) + u128::from(sum) + u128::from(carry);
    (wide as u64, (wide >> LIMB_BITS) as u64)
}

/// Each number to the power of its modulus's exponent, by that modulus.
pub fn powers<const N: usize>(moduli: &[Modulus; N], numbers: &[Limbs; N]) -> [Limbs; N] {
    let tables: [_; N] = std::array::from_fn(|at| moduli[at].first_powers(&numbers[at]));
    let mut results: [Limbs; N] = std::array::from_fn(|at| moduli[at].one);
    for index in (0..WINDOWS).rev() {
        for _ in 0..WINDOW {
            for (modulus, result) in moduli.iter().zip(&mut results) {
                *result = modulus.times(result, result);
            }
        }
        for ((modulus, table), result) in moduli.iter().zip(&tables).zip(&mut results) {
            *result = modulus.times(result, &table[modulus.window(index)]);
        }
    }
    let mut unit = [0; LIMBS];
    unit[0] = 1;
    std::array::from_fn(|at| moduli[at].below(&moduli[at].times(&results[at], &unit)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use service::Entropy;

    fn drawn(entropy: &Entropy) -> BigUint {
        BigUint::from_bytes_be(&entropy.bytes::<{ LIMBS * 8 }>())
    }

    /// An odd number with its highest bit set.
    fn odd(entropy: &Entropy) -> BigUint {
        drawn(entropy) | BigUint::from(1_u8) | BigUint::from(1_u8) << (BITS - 1)
    }

    fn check(moduli: [BigUint; 2], exponents: [BigUint; 2], numbers: [BigUint; 2]) {
        let readied: [Modulus; 2] =
            std::array::from_fn(|at| Modulus::of(&moduli[at], &exponents[at]).unwrap());
        let results = powers(&readied, &std::array::from_fn(|at| limbs(&numbers[at]).unwrap()));
        for at in 0..2 {
            let expected = numbers[at].modpow(&exponents[at], &moduli[at]);
            assert_eq!(number(&results[at]), expected, "{} {} {}", numbers[at], exponents[at], moduli[at]);
        }
    }

    #[test]
    fn powers_of_random_numbers_are_those_of_another_implementation() {
        let entropy = Entropy::seeded(11);
        for _ in 0..40 {
            let moduli = [odd(&entropy), odd(&entropy)];
            let numbers = [drawn(&entropy) % &moduli[0], drawn(&entropy) % &moduli[1]];
            check(moduli, [drawn(&entropy), drawn(&entropy)], numbers);
        }
    }

    /// Where carries run through all limbs: moduli, numbers and exponents at the edges of their width.
    #[test]
    fn powers_at_the_edges_are_right() {
        let one = BigUint::from(1_u8);
        let most = (&one << BITS) - &one;
        let least = (&one << (BITS - 1)) + &one;
        let middle = &most - (&one << (BITS / 2));
        for modulus in [&most, &least, &middle] {
            for exponent in [&BigUint::ZERO, &one, &most, &least] {
                for number in [&BigUint::ZERO, &one, &(modulus - &one), &(modulus - 2_u8), &(modulus >> 1)] {
                    let twice = |number: &BigUint| [number.clone(), number.clone()];
                    check(twice(modulus), twice(exponent), twice(number));
                }
            }
        }
    }

    #[test]
    fn what_does_not_fit_is_no_modulus() {
        let one = BigUint::from(1_u8);
        let fits = |modulus: &BigUint| Modulus::of(modulus, &one).is_some();
        assert!(fits(&((&one << BITS) - &one)));
        assert!(!fits(&((&one << BITS) - 2_u8)), "even");
        assert!(!fits(&((&one << (BITS - 1)) - &one)), "short");
        assert!(!fits(&((&one << BITS) + &one)), "long");
    }
}
