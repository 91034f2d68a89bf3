"""Lambda from outside: real interpreters, real time, real crashes."""

import base64
import io
import json
import shutil
import textwrap
import zipfile

import pytest
from botocore.exceptions import ClientError

ROLE = "arn:aws:iam::000000000000:role/lambda-role"


def package(**files):
    """A zip archive; `__` in a name stands for a dot."""
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in files.items():
            entry = zipfile.ZipInfo(name.replace("__", "."))
            entry.external_attr = 0o100755 << 16
            archive.writestr(entry, textwrap.dedent(text))
    return content.getvalue()


def create(region, name, source, runtime="python3.11", handler="app.handler", **more):
    code = source if isinstance(source, bytes) else package(app__py=source)
    more.setdefault("Role", ROLE)
    region.client("lambda").create_function(FunctionName=name, Runtime=runtime, Handler=handler,
                                            Code={"ZipFile": code}, **more)


def invoke(region, name, event=None, **more):
    """The answer as JSON, and the kind of failure."""
    payload = b"" if event is None else json.dumps(event).encode()
    answer = region.client("lambda", read_timeout=60).invoke(FunctionName=name, Payload=payload, **more)
    body = answer["Payload"].read()
    return json.loads(body) if body else None, answer.get("FunctionError")


def logged(region, group, pattern=""):
    try:
        events = region.client("logs").filter_log_events(logGroupName=group, filterPattern=pattern)["events"]
    except ClientError as error:
        assert error.response["Error"]["Code"] == "ResourceNotFoundException"
        return []
    return [event["message"] for event in events]


ECHO = """
    import os

    def handler(event, context):
        print("seen", event)
        return {"event": event, "pid": os.getpid(), "id": context.aws_request_id,
                "left": context.get_remaining_time_in_millis(), "arn": context.invoked_function_arn,
                "env": {name: os.environ.get(name) for name in
                        ("NAME", "AWS_REGION", "AWS_ENDPOINT_URL", "AWS_LAMBDA_FUNCTION_NAME", "_HANDLER",
                         "AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "AWS_EXECUTION_ENV")}}
"""


def test_python_reused_environment(region, name):
    create(region, name, ECHO, Environment={"Variables": {"NAME": "value"}}, MemorySize=256, Timeout=10)
    first, failed = invoke(region, name, {"a": [1, "ü"]})
    assert failed is None and first["event"] == {"a": [1, "ü"]}
    assert 9000 < first["left"] <= 10000
    assert first["arn"] == f"arn:aws:lambda:us-east-1:000000000000:function:{name}"
    assert first["env"] == {"NAME": "value", "AWS_REGION": "us-east-1", "AWS_ENDPOINT_URL": region.endpoint,
                            "AWS_LAMBDA_FUNCTION_NAME": name, "_HANDLER": "app.handler",
                            "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "256",
                            "AWS_EXECUTION_ENV": "AWS_Lambda_python3.11"}
    second, _ = invoke(region, name)
    assert second["event"] == {} and second["pid"] == first["pid"] and second["id"] != first["id"]


def test_function_calls_its_region(region, name):
    queue = region.client("sqs").create_queue(QueueName=name)["QueueUrl"]
    create(region, name, f"""
        import boto3

        def handler(event, context):
            boto3.client("sqs").send_message(QueueUrl="{queue}", MessageBody="from inside")
            return boto3.client("sts").get_caller_identity()["Account"]
    """, Timeout=30)
    answer, failed = invoke(region, name)
    assert (answer, failed) == ("000000000000", None)
    assert region.client("sqs").receive_message(QueueUrl=queue)["Messages"][0]["Body"] == "from inside"


def test_nodejs(region, name):
    code = package(index__mjs="""
        export const handler = async (event, context) => {
          console.log("from node");
          if (event.fail) throw new TypeError("told to");
          return {event, name: context.functionName, node: process.versions.node.split(".")[0]};
        };
    """)
    create(region, name, code, runtime="nodejs20.x", handler="index.handler")
    assert invoke(region, name, {"n": 1}) == ({"event": {"n": 1}, "name": name, "node": "20"}, None)
    error, failed = invoke(region, name, {"fail": True})
    assert failed == "Unhandled" and (error["errorType"], error["errorMessage"]) == ("TypeError", "told to")


@pytest.mark.skipif(shutil.which("curl") is None, reason="the custom runtime is written with curl")
def test_custom_runtime(region, name):
    code = package(bootstrap="""\
        #!/bin/sh
        api="http://$AWS_LAMBDA_RUNTIME_API/2018-06-01/runtime/invocation"
        while true; do
          head=$(mktemp)
          event=$(curl -sS -D "$head" "$api/next")
          id=$(grep -i lambda-runtime-aws-request-id "$head" | tr -d '\\r' | cut -d' ' -f2)
          printf '{"shell": %s}' "$event" | curl -sS -X POST -H 'Transfer-Encoding: chunked' -d @- "$api/$id/response"
        done
    """)
    create(region, name, code, runtime="provided.al2023", handler="none", Timeout=10)
    for number in range(3):
        assert invoke(region, name, number) == ({"shell": number}, None)


# Lambda developer guide, "Modifying the runtime environment": the wrapper gets the command of the runtime.
def test_wrapper(region, name):
    files = {
        "app__py": "import os, sys\ndef handler(event, context): return [os.environ['WRAPPED'], 'lute' in sys._xoptions]",
        "wrapper": "#!/bin/sh\nexport WRAPPED=yes\nprogram=$1\nshift\nexec \"$program\" -X lute \"$@\"\n",
    }
    wrapper = {"Variables": {"AWS_LAMBDA_EXEC_WRAPPER": "/var/task/wrapper"}}
    create(region, name, package(**files), Environment=wrapper)
    assert invoke(region, name) == (["yes", True], None)
    absent = {"Variables": {"AWS_LAMBDA_EXEC_WRAPPER": "/var/task/absent"}}
    create(region, name + "-a", package(**files), Environment=absent)
    error, failed = invoke(region, name + "-a")
    assert (failed, error["errorType"]) == ("Unhandled", "Runtime.ExitError")
    assert "exit status 127" in error["errorMessage"]


def test_custom_runtime_without_bootstrap(region, name):
    create(region, name, package(other="x"), runtime="provided.al2023", handler="none")
    error, failed = invoke(region, name)
    assert failed == "Unhandled" and error["errorType"] == "Runtime.InvalidEntrypoint"


# The errors that Lambda's own supervisor tells (Lambda developer guide, "Understanding retry behavior" and
# Telemetry API event schema: Runtime.ExitError, Sandbox.Timedout).
@pytest.mark.parametrize("event, kind, message", [
    ({"do": "raise"}, "ValueError", "told to"),
    ({"do": "exit"}, "Runtime.ExitError", "Runtime exited with error: exit status 3"),
    ({"do": "sleep"}, "Sandbox.Timedout", "Task timed out after 1.00 seconds"),
    ({"do": "grow"}, "Runtime.OutOfMemory", "Runtime exited with error: signal: killed"),
])
def test_failures_and_recovery(region, name, event, kind, message):
    create(region, name, """
        import os, time

        def handler(event, context):
            match event.get("do"):
                case "raise": raise ValueError("told to")
                case "exit": os._exit(3)
                case "sleep": time.sleep(30)
                case "grow":
                    kept = bytearray(1 << 30)
                    for at in range(0, len(kept), 4096): kept[at] = 1
            return "fine"
    """, Timeout=1)
    error, failed = invoke(region, name, event)
    assert (failed, error["errorType"]) == ("Unhandled", kind)
    assert message in error["errorMessage"]
    assert invoke(region, name, {}) == ("fine", None)


# Ruby's runtime ends after errors of names (gem aws_lambda_ric 3.1.3), which a shell does here just as well.
@pytest.mark.skipif(shutil.which("curl") is None, reason="the custom runtime is written with curl")
def test_a_runtime_may_end_after_its_answer(region, name):
    code = package(bootstrap="""\
        #!/bin/sh
        api="http://$AWS_LAMBDA_RUNTIME_API/2018-06-01/runtime/invocation"
        id=$(curl -sS -D - -o /dev/null "$api/next" | grep -i lambda-runtime-aws-request-id | tr -d '\\r' | cut -d' ' -f2)
        curl -sS -X POST -d "$$" "$api/$id/response"
        sleep 0.1
        exit 255
    """)
    create(region, name, code, runtime="provided.al2023", handler="none", Timeout=10)
    for _ in range(5):
        answer, failed = invoke(region, name)
        assert failed is None, answer


def test_handlers_that_cannot_be_loaded(region, name):
    create(region, name, "import nowhere")
    error, failed = invoke(region, name)
    assert failed == "Unhandled" and error["errorType"] == "Runtime.ImportModuleError"


def test_update_replaces_environments(region, name):
    lambda_ = region.client("lambda")
    create(region, name, "handler = lambda event, context: 1")
    assert invoke(region, name)[0] == 1
    lambda_.update_function_code(FunctionName=name, ZipFile=package(app__py="handler = lambda event, context: 2"))
    lambda_.get_waiter("function_updated_v2").wait(FunctionName=name)
    assert invoke(region, name)[0] == 2
    version = lambda_.publish_version(FunctionName=name)["Version"]
    lambda_.create_alias(FunctionName=name, Name="live", FunctionVersion=version)
    lambda_.update_function_code(FunctionName=name, ZipFile=package(app__py="handler = lambda event, context: 3"))
    assert (invoke(region, name)[0], invoke(region, name, Qualifier="live")[0]) == (3, 2)


def test_code_from_s3(region, name):
    s3 = region.client("s3")
    s3.create_bucket(Bucket=name)
    s3.put_object(Bucket=name, Key="code.zip", Body=package(app__py="handler = lambda event, context: 's3'"))
    region.client("lambda").create_function(FunctionName=name, Runtime="python3.11", Role=ROLE, Handler="app.handler",
                                            Code={"S3Bucket": name, "S3Key": "code.zip"})
    assert invoke(region, name) == ("s3", None)
    with pytest.raises(ClientError, match="S3 Error Code: NoSuchKey"):
        region.client("lambda").update_function_code(FunctionName=name, S3Bucket=name, S3Key="absent")


def test_logs(region, name, eventually):
    create(region, name, ECHO)
    answer = region.client("lambda").invoke(FunctionName=name, Payload=b"{}", LogType="Tail")
    tail = base64.b64decode(answer["LogResult"]).decode().splitlines()
    assert [line.split(" ")[0] for line in tail] == ["START", "seen", "END", "REPORT"]
    assert "Init Duration: " in tail[3] and "Memory Size: 128 MB" in tail[3]
    messages = eventually(lambda: [m for m in logged(region, f"/aws/lambda/{name}") if m.startswith("REPORT")]
                          and logged(region, f"/aws/lambda/{name}"))
    assert [message.rstrip("\n").rstrip("\t") for message in messages] == [line.rstrip("\t") for line in tail]
    stream = region.client("logs").describe_log_streams(logGroupName=f"/aws/lambda/{name}")["logStreams"][0]
    assert "/[$LATEST]" in stream["logStreamName"]


def test_an_event_of_several_lines_is_one(region, name, eventually):
    """AWS's runtimes frame their events, line breaks and all (`FramedTelemetryLogSink` of awslambdaric)."""
    create(region, name, "def handler(event, context):\n    raise ValueError('out of tune')\n")
    answer = region.client("lambda").invoke(FunctionName=name, Payload=b"{}", LogType="Tail")
    told = "[ERROR] ValueError: out of tune\nTraceback (most recent call last):\n\u00a0\u00a0File \"/"
    assert told in base64.b64decode(answer["LogResult"]).decode()
    (event,) = eventually(lambda: [line for line in logged(region, f"/aws/lambda/{name}") if "ERROR" in line])
    assert event.startswith(told)


def test_asynchronous_success_and_failure(region, name, eventually):
    sqs, lambda_ = region.client("sqs"), region.client("lambda")
    queue = sqs.create_queue(QueueName=name)["QueueUrl"]
    arn = f"arn:aws:sqs:us-east-1:000000000000:{name}"
    create(region, name, """
        def handler(event, context):
            if event["fail"]: raise RuntimeError("told to")
            return "fine"
    """)
    lambda_.put_function_event_invoke_config(
        FunctionName=name, MaximumRetryAttempts=1,
        DestinationConfig={"OnSuccess": {"Destination": arn}, "OnFailure": {"Destination": arn}})
    records = []
    for fail in (False, True):
        assert lambda_.invoke(FunctionName=name, InvocationType="Event",
                              Payload=json.dumps({"fail": fail}))["StatusCode"] == 202
    eventually(lambda: records.extend(sqs.receive_message(QueueUrl=queue).get("Messages", [])) or len(records) == 2, 20)
    told = {json.loads(record["Body"])["requestContext"]["condition"]: json.loads(record["Body"]) for record in records}
    assert told["Success"]["responsePayload"] == "fine"
    assert told["RetriesExhausted"]["requestContext"]["approximateInvokeCount"] == 2
    assert told["RetriesExhausted"]["responsePayload"]["errorMessage"] == "told to"


def test_queue_invokes_function(region, name, eventually):
    sqs, lambda_ = region.client("sqs"), region.client("lambda")
    queue = sqs.create_queue(QueueName=name, Attributes={"VisibilityTimeout": "5"})["QueueUrl"]
    source = f"arn:aws:sqs:us-east-1:000000000000:{name}"
    create(region, name, """
        import json
        tried = set()

        def handler(event, context):
            failures = []
            for record in event["Records"]:
                print("record", json.dumps(record, sort_keys=True))
                if record["body"] == "bad" and record["messageId"] not in tried:
                    tried.add(record["messageId"])
                    failures.append({"itemIdentifier": record["messageId"]})
            return {"batchItemFailures": failures}
    """)
    made = lambda_.create_event_source_mapping(FunctionName=name, EventSourceArn=source, BatchSize=5,
                                               FunctionResponseTypes=["ReportBatchItemFailures"])
    assert made["State"] == "Creating"
    assert lambda_.get_event_source_mapping(UUID=made["UUID"])["State"] == "Enabled"
    sqs.send_message_batch(QueueUrl=queue, Entries=[
        {"Id": "1", "MessageBody": "good", "MessageAttributes": {"a": {"DataType": "String", "StringValue": "x"}}},
        {"Id": "2", "MessageBody": "bad"}])

    def records():
        lines = logged(region, f"/aws/lambda/{name}", "record")
        return [json.loads(line.removeprefix("record ")) for line in lines]

    seen = eventually(lambda: len(records()) == 3 and records(), 20)
    good = next(record for record in seen if record["body"] == "good")
    assert good["messageAttributes"] == {"a": {"stringValue": "x", "dataType": "String", "stringListValues": [],
                                               "binaryListValues": []}}
    assert (good["eventSource"], good["eventSourceARN"], good["awsRegion"]) == ("aws:sqs", source, "us-east-1")
    assert {"ApproximateReceiveCount", "SentTimestamp", "SenderId"} <= set(good["attributes"])
    assert [record["body"] for record in seen].count("bad") == 2, "only what failed comes again"

    counts = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
    eventually(lambda: set(sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=counts)["Attributes"].values())
               == {"0"})
    assert lambda_.delete_event_source_mapping(UUID=made["UUID"])["State"] == "Deleting"


def test_what_a_changed_mapping_had_received_is_not_received_again(region, name, eventually):
    """As recorded on AWS (LocalStack's test_sqs_event_source_mapping_update): the message that comes to the poller of
    before goes to the function of now, at its first receipt."""
    lambda_, sqs = region.client("lambda"), region.client("sqs")
    queue = sqs.create_queue(QueueName=name)["QueueUrl"]
    create(region, name, """
        def handler(event, context):
            for record in event["Records"]:
                print("got", record["body"], context.function_version, record["attributes"]["ApproximateReceiveCount"])
    """)
    first, second = (lambda_.publish_version(FunctionName=name, Description=text)["FunctionArn"] for text in "12")
    if first == second:  # nothing changed between them
        lambda_.update_function_configuration(FunctionName=name, Description="changed")
        second = lambda_.publish_version(FunctionName=name)["FunctionArn"]
    made = lambda_.create_event_source_mapping(
        FunctionName=first, EventSourceArn=f"arn:aws:sqs:us-east-1:000000000000:{name}", MaximumBatchingWindowInSeconds=1)
    eventually(lambda: lambda_.get_event_source_mapping(UUID=made["UUID"])["State"] == "Enabled")

    def got(body):
        return [line.split()[1:] for line in logged(region, f"/aws/lambda/{name}", f"got {body}")]

    def comes(body, to):
        sqs.send_message(QueueUrl=queue, MessageBody=body)
        eventually(lambda: got(body), 60)
        assert got(body) == [[body, to.rsplit(":", 1)[1], "1"]]

    comes("first", first)
    # Who receives the next, the poller of before or that of now, is chance: what it was is seen by doing it often.
    for turn in range(6):
        to = [second, first][turn % 2]
        lambda_.update_event_source_mapping(UUID=made["UUID"], FunctionName=to)
        comes(f"turn{turn}", to)


def test_queue_filter(region, name, eventually):
    sqs, lambda_ = region.client("sqs"), region.client("lambda")
    queue = sqs.create_queue(QueueName=name)["QueueUrl"]
    create(region, name, """
        def handler(event, context):
            for record in event["Records"]: print("wanted", record["body"])
    """)
    pattern = json.dumps({"body": {"kind": ["star"]}})
    lambda_.create_event_source_mapping(FunctionName=name, EventSourceArn=f"arn:aws:sqs:us-east-1:000000000000:{name}",
                                        FilterCriteria={"Filters": [{"Pattern": pattern}]})
    for kind in ("block", "star"):
        sqs.send_message(QueueUrl=queue, MessageBody=json.dumps({"kind": kind}))
    wanted = eventually(lambda: logged(region, f"/aws/lambda/{name}", "wanted"))
    assert len(wanted) == 1 and "star" in wanted[0]
    counts = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
    eventually(lambda: set(sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=counts)["Attributes"].values())
               == {"0"})


def test_bucket_notifies_function(region, name, eventually):
    s3, lambda_ = region.client("s3"), region.client("lambda")
    create(region, name, """
        def handler(event, context):
            print("object", event["Records"][0]["s3"]["object"]["key"])
    """)
    lambda_.add_permission(FunctionName=name, StatementId="s3", Action="lambda:InvokeFunction",
                           Principal="s3.amazonaws.com", SourceArn=f"arn:aws:s3:::{name}")
    s3.create_bucket(Bucket=name)
    function = f"arn:aws:lambda:us-east-1:000000000000:function:{name}"
    s3.put_bucket_notification_configuration(Bucket=name, NotificationConfiguration={
        "LambdaFunctionConfigurations": [{"LambdaFunctionArn": function, "Events": ["s3:ObjectCreated:*"]}]})
    s3.put_object(Bucket=name, Key="a/b.txt", Body=b"x")
    assert eventually(lambda: logged(region, f"/aws/lambda/{name}", '"a/b.txt"'), 20)


def test_accepted_events_survive_a_crash(fresh_region, name, tmp_path, eventually):
    # The function tells a file of the test's, which no sandbox would show it.
    region, done = fresh_region("--isolation", "process"), tmp_path / "done"
    create(region, name, """
        import os, time

        def handler(event, context):
            time.sleep(0.05)
            with open(os.environ["DONE"], "a") as done:
                done.write(f"{event}\\n")
    """, Timeout=10, Environment={"Variables": {"DONE": str(done)}})
    lambda_ = region.client("lambda")
    for number in range(40):
        assert lambda_.invoke(FunctionName=name, InvocationType="Event", Payload=str(number))["StatusCode"] == 202
    region.restart(kill=True)
    eventually(lambda: done.exists() and {int(line) for line in done.read_text().split()} == set(range(40)), 30)


def test_mappings_go_on_after_a_crash(fresh_region, name, eventually):
    region = fresh_region()
    sqs = region.client("sqs")
    queue = sqs.create_queue(QueueName=name)["QueueUrl"]
    create(region, name, """
        def handler(event, context):
            for record in event["Records"]: print("body", record["body"])
    """)
    region.client("lambda").create_event_source_mapping(
        FunctionName=name, EventSourceArn=f"arn:aws:sqs:us-east-1:000000000000:{name}")
    region.restart(kill=True)
    region.client("sqs").send_message(QueueUrl=queue, MessageBody="after")
    assert eventually(lambda: logged(region, f"/aws/lambda/{name}", "after"), 20)
    assert region.stop() == 0
    assert not region.survivors()


def test_enforced_roles(fresh_region, name):
    region = fresh_region("--iam", "enforce")
    iam = region.client("iam")
    with pytest.raises(ClientError, match="cannot be assumed by Lambda"):
        create(region, name, ECHO)
    trust = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "sts:AssumeRole",
                                                     "Principal": {"Service": "lambda.amazonaws.com"}}]}
    role = iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(trust))["Role"]["Arn"]
    create(region, name, """
        import boto3

        def handler(event, context):
            who = boto3.client("sts").get_caller_identity()["Arn"]
            try:
                boto3.client("sqs").create_queue(QueueName="forbidden")
            except Exception as error:
                return [who, error.response["Error"]["Code"]]
    """, Role=role, Timeout=30)
    (who, refused), failed = invoke(region, name)
    assert failed is None and who == f"arn:aws:sts::000000000000:assumed-role/{name}/{name}"
    assert refused in ("AccessDenied", "AccessDeniedException")
