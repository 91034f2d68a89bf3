//! Tables of expressions: what is refused, in whose words and in which order; what holds; what changes.
//! Texts and precedence are those that dynalite recorded on DynamoDB (test/scan.js, test/updateItem.js).

use super::placeholders::{Names, Placeholders, Values};
use super::{apply, condition, key_condition, projection, update};
use crate::rules::value::{Item, Value};
use bytes::Bytes;
use proptest::prelude::*;

type Pairs<'a, T> = &'a [(&'a str, T)];

fn s(text: &str) -> Value {
    Value::S(text.into())
}

fn n(text: &str) -> Value {
    Value::N(text.into())
}

fn ss(texts: &[&str]) -> Value {
    Value::SS(texts.iter().map(|text| (*text).into()).collect())
}

fn map(pairs: Pairs<Value>) -> Value {
    Value::M(item(pairs))
}

fn item(pairs: Pairs<Value>) -> Item {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect()
}

fn names(pairs: Pairs<&str>) -> Names {
    pairs.iter().map(|(alias, name)| ((*alias).to_owned(), (*name).to_owned())).collect()
}

/// Binds with the given names and values, of which unused ones do not matter.
fn refusal(text: &str, names: Pairs<&str>, values: Pairs<Value>) -> String {
    let (names, values): (Names, Values) = (self::names(names), item(values));
    let mut placeholders =
        Placeholders::new((!names.is_empty()).then_some(&names), (!values.is_empty()).then_some(&values))
            .unwrap();
    let bound = condition::parse(text).and_then(|parsed| parsed.bind(&mut placeholders));
    bound.err().unwrap_or_default()
}

#[test]
fn syntax_errors_name_the_token_and_its_surroundings() {
    let cases = [
        ("", "The expression can not be empty;"),
        ("a-b", "Syntax error; token: \"-\", near: \"a-b\""),
        (
            "#x attribute_not_exists :y",
            "Syntax error; token: \"attribute_not_exists\", near: \"#x attribute_not_exists :y\"",
        ),
        ("agent:abc-d", "Syntax error; token: \":abc\", near: \"agent:abc-\""),
        ("size()", "Syntax error; token: \")\", near: \"()\""),
        ("a =", "Syntax error; token: \"<EOF>\", near: \"=\""),
        ("a AND b = c", "Syntax error; token: \"AND\", near: \"a AND b\""),
        ("a = b c", "Syntax error; token: \"c\", near: \"b c\""),
        ("a = b = c", "Syntax error; token: \"=\", near: \"b = c\""),
        ("(a = b", "Syntax error; token: \"<EOF>\", near: \"b\""),
        ("a between b or c", "Syntax error; token: \"or\", near: \"b or c\""),
        ("é = a", "Syntax error; token: \"é\", near: \"é =\""),
        ("a[b] = c", "Syntax error; token: \"b\", near: \"[b]\""),
    ];
    for (text, message) in cases {
        assert_eq!(refusal(text, &[], &[]), message, "{text}");
    }
    let texts =
        ["something", "a in b", "(a)", "a = b and", "not", "a..b = c", "a = :a[1]", ")(", "a <> <> b"];
    for text in texts {
        assert!(refusal(text, &[], &[]).starts_with("Syntax error; "), "{text}");
    }
}

#[test]
fn what_the_text_alone_shows_is_refused_in_order() {
    let parens = "The expression has redundant parentheses;";
    let function = |name| format!("Invalid function name; function: {name}");
    let misused =
        |name| format!("The function is not allowed to be used this way in an expression; function: {name}");
    let reserved = |word| format!("Attribute name is a reserved keyword; reserved keyword: {word}");
    let cases = [
        ("a=a and a > ((views))", parens.to_owned()),
        ("(a)between(((b.c)).d)and(c)", parens.to_owned()),
        ("a > whatever((:things), ((a)))", parens.to_owned()),
        ("a=a AND ((a=a AND a=a)) AND a=a", parens.to_owned()),
        ("a=a OR ((a=a OR (a=a OR a=a)))", parens.to_owned()),
        ("a=a and whatever((:things)) > a", function("whatever")),
        ("attRIbute_exIsts((views), #a)", function("attRIbute_exIsts")),
        ("a=a and attribute_exists((views), (#a)) > b", misused("attribute_exists")),
        ("attribute_not_exists(things) > b", misused("attribute_not_exists")),
        ("begins_with(things, a) > b", misused("begins_with")),
        ("contains(:things, c) > b", misused("contains")),
        ("size(contains(a, b)) > a", misused("contains")),
        ("size(things)", misused("size")),
        ("a between b and attribute_exists(things)", misused("attribute_exists")),
        ("a in (b, attribute_exists(things))", misused("attribute_exists")),
        ("attribute_exists(views, #a)", reserved("views")),
        (":a < abOrT", reserved("abOrT")),
    ];
    for (text, message) in cases {
        assert_eq!(refusal(text, &[], &[]), message, "{text}");
    }
}

#[test]
fn what_is_undefined_or_miscounted_is_refused() {
    let name = |alias| {
        format!(
            "An expression attribute name used in the document path is not defined; attribute name: {alias}"
        )
    };
    let value = |name| {
        format!("An expression attribute value used in expression is not defined; attribute value: {name}")
    };
    let count = |name, count| {
        format!(
            "Incorrect number of operands for operator or function; operator or function: {name}, number of operands: {count}"
        )
    };
    let cases = [
        ("attribute_exists(#Pictures.RearView, :a) and a=a", name("#Pictures")),
        ("begins_with(Pictures.#RearView)", name("#RearView")),
        ("(#P between :lo and :hi) and (#PC in (:cat1, :cat2))", name("#P")),
        ("#4g > a", name("#4g")),
        ("(a)between(b.c[45].#d)and(:a)", name("#d")),
        ("begins_with(:hello, #a, #b)", value(":hello")),
        (":b < :c", value(":b")),
        ("attribute_exists(things, a) and a=a", count("attribute_exists", 2)),
        ("attribute_type(things)", count("attribute_type", 1)),
        ("begins_with(things, size(a), b)", count("begins_with", 3)),
        ("size(things, a) > b", count("size", 2)),
    ];
    for (text, message) in cases {
        assert_eq!(refusal(text, &[], &[]), message, "{text}");
    }
}

#[test]
fn operands_are_distinct_and_of_the_right_type() {
    let distinct = |operator, path| {
        format!(
            "The first operand must be distinct from the remaining operands for this operator or function; operator: {operator}, first operand: {path}"
        )
    };
    let kind = |name, kind| {
        format!(
            "Incorrect operand type for operator or function; operator or function: {name}, operand type: {kind}"
        )
    };
    let path = |name| format!("Operator or function requires a document path; operator or function: {name}");
    let cases = [
        ("a = a AND #a = b AND :views > a", s("x"), distinct("=", "[a]")),
        ("a > #a", s("x"), distinct(">", "[a]")),
        ("((a=a) OR (a=a))", s("x"), distinct("=", "[a]")),
        ("contains(ab.bc[1].a, ab.bc[1].#a)", s("x"), distinct("contains", "[ab, bc, [1], a]")),
        ("attribute_type(a, size(a)) and a=a and a=:a", n("1"), kind("attribute_type", "N")),
        ("attribute_type(a, :a)", Value::L(vec![]), kind("attribute_type", "L")),
        ("attribute_type(a, b)", n("1"), kind("attribute_type", "{NS,SS,L,BS,N,M,B,BOOL,NULL,S}")),
        ("begins_with(a, size(a)) and a=:a", n("1"), kind("begins_with", "N")),
        ("begins_with(:a, a)", ss(&["1"]), kind("begins_with", "SS")),
        ("size(size(a)) > :a", n("1"), kind("size", "N")),
        ("attribute_not_exists(size(:a))", n("1"), kind("size", "N")),
        ("size(:a) > a", Value::BOOL(true), kind("size", "BOOL")),
        ("attribute_exists(:a) and a=a", s("1"), path("attribute_exists")),
        ("attribute_not_exists(size(:a))", s("1"), path("attribute_not_exists")),
        (
            "attribute_type(a, :a)",
            s("1"),
            "Invalid attribute type name found; type: 1, valid types: {B,NULL,SS,BOOL,L,BS,N,NS,S,M}".into(),
        ),
        ("a < :a", Value::BOOL(true), kind("<", "BOOL")),
    ];
    for (text, value, message) in cases {
        assert_eq!(refusal(text, &[("#a", "a")], &[(":a", value)]), message, "{text}");
    }
    let bounds = |low: Value, high: Value| refusal("a between :l and :h", &[], &[(":l", low), (":h", high)]);
    assert_eq!(
        bounds(s("b"), s("a")),
        "The BETWEEN operator requires upper bound to be greater than or equal to lower bound; lower bound operand: AttributeValue: {S:b}, upper bound operand: AttributeValue: {S:a}"
    );
    assert_eq!(
        bounds(s("b"), n("1")),
        "The BETWEEN operator requires same data type for lower and upper bounds; lower bound operand: AttributeValue: {S:b}, upper bound operand: AttributeValue: {N:1}"
    );
    assert_eq!(refusal(":a > :a", &[], &[(":a", n("1"))]), "");
}

#[test]
fn placeholders_are_all_used_and_well_formed() {
    let given = |names: &Names, values: &Values, text: &str| {
        let mut placeholders = Placeholders::new(Some(names), Some(values))?;
        condition::parse(text)?.bind(&mut placeholders)?;
        placeholders.finish()
    };
    let value = item(&[(":a", n("1")), (":b", n("1")), (":c", n("1"))]);
    let cases = [
        (names(&[]), value.clone(), "ExpressionAttributeNames must not be empty"),
        (
            names(&[("a", "a")]),
            value.clone(),
            "ExpressionAttributeNames contains invalid key: Syntax error; key: \"a\"",
        ),
        (names(&[("#a", "a")]), Values::new(), "ExpressionAttributeValues must not be empty"),
        (
            names(&[("#a", "a")]),
            item(&[("b", n("1"))]),
            "ExpressionAttributeValues contains invalid key: Syntax error; key: \"b\"",
        ),
        (
            names(&[("#a", "a")]),
            item(&[(":b", n("x"))]),
            "ExpressionAttributeValues contains invalid value: The parameter cannot be converted to a numeric value: x for key :b",
        ),
        (
            names(&[("#a", "a"), ("#b", "b"), ("#c", "c")]),
            value.clone(),
            "Value provided in ExpressionAttributeNames unused in expressions: keys: {#b, #c}",
        ),
        (
            names(&[("#a", "a")]),
            value,
            "Value provided in ExpressionAttributeValues unused in expressions: keys: {:b, :c}",
        ),
    ];
    for (names, values, message) in cases {
        assert_eq!(given(&names, &values, "#a = :a"), Err(message.to_owned()));
    }
}

fn holds(text: &str) -> bool {
    let item = item(&[
        ("n", n("5")),
        ("word", s("lute")),
        ("bytes", Value::B(Bytes::from_static(b"ab"))),
        ("tags", ss(&["x", "y"])),
        ("nothing", Value::NULL(true)),
        ("m", map(&[("l", Value::L(vec![n("1"), map(&[("deep", s("d"))])]))])),
    ]);
    let values = self::item(&[
        (":5", n("5.0")),
        (":4", n("4")),
        (":9", n("9")),
        (":lu", s("lu")),
        (":x", s("x")),
        (":S", s("S")),
        (":d", s("d")),
        (":set", ss(&["y", "x"])),
    ]);
    let mut placeholders = Placeholders::new(None, Some(&values)).unwrap();
    condition::parse(text).and_then(|parsed| parsed.bind(&mut placeholders)).unwrap().holds(&item)
}

#[test]
fn conditions_hold() {
    let cases = [
        ("n = :5", true),
        ("n <> :5", false),
        ("n > :4 and n < :9", true),
        ("n between :4 and :5", true),
        ("n in (:4, :9)", false),
        ("n in (:4, :5)", true),
        ("word < n", false),
        ("absent = :5", false),
        ("absent <> :5", true),
        ("absent = alsoMissing", false),
        ("not absent = :5", true),
        ("NOT NOT n = :5", true),
        ("attribute_exists(m.l[1].deep)", true),
        ("attribute_not_exists(m.l[7])", true),
        ("attribute_exists(word.inside)", false),
        ("m.l[1].deep = :d", true),
        ("attribute_type(word, :S)", true),
        ("attribute_type(n, :S)", false),
        ("begins_with(word, :lu)", true),
        ("begins_with(n, :lu)", false),
        ("contains(tags, :x)", true),
        ("contains(word, :x)", false),
        ("tags = :set", true),
        ("size(word) = :4", true),
        ("size(n) = :4", false),
        ("size(m.l) < :4", true),
        ("n = :4 or n = :5 and word = :x", false),
        ("(n = :4 or n = :5) and begins_with(word, :lu)", true),
        ("n=:4 or n=:5", true),
        ("((n) > (:4)) and (not (n = :4))", true),
    ];
    for (text, expect) in cases {
        assert_eq!(holds(text), expect, "{text}");
    }
}

#[test]
fn deep_and_long_expressions_are_refused() {
    for open in ["(", "NOT ", "size(", "a.", "a[0]", "NOT ("] {
        let endless = format!("{} a = b", open.repeat(1_000_000));
        let longest = open.repeat(4000 / open.len());
        for text in [endless, longest] {
            assert!(condition::parse(&text).is_err(), "{open}");
            assert!(update::parse(&format!("SET a = {text}")).is_err(), "{open}");
            assert!(projection::parse(&text).is_err(), "{open}");
        }
    }
    let nested = format!("{}a = b{}", "(c = d AND ".repeat(90), ")".repeat(90));
    assert!(condition::parse(&nested).is_ok());
    let many = vec!["a = b"; 200].join(" OR ");
    assert!(condition::parse(&many).is_err_and(|message| message.contains("operator")));
}

fn updated(text: &str, names: Pairs<&str>, values: Pairs<Value>, mut kept: Item) -> Result<Item, String> {
    let (names, values) = (self::names(names), item(values));
    let mut placeholders =
        Placeholders::new((!names.is_empty()).then_some(&names), (!values.is_empty()).then_some(&values))?;
    let actions = update::parse(text)?.bind(&mut placeholders)?;
    apply::apply(&actions, &mut kept).map_err(|why| why.to_string())?;
    Ok(kept)
}

#[test]
fn updates_are_refused_in_order() {
    let overlap = |one, two| {
        format!(
            "Two document paths overlap with each other; must remove or rewrite one of these paths; path one: {one}, path two: {two}"
        )
    };
    let conflict = |one, two| {
        format!(
            "Two document paths conflict with each other; must remove or rewrite one of these paths; path one: {one}, path two: {two}"
        )
    };
    let cases = [
        ("", "The expression can not be empty;".to_owned()),
        ("SET", "Syntax error; token: \"<EOF>\", near: \"SET\"".to_owned()),
        ("a = :a", "Syntax error; token: \"a\", near: \"a =\"".to_owned()),
        ("SET a = b + c + d", "Syntax error; token: \"+\", near: \"c + d\"".to_owned()),
        ("SET set = :a", "Syntax error; token: \"set\", near: \"SET set =\"".to_owned()),
        ("REMOVE a, add", "Syntax error; token: \"add\", near: \", add\"".to_owned()),
        ("SET a = b REMOVE abort", "Attribute name is a reserved keyword; reserved keyword: abort".to_owned()),
        ("SET a = whatever(b)", "Invalid function name; function: whatever".to_owned()),
        ("REMOVE a REMOVE b", "The \"REMOVE\" section can only be used once in an update expression;".to_owned()),
        (
            "SET #b = :b",
            "An expression attribute name used in the document path is not defined; attribute name: #b".to_owned(),
        ),
        (
            "SET a = :b",
            "An expression attribute value used in expression is not defined; attribute value: :b".to_owned(),
        ),
        ("SET #a.b = :a REMOVE a", overlap("[a, b]", "[a]")),
        ("SET a.b = :a, #a[1] = :a", conflict("[a, b]", "[a, [1]]")),
        (
            "ADD b :s",
            "Incorrect operand type for operator or function; operator: ADD, operand type: STRING".to_owned(),
        ),
        (
            "DELETE b :a",
            "Incorrect operand type for operator or function; operator: DELETE, operand type: NUMBER".to_owned(),
        ),
        (
            "SET b = if_not_exists(a)",
            "Incorrect number of operands for operator or function; operator or function: if_not_exists, number of operands: 1".to_owned(),
        ),
        (
            "SET b = if_not_exists(:a, :a)",
            "Operator or function requires a document path; operator or function: if_not_exists".to_owned(),
        ),
        (
            "SET b = list_append(:a, a)",
            "Incorrect operand type for operator or function; operator or function: list_append, operand type: N".to_owned(),
        ),
        (
            "SET b = :s + a",
            "Incorrect operand type for operator or function; operator or function: +, operand type: S".to_owned(),
        ),
    ];
    for (text, message) in cases {
        let values = [(":a", n("1")), (":s", s("x"))];
        assert_eq!(updated(text, &[("#a", "a")], &values, Item::new()), Err(message), "{text}");
    }
}

#[test]
fn updates_change_items() {
    let list = |all: &[Value]| Value::L(all.to_vec());
    let one = |value: Value| item(&[("a", value)]);
    let letters = || list(&[s("0"), s("1"), s("2"), s("3")]);
    let cases = [
        ("SET a = :n", item(&[]), one(n("2"))),
        ("SET a = a + :n", one(n("40")), one(n("42"))),
        ("SET a = (:n) - a", one(n("40")), one(n("-38"))),
        ("SET a = (a + :n)", one(n("40")), one(n("42"))),
        ("SET a = if_not_exists(a, :n)", item(&[]), one(n("2"))),
        ("SET a = if_not_exists(a, :n) + :n", item(&[]), one(n("4"))),
        ("SET a = list_append(a, :l)", one(list(&[n("1")])), one(list(&[n("1"), s("x")]))),
        ("SET a[1] = :n", one(letters()), one(list(&[s("0"), n("2"), s("2"), s("3")]))),
        ("SET a[99] = :n, a[50] = :s", one(list(&[])), one(list(&[s("x"), n("2")]))),
        ("REMOVE a[0], a[2]", one(letters()), one(list(&[s("1"), s("3")]))),
        (
            "REMOVE a[0] SET a[2] = :n, a[9] = :s",
            one(letters()),
            one(list(&[s("1"), n("2"), s("3"), s("x")])),
        ),
        ("REMOVE a[9]", one(letters()), one(letters())),
        ("SET a.b.c = :n", one(map(&[("b", map(&[]))])), one(map(&[("b", map(&[("c", n("2"))]))]))),
        ("ADD a :n", item(&[]), one(n("2"))),
        ("ADD a :n", one(n("-2")), one(n("0"))),
        ("ADD a :set", one(ss(&["b", "z"])), one(ss(&["a", "b", "z"]))),
        ("DELETE a :set", one(ss(&["a", "b", "z"])), one(ss(&["z"]))),
        ("DELETE a :set", one(ss(&["a"])), item(&[])),
        ("DELETE a :set", item(&[]), item(&[])),
        ("SET a = b, b = a", item(&[("a", n("1")), ("b", n("2"))]), item(&[("a", n("2")), ("b", n("1"))])),
        ("REMOVE a SET b = a", one(n("1")), item(&[("b", n("1"))])),
        ("SET #long = :n remove a", one(n("1")), item(&[("a name", n("2"))])),
    ];
    let values = [(":n", n("2.0")), (":s", s("x")), (":l", list(&[s("x")])), (":set", ss(&["b", "a"]))];
    for (text, before, after) in cases {
        assert_eq!(updated(text, &[("#long", "a name")], &values, before), Ok(after), "{text}");
    }
}

#[test]
fn updates_that_an_item_does_not_allow() {
    let path = "The document path provided in the update expression is invalid for update";
    let absent = "The provided expression refers to an attribute that does not exist in the item";
    let kind = "An operand in the update expression has an incorrect data type";
    let cases = [
        ("SET a.b = :n", path),
        ("SET t.b = :n", path),
        ("SET t[0] = :n", path),
        ("REMOVE a.b", path),
        ("ADD a.b :n", path),
        ("SET b = a", absent),
        ("SET b = a + :n", absent),
        ("SET b = t + :n", kind),
        ("SET b = list_append(t, t)", kind),
        ("ADD t :n", kind),
        ("DELETE t :set", kind),
        // Alternator, test_number.py::test_update_expression_plus_imprecise.
        (
            "SET b = n + :n",
            "Number overflow. Attempting to store a number with magnitude larger than supported range",
        ),
    ];
    let values = [(":n", n("2.0")), (":set", ss(&["a"]))];
    for (text, message) in cases {
        let before = item(&[("t", s("text")), ("n", n("1e100"))]);
        assert_eq!(updated(text, &[], &values, before), Err(message.to_owned()), "{text}");
    }
}

#[test]
fn projections() {
    let before = item(&[
        (
            "a",
            map(&[
                ("b", Value::L(vec![n("0"), n("1"), map(&[("c", s("x")), ("d", s("y"))])])),
                ("e", n("9")),
            ]),
        ),
        ("t", s("text")),
    ]);
    let of = |text: &str| -> Result<Item, String> {
        let names = names(&[("#a", "a"), ("#b", "[3]")]);
        let mut placeholders = Placeholders::new(Some(&names), None)?;
        Ok(projection::parse(text)?.bind(&mut placeholders)?.of(&before))
    };
    let cases = [
        ("t", item(&[("t", s("text"))])),
        ("absent, t.u", item(&[])),
        ("#a.b[2].c, #a.b[0]", item(&[("a", map(&[("b", Value::L(vec![n("0"), map(&[("c", s("x"))])]))]))])),
        ("a.e, a.b[7]", item(&[("a", map(&[("e", n("9"))]))])),
    ];
    for (text, expect) in cases {
        assert_eq!(of(text), Ok(expect), "{text}");
    }
    let clash = |how, one, two| {
        Err(format!(
            "Two document paths {how} with each other; must remove or rewrite one of these paths; path one: {one}, path two: {two}"
        ))
    };
    assert_eq!(of("b[1], b.a, #a.b, a"), clash("overlap", "[a, b]", "[a]"));
    assert_eq!(of("a, #a[1]"), clash("overlap", "[a]", "[a, [1]]"));
    assert_eq!(of("a.b, #a[1], #b"), clash("conflict", "[a, b]", "[a, [1]]"));
    for text in ["whatever(stuff)", ":a", "abo,", "a,,b", "a..b", "a[b]", "(a.b).c", "(a)", "(a,b)", "a-b"] {
        assert!(of(text).is_err_and(|message| message.starts_with("Syntax error; ")), "{text}");
    }
    assert_eq!(of("a.abORt"), Err("Attribute name is a reserved keyword; reserved keyword: abORt".into()));
}

#[test]
fn key_conditions() {
    let tests = |text: &str| {
        let values = item(&[(":a", s("x")), (":b", s("y"))]);
        let mut placeholders = Placeholders::new(None, Some(&values)).unwrap();
        key_condition::tests(condition::parse(text)?.bind(&mut placeholders)?)
    };
    let cases = [
        ("a = :a or b = :b", "Invalid operator used in KeyConditionExpression: OR"),
        ("not a = :a", "Invalid operator used in KeyConditionExpression: NOT"),
        ("a in (:a)", "Invalid operator used in KeyConditionExpression: IN"),
        ("a <> :a", "Invalid operator used in KeyConditionExpression: <>"),
        ("attribute_exists(a)", "Invalid operator used in KeyConditionExpression: attribute_exists"),
        ("a = :a and size(b) = :b", "KeyConditionExpressions cannot contain nested operations"),
        ("a.b = :a", "KeyConditionExpressions cannot have conditions on nested attributes"),
        (
            "a = b",
            "Invalid condition in KeyConditionExpression: Multiple attribute names used in one condition",
        ),
        (":a = :b", "Invalid condition in KeyConditionExpression: No key attribute specified"),
        ("a = :a and a = :b", "KeyConditionExpressions must only contain one condition per key"),
        (
            ":a between :a and :b",
            "Invalid condition in KeyConditionExpression: BETWEEN operator must have the key attribute as its first operand",
        ),
    ];
    for (text, message) in cases {
        assert_eq!(tests(text), Err(message.to_owned()), "{text}");
    }
    let found = tests(":a < b and (a = :a)").unwrap();
    assert!(found["b"].holds(&s("y")) && !found["b"].holds(&s("x")));
}

/// Words that expressions are made of, and such as break them.
const WORDS: &[&str] = &[
    "a",
    "b",
    "#n",
    ":s",
    ":n",
    ":l",
    ":t",
    ".",
    "[",
    "0",
    "1",
    "]",
    "(",
    ")",
    ",",
    "=",
    "<>",
    "<",
    ">=",
    "AND",
    "or",
    "NOT",
    "BETWEEN",
    "IN",
    "size",
    "attribute_exists",
    "contains",
    "begins_with",
    "attribute_type",
    "SET",
    "remove",
    "ADD",
    "DELETE",
    "+",
    "-",
    "if_not_exists",
    "list_append",
    "é",
    "\"",
    "99999999999999999999",
    "#",
    ":",
];

proptest! {
    /// Whatever words a text has, it is read or refused, and what is read can be run.
    #[test]
    fn any_words_are_read_or_refused(
        begin in prop::sample::select(&["", "SET a =", "ADD a", "a = :s AND", "NOT size ( a ) >", "#n IN ("][..]),
        words in prop::collection::vec(prop::sample::select(WORDS), 0..14),
        blank in prop::sample::select(&["", " "][..]),
    ) {
        let text = format!("{begin} {}", words.join(blank));
        let names = names(&[("#n", "b")]);
        let values = item(&[(":s", s("x")), (":n", n("1e125")), (":t", ss(&["x", "y"]))]);
        let list = Value::L(vec![n("9e125"), map(&[("b", s("x"))])]);
        let before = item(&[("a", list), ("b", map(&[("a", ss(&["x"]))]))]);
        let mut placeholders = Placeholders::new(Some(&names), Some(&values)).unwrap();
        if let Ok(bound) = condition::parse(&text).and_then(|parsed| parsed.bind(&mut placeholders)) {
            let _ = bound.holds(&before);
            let _ = key_condition::tests(bound);
        }
        if let Ok(actions) = update::parse(&text).and_then(|parsed| parsed.bind(&mut placeholders)) {
            let _ = apply::apply(&actions, &mut before.clone());
        }
        if let Ok(projection) = projection::parse(&text).and_then(|parsed| parsed.bind(&mut placeholders)) {
            let _ = projection.of(&before);
        }
    }
}
