"""Statements of PartiQL and items of DynamoDB, grown from their grammars: mostly well formed, so that they come
past the parsers' first looks, and now and then with a part that does not belong there."""

import base64

WORDS = ["id", "a", "b", '"a b"', '"a"', "c.d", "l[0]", "m.x[1].y", "\u00e9", "fuzz", "Size", "value", "_", "a1"]
FUNCTIONS = ["begins_with", "contains", "size", "attribute_type", "attribute_exists", "list_append", "set_add", "set_delete", "nothing"]
SIGNS = ["=", "<>", "!=", "<", "<=", ">", ">=", "IS", "LIKE"]
STRAY = ["(", ")", "'", '"', "<<", ">>", ",", ";", "--", "/*", "SELECT", "WHERE", "?", "\x00", "\U0001d11e", "{", "]", "9" * 400, "1e999", "."]


def pick(chance, *makers):
    return chance.choice(makers)()


def path(chance):
    return chance.choice(WORDS) + chance.choice(["", "", "", ".x", "[0]", "[99999999999]", ".\"y z\""])


def term(chance, depth=4):
    """A value, or what stands for one."""
    def some(count=3):
        return [term(chance, depth - 1) for _ in range(chance.randint(0, count))]

    def number():
        return chance.choice(["0", "-1", "1.5", "1e10", "-1E-130", "1e126", "00", "1.", "9" * 38, "9" * 39])

    def text():
        return "'" + chance.choice(["", "x", "it''s", "\u00e9", "a" * 300]) + "'"

    leaves = [lambda: path(chance), text, number, lambda: "?", lambda: chance.choice(["TRUE", "FALSE", "NULL", "MISSING"])]
    if depth <= 0:
        return pick(chance, *leaves)
    return pick(
        chance, *leaves, *leaves,
        lambda: f"[{', '.join(some())}]",
        lambda: f"<<{', '.join(some())}>>",
        lambda: "{" + ", ".join(f"'{word}': {one}" for word, one in zip("abc", some())) + "}",
        lambda: f"{chance.choice(FUNCTIONS)}({', '.join(some())})",
        lambda: f"{term(chance, depth - 1)} {chance.choice('+-')} {term(chance, depth - 1)}",
        lambda: f"({term(chance, depth - 1)})",
    )


def condition(chance, depth=4):
    def inner():
        return condition(chance, depth - 1)

    leaves = [
        lambda: f"{term(chance, 1)} {chance.choice(SIGNS)} {term(chance, 2)}",
        lambda: f"{path(chance)} BETWEEN {term(chance, 1)} AND {term(chance, 1)}",
        lambda: f"{path(chance)} IN {chance.choice(['[', '('])}{', '.join(term(chance, 1) for _ in range(chance.randint(0, 5)))}{chance.choice([']', ')'])}",
        lambda: f"{path(chance)} IS {chance.choice(['', 'NOT '])}{chance.choice(['NULL', 'MISSING', 'STRING'])}",
        lambda: f"{chance.choice(FUNCTIONS)}({path(chance)}, {term(chance, 1)})",
    ]
    if depth <= 0:
        return pick(chance, *leaves)
    return pick(chance, *leaves, lambda: f"{inner()} {chance.choice(['AND', 'OR'])} {inner()}", lambda: f"NOT {inner()}", lambda: f"({inner()})")


def statement(chance):
    """A statement, with the number of its question marks."""
    table = chance.choice(['"fuzz"', "fuzz", '"fuzz"."none"', '"no such table"', "FUZZ"])
    where = chance.choice(["", f" WHERE id = 'x' AND {condition(chance)}", f" WHERE {condition(chance)}", " WHERE id = 'x'"])
    columns = chance.choice(["*", path(chance), ", ".join(path(chance) for _ in range(4))])
    order = chance.choice(["", "", f" ORDER BY {path(chance)} DESC"])
    changes = " ".join(chance.choice([f"SET {path(chance)} = {term(chance)}", f"REMOVE {path(chance)}"]) for _ in range(chance.randint(1, 3)))
    returning = chance.choice(["", "", " RETURNING ALL OLD *", " RETURNING MODIFIED NEW *", " RETURNING x"])
    made = pick(
        chance,
        lambda: f"SELECT {columns} FROM {table}{where}{order}",
        lambda: f"INSERT INTO {table} VALUE {term(chance)}",
        lambda: f"INSERT INTO {table} VALUE {{'id': 'x', 'v': {term(chance)}}}",
        lambda: f"UPDATE {table} {changes}{where}{returning}",
        lambda: f"DELETE FROM {table}{where}{returning}",
        lambda: f"EXISTS(SELECT {columns} FROM {table}{where})",
    )
    if chance.random() < 0.3:
        at = chance.randrange(len(made) + 1)
        made = made[:at] + chance.choice(STRAY) + made[at:]
    return made, made.count("?")


def value(chance, depth=6):
    """An attribute value; now and then one that is none."""
    numbers = ["0", "-0", "1", "1.50", "1e125", "-1E-130", "1e126", "", " 1", "1 ", "0x1", "NaN", "9" * 38, "9" * 39, "1e99999999999"]
    texts = ["", "x", "\u00e9", "\U0001d11e", "a" * 1000]

    def blob():
        return base64.b64encode(chance.randbytes(chance.randint(0, 9))).decode() + chance.choice(["", "", "="])

    leaves = [
        lambda: {"S": chance.choice(texts)}, lambda: {"N": chance.choice(numbers)}, lambda: {"B": blob()},
        lambda: {"BOOL": chance.choice([True, False, "true", 1])}, lambda: {"NULL": chance.choice([True, True, False])},
        lambda: {"SS": [chance.choice(texts) for _ in range(chance.randint(0, 4))]},
        lambda: {"NS": [chance.choice(numbers) for _ in range(chance.randint(0, 4))]},
        lambda: {"BS": [blob() for _ in range(chance.randint(0, 4))]},
        lambda: chance.choice([{}, None, [], "x", {"X": "y"}, {"S": "a", "N": "1"}, {"S": None}, {"M": []}, {"L": {}}]),
    ]
    if depth <= 0:
        return pick(chance, *leaves)
    return pick(
        chance, *leaves,
        lambda: {"L": [value(chance, depth - 1) for _ in range(chance.randint(0, 3))]},
        lambda: {"M": {word: value(chance, depth - 1) for word in chance.sample(["a", "b", "", "\u00e9", "x" * 300], 2)}},
    )


def item(chance):
    """An item, with its key where it is to be one of the table."""
    made = {chance.choice(["a", "b", "v", "", "x" * 70_000 if chance.random() < 0.01 else "y"]): value(chance) for _ in range(chance.randint(0, 5))}
    if chance.random() < 0.9:
        made["id"] = {"S": chance.choice(["x", "y", "\u00e9"])}
    return made
