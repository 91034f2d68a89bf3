"""State as a whole: saved, loaded elsewhere, refused when damaged; one account emptied among others."""

import io
import json
import subprocess
import urllib.error
import urllib.request
import zipfile

import pytest
from botocore.exceptions import ClientError

LARGE = bytes(range(256)) * 12_000
FUNCTION = "def handler(event, context):\n    print('played', event['song'])\n    return {'sung': event['song']}\n"


def post(region, path, body=None, data=None):
    data = json.dumps(body).encode() if data is None else data
    request = urllib.request.Request(region.endpoint + path, data=data, method="POST")
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        return error.code, json.load(error)


def command(region, *arguments, check=True):
    """Runs `elysium state …` against a region; what it printed, or its complaint."""
    place = [] if "--data-dir" in arguments else ["--port", region.port]
    done = subprocess.run(list(map(str, [region.binary, "state", *arguments, *place])), capture_output=True, text=True,
                          timeout=120, cwd=region.data_dir)
    assert (done.returncode == 0) == check, done.stderr
    return done.stdout if check else done.stderr


def packed():
    package = io.BytesIO()
    with zipfile.ZipFile(package, "w") as archive:
        archive.writestr("app.py", FUNCTION)
    return package.getvalue()


def make_objects(region, suffix):
    s3 = region.client("s3")
    bucket = f"hall{suffix}"
    s3.create_bucket(Bucket=bucket)
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    s3.put_object(Bucket=bucket, Key="small", Body=b"first")
    s3.put_object(Bucket=bucket, Key="small", Body=b"second", Metadata={"bard": "Orpheus"})
    s3.put_object(Bucket=bucket, Key="large", Body=LARGE)
    upload = s3.create_multipart_upload(Bucket=bucket, Key="parts")["UploadId"]
    part = s3.upload_part(Bucket=bucket, Key="parts", UploadId=upload, PartNumber=1, Body=LARGE)
    s3.complete_multipart_upload(Bucket=bucket, Key="parts", UploadId=upload,
                                 MultipartUpload={"Parts": [{"PartNumber": 1, "ETag": part["ETag"]}]})
    going_on = s3.create_multipart_upload(Bucket=bucket, Key="going-on")["UploadId"]
    s3.upload_part(Bucket=bucket, Key="going-on", UploadId=going_on, PartNumber=1, Body=LARGE)


def make_function(region, suffix, queue_url):
    role = region.client("iam").create_role(RoleName=f"singer{suffix}", AssumeRolePolicyDocument=json.dumps({
        "Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "sts:AssumeRole",
                                                "Principal": {"Service": "lambda.amazonaws.com"}}]}))["Role"]["Arn"]
    region.client("iam").put_role_policy(RoleName=f"singer{suffix}", PolicyName="all", PolicyDocument=json.dumps({
        "Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}))
    lambda_ = region.client("lambda")
    function = lambda_.create_function(FunctionName=f"sing{suffix}", Runtime="python3.12", Handler="app.handler", Role=role,
                                       Code={"ZipFile": packed()}, Publish=True)
    lambda_.create_alias(FunctionName=f"sing{suffix}", Name="live", FunctionVersion="1")
    arn = region.client("sqs").get_queue_attributes(QueueUrl=queue_url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    lambda_.create_event_source_mapping(FunctionName=f"sing{suffix}", EventSourceArn=arn, Enabled=False)
    api = region.client("apigatewayv2").create_api(Name=f"stage{suffix}", ProtocolType="HTTP", Target=function["FunctionArn"])
    return api["ApiId"]


def fill(region, suffix=""):
    """Something in every room."""
    make_objects(region, suffix)
    sqs = region.client("sqs")
    url = sqs.create_queue(QueueName=f"songs{suffix}", tags={"hall": "great"})["QueueUrl"]
    sqs.send_message(QueueUrl=url, MessageBody="now")
    sqs.send_message(QueueUrl=url, MessageBody="later", DelaySeconds=600)
    table = region.client("dynamodb")
    table.create_table(TableName=f"bards{suffix}", BillingMode="PAY_PER_REQUEST",
                       AttributeDefinitions=[{"AttributeName": "name", "AttributeType": "S"},
                                             {"AttributeName": "year", "AttributeType": "N"}],
                       KeySchema=[{"AttributeName": "name", "KeyType": "HASH"}],
                       GlobalSecondaryIndexes=[{"IndexName": "by-year", "Projection": {"ProjectionType": "ALL"},
                                                "KeySchema": [{"AttributeName": "year", "KeyType": "HASH"}]}])
    for number in range(30):
        table.put_item(TableName=f"bards{suffix}", Item={"name": {"S": f"bard {number}"}, "year": {"N": str(number % 3)}})
    logs = region.client("logs")
    logs.create_log_group(logGroupName=f"/songs{suffix}")
    logs.create_log_stream(logGroupName=f"/songs{suffix}", logStreamName="stream")
    logs.put_log_events(logGroupName=f"/songs{suffix}", logStreamName="stream",
                        logEvents=[{"timestamp": 1_790_000_000_000, "message": "sung"}])
    iam = region.client("iam")
    iam.create_user(UserName=f"eurydice{suffix}")
    key = iam.create_access_key(UserName=f"eurydice{suffix}")["AccessKey"]
    return {"queue": url, "api": make_function(region, suffix, url), "key": key, "suffix": suffix}


def without_metadata(answer):
    return {name: value for name, value in answer.items() if name != "ResponseMetadata"}


def told(region, made):
    """What every room answers about what `fill` made."""
    suffix, answers = made["suffix"], {}

    def ask(service, operation, **input):
        answer = without_metadata(getattr(region.client(service), operation)(**input))
        answers[f"{service}.{operation} {input}"] = answer
        return answer

    ask("s3", "list_buckets")
    ask("s3", "list_object_versions", Bucket=f"hall{suffix}")
    ask("s3", "list_multipart_uploads", Bucket=f"hall{suffix}")
    for key in ("small", "large", "parts"):
        body = ask("s3", "get_object", Bucket=f"hall{suffix}", Key=key).pop("Body").read()
        answers[f"body of {key}"] = (len(body), hash(body))
    queue = region.client("sqs").get_queue_url(QueueName=f"songs{suffix}")["QueueUrl"]
    attributes = region.client("sqs").get_queue_attributes(QueueUrl=queue, AttributeNames=["All"])["Attributes"]
    answers["queue"] = attributes
    answers["queue tags"] = region.client("sqs").list_queue_tags(QueueUrl=queue)["Tags"]
    table = ask("dynamodb", "describe_table", TableName=f"bards{suffix}")["Table"]
    assert table["ItemCount"] == 30
    ask("dynamodb", "scan", TableName=f"bards{suffix}")
    ask("dynamodb", "query", TableName=f"bards{suffix}", IndexName="by-year", KeyConditionExpression="#y = :y",
        ExpressionAttributeNames={"#y": "year"}, ExpressionAttributeValues={":y": {"N": "1"}})
    ask("lambda", "get_function_configuration", FunctionName=f"sing{suffix}", Qualifier="live")
    ask("lambda", "list_event_source_mappings")
    for api in ask("apigatewayv2", "get_apis")["Items"]:
        api.pop("ApiEndpoint")  # it bears the region's port
    ask("apigatewayv2", "get_routes", ApiId=made["api"])
    ask("iam", "list_users")
    ask("iam", "get_role", RoleName=f"singer{suffix}")
    ask("iam", "list_access_keys", UserName=f"eurydice{suffix}")
    ask("logs", "get_log_events", logGroupName=f"/songs{suffix}", logStreamName="stream", startFromHead=True)
    return answers


def works(region, made, handle):
    """What was saved is not only told of: it goes on."""
    suffix, sqs = made["suffix"], region.client("sqs")
    queue = sqs.get_queue_url(QueueName=f"songs{suffix}")["QueueUrl"]
    sqs.delete_message(QueueUrl=queue, ReceiptHandle=handle)
    assert "Messages" not in sqs.receive_message(QueueUrl=queue)
    post(region, "/_elysium/clock", {"advance_seconds": 601})
    assert sqs.receive_message(QueueUrl=queue)["Messages"][0]["Body"] == "later"
    answer = region.client("lambda").invoke(FunctionName=f"sing{suffix}", Qualifier="live", Payload=b'{"song":"Ode"}')
    assert json.load(answer["Payload"]) == {"sung": "Ode"}
    who = region.client("sts", made["key"]["AccessKeyId"], made["key"]["SecretAccessKey"]).get_caller_identity()
    assert who["Arn"].endswith(f":user/eurydice{suffix}")
    region.client("dynamodb").put_item(TableName=f"bards{suffix}", Item={"name": {"S": "new"}, "year": {"N": "1"}})
    assert region.client("dynamodb").describe_table(TableName=f"bards{suffix}")["Table"]["ItemCount"] == 31
    region.client("s3").put_object(Bucket=f"hall{suffix}", Key="new", Body=LARGE)
    assert region.client("s3").get_object(Bucket=f"hall{suffix}", Key="new")["Body"].read() == LARGE


def test_a_state_moves_between_regions_on_disk_and_in_memory(fresh_region, tmp_path):
    """Disk → memory (over another state) → disk, through files; every room answers the same."""
    disk = fresh_region()
    made = fill(disk)
    handle = disk.client("sqs").receive_message(QueueUrl=made["queue"], VisibilityTimeout=300)["Messages"][0]["ReceiptHandle"]
    expected = told(disk, made)
    saved, again = tmp_path / "saved", tmp_path / "again"
    assert "saved to" in command(disk, "save", saved)
    assert saved.stat().st_mode & 0o077 == 0 and not list(tmp_path.glob("*.part"))

    memory = fresh_region("--memory")
    fill(memory, "-of-before")
    memory.client("lambda").invoke(FunctionName="sing-of-before", Payload=b'{"song":"Elegy"}')
    assert "loaded" in command(memory, "load", saved)
    assert told(memory, made) == expected
    command(memory, "save", again)
    works(memory, made, handle)
    with pytest.raises(ClientError):
        memory.client("sqs").get_queue_url(QueueName="songs-of-before")

    other = fresh_region()
    other.client("sqs").create_queue(QueueName="replaced")
    command(other, "load", again)
    assert told(other, made) == expected
    other.restart(kill=True)
    assert told(other, made) == expected
    works(other, made, handle)
    command(other, "load", saved)
    other.restart()
    assert told(other, made) == expected
    names = {path.name for path in other.data_dir.iterdir()}
    assert sum(name.startswith("state-") for name in names) == 1 and not names & {"engine", "blobs", "high-water"}


def test_a_state_is_saved_and_loaded_without_a_region(fresh_region, tmp_path):
    region = fresh_region()
    region.client("sqs").create_queue(QueueName="kept")
    region.stop()
    command(region, "save", tmp_path / "saved", "--data-dir", region.data_dir)
    command(region, "load", tmp_path / "saved", "--data-dir", tmp_path / "elsewhere")
    other = fresh_region(data_dir=tmp_path / "elsewhere")
    assert other.client("sqs").get_queue_url(QueueName="kept")
    assert "another process uses" in command(other, "load", tmp_path / "saved", "--data-dir", other.data_dir, check=False)


def test_a_damaged_or_newer_state_is_refused_and_nothing_is_lost(fresh_region, tmp_path):
    region = fresh_region()
    sqs = region.client("sqs")
    url = sqs.create_queue(QueueName="kept")["QueueUrl"]
    sqs.send_message(QueueUrl=url, MessageBody="kept")
    region.client("s3").create_bucket(Bucket="kept")
    region.client("s3").put_object(Bucket="kept", Key="large", Body=LARGE)
    saved = tmp_path / "saved"
    command(region, "save", saved)
    whole = saved.read_bytes()
    sqs.send_message(QueueUrl=url, MessageBody="since")
    for what, bytes_, complaint in [
        ("a changed byte", whole[:-3000] + bytes([whole[-3000] ^ 1]) + whole[-2999:], "damaged"),
        ("its end is missing", whole[:len(whole) // 2], "ends too early"),
        ("something follows", whole + b"x", "something follows"),
        ("a newer format", whole[:8] + b"\0\0\0\x07" + whole[12:], "format 7"),
        ("another file", b"PK" + whole, "not a saved state"),
        ("nothing", b"", "not a saved state"),
    ]:
        saved.write_bytes(bytes_)
        assert complaint in command(region, "load", saved, check=False), what
        status, answer = post(region, "/_elysium/state/load", data=bytes_)
        assert status == 400 and complaint in answer["message"], what
    assert not list(region.data_dir.glob("state-*"))
    region.restart(kill=True)
    count = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["ApproximateNumberOfMessages"])["Attributes"]
    assert count["ApproximateNumberOfMessages"] == "2"
    assert region.client("s3").get_object(Bucket="kept", Key="large")["Body"].read() == LARGE


def test_one_account_is_emptied_and_others_notice_nothing(fresh_region, eventually):
    region = fresh_region()
    kept = fill(region)
    region_client = region.client
    accounts = {"111111111111": None, "222222222222": None}
    for account in accounts:
        region.client = lambda service, key=account, secret="test", **more: region_client(service, key, secret, **more)
        accounts[account] = fill(region, f"-{account[0]}")
    gone = accounts["222222222222"]
    region.client = region_client
    expected = told(region, kept)
    blobs = sum(path.is_file() for path in (region.data_dir / "blobs").rglob("*"))

    assert "twelve digits" in command(region, "reset", "--account", "2222", check=False)
    command(region, "reset", "--account", "222222222222")
    other = lambda service: region_client(service, "222222222222", "test")
    assert "QueueUrls" not in other("sqs").list_queues()
    assert other("s3").list_buckets()["Buckets"] == []
    assert other("dynamodb").list_tables()["TableNames"] == []
    assert other("lambda").list_functions()["Functions"] == []
    assert other("lambda").list_event_source_mappings()["EventSourceMappings"] == []
    assert other("apigatewayv2").get_apis()["Items"] == []
    assert other("iam").list_users()["Users"] == [] and other("iam").list_roles()["Roles"] == []
    assert other("logs").describe_log_groups()["logGroups"] == []
    key = gone["key"]["AccessKeyId"]
    unknown = region_client("sts", key, gone["key"]["SecretAccessKey"]).get_caller_identity()
    assert unknown["Account"] == "000000000000", "the key is nobody's any more"

    assert told(region, kept) == expected
    eventually(lambda: sum(path.is_file() for path in (region.data_dir / "blobs").rglob("*")) == blobs // 3 * 2, 20)
    # Its names in the partition are free, for itself and for others.
    region_client("s3").create_bucket(Bucket="hall-2")
    fill(region, "-again")
    region.restart(kill=True)
    assert "Contents" not in region_client("s3").list_objects_v2(Bucket="hall-2")
    assert other("s3").list_buckets()["Buckets"] == []
