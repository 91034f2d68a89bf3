"""Environments between invocations: nothing of them runs, and they go on where they were."""

import pathlib
import textwrap
import time

import pytest

from test_lambda import create, invoke, logged
from test_lambda_layers import archive, publish

TICKING = """
    import threading, time

    seen = []

    def tick():
        while True:
            seen.append(time.monotonic())
            time.sleep(0.005)

    threading.Thread(target=tick, daemon=True).start()

    def handler(event, context):
        time.sleep(0.03)
        return seen
"""


def states(region, mark):
    """The states of the region's processes whose command line has a mark; a copy has the one of what it was copied from."""
    found = []
    marks = [mark, "seed.py"] if mark == "bootstrap.py" else [mark]
    for process in region.tree():
        try:
            line = pathlib.Path(f"/proc/{process}/cmdline").read_bytes()
            if any(mark.encode() in line for mark in marks):
                stat = pathlib.Path(f"/proc/{process}/stat").read_text()
                found.append(stat[stat.rindex(")") + 2])
        except OSError:
            continue
    return found


@pytest.mark.parametrize("level", ["best", "process"])
def test_a_thread_does_not_run_between_invocations(fresh_region, name, eventually, level):
    region = fresh_region("--isolation", level)
    create(region, name, TICKING)
    first, failed = invoke(region, name)
    assert failed is None, first
    eventually(lambda: "T" in states(region, "bootstrap.py"))
    # Longer than a busy machine keeps a thread waiting, and than the environment is left running after its answer.
    time.sleep(1)
    second, failed = invoke(region, name)
    assert failed is None and second[:len(first)] == first, "it is the same environment"
    gaps = [later - earlier for earlier, later in zip(second, second[1:])]
    assert max(gaps) > 0.5, gaps
    eventually(lambda: "T" in states(region, "bootstrap.py"))


def test_what_ends_while_it_is_stopped_ends(fresh_region, name, eventually):
    region = fresh_region()
    create(region, name, TICKING)
    invoke(region, name)
    eventually(lambda: "T" in states(region, "bootstrap.py"))
    region.client("lambda").delete_function(FunctionName=name)
    eventually(lambda: "T" not in states(region, "bootstrap.py"))


EXTENSION = """\
    #!/usr/bin/env python3
    import json, os, sys, urllib.request

    api = "http://" + os.environ["AWS_LAMBDA_RUNTIME_API"] + "/2020-01-01/extension/"

    def ask(path, body=None, **headers):
        headers = {name.replace("_", "-"): value for name, value in headers.items()}
        return urllib.request.urlopen(urllib.request.Request(api + path, body and json.dumps(body).encode(), headers))

    said = ask("register", {"events": ["INVOKE", "SHUTDOWN"]}, Lambda_Extension_Name="sleeper")
    own = said.headers["Lambda-Extension-Identifier"]
    while True:
        event = json.load(ask("event/next", Lambda_Extension_Identifier=own))
        print("heard", event["eventType"], flush=True)
        if event["eventType"] == "SHUTDOWN":
            sys.exit(0)
"""


def test_an_extension_is_stopped_too_and_hears_of_the_end(fresh_region, name, eventually):
    region = fresh_region()
    layer = publish(region, name, archive(**{"extensions/sleeper": textwrap.dedent(EXTENSION)}))
    create(region, name, "def handler(event, context):\n    return 1\n", Layers=[layer], Timeout=20)
    for _ in range(2):
        assert invoke(region, name) == (1, None)
        eventually(lambda: states(region, "extensions/sleeper") == ["T"])
    region.client("lambda").delete_function(FunctionName=name)
    eventually(lambda: "heard SHUTDOWN\n" in logged(region, f"/aws/lambda/{name}"))
