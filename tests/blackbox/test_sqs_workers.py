"""Task queues from PyPI that work on SQS: Celery with kombu's transport, and Dramatiq with its SQS broker, as they are.

They are had by pip, once, into a folder of the interpreter's environment; where that does not work the tests are skipped.
"""

import json
import os
import pathlib
import signal
import subprocess
import sys
import textwrap

import pytest

PACKAGES = ["celery==5.7.0", "pycurl==7.45.6", "dramatiq==2.2.1", "dramatiq-sqs==0.4.4"]


@pytest.fixture(scope="session")
def packages():
    """The folder with the task queues."""
    folder = pathlib.Path(sys.prefix) / "queue-workers"
    if not (folder / "celery").is_dir():
        command = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--target",
                   str(folder), *PACKAGES]
        try:
            done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=180)
        except subprocess.TimeoutExpired:
            pytest.skip("the task queues are not to be had within three minutes")
        if done.returncode != 0:
            pytest.skip(f"the task queues are not to be had: {done.stderr.strip()[-200:]}")
    return folder


@pytest.fixture
def program(region, packages, tmp_path):
    """Runs a program, or starts it, in a folder of its own, with the task queues to import."""
    started = []
    environment = {**region.environment(), "PYTHONPATH": os.pathsep.join([str(packages), str(tmp_path)])}

    def run(*arguments):
        done = subprocess.run([sys.executable, *arguments], env=environment, cwd=tmp_path, stdin=subprocess.DEVNULL,
                              capture_output=True, text=True, timeout=60)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def start(*arguments):
        log = (tmp_path / "worker.log").open("w")
        process = subprocess.Popen([sys.executable, *arguments], env=environment, cwd=tmp_path,
                                   stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT,
                                   start_new_session=True)
        started.append(process)
        return process

    run.start, run.folder = start, tmp_path
    yield run
    for process in started:
        # With the processes that it started itself: they would look for the region ever after.
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


# What a task does: it leaves its answer in a file that is there when it is whole.
ANSWER = """
    def answer(one, other):
        written = pathlib.Path(f"writing-{one}")
        written.write_text(json.dumps([one, one + other]))
        written.rename(f"done-{one}.json")
"""


def done(folder):
    """What the tasks have written, in no order."""
    return sorted(json.loads(path.read_text()) for path in folder.glob("done-*.json"))


def test_celery(region, name, program, eventually):
    (program.folder / "tasks.py").write_text(textwrap.dedent(f"""
        import json, pathlib
        from celery import Celery

        app = Celery("tasks", broker="sqs://test:test@{region.endpoint.removeprefix('http://')}")
        app.conf.task_default_queue = {name!r}
        app.conf.broker_transport_options = {{"region": "us-east-1", "wait_time_seconds": 2, "visibility_timeout": 60}}
        tries = []

        @app.task(bind=True, max_retries=3)
        def add(self, one, other):
            if one == 13 and self.request.retries < 2:
                raise self.retry(countdown=0)
            answer(one, other)
    """) + textwrap.dedent(ANSWER))
    program("-c", "import tasks\nfor number in range(10, 30): tasks.add.delay(number, 1)")
    program.start("-m", "celery", "-A", "tasks", "worker", "--pool", "solo", "--without-gossip", "--without-mingle")
    eventually(lambda: done(program.folder) == [[number, number + 1] for number in range(10, 30)], seconds=60)
    # What comes while the worker waits, too.
    program("-c", "import tasks\ntasks.add.apply_async((30, 1), countdown=1)")
    eventually(lambda: [30, 31] in done(program.folder), seconds=60)
    [url] = region.client("sqs").list_queues(QueueNamePrefix=name)["QueueUrls"]
    counts = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
    left = region.client("sqs").get_queue_attributes
    eventually(lambda: set(left(QueueUrl=url, AttributeNames=counts)["Attributes"].values()) == {"0"})


def test_dramatiq(region, name, program, eventually):
    (program.folder / "actors.py").write_text(textwrap.dedent(f"""
        import json, pathlib
        import dramatiq
        from dramatiq.middleware import AgeLimit, TimeLimit, Callbacks, Pipelines, Retries
        from dramatiq_sqs import SQSBroker

        broker = SQSBroker(namespace={name!r}, dead_letter=True,
                           middleware=[AgeLimit(), TimeLimit(), Callbacks(), Pipelines(), Retries(min_backoff=1)],
                           endpoint_url={region.endpoint!r}, region_name="us-east-1")
        dramatiq.set_broker(broker)

        @dramatiq.actor(queue_name="work", max_retries=3)
        def add(one, other):
            marker = pathlib.Path(f"tried-{{one}}")
            if one == 13 and not marker.exists():
                marker.touch()
                raise ValueError("not yet")
            answer(one, other)
    """) + textwrap.dedent(ANSWER))
    program("-c", "import actors\nfor number in range(10, 30): actors.add.send(number, 1)")
    program.start("-m", "dramatiq", "--processes", "1", "--threads", "2", "actors")
    eventually(lambda: done(program.folder) == [[number, number + 1] for number in range(10, 30)], seconds=60)
    urls = region.client("sqs").list_queues(QueueNamePrefix=name)["QueueUrls"]
    assert sorted(url.rpartition("/")[2] for url in urls) == [f"{name}_work", f"{name}_work_dlq"]
