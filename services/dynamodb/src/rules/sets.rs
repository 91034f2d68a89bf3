//! The order in which AWS's messages list a set of names: that of the hash table which it keeps them in.

use std::collections::HashSet;

/// Names in the order of a hash table of Java: by the bucket of their hash, in one bucket as they came.
///
/// moto's `test_create_table_with_redundant_attributes` and dynalite's createTable tell messages of AWS whose
/// names stand in this order, whatever the order of the request.
pub fn listed<'n>(names: impl Iterator<Item = &'n str>) -> String {
    // A client may give any number of names: none is compared with all the others.
    let mut seen = HashSet::new();
    let mut all: Vec<&str> = names.filter(|name| seen.insert(*name)).collect();
    // A table grows when three quarters of it are taken.
    let mut buckets = 16;
    while all.len() * 4 > buckets * 3 {
        buckets *= 2;
    }
    all.sort_by_cached_key(|name| bucket(name, buckets));
    all.join(", ")
}

fn bucket(name: &str, buckets: usize) -> usize {
    let hash = name.encode_utf16().fold(0u32, |hash, unit| hash.wrapping_mul(31).wrapping_add(unit.into()));
    (hash ^ hash >> 16) as usize & (buckets - 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_stand_in_the_order_of_their_hashes() {
        assert_eq!(listed(["id", "user", "created_at"].into_iter()), "created_at, id, user");
        assert_eq!(listed(["b", "a", "b"].into_iter()), "a, b");
        // Both fall into one bucket of sixteen ("Aa" and "BB" have one hash).
        assert_eq!(listed(["BB", "Aa"].into_iter()), "BB, Aa");
        assert_eq!(listed(std::iter::empty()), "");
    }
}
