//! Powers modulo numbers of a fixed width and of one form, `a·2^128 - 1`: the lower half of a product then says itself
//! how often the modulus clears it, so that Montgomery's way needs eight multiplications of limbs instead of twenty.
//! Nothing is allocated or divided. All moduli are worked on in step, so that a processor has several independent
//! chains of multiplications at hand; what is done, and in which order, depends on the width alone, and only where a
//! table is read depends on the exponent.

use num_bigint::BigUint;

/// Limbs of each modulus.
pub const LIMBS: usize = 4;
/// Limbs of its half that is all ones, and of `a`.
const HALF: usize = LIMBS / 2;
/// Bits of that half.
pub const ONES: usize = HALF * LIMB_BITS;
const LIMB_BITS: usize = 64;
const BITS: usize = LIMBS * LIMB_BITS;
/// Bits of the exponent that one multiplication handles.
const WINDOW: usize = 4;
const WINDOWS: usize = BITS.div_ceil(WINDOW);

/// A number, its lowest limb first.
pub type Limbs = [u64; LIMBS];

/// The product of two.
type Product = [u64; 2 * LIMBS];

/// The limbs of a number; `None` if it has more.
pub fn limbs<const N: usize>(number: &BigUint) -> Option<[u64; N]> {
    let digits = number.to_u64_digits();
    let mut limbs = [0; N];
    limbs.get_mut(..digits.len())?.copy_from_slice(&digits);
    Some(limbs)
}

/// A modulus of the form, whose highest bit is set, and the exponent of the powers by it.
pub struct Modulus {
    limbs: Limbs,
    /// `a`: one more than its upper half.
    step: [u64; HALF],
    /// R and R² by the modulus, R being two to the power of its width.
    one: Limbs,
    square: Limbs,
    exponent: Limbs,
    /// What a power is multiplied by in the end.
    factor: Limbs,
}

impl Modulus {
    /// A modulus with its exponent, and what powers are multiplied by; `None` if one does not fit.
    pub fn of(modulus: &BigUint, exponent: &BigUint, factor: &BigUint) -> Option<Self> {
        let digits: Limbs = limbs(modulus)?;
        let one = BigUint::from(1_u8);
        let has_form = digits[..HALF].iter().all(|limb| *limb == u64::MAX);
        if !has_form || digits[LIMBS - 1] >> (LIMB_BITS - 1) == 0 {
            return None;
        }
        Some(Modulus {
            limbs: digits,
            step: limbs(&((modulus + &one) >> ONES))?,
            one: limbs(&((&one << BITS) % modulus))?,
            square: limbs(&((one << (2 * BITS)) % modulus))?,
            exponent: limbs(exponent)?,
            factor: limbs(factor)?,
        })
    }

    /// The product of two numbers, divided by R: below R, and equal to it by the modulus.
    #[inline]
    fn times(&self, a: &Limbs, b: &Limbs) -> Limbs {
        self.divided(&product(a, b))
    }

    /// A product divided by R. A number whose lower half is q becomes, plus q times the modulus and without its lower half,
    /// its upper half plus q times `a`: done twice, the last carries of the first being those of the second's top limbs.
    #[inline]
    fn divided(&self, product: &Product) -> Limbs {
        let [low, high] = self.step;
        let [q0, q1, p2, p3, p4, p5, p6, p7] = *product;
        let (r0, carry) = add_product(p2, q0, low, 0);
        let (r1, carry) = add_product(p3, q0, high, carry);
        let (r2, above) = add(p4, carry, 0);
        let (r1, carry) = add_product(r1, q1, low, 0);
        let (r2, carry) = add_product(r2, q1, high, carry);
        let (r3, above) = add(p5, carry, above);
        let (s0, carry) = add_product(r2, r0, low, 0);
        let (s1, carry) = add_product(r3, r0, high, carry);
        let (s2, above) = add(p6, carry, above);
        let (s1, carry) = add_product(s1, r1, low, 0);
        let (s2, carry) = add_product(s2, r1, high, carry);
        let (s3, above) = add(p7, carry, above);
        // What is below R need not be below the modulus until the end.
        self.less(&[s0, s1, s2, s3], above.wrapping_neg()).0
    }

    /// A number less the limbs of the modulus that a mask lets through, and whether that is below nothing.
    #[inline]
    fn less(&self, sum: &Limbs, mask: u64) -> (Limbs, bool) {
        let mut less = *sum;
        let mut borrow = false;
        for (limb, own) in less.iter_mut().zip(&self.limbs) {
            (*limb, borrow) = subtract(*limb, own & mask, borrow);
        }
        (less, borrow)
    }

    /// A number below R, made below the modulus, whose highest bit is set.
    fn below(&self, number: &Limbs) -> Limbs {
        let (less, is_below) = self.less(number, u64::MAX);
        if is_below { *number } else { less }
    }

    /// The sum of two numbers, of which one is below the modulus: below R, and equal to it by the modulus.
    pub fn plus(&self, a: &Limbs, b: &Limbs) -> Limbs {
        let (mut sum, mut carry) = (*a, 0);
        for (limb, other) in sum.iter_mut().zip(b) {
            (*limb, carry) = add(*limb, *other, carry);
        }
        self.less(&sum, carry.wrapping_neg()).0
    }

    /// Some of the exponent's bits, counted in windows from the lowest.
    fn window(&self, index: usize) -> usize {
        let (limb, shift) = (index * WINDOW / LIMB_BITS, index * WINDOW % LIMB_BITS);
        (self.exponent[limb] >> shift) as usize & ((1 << WINDOW) - 1)
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

#[inline]
fn product(a: &Limbs, b: &Limbs) -> Product {
    let mut product = [0; 2 * LIMBS];
    for (at, limb) in b.iter().enumerate() {
        let mut carry = 0;
        for (to, other) in a.iter().enumerate() {
            (product[at + to], carry) = add_product(product[at + to], *other, *limb, carry);
        }
        product[at + LIMBS] = carry;
    }
    product
}

/// A number times itself: what two different limbs make is made once and doubled.
#[inline]
fn square(number: &Limbs) -> Product {
    let mut square = [0; 2 * LIMBS];
    for at in 0..LIMBS - 1 {
        let mut carry = 0;
        for to in at + 1..LIMBS {
            (square[at + to], carry) = add_product(square[at + to], number[to], number[at], carry);
        }
        square[at + LIMBS] = carry;
    }
    let (mut shifted, mut carry) = (0, 0);
    for (at, limb) in number.iter().enumerate() {
        let own = u128::from(*limb) * u128::from(*limb);
        let (low, high) = (square[2 * at], square[2 * at + 1]);
        (square[2 * at], carry) = add(low << 1 | shifted, own as u64, carry);
        (square[2 * at + 1], carry) = add(high << 1 | low >> 63, (own >> LIMB_BITS) as u64, carry);
        shifted = high >> 63;
    }
    square
}

/// The low and the high limb of `sum + a * b + carry`, which fits.
#[inline]
pub fn add_product(sum: u64, a: u64, b: u64, carry: u64) -> (u64, u64) {
    let wide = u128::from(a) * u128::from(b) + u128::from(sum) + u128::from(carry);
    (wide as u64, (wide >> LIMB_BITS) as u64)
}

/// The sum of three limbs, and what is above it.
#[inline]
fn add(a: u64, b: u64, carry: u64) -> (u64, u64) {
    let wide = u128::from(a) + u128::from(b) + u128::from(carry);
    (wide as u64, (wide >> LIMB_BITS) as u64)
}

/// The difference of two limbs less what was borrowed, and whether that is below nothing.
#[inline]
pub fn subtract(from: u64, limb: u64, borrow: bool) -> (u64, bool) {
    let (difference, under) = from.overflowing_sub(limb);
    let (difference, again) = difference.overflowing_sub(u64::from(borrow));
    (difference, under | again)
}

/// Each number to the power of its modulus's exponent and times its factor, by that modulus.
pub fn powers<const N: usize>(moduli: &[Modulus; N], numbers: &[Limbs; N]) -> [Limbs; N] {
    let tables: [_; N] = std::array::from_fn(|at| moduli[at].first_powers(&numbers[at]));
    let mut results: [Limbs; N] = std::array::from_fn(|at| moduli[at].one);
    for index in (0..WINDOWS).rev() {
        for _ in 0..WINDOW {
            for (modulus, result) in moduli.iter().zip(&mut results) {
                *result = modulus.divided(&square(result));
            }
        }
        for ((modulus, table), result) in moduli.iter().zip(&tables).zip(&mut results) {
            *result = modulus.times(result, &table[modulus.window(index)]);
        }
    }
    std::array::from_fn(|at| {
        let modulus = &moduli[at];
        modulus.below(&modulus.times(&results[at], &modulus.factor))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use service::Entropy;

    fn drawn(entropy: &Entropy) -> BigUint {
        BigUint::from_bytes_be(&entropy.bytes::<{ LIMBS * 8 }>())
    }

    /// The lower half of a modulus.
    fn ones() -> BigUint {
        (BigUint::from(1_u8) << ONES) - 1_u8
    }

    /// A number of the form with its highest bit set.
    fn modulus(entropy: &Entropy) -> BigUint {
        drawn(entropy) | ones() | BigUint::from(1_u8) << (BITS - 1)
    }

    fn number(limbs: &Limbs) -> BigUint {
        BigUint::new(limbs.iter().flat_map(|limb| [*limb as u32, (*limb >> 32) as u32]).collect())
    }

    fn check(moduli: [BigUint; 2], exponents: [BigUint; 2], numbers: [BigUint; 2]) {
        let factor = |at: usize| (&numbers[at] + 3_u8) % &moduli[at];
        let readied: [Modulus; 2] =
            std::array::from_fn(|at| Modulus::of(&moduli[at], &exponents[at], &factor(at)).unwrap());
        let results = powers(&readied, &std::array::from_fn(|at| limbs(&numbers[at]).unwrap()));
        for at in 0..2 {
            let expected = numbers[at].modpow(&exponents[at], &moduli[at]) * factor(at) % &moduli[at];
            assert_eq!(number(&results[at]), expected, "{} {} {}", numbers[at], exponents[at], moduli[at]);
        }
    }

    #[test]
    fn powers_of_random_numbers_are_those_of_another_implementation() {
        let entropy = Entropy::seeded(11);
        for _ in 0..40 {
            let moduli = [modulus(&entropy), modulus(&entropy)];
            let numbers = [drawn(&entropy) % &moduli[0], drawn(&entropy) % &moduli[1]];
            check(moduli, [drawn(&entropy), drawn(&entropy)], numbers);
        }
    }

    /// Where carries run through all limbs: moduli, numbers and exponents at the edges of their width.
    #[test]
    fn powers_at_the_edges_are_right() {
        let one = BigUint::from(1_u8);
        let most = (&one << BITS) - &one;
        let highest = &most - (&one << ONES);
        let least = (&one << (BITS - 1)) + ones();
        let middle = &most - (&one << (BITS * 3 / 4));
        for modulus in [&highest, &least, &middle] {
            for exponent in [&BigUint::ZERO, &one, &most, &least] {
                for number in
                    [&BigUint::ZERO, &one, &(modulus - &one), &(modulus - 2_u8), &(modulus >> 1), &most]
                {
                    let twice = |number: &BigUint| [number.clone(), number.clone()];
                    check(twice(modulus), twice(exponent), twice(number));
                }
            }
        }
    }

    #[test]
    fn sums_are_those_of_another_implementation() {
        let entropy = Entropy::seeded(12);
        let most = [u64::MAX; LIMBS];
        for _ in 0..40 {
            let modulus = modulus(&entropy);
            let readied = Modulus::of(&modulus, &BigUint::ZERO, &BigUint::ZERO).unwrap();
            let a = drawn(&entropy) % &modulus;
            for b in [limbs(&drawn(&entropy)).unwrap(), most] {
                let sum = readied.plus(&limbs(&a).unwrap(), &b);
                assert_eq!(number(&sum) % &modulus, (&a + number(&b)) % &modulus);
            }
        }
    }

    #[test]
    fn what_does_not_fit_is_no_modulus() {
        let one = BigUint::from(1_u8);
        let fits = |modulus: &BigUint| Modulus::of(modulus, &one, &one).is_some();
        let good = (&one << (BITS - 1)) + ones();
        assert!(fits(&good));
        assert!(!fits(&(&good - 1_u8)), "even");
        assert!(!fits(&(&good - (&one << (ONES - 1)))), "of another form");
        assert!(!fits(&ones()), "short");
        assert!(!fits(&((&one << BITS) + ones())), "long");
        assert!(!fits(&((&one << BITS) - &one)), "a would have more limbs");
    }
}
