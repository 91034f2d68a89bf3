//! One implementation of the rules of tags; each service words the refusals in its own dialect.

use names::Tags;

/// The limits of a service's tags.
#[derive(Debug, Clone, Copy)]
pub struct TagRules {
    /// Most tags of one resource.
    pub max_tags: usize,
    /// Longest key, in characters.
    pub max_key: usize,
    /// Longest value, in characters.
    pub max_value: usize,
}

impl Default for TagRules {
    fn default() -> Self {
        TagRules { max_tags: 50, max_key: 128, max_value: 256 }
    }
}

/// Why tags are refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TagFault {
    /// More than the limit.
    TooMany {
        /// The limit.
        limit: usize,
    },
    /// The key is empty or too long.
    Key(String),
    /// The value is too long.
    Value {
        /// Under this key.
        key: String,
    },
    /// `aws:` is AWS's own.
    Reserved(String),
    /// The same key twice in one request.
    Duplicate(String),
}

impl TagRules {
    /// Adds tags to those there are.
    ///
    /// # Errors
    /// Where a tag or their number is against the rules; nothing is changed then.
    pub fn add<'a>(
        &self,
        present: &Tags,
        added: impl IntoIterator<Item = (&'a str, &'a str)>,
    ) -> Result<Tags, TagFault> {
        let mut result = present.clone();
        let mut seen = std::collections::BTreeSet::new();
        for (key, value) in added {
            self.check(key, value)?;
            if !seen.insert(key) {
                return Err(TagFault::Duplicate(key.to_owned()));
            }
            result.0.insert(key.to_owned(), value.to_owned());
        }
        if result.len() > self.max_tags {
            Err(TagFault::TooMany { limit: self.max_tags })
        } else {
            Ok(result)
        }
    }

    fn check(&self, key: &str, value: &str) -> Result<(), TagFault> {
        if key.is_empty() || key.chars().count() > self.max_key {
            return Err(TagFault::Key(key.to_owned()));
        }
        if value.chars().count() > self.max_value {
            return Err(TagFault::Value { key: key.to_owned() });
        }
        let reserved = key.get(..4).is_some_and(|start| start.eq_ignore_ascii_case("aws:"));
        if reserved { Err(TagFault::Reserved(key.to_owned())) } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules() {
        let rules = TagRules { max_tags: 2, max_key: 3, max_value: 2 };
        let one: Tags = [("a", "1")].into_iter().collect();
        type Case = (&'static [(&'static str, &'static str)], Result<usize, TagFault>);
        let cases: [Case; 7] = [
            (&[("b", "2")], Ok(2)),
            (&[("a", "2")], Ok(1)),
            (&[("b", ""), ("c", "")], Err(TagFault::TooMany { limit: 2 })),
            (&[("", "")], Err(TagFault::Key(String::new()))),
            (&[("abcd", "")], Err(TagFault::Key("abcd".into()))),
            (&[("b", "123")], Err(TagFault::Value { key: "b".into() })),
            (&[("b", "1"), ("b", "2")], Err(TagFault::Duplicate("b".into()))),
        ];
        for (added, expect) in cases {
            assert_eq!(rules.add(&one, added.iter().copied()).map(|tags| tags.len()), expect);
        }
        let reserved = TagRules::default().add(&one, [("AWS:x", "1")]);
        assert_eq!(reserved, Err(TagFault::Reserved("AWS:x".into())));
    }
}
