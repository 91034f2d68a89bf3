"""Functions in sandboxes, from outside: what they find, what is kept from them, images, the flag."""

import hashlib
import io
import json
import shutil
import socket
import subprocess
import tarfile

import pytest
from botocore.exceptions import ClientError

from test_lambda import ROLE, create, invoke

LOOK = """
    import os, socket

    def attempt(act):
        try:
            act()
            return "done"
        except OSError as error:
            return type(error).__name__

    def handler(event, context):
        with open("/tmp/kept", "a") as kept:
            kept.write("x")
        return {
            "task": os.environ["LAMBDA_TASK_ROOT"], "files": os.listdir("/var/task"),
            "user": os.getuid(), "processes": sum(name.isdigit() for name in os.listdir("/proc")),
            "secret": attempt(lambda: open(event["secret"])),
            "code": attempt(lambda: open("/var/task/new", "w")),
            "port": attempt(lambda: socket.create_connection(("127.0.0.1", event["port"]), 1)),
            "kept": os.path.getsize("/tmp/kept"), "name": socket.gethostname(),
        }
"""


@pytest.fixture
def sandboxes(region):
    """Skips where this machine cannot make sandboxes."""
    told = subprocess.run([region.binary, "doctor", "--json"], capture_output=True, text=True, timeout=120).stdout
    found = json.loads(told)["levels"]["sandbox"]
    if "present" not in found:
        pytest.skip(f"no sandboxes here: {found}")


def test_a_function_sees_its_own_alone(region, name, tmp_path, sandboxes):
    secret = tmp_path / "secret"
    secret.write_text("s")
    create(region, name, LOOK)
    with socket.create_server(("127.0.0.1", 0)) as server:
        event = {"secret": str(secret), "port": server.getsockname()[1]}
        seen, failed = invoke(region, name, event)
    assert failed is None, seen
    assert seen["task"] == "/var/task" and seen["files"] == ["app.py"]
    assert seen["processes"] <= 3 and seen["user"] != 0 and seen["name"] == "sandbox"
    assert (seen["secret"], seen["port"]) == ("FileNotFoundError", "ConnectionRefusedError")
    assert seen["code"] in ("OSError", "PermissionError")
    assert invoke(region, name, event)[0]["kept"] == 2
    other = f"{name}-other"
    create(region, other, LOOK)
    assert invoke(region, other, event)[0]["kept"] == 1


def test_code_that_was_written_for_containers_finds_its_host_and_bash(region, name, sandboxes):
    create(region, name, """
        import os, shutil, subprocess, urllib.request

        NAMES = ["host.docker.internal", "host.containers.internal", "localhost.localstack.cloud"]

        def answers(host):
            return urllib.request.urlopen(f"http://{host}:{PORT}/_localstack/health").status

        PORT = os.environ["AWS_ENDPOINT_URL"].rsplit(":", 1)[1]

        def handler(event, context):
            shell = subprocess.run(["/bin/sh", "-c", "set -o pipefail; echo $BASH"], capture_output=True, text=True)
            has_bash = shutil.which("bash") is not None
            return [answers(host) for host in NAMES], has_bash, shell.stdout.strip(), shell.stderr
    """)
    (statuses, has_bash, shell, complaint), failed = invoke(region, name)
    assert failed is None and statuses == [200, 200, 200]
    assert not has_bash or (shell, complaint) == ("/bin/sh", "")


def test_tmp_has_the_size_that_was_asked_for(region, name, sandboxes):
    create(region, name, """
        import shutil

        def handler(event, context):
            return shutil.disk_usage("/tmp").total
    """, EphemeralStorage={"Size": 1024})
    assert invoke(region, name) == (1024 << 20, None)


def test_levels_that_are_asked_for(fresh_region, name):
    region = fresh_region("--isolation", "process")
    create(region, name, "import os\ndef handler(event, context):\n    return os.environ['LAMBDA_TASK_ROOT']\n")
    root, _ = invoke(region, name)
    assert root != "/var/task"


# A runtime of a few lines: answers each invocation with what it finds around it.
RUNTIME = r"""
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int ask(const char *request, char *answer, int room) {
    char *api = getenv("AWS_LAMBDA_RUNTIME_API"), *port = strchr(api, ':');
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(atoi(port + 1))};
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int link = socket(AF_INET, SOCK_STREAM, 0);
    if (connect(link, (struct sockaddr *)&to, sizeof to)) exit(9);
    if (write(link, request, strlen(request)) < 0) exit(8);
    int got = read(link, answer, room - 1);
    answer[got > 0 ? got : 0] = 0;
    close(link);
    return got;
}

int main(int count, char **words) {
    static char answer[65536], request[65536], body[4096], folder[512];
    for (;;) {
        ask("GET /2018-06-01/runtime/invocation/next HTTP/1.1\r\nHost: x\r\n\r\n", answer, sizeof answer);
        char *id = strstr(answer, "Aws-Request-Id: ");
        if (!id) return 7;
        id += 16;
        *strchr(id, '\r') = 0;
        FILE *kept = fopen("/layer", "r");
        char layer[64] = "";
        if (kept && !fgets(layer, sizeof layer, kept)) return 6;
        getcwd(folder, sizeof folder);
        int size = snprintf(body, sizeof body,
            "{\"word\": \"%s\", \"folder\": \"%s\", \"env\": \"%s\", \"layer\": \"%s\", \"gone\": %d}",
            count > 1 ? words[1] : "", folder, getenv("COLOUR"), layer, access("/gone", F_OK));
        snprintf(request, sizeof request,
            "POST /2018-06-01/runtime/invocation/%s/response HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n%s",
            id, size, body);
        ask(request, answer, sizeof answer);
    }
}
"""


def tar_of(files):
    """A layer: contents by path, with permissions to run."""
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode="w:gz") as layer:
        for path, data in files.items():
            entry = tarfile.TarInfo(path)
            entry.size, entry.mode = len(data), 0o755
            layer.addfile(entry, io.BytesIO(data))
    return content.getvalue()


@pytest.fixture(scope="module")
def layout(tmp_path_factory):
    """An OCI layout with a static program: a folder, and the same as an archive."""
    compiler = shutil.which("cc")
    if not compiler:
        pytest.skip("no C compiler")
    place = tmp_path_factory.mktemp("image")
    (place / "main.c").write_text(RUNTIME)
    done = subprocess.run([compiler, "-static", "-O1", "-w", "-o", "main", "main.c"], cwd=place, capture_output=True)
    if done.returncode:
        pytest.skip(f"no static programs here: {done.stderr[:200]}")
    root = place / "layout"
    (root / "blobs/sha256").mkdir(parents=True)

    def blob(data):
        digest = hashlib.sha256(data).hexdigest()
        (root / "blobs/sha256" / digest).write_bytes(data)
        return {"digest": f"sha256:{digest}", "size": len(data)}

    def document(**fields):
        return blob(json.dumps(fields).encode())

    low = blob(tar_of({"usr/bin/main": (place / "main").read_bytes(), "layer": b"low", "gone": b"", "work/x": b""}))
    high = blob(tar_of({"layer": b"high", ".wh.gone": b""}))
    config = document(architecture="amd64", config={"Entrypoint": ["main"], "Cmd": ["word"], "WorkingDir": "/work",
                                                    "Env": ["PATH=/usr/bin", "COLOUR=blue"]})
    manifest = document(schemaVersion=2, config=config, layers=[low, high])
    manifest["annotations"] = {"org.opencontainers.image.ref.name": "latest"}
    (root / "index.json").write_text(json.dumps({"schemaVersion": 2, "manifests": [manifest]}))
    with tarfile.open(place / "archive.tar", "w") as archive:
        archive.add(root, arcname=".")
    return root


def image(region, name, uri, **more):
    region.client("lambda").create_function(FunctionName=name, PackageType="Image", Code={"ImageUri": uri}, Role=ROLE,
                                            **more)


def test_an_image_runs_as_it_says(region, name, layout, sandboxes):
    image(region, name, f"oci:{layout}:latest")
    expected = {"word": "word", "folder": "/work", "env": "blue", "layer": "high", "gone": -1}
    assert invoke(region, name) == (expected, None)
    archived = f"{name}-archived"
    image(region, archived, f"oci-archive:{layout.parent}/archive.tar",
          ImageConfig={"Command": ["other"], "WorkingDirectory": "/tmp"},
          Environment={"Variables": {"COLOUR": "red"}})
    assert invoke(region, archived) == (expected | {"word": "other", "folder": "/tmp", "env": "red"}, None)
    told = region.client("lambda").get_function(FunctionName=archived)
    digest = told["Configuration"]["CodeSha256"]
    assert told["Code"]["RepositoryType"] == "ECR" and told["Code"]["ResolvedImageUri"].endswith(f"@sha256:{digest}")
    assert told["Configuration"]["PackageType"] == "Image" and "Runtime" not in told["Configuration"]
    assert told["Configuration"]["ImageConfigResponse"]["ImageConfig"]["Command"] == ["other"]


def put_other_arguments(layout):
    """Another image of the same layers in its stead, as a build leaves it there."""
    def read(digest):
        return json.loads((layout / "blobs/sha256" / digest.split(":")[1]).read_bytes())

    def write(document):
        data = json.dumps(document).encode()
        digest = hashlib.sha256(data).hexdigest()
        (layout / "blobs/sha256" / digest).write_bytes(data)
        return f"sha256:{digest}"

    index = json.loads((layout / "index.json").read_text())
    manifest = read(index["manifests"][0]["digest"])
    config = read(manifest["config"]["digest"])
    config["config"]["Cmd"] = ["other"]
    manifest["config"]["digest"] = write(config)
    index["manifests"][0]["digest"] = write(manifest)
    (layout / "index.json").write_text(json.dumps(index))


def test_an_image_that_changed_is_not_run_unasked(region, name, layout, sandboxes, tmp_path):
    own = tmp_path / "layout"
    shutil.copytree(layout, own)
    image(region, name, f"oci:{own}:latest")
    put_other_arguments(own)
    with pytest.raises(ClientError, match="has changed since"):
        invoke(region, name)
    region.client("lambda").update_function_code(FunctionName=name, ImageUri=f"oci:{own}:latest")
    seen, failed = invoke(region, name)
    assert (seen["word"], failed) == ("other", None)


def test_images_that_are_not_there(region, name, layout):
    with pytest.raises(ClientError, match="no such image"):
        image(region, name, f"oci:{layout}:other")
    uri = "000000000000.dkr.ecr.us-east-1.amazonaws.com/repository:latest"
    image(region, name, uri)
    with pytest.raises(ClientError, match="registry"):
        invoke(region, name)
    lambda_ = region.client("lambda")
    code = lambda_.get_function(FunctionName=name)["Code"]
    assert code["ImageUri"] == uri and "ResolvedImageUri" not in code
    fixed = uri.replace(":latest", "@sha256:" + "ab" * 32)
    image(region, f"{name}-fixed", fixed)
    told = lambda_.get_function(FunctionName=f"{name}-fixed")
    assert (told["Code"]["ResolvedImageUri"], told["Configuration"]["CodeSha256"]) == (fixed, "ab" * 32)
    assert lambda_.update_function_code(FunctionName=name, ImageUri=f"oci:{layout}:latest")["PackageType"] == "Image"
    with pytest.raises(ClientError, match="Please provide ImageUri"):
        lambda_.update_function_code(FunctionName=name, ZipFile=b"x")
