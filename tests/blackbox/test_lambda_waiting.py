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


def begun_ahead(region):
    """The region's interpreters that began ahead of functions: whether each sees only processes of a sandbox."""
    found = {}
    here = pathlib.Path("/proc/self/ns/pid").readlink()
    for process in region.tree():
        try:
            words = pathlib.Path(f"/proc/{process}/cmdline").read_bytes().split(b"\0")
            lines = pathlib.Path(f"/proc/{process}/status").read_text().splitlines()
            status = dict(line.split(":", 1) for line in lines)
            parent = pathlib.Path(f"/proc/{status['PPid'].strip()}/cmdline").read_bytes()
            namespace = pathlib.Path(f"/proc/{process}/ns/pid").readlink()
        except OSError:
            continue
        # Others are on their way to be copies.
        if b"wait" in words[2:] and b"__launcher" in parent:
            found[process] = namespace != here
    return found


def waiting(region):
    """Those that wait to be told what they are."""
    return [process for process, nested in begun_ahead(region).items() if nested]


def seeds(region):
    """Those that are copied, and otherwise do nothing."""
    return [process for process, nested in begun_ahead(region).items() if not nested]


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


def test_limits_are_those_of_the_function_that_came(fresh_region, name, rooted, eventually):
    region = fresh_region()
    source = """
        import resource, shutil
        def handler(event, context):
            if event:
                return len(bytearray(event * 1024 * 1024))
            return [resource.getrlimit(resource.RLIMIT_DATA)[1], shutil.disk_usage("/tmp").total,
                    resource.getrlimit(resource.RLIMIT_NOFILE)[1]]
    """
    create(region, name, source, MemorySize=512)
    first, _ = invoke(region, name)
    eventually(lambda: waiting(region))
    other = f"{name}-other"
    create(region, other, source, MemorySize=128, EphemeralStorage={"Size": 1024})
    second, failed = invoke(region, other)
    megabyte = 1 << 20
    # What allocation itself is refused beyond lies above the memory that the function may use.
    assert failed is None and first[0] - second[0] == 2 * (512 - 128) * megabyte, (first, second)
    assert (first[1:], second[1:]) == ([512 * megabyte, 1024], [1024 * megabyte, 1024])
    error, failed = invoke(region, other, 400)
    assert failed and error["errorType"] == "Runtime.OutOfMemory", error


def test_a_program_finds_a_sandbox_that_waited(fresh_region, name, rooted, eventually):
    region = fresh_region()
    text = """\
        #!/bin/sh
        api="http://$AWS_LAMBDA_RUNTIME_API/2018-06-01/runtime/invocation"
        while true; do
          head=$(mktemp)
          curl -sS -D "$head" "$api/next" > /dev/null
          id=$(grep -i lambda-runtime-aws-request-id "$head" | tr -d '\\r' | cut -d' ' -f2)
          curl -sS -d "\\"$COLOUR $PWD $(ulimit -n) $(ls /var/task)\\"" "$api/$id/response"
        done
    """
    for number in range(3):
        own = f"{name}-{number}"
        create(region, own, package(bootstrap=text), runtime="provided.al2023", handler="x", Timeout=20,
               Environment={"Variables": {"COLOUR": f"blue{number}"}})
        assert invoke(region, own) == (f"blue{number} /var/task 1024 bootstrap", None)
        eventually(lambda: blank(region))


def blank(region):
    """The first processes of the region's sandboxes in which nothing runs yet: they have forked, and that is all."""
    found = []
    for process in region.tree():
        try:
            line = pathlib.Path(f"/proc/{process}/cmdline").read_bytes()
            children = pathlib.Path(f"/proc/{process}/task/{process}/children").read_text().split()
            below = [pathlib.Path(f"/proc/{child}/cmdline").read_bytes() for child in children]
        except OSError:
            continue
        if b"__launcher" in line and below == [line]:
            found.append(process)
    return found


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
    processes = eventually(lambda: waiting(region))
    for process in processes:
        os.kill(process, signal.SIGKILL)
    eventually(lambda: not any(pathlib.Path(f"/proc/{process}").exists() for process in processes))
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
    eventually(lambda: waiting(region) and seeds(region))
    processes = list(begun_ahead(region))
    region.kill()
    eventually(lambda: not any(pathlib.Path(f"/proc/{process}").exists() for process in processes))


def test_pythons_that_wait_are_copies_of_one_of_their_account(fresh_region, name, rooted, eventually):
    region = fresh_region()
    # The order of sets is decided when an interpreter begins, by chance: copies have it in common.
    source = "def handler(event, context): return hash('x')"
    create(region, name, source)
    invoke(region, name)
    eventually(lambda: waiting(region))
    hashes = []
    for number in range(3):
        own = f"{name}-{number}"
        create(region, own, source)
        answer, failed = invoke(region, own)
        assert failed is None, answer
        hashes.append(answer)
    assert len(set(hashes)) == 1, hashes
    (seed,) = seeds(region)
    os.kill(seed, signal.SIGKILL)
    eventually(lambda: seed not in seeds(region))
    # Its copies live, and others come about without it.
    assert invoke(region, own)[0] == hashes[0]
    for number in range(8):
        other = f"{name}-after-{number}"
        create(region, other, source)
        assert invoke(region, other)[1] is None
    eventually(lambda: seeds(region))


@pytest.mark.skipif(shutil.which("node") is None, reason="there is no Node.js here")
def test_node_waits_too(fresh_region, name, rooted, eventually):
    region = fresh_region()
    major = subprocess.run(["node", "-p", "process.versions.node.split('.')[0]"], capture_output=True, text=True)
    runtime = f"nodejs{major.stdout.strip()}.x"
    code = package(index__js="""
        exports.handler = async (event, context) =>
          [context.functionName, process.env.COLOUR, process.cwd(), process.argv.length, __dirname,
           Object.keys(process.env).sort(), new Date(0).getTimezoneOffset()];
    """)
    create(region, name, code, runtime=runtime, handler="index.handler")
    [*first, names, offset], failed = invoke(region, name)
    assert (first, offset, failed) == ([name, None, "/var/task", 2, "/var/task"], 0, None)
    eventually(lambda: waiting(region))
    other = f"{name}-other"
    create(region, other, code, runtime=runtime, handler="index.handler", Environment={"Variables": {"COLOUR": "red"}})
    assert invoke(region, other) == ([other, "red", "/var/task", 2, "/var/task", sorted([*names, "COLOUR"]), 0], None)
