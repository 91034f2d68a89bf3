"""Shows what is there: `GET /students/{student}`, and `GET /board` as JSON or, to a browser, as a page."""

from __future__ import annotations

import html
from collections.abc import Iterable, Mapping
from typing import Any

import table
from answers import Answer, Event, Refused, answer, serve

STATES = {"awaited": "☆", "published": "★", "refused": "✗"}


def handler(event: Event, _context: Any) -> Answer:
    """What Lambda calls."""
    return serve({"GET /students/{student}": student, "GET /board": board}, event)


def student(event: Event) -> Answer:
    """One student with all recordings."""
    wanted = event["pathParameters"]["student"]
    found = list(table.query(
        KeyConditionExpression="pk = :pk", ExpressionAttributeValues={":pk": {"S": f"student#{wanted}"}},
        ConsistentRead=True))
    profile = next((item for item in found if item["sk"]["S"] == table.PROFILE), None)
    if profile is None:
        raise Refused(404, f"there is no student {wanted}")
    recordings = [table.plain(item) for item in found if item is not profile]
    return answer(200, {**table.plain(profile), "recordings": recordings})


def board(event: Event) -> Answer:
    """All students and all recordings, in the order in which they came."""
    students, recordings = listed("student"), listed("recording")
    if "text/html" in event["headers"].get("accept", ""):
        return {"statusCode": 200, "headers": {"content-type": "text/html; charset=utf-8"},
                "body": page(students, recordings)}
    return answer(200, {"students": students, "recordings": recordings})


def listed(kind: str) -> list[dict[str, Any]]:
    """Everything of a kind, from the index."""
    return [table.plain(item) for item in table.query(
        IndexName=table.BOARD, KeyConditionExpression="kind = :kind",
        ExpressionAttributeValues={":kind": {"S": kind}})]


def page(students: Iterable[Mapping[str, Any]], recordings: Iterable[Mapping[str, Any]]) -> str:
    """The board for a browser."""
    names = {one["id"]: one["name"] for one in students}
    lines = [row("td", STATES[one["state"]], names.get(one["student"], one["student"]), one["title"],
                 one.get("reason") or one.get("rendition", "")) for one in recordings]
    return (
        "<!doctype html><title>Starred Blocks</title><h1>Starred Blocks</h1>"
        f"<p>{len(names)} students, {len(lines)} recordings</p>"
        f"<table>{row('th', '', 'student', 'title', 'rendition')}{''.join(lines)}</table>"
    )


def row(cell: str, *texts: str) -> str:
    """A line of the table."""
    cells = (f"<{cell}>{html.escape(text)}</{cell}>" for text in texts)
    return f"<tr>{''.join(cells)}</tr>"
