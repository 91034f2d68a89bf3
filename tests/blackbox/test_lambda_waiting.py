"""Environments that waited for their function: what it finds in them, and the life of those that wait."""

import os
import pathlib
import shutil
import signal
import subprocess
import uuid

import pytest

from test_lambda import create, invoke, package
from test_lambda_sandbox import sandboxes  # noqa: F401

# Only what loads ahead of functions has loaded this, in an interpreter that finds it at all.
LOOK = """
    import sys
    ahead = "concurrent.futures" in sys.modules or "boto3" in sys.modules
    import os

    def handler(event, context):
        return {
            "ahead": ahead, "name": context.function_name, "colour": os.environ.get("COLOUR"), "folder": os.getcwd(),
            "arguments": len(sys.argv), "input": sys.stdin.read(), "files": os.listdir("/var/task"),
            "key": "AWS_ACCESS_KEY_ID" in os.environ, "memory": context.memory_limit_in_mb,
        }
"""


@pytest.fixture
def rooted(sandboxes):  # noqa: F811
    """Skips where the region is not root, without which nothing waits."""
    if os.getuid() != 0:
        pytest.skip("only root can enter sandboxes")


def waiting(region):
    """The processes of the region that wait to be told what they are."""
    found = []
    for process in region.tree():
        try:
            words = pathlib.Path(f"/proc/{process}/cmdline").read_bytes().split(b"\0")
        except OSError:
            continue
        if words[-2:-1] == [b"wait"]:
            found.append(process)
    return found


def test_the_second_function_finds_all_of_its_own(fresh_region, name, rooted, eventually):
    region = fresh_region()
    create(region, name, LOOK)
    first, failed = invoke(region, name)
    assert failed is None and first["name"] == name, first
    eventually(lambda: waiting(region))
    other = f"{name}-other"
    create(region, other, LOOK, Environment={"Variables": {"COLOUR": "blue"}}, MemorySize=192)
    second, failed = invoke(region, other)
    assert failed is None, second
    expected = first | {"name": other, "colour": "blue", "memory": "192", "ahead": second["ahead"]}
    assert second == expected and second["input"] == "" and second["arguments"] == 1
    # Another waits in its place, and is not the one that this function got.
    eventually(lambda: waiting(region))


def test_what_most_functions_load_is_there_before_they_begin(fresh_region, name, rooted, eventually):
    region = fresh_region()
    create(region, name, "import importlib.util\ndef handler(e, c): return importlib.util.find_spec('boto3') is not None")
    if not invoke(region, name)[0]:
        pytest.skip("this machine has no boto3 for its functions")

    def begun_ahead():
        other = f"{name}-{uuid.uuid4().hex[:8]}"
        create(region, other, LOOK)
        return invoke(region, other)[0]["ahead"]

    assert eventually(begun_ahead, seconds=30)


def test_what_a_function_brings_is_not_kept_from_it(fresh_region, name, rooted, eventually):
    region = fresh_region()
    create(region, name, LOOK)
    invoke(region, name)
    eventually(lambda: waiting(region))
    own = package(app__py="""
        import boto3, queue
        def handler(event, context):
            return [boto3.__version__, queue.OWN]
    """, boto3__py="__version__ = 'mine'", queue__py="OWN = 1")
    other = f"{name}-other"
    create(region, other, own)
    assert invoke(region, other) == (["mine", 1], None)


def test_one_that_ended_while_it_waited_is_not_missed(fresh_region, name, rooted, eventually):
    region = fresh_region()
    create(region, name, LOOK)
    invoke(region, name)
    (process,) = eventually(lambda: waiting(region))
    os.kill(process, signal.SIGKILL)
    eventually(lambda: not pathlib.Path(f"/proc/{process}").exists())
    other = f"{name}-other"
    create(region, other, LOOK)
    answer, failed = invoke(region, other)
    assert failed is None and answer["name"] == other


def test_variables_that_decide_how_an_interpreter_begins_are_there_when_it_does(fresh_region, name, rooted, eventually):
    region = fresh_region()
    create(region, name, LOOK)
    invoke(region, name)
    eventually(lambda: waiting(region))
    other = f"{name}-other"
    create(region, other, """
        import sys
        def handler(event, context):
            return sys.flags.dev_mode
    """, Environment={"Variables": {"PYTHONDEVMODE": "1"}})
    assert invoke(region, other) == (True, None)


def test_a_killed_region_leaves_nobody_waiting(fresh_region, name, rooted, eventually):
    region = fresh_region()
    create(region, name, LOOK)
    invoke(region, name)
    (process,) = eventually(lambda: waiting(region))
    region.kill()
    eventually(lambda: not pathlib.Path(f"/proc/{process}").exists())


@pytest.mark.skipif(shutil.which("node") is None, reason="there is no Node.js here")
def test_node_waits_too(fresh_region, name, rooted, eventually):
    region = fresh_region()
    major = subprocess.run(["node", "-p", "process.versions.node.split('.')[0]"], capture_output=True, text=True)
    runtime = f"nodejs{major.stdout.strip()}.x"
    code = package(index__js="""
        exports.handler = async (event, context) =>
          [context.functionName, process.env.COLOUR, process.cwd(), process.argv.length, __dirname];
    """)
    create(region, name, code, runtime=runtime, handler="index.handler")
    assert invoke(region, name) == ([name, None, "/var/task", 2, "/var/task"], None)
    eventually(lambda: waiting(region))
    other = f"{name}-other"
    create(region, other, code, runtime=runtime, handler="index.handler", Environment={"Variables": {"COLOUR": "red"}})
    assert invoke(region, other) == ([other, "red", "/var/task", 2, "/var/task"], None)
