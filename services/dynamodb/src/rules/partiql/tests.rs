//! What statements are read as, and the words of refusals. Those are of the conformance suite of paritysuite
//! (tests/tier3/error-messages/partiqlGrammar.test.ts and partiqlFunctions.test.ts), run on AWS.

use super::bind::Parameters;
use super::keys::{self, PartitionOrder};
use super::syntax::{Statement, Verb};
use crate::rules::expression::apply;
use crate::rules::keys::{KeyKind, KeyPart, KeySchema};
use crate::rules::rows::Rows;
use crate::rules::value::{Item, Value};
use proptest::prelude::*;

const OPEN: &str = "Statement wasn't well formed, can't be processed: ";

fn s(text: &str) -> Value {
    Value::S(text.into())
}

fn n(text: &str) -> Value {
    Value::N(text.into())
}

fn item() -> Item {
    let inside = Value::M([("c".to_owned(), s("deep"))].into());
    [
        ("pk".to_owned(), s("k")),
        ("n".to_owned(), n("5")),
        ("ss".to_owned(), Value::SS(vec!["a".into(), "b".into()])),
        ("l".to_owned(), Value::L(vec![n("1"), inside])),
        ("nul".to_owned(), Value::NULL(true)),
    ]
    .into()
}

fn bound(statement: &Statement, parameters: &[Value]) -> Result<(), String> {
    let parameters = Parameters::new(parameters, statement.parameters)?;
    statement.condition.as_ref().map(|condition| parameters.condition(condition)).transpose()?;
    match &statement.verb {
        Verb::Insert(term) => parameters.item(term).map(drop),
        Verb::Update(changes, _) => parameters.actions(changes).map(drop),
        Verb::Select(..) | Verb::Exists | Verb::Delete(_) => Ok(()),
    }
}

fn refusal(text: &str) -> String {
    super::parse(text).and_then(|statement| bound(&statement, &[])).unwrap_err()
}

fn holds(condition: &str) -> bool {
    let statement = super::parse(&format!("SELECT * FROM t WHERE {condition}")).unwrap();
    let parameters = Parameters::new(&[], 0).unwrap();
    parameters.condition(&statement.condition.unwrap()).unwrap().holds(&item())
}

#[test]
fn conditions() {
    for (condition, expect) in [
        ("pk = 'k' AND n >= 5", true),
        ("5 <= n", true),
        ("n BETWEEN 1 AND 4", false),
        ("n NOT BETWEEN 1 AND 4", true),
        ("n IN [4, 5]", true),
        ("NOT n IN (4, 5)", false),
        ("contains(ss, 'a') OR n = 0", true),
        ("(contains(ss, 'z') OR n = 0)", false),
        ("\"l\"[1].c = 'deep'", true),
        ("l[0] = .1e1", true),
        ("begins_with(l[1].\"c\", 'de')", true),
        ("nope IS MISSING", true),
        ("nope IS NOT MISSING", false),
        ("nul IS NULL", true),
        ("pk IS NOT NULL", true),
        ("nope IS NOT NULL", false),
        ("pk IS STRING", true),
        ("pk IS BOOL", false),
        ("ATTRIBUTE_EXISTS(ss) = true", true),
        ("attribute_exists(ss) = false", false),
        ("attribute_type(ss, 'SS')", true),
        ("size(pk) = 1", true),
        ("ss = <<'b', 'a'>>", true),
        ("n <> -5 -- but for a note", true),
    ] {
        assert_eq!(holds(condition), expect, "{condition}");
    }
}

#[test]
fn refusals_of_texts() {
    let leftover = format!("{OPEN}Unexpected token after expression");
    for (text, expect) in [
        ("SELECT * FROM t WHERE pk = 1 foo", leftover.as_str()),
        ("SELECT * FROM t WHERE pk = 1 e5", &leftover),
        ("SELECT * FROM t WHERE pk = 1)", &leftover),
        ("SELECT * FROM t ORDER BY pk WHERE pk = 1", &leftover),
        ("INSERT INTO t VALUE {'pk': 1} foo", &leftover),
        ("INSERT INTO t u VALUE {'pk': 1}", &leftover),
        ("DELETE FROM t WHERE pk = 1 ORDER BY pk", &leftover),
        ("SELECT * FROM t WHERE pk = 1e2147483648", OPEN),
        ("SELECT * FROM t WHERE pk = 1.5e-2147483647", OPEN),
        ("SELECT * FROM t WHERE pk = 1 # note", OPEN),
        ("SELECT * FROM t WHERE pk = 1 /* note", OPEN),
        ("SELECT * FROM t u WHERE pk = 'x'", "Aliasing is not supported"),
        ("SELECT * FROM \"t\" AS u WHERE pk = 'x'", "Aliasing is not supported"),
        ("UPDATE t u SET a = 3 WHERE pk = 'x'", "Aliasing is not supported"),
        ("DELETE FROM t u WHERE pk = 'x'", "Aliasing is not supported"),
        ("SELECT * FROM t WHERE", &format!("{OPEN}Unexpected term")),
        ("UPDATE a-b SET c = 1 WHERE pk = 'x'", &format!("{OPEN}Expected data manipulation")),
        ("SELECT * FROM t WHERE attribute_exists(m.inner)", &format!("{OPEN}Invalid path dot component")),
        ("SELECT size(a) FROM t", "Unexpected path component at 1:8:4"),
        ("SELECT * FROM t WHERE EXISTS(a)", "Unrecognized function: exists at 1:23:6"),
        (
            "SELECT * FROM t WHERE attribute_exists('a')",
            "Operator or function requires a document path; operator or function: attribute_exists",
        ),
        (
            "SELECT * FROM t WHERE attribute_exists()",
            "Incorrect number of operands for operator or function; operator or function: attribute_exists, number of operands: 0",
        ),
        (
            "SELECT * FROM t WHERE a < true",
            "Incorrect operand type for operator or function; operator or function: <, operand type: BOOL",
        ),
        (
            "SELECT * FROM t WHERE pk = 1e126",
            "Number overflow. Attempting to store a number with magnitude larger than supported range under root",
        ),
        (
            "INSERT INTO t VALUE {'pk': 1, 'm': {'x': [1, 1e-131]}}",
            "Number underflow. Attempting to store a number with magnitude smaller than supported range under root.x[1]",
        ),
        (
            "UPDATE t SET a = set_add(b, <<'x'>>) WHERE pk = 1",
            "The first argument to SET_ADD must equal the assignment value at 1:18:7",
        ),
        (
            "UPDATE t SET a = set_add(a, 'x') WHERE pk = 1",
            "The second argument to SET_ADD must be a value with type SET at 1:26:1",
        ),
        (
            "UPDATE t SET a = set_delete(a) WHERE pk = 1",
            "SET_DELETE must have exactly two arguments at 1:18:10",
        ),
        ("UPDATE t SET a = set_add(a, <<>>) WHERE pk = 1", "Empty bags are not supported"),
        ("SELECT * FROM t WHERE pk = ?", "Number of parameters in request and statement don't match."),
    ] {
        assert_eq!(refusal(text), expect, "{text}");
    }
}

#[test]
fn updates() {
    let text = "UPDATE t SET n = n + ?, l[0] = 'x' SET ss = set_add(ss, <<'c'>>) REMOVE nul, l[1].c \
                WHERE pk = 'k' AND n = 5 RETURNING ALL NEW *";
    let statement = super::parse(text).unwrap();
    let given = [n("2")];
    let parameters = Parameters::new(&given, statement.parameters).unwrap();
    let Verb::Update(changes, Some(returning)) = &statement.verb else { panic!("{statement:?}") };
    assert!(returning.new && !returning.modified_only);
    let mut changed = item();
    apply::apply(&parameters.actions(changes).unwrap(), &mut changed).unwrap();
    assert_eq!(changed["n"], n("7"));
    assert_eq!(changed["l"], Value::L(vec![s("x"), Value::M([].into())]));
    assert_eq!(changed["ss"], Value::SS(vec!["a".into(), "b".into(), "c".into()]));
    assert!(!changed.contains_key("nul"));
}

#[test]
fn keys_are_found_among_conditions() {
    let part = |name: &str| KeyPart { name: name.into(), kind: KeyKind::S };
    let schema = KeySchema { partition: vec![part("pk")], sort: vec![part("sk")] };
    let of = |condition: &str| {
        let statement = super::parse(&format!("SELECT * FROM t WHERE {condition}")).unwrap();
        Parameters::new(&[], 0).unwrap().condition(&statement.condition.unwrap()).unwrap()
    };
    let keyed = keys::keyed(Some(of("a = 1 AND 'x' = pk AND sk = 'y'")), &schema);
    assert_eq!(keyed.key, Some([("pk".to_owned(), s("x")), ("sk".to_owned(), s("y"))].into()));
    assert_eq!(keyed.rest.len(), 1);
    assert!(keys::keyed(Some(of("pk = 'x' OR sk = 'y'")), &schema).key.is_none());
    let count = |condition: &str| {
        let ranges = keys::ranges(Some(&of(condition)), &schema, Rows::Table, PartitionOrder::Named).unwrap();
        (ranges.ranges.len(), ranges.partitioned)
    };
    assert_eq!(count("pk IN ['a', 'b', 'a'] AND sk > 'c'"), (2, true));
    assert_eq!(count("pk = 'a' AND begins_with(sk, 'c')"), (1, true));
    assert_eq!(count("pk = 'a' OR pk = 'b'"), (2, true));
    assert_eq!(count("pk = 'a' AND sk > 'c' OR pk IN ['a', 'b'] AND l = 1"), (2, true));
    assert_eq!(count("(pk = 'a' OR pk = 'b') AND sk > 'c'"), (2, true));
    assert_eq!(count("pk = 'a' OR l = 1"), (1, false));
    assert_eq!(count("NOT pk = 'a'"), (1, false));
    assert!(keys::ranges(Some(&of("pk = 1")), &schema, Rows::Table, PartitionOrder::Named).is_err());
}

/// Whatever the text is, it is read or refused; nesting is bounded before the stack is.
#[test]
fn deep_and_broken_texts_are_refused() {
    for open in ["(", "[", "{'a':", "NOT ", "<<", "size("] {
        let text = format!("SELECT * FROM t WHERE {}", open.repeat(8_000 / open.len()));
        assert!(super::parse(&text).is_err(), "{open}");
    }
    let whole = "SELECT a, \"b\".c FROM \"t\".\"i\" WHERE pk = 'x' AND a IN [1, ?] ORDER BY sk DESC";
    for end in 0..whole.len() {
        let _ = super::parse(&whole[..end]);
    }
    assert!(super::parse(whole).is_ok());
}

/// Words that statements are made of, and such as break them.
const WORDS: &[&str] = &[
    "SELECT",
    "*",
    "a",
    "\"b\"",
    "FROM",
    "\"t\"",
    ".",
    "WHERE",
    "pk",
    "=",
    "'x'",
    "AND",
    "OR",
    "NOT",
    "IN",
    "[",
    "]",
    "(",
    ")",
    "?",
    "1",
    "-2.5e3",
    "1e99",
    "BETWEEN",
    "IS",
    "MISSING",
    "NULL",
    "UPDATE",
    "SET",
    "REMOVE",
    "set_add",
    "<<",
    ">>",
    "{",
    "}",
    ":",
    ",",
    "INSERT",
    "INTO",
    "VALUE",
    "DELETE",
    "RETURNING",
    "ALL",
    "NEW",
    "size",
    "EXISTS",
    "ORDER",
    "BY",
    "DESC",
    "+",
    "-",
    "'",
    "\"",
    "é",
    ";",
    "list_append",
    "l",
    "nul",
    "<",
];

proptest! {
    /// Whatever words a text has, it is read or refused, and what is read can be run.
    #[test]
    fn any_words_are_read_or_refused(
        begin in prop::sample::select(&["", "SELECT * FROM t WHERE", "UPDATE t SET a =", "INSERT INTO t VALUE {"][..]),
        words in prop::collection::vec(prop::sample::select(WORDS), 0..14),
        blank in prop::sample::select(&["", " "][..]),
    ) {
        let text = format!("{begin} {}", words.join(blank));
        let Ok(statement) = super::parse(&text) else { return Ok(()) };
        let given = vec![n("2"); statement.parameters];
        let Ok(parameters) = Parameters::new(&given, statement.parameters) else { return Ok(()) };
        if let Some(Ok(condition)) = statement.condition.as_ref().map(|one| parameters.condition(one)) {
            let _ = condition.holds(&item());
            let part = |name: &str| KeyPart { name: name.into(), kind: KeyKind::S };
            let schema = KeySchema { partition: vec![part("pk")], sort: vec![part("a")] };
            let _ = keys::ranges(Some(&condition), &schema, Rows::Table, PartitionOrder::Descending);
            let _ = keys::keyed(Some(condition), &schema);
        }
        match &statement.verb {
            Verb::Insert(term) => drop(parameters.item(term)),
            Verb::Update(changes, _) => {
                if let Ok(actions) = parameters.actions(changes) {
                    let _ = apply::apply(&actions, &mut item());
                }
            }
            Verb::Select(..) | Verb::Exists | Verb::Delete(_) => {}
        }
    }
}

/// As the conformance suite of paritysuite found them on AWS
/// (tests/tier3/error-messages/partiqlParameterNumbers.test.ts).
#[test]
fn numbers_of_parameters_are_those_of_java() {
    let refused = |text: &str| Parameters::check(&[Value::L(vec![Value::N(text.to_owned())])]).unwrap_err();
    for text in ["1e99999999999", "-1e99999999999", "1e-99999999999", "1e2147483648", "1e-2147483648", "abc"]
    {
        assert_eq!(refused(text), format!("The parameter cannot be converted to a numeric value: {text}"));
    }
    assert_eq!(refused(""), "The parameter cannot be converted to a numeric value");
    assert!(refused("1e2147483647").starts_with("Number underflow."));
    assert!(refused("1e-2147483647").starts_with("Number underflow."));
    assert!(refused("1e126").starts_with("Number overflow."));
    for text in ["1", "-1.5e3", "0e0", "1E+125"] {
        assert_eq!(Parameters::check(&[Value::N(text.to_owned())]), Ok(()), "{text}");
    }
}
