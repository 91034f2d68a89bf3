"""Random inputs for a shape, and the canonical form in which both sides' values are compared.

Canonical: structures by the model's member names without absent members; bytes as {"$b64": …}, moments
as {"$ms": …}; everything else as JSON has it.
"""

import base64
import datetime

WORDS = ["harp", "lyre of Elysium", "a&b<c>\"d\"'e'", "x=1;y=2+3%20/4?#", "é漢字😀", " spaced ", "two\nlines\tand", "~!*()"]
HOST_LABELS = ["harp", "lyre-7", "111122223333"]
PLAIN = ["harp", "Lyre-7", "a_b.c", "x:y/z", "two words", "0"]
LABELS = ["harp", "Lyre-7", "a b", "é漢", "50%", "a+b&c", "x~y", "q?z#w"]
KEYS = ["harp", "a/b/c", "a//b", "dir/", "/lead", "é 漢/ü+&%", "x/../y", "~tilde!*'()"]
DOUBLES = [0.0, 1.5, -2.25, 1e10, 123456.789, 1e-7]
FLOATS = [0.0, 1.5, -2.25, 1024.0, 0.125]
DEEPEST = 5


class Maker:
    """Makes values for botocore's serialisers from its shapes.

    `solid`: the protocol cannot tell empty lists, maps and structures from absent ones, so none is made
    where a value is required or has a place in a list.
    """

    def __init__(self, rng, solid):
        self.rng, self.solid = rng, solid
        self.least = 0

    def structure(self, shape, depth=0):
        if getattr(shape, "is_tagged_union", False):
            chosen = [self.rng.choice(list(shape.members))]
            if depth >= DEEPEST:
                scalars = [name for name, member in shape.members.items() if is_scalar(member)]
                chosen = [self.rng.choice(scalars)] if scalars else chosen
        else:
            chosen = [name for name in shape.members if self.is_chosen(shape, name, depth)]
            if self.solid and shape.members and not chosen:
                scalars = [name for name, member in shape.members.items() if is_scalar(member)]
                chosen = [self.rng.choice(scalars or list(shape.members))]
        made = {}
        for name in chosen:
            if name == shape.serialization.get("payload") and shape.members[name].type_name == "string":
                made[name] = self.rng.choice(WORDS)
                continue
            by_query = shape.members[name].serialization.get("location") == "querystring"
            self.least = int(by_query or self.solid and (depth > 0 or name in shape.required_members))
            made[name] = self.member(shape.members[name], depth + 1)
        return made

    def is_chosen(self, shape, name, depth):
        if name in shape.required_members:
            return True
        if depth >= DEEPEST and not is_scalar(shape.members[name]):
            return False
        return self.rng.random() < 0.7

    def member(self, shape, depth):
        location = shape.serialization.get("location")
        if location == "headers":
            keys = self.rng.sample(["harp", "x-y", "tuning"], self.rng.randint(1, 3))
            return {key: self.rng.choice(PLAIN) for key in keys}
        if location == "header" and shape.type_name == "list":
            return [self.value(shape.member, depth, PLAIN) for _ in range(self.rng.randint(1, 2))]
        if shape.serialization.get("hostLabel"):
            return self.rng.choice(HOST_LABELS)
        words = WORDS
        if location == "header":
            words = PLAIN
        elif location == "uri":
            words = KEYS if shape.serialization.get("name") == "Key" else LABELS
        return self.value(shape, depth, words)

    def value(self, shape, depth, words=WORDS):
        return getattr(self, "of_" + shape.type_name, self.of_string)(shape, depth, words)

    def of_structure(self, shape, depth, _words):
        return self.structure(shape, depth)

    def of_list(self, shape, depth, words):
        count = self.count(depth)
        return [self.value(shape.member, depth + 1, words) for _ in range(count)]

    def of_map(self, shape, depth, words):
        count = self.count(depth)
        keys = {self.value(shape.key, depth + 1, WORDS) for _ in range(count)}
        return {key: self.value(shape.value, depth + 1, words) for key in sorted(keys)}

    def count(self, depth):
        count = 0 if depth > DEEPEST else self.rng.randint(0, 3)
        return max(count, self.least, int(self.solid and depth > 1))

    def of_string(self, shape, _depth, words):
        if getattr(shape, "enum", None):
            return self.rng.choice(shape.enum)
        if words is WORDS and self.rng.random() < 0.1:
            return ""
        return " ".join(self.rng.choice(words) for _ in range(self.rng.randint(1, 2)))

    def of_boolean(self, _shape, _depth, _words):
        return self.rng.random() < 0.5

    def of_integer(self, _shape, _depth, _words):
        return self.rng.choice([0, 1, -1, 42, 2**31 - 1, -(2**31)])

    of_byte = of_short = of_integer

    def of_long(self, _shape, _depth, _words):
        return self.rng.choice([0, 1, -1, 2**53 + 1, 2**63 - 1, -(2**63)])

    def of_float(self, _shape, _depth, _words):
        return self.rng.choice(FLOATS)

    def of_double(self, _shape, _depth, _words):
        return self.rng.choice(DOUBLES)

    def of_blob(self, _shape, _depth, _words):
        return self.rng.randbytes(self.rng.randint(0, 40))

    def of_timestamp(self, _shape, _depth, _words):
        return datetime.datetime.fromtimestamp(self.rng.randint(0, 4_102_444_800), datetime.timezone.utc)


def is_scalar(shape):
    return shape.type_name not in ("structure", "list", "map")


def canonical(shape, value):
    """The canonical form of a value as botocore holds it."""
    kind = shape.type_name
    if value is None:
        return None
    if kind == "structure":
        if shape.is_document_type:
            return value
        if hasattr(value, "close") and not isinstance(value, dict):
            return [canonical(shape, event) for event in value]
        members = shape.members
        return {name: canonical(members[name], value[name]) for name in members if value.get(name) is not None}
    if kind == "list":
        return [canonical(shape.member, item) for item in value]
    if kind == "map":
        return {key: canonical(shape.value, item) for key, item in value.items()}
    if kind == "blob":
        value = value.read() if hasattr(value, "read") else value
        value = value.encode() if isinstance(value, str) else value
        return {"$b64": base64.b64encode(value).decode()}
    if kind == "timestamp":
        return {"$ms": round(value.timestamp() * 1000)}
    return value


def without_empties(value):
    """Drops empty lists, maps and structures: XML and query cannot tell them from absent ones."""
    if isinstance(value, dict) and not value.keys() & {"$b64", "$ms"}:
        kept = {key: without_empties(item) for key, item in value.items()}
        return {key: item for key, item in kept.items() if item not in ({}, [])}
    if isinstance(value, list):
        return [without_empties(item) for item in value]
    return value


def difference(expected, found, place="$"):
    """The first place where two canonical values differ, or None."""
    if isinstance(expected, dict) and isinstance(found, dict):
        for key in sorted(expected.keys() | found.keys()):
            if key not in found or key not in expected:
                side = "missing" if key not in found else "unexpected"
                return f"{place}.{key}: {side}: {expected.get(key, found.get(key))!r}"
            inner = difference(expected[key], found[key], f"{place}.{key}")
            if inner:
                return inner
        return None
    if isinstance(expected, list) and isinstance(found, list) and len(expected) == len(found):
        places = (difference(a, b, f"{place}[{i}]") for i, (a, b) in enumerate(zip(expected, found)))
        return next((inner for inner in places if inner), None)
    same_kind = isinstance(expected, bool) == isinstance(found, bool)
    if same_kind and expected == found:
        return None
    return f"{place}: expected {expected!r}, found {found!r}"
