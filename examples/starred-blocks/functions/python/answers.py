"""What both functions of the API share: reading an HTTP request (payload 2.0), answering it, and one line
of log for each.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from typing import Any, Callable

Event = Mapping[str, Any]
Answer = dict[str, Any]
Route = Callable[[Event], Answer]


class Refused(Exception):
    """A request that cannot be served as it is; its status and reason go to the client."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.status, self.reason = status, reason


def answer(status: int, document: Mapping[str, Any]) -> Answer:
    """An answer in JSON."""
    return {
        "statusCode": status,
        "headers": {"content-type": "application/json"},
        "body": json.dumps(document, ensure_ascii=False),
    }


def body_of(event: Event) -> dict[str, Any]:
    """The JSON object that was sent."""
    body = event.get("body") or ""
    try:
        text = base64.b64decode(body, validate=True).decode() if event.get("isBase64Encoded") else body
        document = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise Refused(400, "the body is not JSON") from error
    if not isinstance(document, dict):
        raise Refused(400, "the body is not a JSON object")
    return document


def serve(routes: Mapping[str, Route], event: Event) -> Answer:
    """Answers by the route that API Gateway chose, and logs the outcome."""
    route_key = event["routeKey"]
    try:
        answered = routes[route_key](event)
    except Refused as refused:
        answered = answer(refused.status, {"message": refused.reason})
    print(json.dumps({
        "route": route_key,
        "path": event["rawPath"],
        "request": event["requestContext"]["requestId"],
        "status": answered["statusCode"],
    }))
    return answered
