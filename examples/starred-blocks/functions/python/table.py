"""The one table of the college: which keys it has, and how its items look.

A student is `student#ID / profile`, a recording `student#ID / recording#ID`, so that one query finds a
student with all recordings. The index `board` (kind, at) lists all students, or all recordings, by time.
"""

from __future__ import annotations

import decimal
import os
from collections.abc import Iterator, Mapping
from typing import Any

import boto3
from boto3.dynamodb.types import TypeDeserializer, TypeSerializer
from botocore.config import Config

NAME = os.environ["TABLE"]
BOARD = "board"
PROFILE = "profile"
INTERNAL = ("pk", "sk", "kind")

dynamodb = boto3.client("dynamodb", config=Config(
    connect_timeout=2, read_timeout=4, retries={"mode": "standard", "total_max_attempts": 3}))
_reader, _writer = TypeDeserializer(), TypeSerializer()


def student_key(student: str) -> dict[str, Any]:
    """The key of a student's profile, in the form that the API takes."""
    return stored({"pk": f"student#{student}", "sk": PROFILE})


def stored(item: Mapping[str, Any]) -> dict[str, Any]:
    """An item in the form that the API takes."""
    return {name: _writer.serialize(value) for name, value in item.items()}


def plain(item: Mapping[str, Any]) -> dict[str, Any]:
    """What a client sees of an item: without keys, and with numbers that JSON has."""
    return {name: in_json(_reader.deserialize(value)) for name, value in item.items() if name not in INTERNAL}


def in_json(value: Any) -> Any:
    """A number of the table as an integer or a float; all else as it is."""
    if not isinstance(value, decimal.Decimal):
        return value
    return int(value) if value == value.to_integral_value() else float(value)


def query(**question: Any) -> Iterator[dict[str, Any]]:
    """Every item that a query finds, page by page."""
    for page in dynamodb.get_paginator("query").paginate(TableName=NAME, **question):
        yield from page["Items"]
