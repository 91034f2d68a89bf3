"""Enrols students, and announces recordings: `POST /students`, `POST /students/{student}/recordings`.

Both take the id from the client, so that a client which lost the answer can ask again: the same request is
answered alike and stores nothing twice, another request with a taken id is refused.
"""

from __future__ import annotations

import datetime
import os
import re
from typing import Any

import boto3
from botocore.config import Config

import table
from answers import Answer, Event, Refused, answer, body_of, serve

BUCKET = os.environ["BUCKET"]
UPLOAD_SECONDS = 900
ID = re.compile(r"[a-z0-9][a-z0-9-]{0,39}")
LONGEST_TEXT = 80

# Path-style, so that the address is reachable wherever the endpoint itself is.
s3 = boto3.client("s3", config=Config(signature_version="s3v4", s3={"addressing_style": "path"}))


def handler(event: Event, _context: Any) -> Answer:
    """What Lambda calls."""
    return serve({
        "POST /students": enrol,
        "POST /students/{student}/recordings": announce,
    }, event)


def enrol(event: Event) -> Answer:
    """Stores a student unless the id is taken."""
    body = body_of(event)
    student = id_of(body)
    item = {
        "pk": f"student#{student}", "sk": table.PROFILE, "kind": "student", "at": now(),
        "id": student, "name": text_of(body, "name"), "instrument": text_of(body, "instrument"),
    }
    try:
        table.dynamodb.put_item(
            TableName=table.NAME, Item=table.stored(item), ConditionExpression="attribute_not_exists(pk)",
            ReturnValuesOnConditionCheckFailure="ALL_OLD")
    except table.dynamodb.exceptions.ConditionalCheckFailedException as failure:
        return answer(200, again(failure.response["Item"], item, ("name", "instrument")))
    return answer(201, table.plain(table.stored(item)))


def announce(event: Event) -> Answer:
    """Stores a recording that is awaited, and says where its bytes may be put."""
    body = body_of(event)
    student, recording = id_of({"id": event["pathParameters"]["student"]}), id_of(body)
    item = {
        "pk": f"student#{student}", "sk": f"recording#{recording}", "kind": "recording", "at": now(),
        "id": recording, "student": student, "title": text_of(body, "title"), "state": "awaited",
    }
    status, document = 201, table.plain(table.stored(item))
    try:
        table.dynamodb.transact_write_items(TransactItems=[
            {"ConditionCheck": {
                "TableName": table.NAME, "Key": table.student_key(student),
                "ConditionExpression": "attribute_exists(pk)"}},
            {"Put": {
                "TableName": table.NAME, "Item": table.stored(item),
                "ConditionExpression": "attribute_not_exists(pk)",
                "ReturnValuesOnConditionCheckFailure": "ALL_OLD"}},
        ])
    except table.dynamodb.exceptions.TransactionCanceledException as failure:
        enrolled, unique = failure.response["CancellationReasons"]
        if "TransactionConflict" in (enrolled["Code"], unique["Code"]):
            raise Refused(503, "the student is being written to; ask again") from failure
        if enrolled["Code"] != "None":
            raise Refused(404, f"there is no student {student}") from failure
        status, document = 200, again(unique["Item"], item, ("title",))
    return answer(status, {**document, "upload": upload_address(student, recording)})


def upload_address(student: str, recording: str) -> str:
    """Where a PUT of the recording is accepted for a while, without credentials."""
    return str(s3.generate_presigned_url(
        "put_object", ExpiresIn=UPLOAD_SECONDS,
        Params={"Bucket": BUCKET, "Key": f"recitals/{student}/{recording}.wav"}))


def again(there: dict[str, Any], wanted: dict[str, Any], compared: tuple[str, ...]) -> dict[str, Any]:
    """The item that is there, if it is what is asked for once more."""
    found = table.plain(there)
    if any(found.get(name) != wanted[name] for name in compared):
        raise Refused(409, f"{wanted['kind']} {wanted['id']} exists, and is another")
    return found


def id_of(body: dict[str, Any]) -> str:
    """The id that the client chose."""
    value = body.get("id")
    if not isinstance(value, str) or not ID.fullmatch(value):
        raise Refused(400, "id: 1 to 40 of a-z, 0-9 and -, beginning with a letter or digit")
    return value


def text_of(body: dict[str, Any], name: str) -> str:
    """A text that must be there."""
    value = body.get(name)
    if not isinstance(value, str) or not 1 <= len(value.strip()) <= LONGEST_TEXT:
        raise Refused(400, f"{name}: a text of 1 to {LONGEST_TEXT} characters")
    return value.strip()


def now() -> str:
    """The time as the board sorts it."""
    return datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="microseconds")
