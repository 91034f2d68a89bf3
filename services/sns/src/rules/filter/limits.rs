//! How wide a filter policy may be (SNS developer guide, filter policy constraints): five keys, 150
//! combinations, a hundred points of wildcards.

use super::parse::Refusal;
use super::test::{AnythingBut, Test};
use super::{Fields, Node};

const MAX_KEYS: usize = 5;
const MAX_COMBINATIONS: u64 = 150;
const MAX_WILDCARD_POINTS: usize = 100;

/// Refuses a policy that is wider than one may be.
pub(super) fn check(root: &Fields) -> Result<(), Refusal> {
    let wrong = |why: &str| Err(Refusal::Wrong(why.to_owned()));
    if keys(root) > MAX_KEYS {
        return wrong("Filter policy can not have more than 5 keys");
    }
    if combinations(root, 1) > MAX_COMBINATIONS {
        return wrong("Filter policy is too complex");
    }
    if points(root) > MAX_WILDCARD_POINTS {
        return wrong(
            "Rule is too complex - try using fewer wildcard characters or fewer repeating character \
                      sequences after a wildcard character",
        );
    }
    Ok(())
}

/// The most keys that one way through the alternatives has.
fn keys(fields: &Fields) -> usize {
    let own = fields.fields.iter().map(|(_, node)| match node {
        Node::Fields(inner) => keys(inner),
        Node::Tests(_) => 1,
    });
    let alternatives = fields.alternatives.iter().map(|one_of| one_of.iter().map(keys).max().unwrap_or(0));
    own.chain(alternatives).sum()
}

/// The product of the values of all keys, each times its depth; alternatives add up.
fn combinations(fields: &Fields, depth: u64) -> u64 {
    let own = fields.fields.iter().map(|(_, node)| match node {
        Node::Fields(inner) => combinations(inner, depth + 1),
        Node::Tests(tests) => (tests.len() as u64).saturating_mul(depth),
    });
    let of_alternatives = |one_of: &Vec<Fields>| {
        one_of.iter().map(|fields| combinations(fields, depth)).fold(0, u64::saturating_add)
    };
    own.chain(fields.alternatives.iter().map(of_alternatives)).fold(1, u64::saturating_mul)
}

/// A pattern with one wildcard is a point, one with more three for each; a field's points count once for
/// each of its patterns.
fn points(fields: &Fields) -> usize {
    let own = fields.fields.iter().map(|(_, node)| match node {
        Node::Fields(inner) => points(inner),
        Node::Tests(tests) => {
            let patterns: Vec<usize> = tests.iter().flat_map(wildcards).collect();
            let of_pattern = |count: &usize| if *count > 1 { count * 3 } else { *count };
            patterns.iter().map(of_pattern).sum::<usize>().saturating_mul(patterns.len())
        }
    });
    let alternatives = fields.alternatives.iter().flatten().map(points);
    own.chain(alternatives).fold(0, usize::saturating_add)
}

/// How many wildcards each pattern has.
fn wildcards(test: &Test) -> Vec<usize> {
    let count = |text: &String| text.matches('*').count();
    match test {
        Test::Wildcard(pattern) => vec![count(pattern)],
        Test::AnythingBut(AnythingBut::Wildcards(patterns)) => patterns.iter().map(count).collect(),
        _ => Vec::new(),
    }
}
