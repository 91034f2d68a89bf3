"""Fixtures of the black-box tests: a region of its own for the session, fresh ones where a test kills or
configures it, boto3 clients, the AWS CLI, unique names.

Tests never sleep: they poll for a reached state with `eventually`.
"""

import os
import pathlib
import shutil
import subprocess
import sys
import time
import uuid

import boto3
import pytest
from botocore.config import Config

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))

from support.region import Region  # noqa: E402  (the folder above is on the path only now)

ACCOUNT = "000000000000"
HOME_REGION = "us-east-1"


def pytest_sessionfinish(session, exitstatus):
    """A filter that selects no black-box test is an answer, not a failure."""
    if exitstatus == pytest.ExitCode.NO_TESTS_COLLECTED and session.config.option.keyword:
        session.exitstatus = pytest.ExitCode.OK


class Driven(Region):
    """A region with clients for it."""

    account = ACCOUNT

    def client(self, service, access_key="test", secret_key="test", token=None, region=HOME_REGION, **config):
        """A boto3 client. S3 is path-style unless configured otherwise."""
        config.setdefault("retries", {"total_max_attempts": 1})
        config.setdefault("s3", {"addressing_style": "path"})
        return boto3.client(service, endpoint_url=self.endpoint, region_name=region, aws_access_key_id=access_key,
                            aws_secret_access_key=secret_key, aws_session_token=token, config=Config(**config))

    def environment(self, access_key="test", secret_key="test", token=None):
        """The environment in which any AWS tool finds this region."""
        clean = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
        clean.update(AWS_ENDPOINT_URL=self.endpoint, AWS_ACCESS_KEY_ID=access_key, AWS_SECRET_ACCESS_KEY=secret_key,
                     AWS_DEFAULT_REGION=HOME_REGION, AWS_REGION=HOME_REGION, AWS_EC2_METADATA_DISABLED="true",
                     AWS_PAGER="", AWS_CONFIG_FILE="/dev/null", AWS_SHARED_CREDENTIALS_FILE="/dev/null")
        if token:
            clean["AWS_SESSION_TOKEN"] = token
        return clean

    def aws(self, *arguments, check=True, **credentials):
        """Runs the AWS CLI; the finished process with text output."""
        beside = pathlib.Path(sys.executable).with_name("aws")
        program = str(beside) if beside.exists() else shutil.which("aws")
        done = subprocess.run([program, *map(str, arguments)], env=self.environment(**credentials), timeout=120,
                              stdin=subprocess.DEVNULL, capture_output=True, text=True)
        if check and done.returncode != 0:
            raise AssertionError(f"aws {' '.join(map(str, arguments))}: {done.returncode}\n{done.stderr}")
        return done


@pytest.fixture(scope="session")
def region():
    """The region most tests share. They use names of their own (`name`) and leave it running."""
    shared = Driven()
    shared.start()
    yield shared
    ended = shared.stop()
    panics = [line for line in shared.log().splitlines() if "panicked at" in line]
    survivors = shared.survivors()
    shared.close()
    assert ended == 0, f"SIGTERM ended the region with {ended}"
    assert not panics, panics
    assert not survivors, f"processes outlived the region: {survivors}"


@pytest.fixture
def fresh_region():
    """Makes regions that the test may kill, configure, fill: `fresh_region("--iam", "enforce")`."""
    made = []

    def make(*arguments, **options):
        made.append(Driven(arguments=arguments, **options))
        made[-1].start()
        return made[-1]

    yield make
    for one in made:
        one.close()


@pytest.fixture(scope="module")
def strict():
    """A region that enforces permissions, one for all tests of a file."""
    region = Driven(arguments=["--iam", "enforce"])
    region.start()
    yield region
    region.close()


@pytest.fixture
def name(request):
    """A name that no other test uses, fit for buckets, queues, tables and functions."""
    stem = request.node.originalname.removeprefix("test_").replace("_", "-")[:30].strip("-")
    return f"{stem}-{uuid.uuid4().hex[:8]}"


@pytest.fixture
def s3(region):
    """A client of the region's object store."""
    return region.client("s3")


@pytest.fixture
def bucket(s3, name):
    """A bucket of the test's own."""
    s3.create_bucket(Bucket=name)
    return name


@pytest.fixture
def eventually():
    """`eventually(probe, seconds=10)`: the first true answer of `probe`; fails with its last one."""
    def poll(probe, seconds=10):
        end, pause = time.monotonic() + seconds, 0.005
        while True:
            answer = probe()
            if answer:
                return answer
            if time.monotonic() > end:
                raise AssertionError(f"not reached within {seconds} s: last answer {answer!r}")
            time.sleep(pause)
            pause = min(pause * 2, 0.2)

    return poll
