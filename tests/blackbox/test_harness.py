"""The torture's own judgement: each kind of loss must be seen, and what a kill may leave must pass."""

import random

import pytest
from support.sigv4 import Signer
from torture.objects import ObjectWriter
from torture.writer import ABSENT, Writer


class NoLog:
    def write(self, writer, what):
        pass


class NoClient:
    def close(self):
        pass


@pytest.fixture
def writer():
    one = Writer("w1", NoClient(), NoLog(), random.Random(1))
    for key in ("w1-a", "w1-b"):
        one.begin(key, one.next_value())
        one.acknowledged("put")
    return one


def test_what_was_acknowledged_passes(writer):
    assert writer.compare(dict(writer.held)) == []


@pytest.mark.parametrize("kind, damage", [
    ("lost", lambda found, writer: found.pop("w1-a")),
    ("came back", lambda found, writer: found.update({"w1-c": writer.next_value()})),
    ("torn", lambda found, writer: found.update({"w1-a": found["w1-a"][:-1] + "!"})),
    ("stale", lambda found, writer: found.update({"w1-a": found["w1-b"]})),
])
def test_each_kind_of_damage_is_seen(writer, kind, damage):
    found = dict(writer.held)
    damage(found, writer)
    complaints = writer.compare(found)
    assert len(complaints) == 1 and complaints[0].startswith(kind)


@pytest.mark.parametrize("deletes", [False, True])
def test_the_operation_under_way_may_have_happened_or_not(writer, deletes):
    before = dict(writer.held)
    value = ABSENT if deletes else writer.next_value()
    for happened in (False, True):
        writer.held, found = dict(before), dict(before)
        writer.begin("w1-a", value)
        if happened:
            found.pop("w1-a") if deletes else found.update({"w1-a": value})
        assert writer.compare(found) == []
        assert writer.held == found


def test_an_object_that_changed_is_stale(writer):
    objects = ObjectWriter("w2", NoClient(), NoLog(), random.Random(1))
    objects.begin("w2-a", "etag")
    objects.acknowledged("put")
    assert objects.compare({"w2-a": "other"})[0].startswith("stale")


def test_the_signers_key_is_the_published_one():
    # AWS, "Examples of how to derive a signing key": 20150830, us-east-1, iam.
    key = Signer("AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY").key("20150830", "iam")
    assert key.hex() == "c4afb1cc5771d871763a393e44b703571b55cc28424d1a5e86da6ed3c154a4b9"
