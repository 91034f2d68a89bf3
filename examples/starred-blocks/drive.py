#!/usr/bin/env python3
"""Drives the application as its students do, and then looks for everything that was acknowledged.

`play` enrols students and uploads recordings through the API alone, several at a time. What is answered with
an error of the server, or not at all, is asked again with the same id until it is acknowledged; each
acknowledgement becomes a line of the journal, which each `play` begins anew. `check` reads the journal and waits
until every student is on the board, every recording rendered right and once, and told of by a notice.

    python3 drive.py [play|check] [--students 40] [--recordings 40] [--malformed 1] [--journal FILE]
"""

from __future__ import annotations

import argparse
import collections
import concurrent.futures
import hashlib
import json
import os
import pathlib
import socket
import sys
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
import uuid
from collections.abc import Iterable
from typing import Any, Callable, TypeVar

import deploy
import recital
from stack import DEFAULT_NAME, Stack, client

T = TypeVar("T")
INSTRUMENTS = ("lute", "harp", "flute", "drum")
TRY_AGAIN = (429, 500, 502, 503, 504)
REQUEST_SECONDS = 30
LONGEST_PAUSE_SECONDS = 1.0


class Unanswered(Exception):
    """No success yet, and it is worth asking again."""


class Api:
    """The application's HTTP API."""

    def __init__(self, address: str) -> None:
        self.address = address.rstrip("/")

    def call(self, method: str, path: str, document: Any = None) -> Any:
        """The JSON of a successful answer."""
        body = None if document is None else json.dumps(document).encode()
        return json.loads(send(method, self.address + path, body, {"content-type": "application/json"}))


def send(method: str, url: str, body: bytes | None = None, headers: dict[str, str] | None = None) -> bytes:
    """The body of a successful answer. `Unanswered` where asking again may help."""
    request = urllib.request.Request(url, body, headers or {}, method=method)
    try:
        with urllib.request.urlopen(request, timeout=REQUEST_SECONDS) as response:
            return bytes(response.read())
    except urllib.error.HTTPError as error:
        said = f"{method} {url.split('?')[0]}: {error.code} {error.read(400)!r}"
        raise (Unanswered if error.code in TRY_AGAIN else RuntimeError)(said) from error
    except (OSError, EOFError) as error:
        raise Unanswered(f"{method} {url.split('?')[0]}: {error}") from error


def persist(action: Callable[[], T], patience: float) -> T:
    """The first success of an action that can be repeated."""
    end, pause = time.monotonic() + patience, 0.05
    while True:
        try:
            return action()
        except Unanswered:
            if time.monotonic() > end:
                raise
        time.sleep(pause)
        pause = min(pause * 2, LONGEST_PAUSE_SECONDS)


def reachable(endpoint: str, api_id: str) -> str:
    """An API's address, or its path on the region's own endpoint where the name does not resolve."""
    try:
        socket.getaddrinfo(urllib.parse.urlsplit(endpoint).hostname, None)
        return endpoint
    except socket.gaierror:
        region = os.environ.get("AWS_ENDPOINT_URL", "").rstrip("/")
        if not region:
            raise
        return f"{region}/_aws/execute-api/{api_id}"


def api_of(stack: Stack) -> Api:
    """The API of a deployment."""
    found = deploy.find_api(stack)
    if found is None:
        raise SystemExit(f"{stack.name} is not deployed here: python3 deploy.py")
    return Api(reachable(found["ApiEndpoint"], found["ApiId"]))


class Journal:
    """What was acknowledged, one JSON object a line."""

    def __init__(self, path: pathlib.Path) -> None:
        self.path, self.lock = path, threading.Lock()

    def begin(self) -> None:
        """Forgets what earlier runs noted, maybe of other deployments."""
        self.path.unlink(missing_ok=True)

    def add(self, kind: str, **facts: Any) -> None:
        """Notes an acknowledgement."""
        with self.lock, self.path.open("a") as file:
            file.write(json.dumps({"kind": kind, **facts}) + "\n")

    def read(self) -> dict[str, list[dict[str, Any]]]:
        """Everything noted, by kind."""
        noted: dict[str, list[dict[str, Any]]] = collections.defaultdict(list)
        for line in self.path.read_text().splitlines() if self.path.exists() else ():
            noted[json.loads(line)["kind"]].append(json.loads(line))
        return noted


class Player:
    """The students of one run."""

    def __init__(self, api: Api, journal: Journal, patience: float) -> None:
        self.api, self.journal, self.patience = api, journal, patience
        self.run = uuid.uuid4().hex[:8]

    def enrol(self, number: int) -> str:
        """Enrols one student."""
        student = f"{self.run}-s{number}"
        profile = {"id": student, "name": f"Student {number}", "instrument": INSTRUMENTS[number % len(INSTRUMENTS)]}
        persist(lambda: self.api.call("POST", "/students", profile), self.patience)
        self.journal.add("enrolled", student=student)
        return student

    def upload(self, student: str, recording: str, body: bytes) -> None:
        """Announces a recording and puts its bytes where the answer says."""
        announced = {"id": recording, "title": f"Recital {recording}"}

        def attempt() -> None:
            answer = self.api.call("POST", f"/students/{student}/recordings", announced)
            send("PUT", answer["upload"], body, {"content-type": "audio/wav"})

        persist(attempt, self.patience)

    def play(self, student: str, number: int) -> None:
        """Uploads a melody."""
        recording = f"r{number}"
        melody = recital.melody(f"{student}/{recording}")
        body = recital.record(melody)
        self.upload(student, recording, body)
        self.journal.add("recorded", student=student, recording=recording, notation=recital.notation(melody),
                         sha256=hashlib.sha256(body).hexdigest())

    def mumble(self, student: str, number: int) -> None:
        """Uploads what is no recording."""
        recording = f"m{number}"
        self.upload(student, recording, b"la la la")
        self.journal.add("malformed", student=student, recording=recording)


def play(player: Player, students: int, recordings: int, malformed: int, concurrency: int) -> None:
    """Enrols everybody and uploads everything, so many at a time; a student plays as soon as enrolled."""
    with concurrent.futures.ThreadPoolExecutor(concurrency) as pool:
        def both(number: int) -> None:
            student = player.enrol(number)
            for recording in range(number, recordings, students):
                player.play(student, recording)
            for recording in range(number, malformed, students):
                player.mumble(student, recording)

        for done in concurrent.futures.as_completed([pool.submit(both, number) for number in range(students)]):
            done.result()


class Check:
    """Compares a journal with what the application shows."""

    def __init__(self, stack: Stack, api: Api, journal: Journal) -> None:
        self.stack, self.api, self.journal = stack, api, journal
        self.s3, self.sqs = client("s3"), client("sqs")
        self.right: set[tuple[str, str]] = set()

    def run(self) -> list[str]:
        """Everything that is not as it must be, yet."""
        self.take_notices()
        noted = self.journal.read()
        noticed = {(one["student"], one["recording"], one["sha256"]) for one in noted["noticed"]}
        board = self.api.call("GET", "/board")
        students = collections.Counter(one["id"] for one in board["students"])
        shown = {(one["student"], one["id"]): one for one in board["recordings"]}
        wrong = [f"student {one['student']} is on the board {students[one['student']]} times"
                 for one in noted["enrolled"] if students[one["student"]] != 1]
        for one in noted["recorded"]:
            wrong += self.wrong_recording(one, shown.get((one["student"], one["recording"])))
            if (one["student"], one["recording"], one["sha256"]) not in noticed:
                wrong.append(f"recording {one['student']}/{one['recording']} has no notice")
        for one in noted["malformed"]:
            row = shown.get((one["student"], one["recording"]))
            if row is None or row["state"] != "refused":
                wrong.append(f"malformed {one['student']}/{one['recording']} is shown as {row}")
        return wrong

    def wrong_recording(self, one: dict[str, Any], row: dict[str, Any] | None) -> Iterable[str]:
        """What is wrong with one recording: its row, or the rendition that the row names."""
        place = one["student"], one["recording"]
        wanted = {"state": "published", "sha256": one["sha256"], "renderings": 1}
        if row is None or {name: row.get(name) for name in wanted} != wanted:
            yield f"recording {'/'.join(place)} is shown as {row}"
        elif place not in self.right:
            rendition = self.s3.get_object(Bucket=self.stack.bucket, Key=row["rendition"])
            text = rendition["Body"].read().decode()
            if text == one["notation"] and rendition["Metadata"] == {"sha256": one["sha256"]}:
                self.right.add(place)
            else:
                yield f"rendition {row['rendition']} reads {text!r} in place of {one['notation']!r}"

    def take_notices(self) -> None:
        """Moves the notices that are there into the journal: noted first, deleted then."""
        queue = self.sqs.get_queue_url(QueueName=self.stack.notices)["QueueUrl"]
        while messages := self.sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=10).get("Messages"):
            for message in messages:
                self.journal.add("noticed", **json.loads(message["Body"]))
            self.sqs.delete_message_batch(QueueUrl=queue, Entries=[
                {"Id": str(at), "ReceiptHandle": message["ReceiptHandle"]} for at, message in enumerate(messages)])


def check(checked: Check, patience: float) -> None:
    """Waits until nothing is wrong; ends with what still is."""
    def attempt() -> None:
        if wrong := checked.run():
            raise Unanswered("\n".join(wrong))

    try:
        persist(attempt, patience)
    except Unanswered as wrong:
        raise SystemExit(str(wrong)) from wrong
    noted = checked.journal.read()
    print(json.dumps({kind: len(noted[kind]) for kind in ("enrolled", "recorded", "malformed", "noticed")}))


def main() -> None:
    """Reads the command line."""
    parser = argparse.ArgumentParser(description="Drives Starred Blocks.")
    parser.add_argument("action", nargs="?", choices=("play", "check", "both"), default="both")
    parser.add_argument("--name", default=DEFAULT_NAME, help="which deployment")
    parser.add_argument("--students", type=int, default=40)
    parser.add_argument("--recordings", type=int, default=40)
    parser.add_argument("--malformed", type=int, default=0)
    parser.add_argument("--concurrency", type=int, default=8)
    parser.add_argument("--patience", type=float, default=120, metavar="SECONDS",
                        help="how long to ask for one thing again, or to wait for everything to be right")
    parser.add_argument("--journal", type=pathlib.Path, help="default: drive-NAME.jsonl")
    asked = parser.parse_args()
    stack, journal = Stack.here(asked.name), Journal(asked.journal or pathlib.Path(f"drive-{asked.name}.jsonl"))
    api = api_of(stack)
    if asked.action in ("play", "both"):
        began = time.monotonic()
        journal.begin()
        play(Player(api, journal, asked.patience), asked.students, asked.recordings, asked.malformed,
             asked.concurrency)
        print(f"played in {time.monotonic() - began:.1f} s", file=sys.stderr)
    if asked.action in ("check", "both"):
        check(Check(stack, api, journal), asked.patience)


if __name__ == "__main__":
    main()
