"""The demo application end to end, under `enforce`: deployed with boto3 by an administrator and by Terraform,
driven through its API by students without credentials, checked by an auditor who may look and no more.

Time that only passes (the visibility of messages) is passed by the region's clock.
"""

import json
import pathlib
import shutil
import subprocess
import sys
import urllib.error
import urllib.request

import pytest
from botocore.exceptions import ClientError
from conftest import ACCOUNT, HOME_REGION, Driven
from test_terraform import MIRROR

EXAMPLE = pathlib.Path(__file__).resolve().parents[2] / "examples/starred-blocks"
STACK = "starred-blocks"
BUCKET = f"{STACK}-{ACCOUNT}"
PAST_VISIBILITY_SECONDS = 61
SCRIPT_SECONDS = 600

pytestmark = pytest.mark.skipif(not (shutil.which("node") and shutil.which("npm")),
                                reason="node and npm are not installed")

AUDITOR = {
    "Version": "2012-10-17",
    "Statement": [
        {"Effect": "Allow", "Action": "apigateway:GET", "Resource": "*"},
        {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::*/renditions/*"},
        {"Effect": "Allow", "Action": ["sqs:GetQueueUrl", "sqs:ReceiveMessage", "sqs:DeleteMessage"],
         "Resource": f"arn:aws:sqs:{HOME_REGION}:{ACCOUNT}:*-notices"},
    ],
}


class College:
    """A region that enforces, with an administrator and an auditor, and one deployment."""

    def __init__(self, folder):
        self.folder = folder
        self.region = Driven(arguments=("--iam", "enforce"))
        self.region.start()
        iam = self.region.client("iam")
        self.administrator, self.auditor = key_of(iam, "administrator"), key_of(iam, "auditor")
        iam.attach_user_policy(UserName="administrator", PolicyArn="arn:aws:iam::aws:policy/AdministratorAccess")
        iam.put_user_policy(UserName="auditor", PolicyName="look", PolicyDocument=json.dumps(AUDITOR))
        self.deployed = json.loads(self.run("deploy.py").stdout)
        found = next(one for one in self.client("apigatewayv2").get_apis()["Items"] if one["Name"] == STACK)
        self.api = f"{self.region.endpoint}/_aws/execute-api/{found['ApiId']}"

    def client(self, service, key=None):
        """A boto3 client of the administrator, or of another key."""
        return self.region.client(service, **(key or self.administrator))

    def start(self, script, *arguments, key=None):
        """A script of the example as a child process."""
        return subprocess.Popen([sys.executable, EXAMPLE / script, *map(str, arguments)], text=True, cwd=self.folder,
                                env=self.region.environment(**(key or self.administrator)), stdin=subprocess.DEVNULL,
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE)

    def run(self, script, *arguments, key=None):
        """A script of the example, which must succeed."""
        return self.finish(self.start(script, *arguments, key=key))

    def finish(self, child):
        """Waits for a script, which must succeed."""
        out, err = child.communicate(timeout=SCRIPT_SECONDS)
        assert child.returncode == 0, f"{child.args}\n{out}\n{err}\n{self.region.log()[-2000:]}"
        return subprocess.CompletedProcess(child.args, 0, out, err)

    def call(self, method, path, document=None):
        """Status and JSON of an answer of the API, asked as anybody may."""
        body = None if document is None else json.dumps(document).encode()
        return fetch(method, self.api + path, body)

    def control(self, page, document):
        """A page of the region's own."""
        status, answer = fetch("POST", f"{self.region.endpoint}/_elysium/{page}", json.dumps(document).encode())
        assert status == 200, answer

    def pass_visibility(self):
        """Every message that was received and not deleted can be received again."""
        self.control("clock", {"advance_seconds": PAST_VISIBILITY_SECONDS})

    def depth(self, queue):
        """How many messages can be received."""
        sqs = self.client("sqs")
        read = sqs.get_queue_attributes(QueueUrl=sqs.get_queue_url(QueueName=f"{STACK}-{queue}")["QueueUrl"],
                                        AttributeNames=["ApproximateNumberOfMessages"])
        return int(read["Attributes"]["ApproximateNumberOfMessages"])


def key_of(iam, name):
    """A new user's access key."""
    iam.create_user(UserName=name)
    key = iam.create_access_key(UserName=name)["AccessKey"]
    return {"access_key": key["AccessKeyId"], "secret_key": key["SecretAccessKey"]}


def fetch(method, url, body=None):
    """Status and, where there is one, the JSON of an answer."""
    request = urllib.request.Request(url, body, {"content-type": "application/json"}, method=method)
    try:
        with urllib.request.urlopen(request, timeout=60) as response:
            status, text = response.status, response.read()
    except urllib.error.HTTPError as error:
        status, text = error.code, error.read()
    return status, json.loads(text) if text.startswith(b"{") else text


def refusal(call):
    """The error code of a call that is refused."""
    with pytest.raises(ClientError) as caught:
        call()
    return caught.value.response["Error"]["Code"]


@pytest.fixture(scope="module")
def college(tmp_path_factory):
    made = College(tmp_path_factory.mktemp("college"))
    yield made
    ended = made.region.stop()
    panics = [line for line in made.region.log().splitlines() if "panicked at" in line]
    survivors = made.region.survivors()
    made.region.close()
    assert ended == 0, f"SIGTERM ended the region with {ended}"
    assert not panics, panics
    assert not survivors, f"processes outlived the region: {survivors}"


def test_recordings_are_told_from_noise():
    done = subprocess.run(["node", "--test", "recording.test.js"], cwd=EXAMPLE / "functions/node", timeout=60,
                          stdin=subprocess.DEVNULL, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def test_everything_acknowledged_survives_a_kill_and_is_processed_once(college, tmp_path, eventually):
    journal = tmp_path / "journal.jsonl"
    noted = lambda: journal.read_text().splitlines() if journal.exists() else []  # noqa: E731
    driver = college.start("drive.py", "play", "--students", 40, "--recordings", 40, "--journal", journal)
    # In the middle: some are through, most are not, and the renderer is at work.
    eventually(lambda: len(noted()) >= 24 or driver.poll() is not None, 120)
    assert driver.poll() is None, driver.communicate()
    college.region.restart(kill=True)
    college.finish(driver)
    # What the renderer held when the region died comes back when its visibility ends.
    college.pass_visibility()
    checked = college.run("drive.py", "check", "--journal", journal, key=college.auditor)
    counted = json.loads(checked.stdout)
    assert (counted["enrolled"], counted["recorded"]) == (40, 40)
    assert counted["noticed"] >= 40
    assert college.depth("recitals-dead") == 0


def test_enrolment_is_idempotent_and_never_double(college):
    bard = {"id": "orla", "name": "Orla", "instrument": "harp"}
    assert college.call("POST", "/students", bard)[0] == 201
    status, again = college.call("POST", "/students", bard)
    assert (status, again["name"]) == (200, "Orla")
    assert college.call("POST", "/students", {**bard, "instrument": "drum"})[0] == 409
    assert college.call("POST", "/students", {**bard, "id": "Not An Id"})[0] == 400
    assert college.call("POST", "/students/nobody/recordings", {"id": "r", "title": "t"})[0] == 404
    assert college.call("GET", "/students/nobody")[0] == 404
    status, shown = college.call("GET", "/students/orla")
    assert (status, shown["instrument"], shown["recordings"]) == (200, "harp", [])


def test_a_malformed_recording_is_shown_as_refused_and_rests_with_the_dead_letters(college, tmp_path, eventually):
    journal = tmp_path / "journal.jsonl"
    before = college.depth("recitals-dead")
    college.run("drive.py", "--students", 2, "--recordings", 2, "--malformed", 2, "--journal", journal,
                key=college.auditor)

    def dead():
        if college.depth("recitals-dead") == before + 2:
            return True
        college.pass_visibility()
        return False

    eventually(dead, 60)
    told = college.region.aws("logs", "filter-log-events", "--log-group-name", f"/aws/lambda/{STACK}-render",
                              "--filter-pattern", "Malformed", **college.administrator)
    assert "not a WAV file" in told.stdout


def test_functions_refused_leave_the_other_rooms_serving_and_the_backlog_is_processed(college, eventually):
    assert college.call("POST", "/students", {"id": "finn", "name": "Finn", "instrument": "flute"})[0] in (200, 201)
    uploads = [college.call("POST", "/students/finn/recordings", {"id": f"late-{n}", "title": "Late"})[1]["upload"]
               for n in range(3)]
    body = recording()
    college.control("rooms", {"room": "lambda", "refused": True})
    try:
        assert college.call("GET", "/board")[0] == 503
        assert college.call("POST", "/students", {"id": "x", "name": "X", "instrument": "drum"})[0] == 503
        assert [fetch("PUT", upload, body)[0] for upload in uploads] == [200, 200, 200]
        eventually(lambda: college.depth("recitals") == 3)
        stored = college.client("s3").get_object(Bucket=BUCKET, Key="recitals/finn/late-0.wav")["Body"].read()
        assert stored == body
        rows = college.client("dynamodb").query(TableName=STACK, KeyConditionExpression="pk = :pk",
                                                ExpressionAttributeValues={":pk": {"S": "student#finn"}})
        assert [row["state"]["S"] for row in rows["Items"] if "state" in row] == ["awaited"] * 3
        sqs = college.client("sqs")
        sqs.send_message(QueueUrl=sqs.create_queue(QueueName="elsewhere")["QueueUrl"], MessageBody="still here")
    finally:
        college.control("rooms", {"room": "lambda", "refused": False})

    def published():
        shown = college.call("GET", "/students/finn")[1]
        return [one["state"] for one in shown.get("recordings", ())] == ["published"] * 3

    eventually(published, 60)


def test_nobody_may_do_more_than_is_needed(college):
    auditor = college.auditor
    table, function = f"arn:aws:dynamodb:{HOME_REGION}:{ACCOUNT}:table/{STACK}", f"{STACK}-enrol"
    refused = [
        lambda: college.client("dynamodb", auditor).scan(TableName=STACK),
        lambda: college.client("dynamodb", auditor).list_tags_of_resource(ResourceArn=table),
        lambda: college.client("s3", auditor).get_object(Bucket=BUCKET, Key="recitals/finn/late-0.wav"),
        lambda: college.client("sqs", auditor).get_queue_url(QueueName=f"{STACK}-recitals"),
        lambda: college.client("lambda", auditor).invoke(FunctionName=function),
        lambda: college.client("iam", auditor).get_role(RoleName=function),
        lambda: college.client("logs", auditor).filter_log_events(logGroupName=f"/aws/lambda/{function}"),
        # The bucket's policy keeps renditions to the renderer, whoever asks.
        lambda: college.client("s3").put_object(Bucket=BUCKET, Key="renditions/finn/late-0.txt", Body=b"C4"),
        # The roles trust Lambda alone.
        lambda: college.client("sts").assume_role(RoleArn=f"arn:aws:iam::{ACCOUNT}:role/{function}",
                                                  RoleSessionName="me"),
    ]
    codes = [refusal(call) for call in refused]
    assert {code.rsplit(".", 1)[-1] for code in codes} <= {"AccessDenied", "AccessDeniedException"}, codes
    college.call("POST", "/students", {"id": "mira", "name": "Mira", "instrument": "harp"})
    status, announced = college.call("POST", "/students/mira/recordings", {"id": "mine", "title": "Mine"})
    assert status in (200, 201)
    elsewhere = announced["upload"].replace("/mine.wav", "/yours.wav")
    assert fetch("PUT", elsewhere, b"la")[0] == 403


def test_deploying_again_changes_nothing_and_destroying_leaves_nothing(college):
    name = "second-college"
    first = college.run("deploy.py", "--name", name).stdout
    assert college.run("deploy.py", "--name", name).stdout == first
    college.run("drive.py", "--name", name, "--students", 2, "--recordings", 2)
    college.run("deploy.py", "destroy", "--name", name)
    left = [
        *(one["Name"] for one in college.client("apigatewayv2").get_apis()["Items"]),
        *(one["FunctionName"] for one in college.client("lambda").list_functions()["Functions"]),
        *(one["RoleName"] for one in college.client("iam").list_roles()["Roles"]),
        *(one["logGroupName"] for one in college.client("logs").describe_log_groups()["logGroups"]),
        *(one["Name"] for one in college.client("s3").list_buckets()["Buckets"]),
        *college.client("sqs").list_queues().get("QueueUrls", []),
        *college.client("dynamodb").list_tables()["TableNames"],
    ]
    assert not [one for one in left if name in one]
    college.run("deploy.py", "destroy", "--name", name)


@pytest.mark.skipif(not shutil.which("terraform"), reason="terraform is not installed")
@pytest.mark.skipif(not MIRROR, reason="no mirror of the AWS provider: set TF_PLUGIN_MIRROR")
def test_terraform_deploys_the_same(college, tmp_path):
    for part in ("terraform", "policies"):
        shutil.copytree(EXAMPLE / part, tmp_path / part, ignore=shutil.ignore_patterns(".terraform*", "*.tfstate*"))
    college.run("package.py", tmp_path / "packages")
    (tmp_path / "terraform/terraform.tfvars").write_text('name = "third-college"\ns3_use_path_style = true\n')
    packed = f"-var-file={tmp_path / 'packages/packages.tfvars.json'}"
    settings = tmp_path / "terraformrc"
    settings.write_text(f'provider_installation {{\n  filesystem_mirror {{\n    path = "{MIRROR}"\n  }}\n}}\n')
    environment = dict(college.region.environment(**college.administrator), TF_CLI_CONFIG_FILE=str(settings),
                       CHECKPOINT_DISABLE="1", TF_IN_AUTOMATION="1")

    def terraform(*arguments):
        done = subprocess.run(["terraform", *arguments, "-no-color"], cwd=tmp_path / "terraform", env=environment,
                              timeout=SCRIPT_SECONDS, stdin=subprocess.DEVNULL, capture_output=True, text=True)
        assert done.returncode == 0, f"terraform {arguments[0]}: {done.returncode}\n{done.stdout}\n{done.stderr}"

    terraform("init", "-input=false")
    terraform("apply", packed, "-auto-approve", "-input=false")
    college.run("drive.py", "--name", "third-college", "--students", 4, "--recordings", 4)
    terraform("plan", packed, "-detailed-exitcode", "-input=false")
    terraform("destroy", packed, "-auto-approve", "-input=false")


def recording():
    """A recording of a melody of the example."""
    done = subprocess.run([sys.executable, "-c", "import sys, recital; sys.stdout.buffer.write("
                           "recital.record(recital.melody('late')))"], cwd=EXAMPLE, check=True, capture_output=True)
    return done.stdout
