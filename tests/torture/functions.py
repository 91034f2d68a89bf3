"""A function that leaves the worst kind of child behind: forked twice, in a session of its own, asleep for
an hour. It carries the run's marker, so whatever survives the region is found.
"""

import base64
import io
import json
import time
import zipfile

from support.client import Refused
from support.region import MARKER

CODE = """
import os, time

def handler(event, context):
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            time.sleep(3600)
        os._exit(0)
    os.wait()
    return "left one behind"
"""
TRUST = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"},
                                                 "Action": "sts:AssumeRole"}]}
NOT_SERVED = (404, 501)


class Functions:
    """The function, where the region serves any."""

    def __init__(self, client, marker):
        self.client = client
        try:
            self.create(marker)
            self.state = "a double-forking function runs in each round"
        except Refused as refused:
            if refused.status not in NOT_SERVED:
                raise
            self.state = f"none, the region answers {refused.status}"

    def create(self, marker):
        archive = io.BytesIO()
        with zipfile.ZipFile(archive, "w") as file:
            file.writestr("app.py", CODE)
        self.client.query("iam", "2010-05-08", "CreateRole", RoleName="torture", AssumeRolePolicyDocument=json.dumps(TRUST))
        self.call("POST", "", {
            "FunctionName": "torture", "Runtime": "python3.12", "Handler": "app.handler", "Timeout": 30,
            "Role": "arn:aws:iam::000000000000:role/torture", "Environment": {"Variables": {MARKER: marker}},
            "Code": {"ZipFile": base64.b64encode(archive.getvalue()).decode()}})
        end = time.monotonic() + 30
        while json.loads(self.call("GET", "/torture/configuration", None))["State"] != "Active":
            if time.monotonic() > end:
                raise RuntimeError("the function does not become active")
            time.sleep(0.02)

    def call(self, method, path, document, headers=None):
        body = b"" if document is None else json.dumps(document).encode()
        return self.client.ok("lambda", method, "/2015-03-31/functions" + path, headers=headers, body=body)[1]

    def launch(self):
        """Runs it once; an answer that is an error of the function is an error of the run."""
        if not self.state.startswith("none"):
            answer = self.call("POST", "/torture/invocations", {})
            if b"left one behind" not in answer:
                raise RuntimeError(f"the function answered {answer[:200]!r}")
