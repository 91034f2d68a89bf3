//! Where in an input something is, in the words of AWS's messages: `keySchema.1.member.attributeName`.
//!
//! A path lives on the stack of the walk that made it and becomes text only when a message needs it.

/// One step down from a parent.
#[derive(Clone, Copy)]
enum Step<'a> {
    Member(&'a str),
    Element(usize),
    Entry(&'a str),
}

/// A place in an input.
#[derive(Clone, Copy)]
pub(crate) struct Path<'a> {
    parent: Option<&'a Path<'a>>,
    step: Step<'a>,
}

impl<'a> Path<'a> {
    /// The whole input.
    pub(crate) const ROOT: Path<'static> = Path { parent: None, step: Step::Member("") };

    pub(crate) fn member(&'a self, name: &'a str) -> Path<'a> {
        Path { parent: Some(self), step: Step::Member(name) }
    }

    /// An element of a list, counted from 0 here and from 1 in the text.
    pub(crate) fn element(&'a self, index: usize) -> Path<'a> {
        Path { parent: Some(self), step: Step::Element(index) }
    }

    pub(crate) fn entry(&'a self, key: &'a str) -> Path<'a> {
        Path { parent: Some(self), step: Step::Entry(key) }
    }

    /// The path as AWS writes it: members with a small first letter, elements and entries with `.member`.
    pub(crate) fn text(&self) -> String {
        let mut steps = Vec::new();
        let mut at = self;
        while let Some(parent) = at.parent {
            steps.push(at.step);
            at = parent;
        }
        let mut text = String::new();
        for step in steps.iter().rev() {
            if !text.is_empty() {
                text.push('.');
            }
            match step {
                Step::Member(name) => push_lower_camel(&mut text, name),
                Step::Element(index) => text.push_str(&format!("{}.member", index + 1)),
                Step::Entry(key) => {
                    text.extend(key.chars().take(200));
                    text.push_str(".member");
                }
            }
        }
        text
    }
}

/// `TableName` as `tableName`, `DBInstance` as `dBInstance`.
pub(crate) fn push_lower_camel(text: &mut String, name: &str) {
    let mut letters = name.chars();
    text.extend(letters.next().map(|first| first.to_ascii_lowercase()));
    text.push_str(letters.as_str());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts() {
        assert_eq!(Path::ROOT.text(), "");
        let schema = Path::ROOT.member("KeySchema");
        let element = schema.element(0);
        assert_eq!(element.member("AttributeName").text(), "keySchema.1.member.attributeName");
        // The text of DynamoDB's answer quoted in aws/aws-sdk-js issue 1150.
        let items = Path::ROOT.member("RequestItems");
        let table = items.entry("Auth");
        assert_eq!(table.member("Keys").text(), "requestItems.Auth.member.keys");
    }
}
