"""Layers under real functions, extensions beside them, folders that are read as they are."""

import io
import json
import textwrap
import urllib.request
import zipfile

import pytest
from botocore.exceptions import ClientError

from test_lambda import create, invoke, logged, package
from test_lambda_sandbox import sandboxes  # noqa: F401


def archive(**files):
    """A zip archive of programs and modules, by their paths."""
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as written:
        for path, text in files.items():
            entry = zipfile.ZipInfo(path)
            entry.external_attr = 0o100755 << 16
            written.writestr(entry, textwrap.dedent(text))
    return content.getvalue()


def publish(region, name, content):
    made = region.client("lambda").publish_layer_version(LayerName=name, Content={"ZipFile": content})
    return made["LayerVersionArn"]


def test_python_imports_from_layers_and_later_ones_win(region, name):
    low = publish(region, name + "-low", archive(**{"python/lute.py": "strings = 6\n", "python/harp.py": "strings = 47\n"}))
    high = publish(region, name + "-high", archive(**{"python/lute.py": "strings = 13\n",
                                                      "bin/tune": "#!/bin/sh\necho tuned\n"}))
    create(region, name, """
        import subprocess
        import harp, lute

        def handler(event, context):
            return [lute.strings, harp.strings, subprocess.check_output(["tune"], text=True).strip()]
    """, Layers=[low, high])
    assert invoke(region, name) == ([13, 47, "tuned"], None)
    found = region.client("lambda").get_layer_version_by_arn(Arn=high)
    content = urllib.request.urlopen(found["Content"]["Location"]).read()
    assert zipfile.ZipFile(io.BytesIO(content)).read("bin/tune").startswith(b"#!/bin/sh")


def test_python_follows_the_paths_of_a_layers_site_packages(region, name):
    """AWS's runtime makes the places of layers site directories: `.pth` files of packages work in them."""
    place = "python/lib/python3.11/site-packages"
    layer = publish(region, name, archive(**{f"{place}/vendored.pth": "attic\n", f"{place}/attic/viol.py": "strings = 5\n"}))
    create(region, name, """
        import viol

        def handler(event, context):
            return viol.strings
    """, Layers=[layer])
    assert invoke(region, name)[0] == 5


def test_node_and_custom_runtimes_use_layers(region, name):
    layer = publish(region, name, archive(**{
        "nodejs/node_modules/lute/index.js": "module.exports = {strings: 13};\n",
        "nodejs/node_modules/lute/package.json": '{"name": "lute", "main": "index.js"}',
        "bootstrap": """\
            #!/bin/sh
            api="http://$AWS_LAMBDA_RUNTIME_API/2018-06-01/runtime/invocation"
            while true; do
              head=$(mktemp)
              curl -sS -D "$head" "$api/next" > /dev/null
              id=$(grep -i lambda-runtime-aws-request-id "$head" | tr -d '\\r' | cut -d' ' -f2)
              curl -sS -d '"from the layer"' "$api/$id/response"
            done
            """}))
    code = package(index__js="exports.handler = async () => require('lute').strings;")
    create(region, name, code, runtime="nodejs20.x", handler="index.handler", Layers=[layer])
    assert invoke(region, name) == (13, None)
    create(region, name + "-own", package(other="x"), runtime="provided.al2023", handler="x", Layers=[layer], Timeout=10)
    assert invoke(region, name + "-own") == ("from the layer", None)


def test_modules_of_layers_are_imported(region, name, sandboxes):  # noqa: F811
    """ES modules find what lies where `NODE_PATH` says, from Node.js 18 on (its announcement in AWS's Compute Blog)."""
    own = {"package.json": '{"name": "lute", "type": "module", "exports": "./index.js"}'}
    layer = publish(region, name, archive(**{
        "nodejs/node_modules/lute/index.js": "import { tune } from 'tuner';\nexport const strings = tune(13);\n",
        "nodejs/node_modules/lute/package.json": own["package.json"],
        "nodejs/node_modules/tuner/index.js": "export const tune = (count) => count + 1;\n",
        "nodejs/node_modules/tuner/package.json": own["package.json"].replace("lute", "tuner")}))
    code = package(index__mjs="import { strings } from 'lute';\nexport const handler = async () => strings;")
    create(region, name, code, runtime="nodejs20.x", handler="index.handler", Layers=[layer])
    assert invoke(region, name) == (14, None)


EXTENSION = """\
    #!/usr/bin/env python3
    import json, os, sys, threading, urllib.request
    from http.server import BaseHTTPRequestHandler, HTTPServer

    api = "http://" + os.environ["AWS_LAMBDA_RUNTIME_API"]

    def ask(path, body=None, method=None, **headers):
        headers = {name.replace("_", "-"): value for name, value in headers.items()}
        request = urllib.request.Request(api + path, body and json.dumps(body).encode(), headers, method=method)
        return urllib.request.urlopen(request)

    class Telemetry(BaseHTTPRequestHandler):
        def do_POST(self):
            events = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            for event in events:
                if event["type"] in ("platform.start", "platform.extension", "function"):
                    print("telemetry", event["type"], json.dumps(event["record"]), flush=True)
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_):
            pass

    listener = HTTPServer(("127.0.0.1", 0), Telemetry)
    threading.Thread(target=listener.serve_forever, daemon=True).start()
    said = ask("/2020-01-01/extension/register", {"events": ["INVOKE", "SHUTDOWN"]}, Lambda_Extension_Name="scribe")
    own = said.headers["Lambda-Extension-Identifier"]
    print("registered for", json.load(said)["functionName"], flush=True)
    ask("/2022-07-01/telemetry", {
        "schemaVersion": "2022-07-01", "types": ["platform", "function"], "buffering": {"timeoutMs": 25},
        "destination": {"protocol": "HTTP", "URI": "http://sandbox.localdomain:%d/" % listener.server_port},
    }, "PUT", Lambda_Extension_Identifier=own)
    while True:
        event = json.load(ask("/2020-01-01/extension/event/next", Lambda_Extension_Identifier=own))
        print("extension heard", event["eventType"], event.get("requestId", event.get("shutdownReason")), flush=True)
        if event["eventType"] == "SHUTDOWN":
            sys.exit(0)
"""


def test_extensions_hear_of_invocations_telemetry_and_the_end(region, name, eventually):
    layer = publish(region, name, archive(**{"extensions/scribe": textwrap.dedent(EXTENSION)}))
    create(region, name, """
        def handler(event, context):
            print("sung by the function")
            return context.aws_request_id
    """, Layers=[layer], Timeout=20)
    request, failed = invoke(region, name)
    assert failed is None
    group = f"/aws/lambda/{name}"
    eventually(lambda: f"extension heard INVOKE {request}\n" in logged(region, group))

    def told():
        # Between invocations extensions are stopped too, as on AWS: what had not come through comes with the next.
        assert invoke(region, name)[1] is None
        return any('telemetry function "sung by the function' in line for line in logged(region, group))

    eventually(told)
    assert f"registered for {name}\n" in logged(region, group)
    # As the log of a function with Datadog's extension has them (its documentation).
    assert "TELEMETRY\tName: scribe\tState: Subscribed\tTypes: [Platform, Function]\n" in logged(region, group)
    assert "EXTENSION\tName: scribe\tState: Ready\tEvents: [INVOKE,SHUTDOWN]\n" in logged(region, group)
    assert any("telemetry platform.extension" in line for line in logged(region, group))
    again, failed = invoke(region, name)
    assert failed is None and again != request
    region.client("lambda").delete_function(FunctionName=name)
    eventually(lambda: "extension heard SHUTDOWN spindown\n" in logged(region, group))


def test_an_extension_that_exits_fails_the_function(region, name):
    layer = publish(region, name, archive(**{"extensions/broken": "#!/bin/sh\nexit 3\n"}))
    create(region, name, "def handler(event, context):\n    return 1\n", Layers=[layer])
    error, failed = invoke(region, name)
    assert failed == "Unhandled" and error["errorType"] == "Extension.Crash"


def test_a_folder_is_run_as_it_is(region, name, tmp_path):
    # A function in a sandbox is another user.
    tmp_path.chmod(0o755)
    (tmp_path / "app.py").write_text("def handler(event, context):\n    return 1\n")
    region.client("lambda").create_function(
        FunctionName=name, Runtime="python3.11", Handler="app.handler", Role="arn:aws:iam::000000000000:role/r",
        Code={"S3Bucket": "hot-reload", "S3Key": str(tmp_path)})
    assert invoke(region, name) == (1, None)
    (tmp_path / "app.py").write_text("def handler(event, context):\n    return 'changed'\n")
    assert invoke(region, name) == ("changed", None)


def test_a_folder_is_a_layer(region, name, tmp_path):
    """As LocalStack's users know it ("Hot Reloading", for layers): it is a function's only layer."""
    tmp_path.chmod(0o755)
    (tmp_path / "python").mkdir(mode=0o755)
    (tmp_path / "python/tune.py").write_text("notes = 1\n")
    client = region.client("lambda")
    layer = client.publish_layer_version(LayerName=name, Content={"S3Bucket": "hot-reload", "S3Key": str(tmp_path)})
    create(region, name, "import tune\n\ndef handler(event, context):\n    return tune.notes\n",
           Layers=[layer["LayerVersionArn"]])
    assert invoke(region, name) == (1, None)
    (tmp_path / "python/tune.py").write_text("notes = 'changed'\n")
    assert invoke(region, name) == ("changed", None)
    other = publish(region, name + "-other", archive(**{"python/a.py": ""}))
    with pytest.raises(ClientError, match="only layer"):
        client.update_function_configuration(FunctionName=name, Layers=[layer["LayerVersionArn"], other])
    client.delete_layer_version(LayerName=name, VersionNumber=layer["Version"])
    assert invoke(region, name) == ("changed", None)


@pytest.mark.parametrize("system, kinds", [
    ("DEBUG", ["platform.initStart", "platform.initRuntimeDone", "platform.initReport", "platform.start",
               "platform.runtimeDone", "platform.report"]),
    ("INFO", ["platform.start", "platform.report"]),
])
def test_levels_of_what_lambda_and_functions_log(region, name, eventually, system, kinds):
    """Lambda developer guide, "Log-level filtering"; a line of JSON says its level itself."""
    create(region, name, """
        import json

        def handler(event, context):
            for level in ("debug", "error", None):
                print(json.dumps({"level": level, "said": level}))
            print("plain")
    """, LoggingConfig={"LogFormat": "JSON", "ApplicationLogLevel": "WARN", "SystemLogLevel": system})
    invoke(region, name)
    group = f"/aws/lambda/{name}"
    lines = eventually(lambda: [line.strip() for line in logged(region, group)]
                       if any("platform.report" in line for line in logged(region, group)) else None)
    assert [json.loads(line)["type"] for line in lines if '"type"' in line] == kinds
    assert [line for line in lines if '"type"' not in line] == ['{"level": "error", "said": "error"}', "plain"]


def test_logs_in_json(region, name, eventually):
    create(region, name, """
        import logging

        def handler(event, context):
            logging.getLogger().info("below")
            logging.getLogger().warning("played", extra={"strings": 13})
    """, LoggingConfig={"LogFormat": "JSON", "ApplicationLogLevel": "WARN"})
    invoke(region, name)
    group = f"/aws/lambda/{name}"
    eventually(lambda: any("platform.report" in line for line in logged(region, group)))
    events = [json.loads(line) for line in logged(region, group)]
    assert [event["type"] for event in events if "type" in event] == ["platform.start", "platform.report"]
    (own,) = [event for event in events if "level" in event]
    assert (own["level"], own["message"], own["strings"]) == ("WARNING", "played", 13)


def test_code_and_layers_are_together_no_larger_than_code_alone_may_be(region, name):
    """In AWS's words, as users of it report them (serverlesspub/ffmpeg-aws-lambda-layer#23, bento-video/bento#1)."""
    def heavy(megabytes):
        content = io.BytesIO()
        with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as written:
            written.writestr("weight", bytes(megabytes << 20))
        return content.getvalue()

    layers = [publish(region, f"{name}-{which}", heavy(125)) for which in ("one", "two")]
    client = region.client("lambda")
    create(region, name, "def handler(event, context): pass\n", Layers=layers[:1])
    with pytest.raises(client.exceptions.InvalidParameterValueException) as refused:
        client.update_function_configuration(FunctionName=name, Layers=layers)
    size = 2 * (125 << 20) + len("def handler(event, context): pass\n")
    words = f"combined with layers exceeds the maximum allowed size of 262144000 bytes. The actual size is {size} bytes."
    assert words in str(refused.value)
    with pytest.raises(client.exceptions.InvalidParameterValueException, match="combined with layers"):
        create(region, f"{name}-other", "def handler(event, context): pass\n", Layers=layers)
    third = publish(region, f"{name}-three", heavy(1))
    with pytest.raises(client.exceptions.InvalidParameterValueException) as refused:
        client.update_function_configuration(FunctionName=name, Layers=[*layers, third])
    assert "Layers consume more than the available size of 262144000 bytes" in str(refused.value)
    client.update_function_configuration(FunctionName=name, Layers=layers[:1])
    with pytest.raises(client.exceptions.InvalidParameterValueException, match="combined with layers"):
        client.update_function_code(FunctionName=name, ZipFile=heavy(126))
