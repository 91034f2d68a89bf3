#!/usr/bin/env python3
"""Deploys the application, or takes it away again, with nothing but boto3.

Endpoint, region and credentials come from the environment. Every step first looks at what is there, so a
run that was cut off, or a second one, ends in the same state.

    python3 deploy.py [--name NAME] [--visibility-timeout SECONDS]
    python3 deploy.py destroy [--name NAME]
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, Callable, Iterable

from botocore.exceptions import ClientError

import package
from stack import BATCH, BOARD, BOARD_INDEX, DEFAULT_NAME, ENROL, FUNCTIONS, RECEIVES_BEFORE_DEAD, RECITALS_PREFIX
from stack import RENDER, Function, Stack, client

# As AWS advises: six times the timeout of the function that reads the queue.
VISIBILITY_TIMEOUT = 6 * RENDER.timeout_seconds
ROLE_PATIENCE_SECONDS = 30
MAPPING_PATIENCE_SECONDS = 60
LOG_DAYS = 7


def say(text: str) -> None:
    """Progress goes to stderr, the result to stdout."""
    print(text, file=sys.stderr, flush=True)


def code_of(error: ClientError) -> str:
    """The error code without the prefix that SQS's query protocol puts there."""
    return str(error.response["Error"]["Code"]).rsplit(".", 1)[-1]


def answers(codes: Iterable[str], call: Callable[..., Any], **parameters: Any) -> bool:
    """Calls an operation; true if it answers with one of these errors."""
    try:
        call(**parameters)
    except ClientError as error:
        if code_of(error) in codes:
            return True
        raise
    return False


def deploy(stack: Stack, visibility_timeout: int) -> dict[str, str]:
    """Everything, in the order in which one thing needs the other; the addresses to use it by."""
    with tempfile.TemporaryDirectory() as folder:
        say("packing the functions")
        runtimes = package.build(Path(folder))
        packages = {name: (Path(folder) / f"{name}.zip").read_bytes() for name in runtimes}
    say("table, queues, bucket")
    table(stack)
    notices = queue(stack.notices, {})
    recitals = recitals_queue(stack, visibility_timeout)
    bucket(stack)
    environments = {
        ENROL: {"TABLE": stack.table, "BUCKET": stack.bucket},
        BOARD: {"TABLE": stack.table},
        RENDER: {"TABLE": stack.table, "NOTICES_URL": notices},
    }
    for one in FUNCTIONS:
        say(f"function {stack.function(one)}")
        log_group(stack, one)
        role(stack, one)
        function(stack, one, runtimes[one.package], packages[one.package], environments[one])
    bucket_policy(stack)
    say("mapping and API")
    mapping(stack)
    return {"api": api(stack), "bucket": stack.bucket, "table": stack.table, "recitals": recitals, "notices": notices}


def table(stack: Stack) -> None:
    """Students and recordings, with the index that the board reads."""
    dynamodb = client("dynamodb")
    if answers(["ResourceNotFoundException"], dynamodb.describe_table, TableName=stack.table):
        dynamodb.create_table(
            TableName=stack.table, BillingMode="PAY_PER_REQUEST",
            AttributeDefinitions=[{"AttributeName": name, "AttributeType": "S"} for name in ("pk", "sk", "kind", "at")],
            KeySchema=keys("pk", "sk"),
            GlobalSecondaryIndexes=[{
                "IndexName": BOARD_INDEX, "KeySchema": keys("kind", "at"), "Projection": {"ProjectionType": "ALL"}}])
    dynamodb.get_waiter("table_exists").wait(TableName=stack.table, WaiterConfig={"Delay": 1, "MaxAttempts": 60})


def keys(partition: str, sort: str) -> list[dict[str, str]]:
    """A key schema."""
    return [{"AttributeName": partition, "KeyType": "HASH"}, {"AttributeName": sort, "KeyType": "RANGE"}]


def queue(name: str, attributes: dict[str, str]) -> str:
    """A queue with these attributes; its URL."""
    sqs = client("sqs")
    missing = "QueueDoesNotExist", "NonExistentQueue"
    if answers(missing, sqs.get_queue_url, QueueName=name):
        return str(sqs.create_queue(QueueName=name, Attributes=attributes)["QueueUrl"])
    url = str(sqs.get_queue_url(QueueName=name)["QueueUrl"])
    if attributes:
        sqs.set_queue_attributes(QueueUrl=url, Attributes=attributes)
    return url


def recitals_queue(stack: Stack, visibility_timeout: int) -> str:
    """The queue of uploads, its dead letters, and the bucket's right to send to it."""
    queue(stack.dead_recitals, {})
    return queue(stack.recitals, {
        "VisibilityTimeout": str(visibility_timeout),
        "Policy": stack.policy("queue"),
        "RedrivePolicy": json.dumps({
            "deadLetterTargetArn": stack.arn("sqs", stack.dead_recitals), "maxReceiveCount": RECEIVES_BEFORE_DEAD}),
    })


def bucket(stack: Stack) -> None:
    """The bucket, and what it tells of."""
    s3 = client("s3")
    if answers(["404"], s3.head_bucket, Bucket=stack.bucket):
        place = {} if stack.region == "us-east-1" else {
            "CreateBucketConfiguration": {"LocationConstraint": stack.region}}
        s3.create_bucket(Bucket=stack.bucket, **place)
    s3.put_bucket_notification_configuration(Bucket=stack.bucket, NotificationConfiguration={
        "QueueConfigurations": [{
            "Id": "recitals", "QueueArn": stack.arn("sqs", stack.recitals), "Events": ["s3:ObjectCreated:*"],
            "Filter": {"Key": {"FilterRules": [{"Name": "prefix", "Value": RECITALS_PREFIX}]}}}]})


def bucket_policy(stack: Stack) -> None:
    """Names the renderer's role, so it comes after the roles."""
    client("s3").put_bucket_policy(Bucket=stack.bucket, Policy=stack.policy("bucket"))


def log_group(stack: Stack, one: Function) -> None:
    """Made here, so that functions need no right to make groups and logs do not stay for ever."""
    logs, group = client("logs"), stack.log_group(one)
    answers(["ResourceAlreadyExistsException"], logs.create_log_group, logGroupName=group)
    logs.put_retention_policy(logGroupName=group, retentionInDays=LOG_DAYS)


def role(stack: Stack, one: Function) -> None:
    """A role of its own for each function, with what it needs."""
    iam, name, trust = client("iam"), stack.function(one), stack.policy("trust")
    if answers(["NoSuchEntity"], iam.get_role, RoleName=name):
        iam.create_role(RoleName=name, AssumeRolePolicyDocument=trust)
    else:
        iam.update_assume_role_policy(RoleName=name, PolicyDocument=trust)
    iam.put_role_policy(RoleName=name, PolicyName="needs", PolicyDocument=stack.role_policy(one))


def function(stack: Stack, one: Function, runtime: str, code: bytes, environment: dict[str, str]) -> None:
    """A function, with its newest code and settings."""
    functions, name = client("lambda"), stack.function(one)
    settings: dict[str, Any] = {
        "FunctionName": name, "Role": stack.role_arn(one), "Runtime": runtime, "Handler": one.handler,
        "Timeout": one.timeout_seconds, "MemorySize": 256, "Environment": {"Variables": environment},
    }
    settled = {"Delay": 1, "MaxAttempts": 120}
    if answers(["ResourceNotFoundException"], functions.get_function, FunctionName=name):
        with_the_role(lambda: functions.create_function(**settings, Code={"ZipFile": code}))
    else:
        functions.update_function_code(FunctionName=name, ZipFile=code)
        functions.get_waiter("function_updated_v2").wait(FunctionName=name, WaiterConfig=settled)
        with_the_role(lambda: functions.update_function_configuration(**settings))
        functions.get_waiter("function_updated_v2").wait(FunctionName=name, WaiterConfig=settled)
    functions.get_waiter("function_active_v2").wait(FunctionName=name, WaiterConfig=settled)


def with_the_role(call: Callable[[], Any]) -> None:
    """Calls until Lambda has come to know a new role: IAM's changes take seconds to arrive at AWS."""
    end = time.monotonic() + ROLE_PATIENCE_SECONDS
    while True:
        try:
            call()
            return
        except ClientError as error:
            unknown_role = code_of(error) == "InvalidParameterValueException" and "role" in str(error)
            if not unknown_role or time.monotonic() > end:
                raise
        time.sleep(1)


def mapping(stack: Stack) -> None:
    """What carries messages from the queue to the renderer."""
    functions = client("lambda")
    wanted = {"FunctionName": stack.function(RENDER), "EventSourceArn": stack.arn("sqs", stack.recitals)}
    settings = {"BatchSize": BATCH, "FunctionResponseTypes": ["ReportBatchItemFailures"]}
    there = functions.list_event_source_mappings(**wanted)["EventSourceMappings"]
    if there:
        uuid = functions.update_event_source_mapping(UUID=there[0]["UUID"], Enabled=True, **settings)["UUID"]
    else:
        uuid = functions.create_event_source_mapping(**wanted, **settings)["UUID"]
    end = time.monotonic() + MAPPING_PATIENCE_SECONDS
    while (state := functions.get_event_source_mapping(UUID=uuid)["State"]) != "Enabled":
        if time.monotonic() > end:
            raise TimeoutError(f"the event source mapping {uuid} is still {state}")
        time.sleep(0.5)


def api(stack: Stack) -> str:
    """The HTTP API with a route for each of the functions' routes; its address."""
    gateway = client("apigatewayv2")
    found = find_api(stack) or gateway.create_api(Name=stack.name, ProtocolType="HTTP")
    api_id = found["ApiId"]
    integrations = {one["IntegrationUri"]: one["IntegrationId"] for one in everything("get_integrations", api_id)}
    routes = {one["RouteKey"]: one["RouteId"] for one in everything("get_routes", api_id)}
    for one in FUNCTIONS:
        for route in one.routes:
            arn = stack.function_arn(one)
            if arn not in integrations:
                integrations[arn] = gateway.create_integration(
                    ApiId=api_id, IntegrationType="AWS_PROXY", IntegrationUri=arn,
                    PayloadFormatVersion="2.0")["IntegrationId"]
            target = f"integrations/{integrations[arn]}"
            if route in routes:
                gateway.update_route(ApiId=api_id, RouteId=routes[route], Target=target)
            else:
                gateway.create_route(ApiId=api_id, RouteKey=route, Target=target)
            allow_api(stack, one, api_id, route)
    if not any(stage["StageName"] == "$default" for stage in everything("get_stages", api_id)):
        gateway.create_stage(ApiId=api_id, StageName="$default", AutoDeploy=True)
    return str(found["ApiEndpoint"])


def allow_api(stack: Stack, one: Function, api_id: str, route: str) -> None:
    """Lets one route of the API, and nobody else, invoke a function."""
    method, path = route.split(" ")
    answers(
        ["ResourceConflictException"], client("lambda").add_permission,
        FunctionName=stack.function(one), StatementId=f"{api_id}-{one.routes.index(route)}",
        Action="lambda:InvokeFunction", Principal="apigateway.amazonaws.com",
        SourceArn=stack.arn("execute-api", f"{api_id}/*/{method}{path}"))


def find_api(stack: Stack) -> dict[str, Any] | None:
    """The API of that name, if there is one."""
    pages = client("apigatewayv2").get_paginator("get_apis").paginate()
    return next((one for page in pages for one in page["Items"] if one["Name"] == stack.name), None)


def everything(listing: str, api_id: str) -> list[dict[str, Any]]:
    """All items of one of the API's lists."""
    pages = client("apigatewayv2").get_paginator(listing).paginate(ApiId=api_id)
    return [one for page in pages for one in page["Items"]]


def destroy(stack: Stack) -> None:
    """Takes everything away, what was recorded included."""
    functions, iam = client("lambda"), client("iam")
    gone = "ResourceNotFoundException", "NoSuchEntity", "NoSuchBucket", "QueueDoesNotExist", "NonExistentQueue"
    if found := find_api(stack):
        client("apigatewayv2").delete_api(ApiId=found["ApiId"])
    if not answers(gone, functions.get_function, FunctionName=stack.function(RENDER)):
        listed = functions.list_event_source_mappings(FunctionName=stack.function(RENDER))
        for one in listed["EventSourceMappings"]:
            functions.delete_event_source_mapping(UUID=one["UUID"])
    for one in FUNCTIONS:
        name = stack.function(one)
        answers(gone, functions.delete_function, FunctionName=name)
        answers(gone, iam.delete_role_policy, RoleName=name, PolicyName="needs")
        answers(gone, iam.delete_role, RoleName=name)
        answers(gone, client("logs").delete_log_group, logGroupName=stack.log_group(one))
    answers(gone, delete_bucket, stack=stack)
    for name in (stack.recitals, stack.dead_recitals, stack.notices):
        answers(gone, delete_queue, name=name)
    answers(gone, client("dynamodb").delete_table, TableName=stack.table)


def delete_queue(name: str) -> None:
    """Deletes a queue by its name."""
    sqs = client("sqs")
    sqs.delete_queue(QueueUrl=sqs.get_queue_url(QueueName=name)["QueueUrl"])


def delete_bucket(stack: Stack) -> None:
    """Deletes the bucket with all its objects."""
    s3 = client("s3")
    for page in s3.get_paginator("list_objects_v2").paginate(Bucket=stack.bucket):
        objects = [{"Key": one["Key"]} for one in page.get("Contents", ())]
        if objects:
            s3.delete_objects(Bucket=stack.bucket, Delete={"Objects": objects, "Quiet": True})
    s3.delete_bucket(Bucket=stack.bucket)


def main() -> None:
    """Reads the command line."""
    parser = argparse.ArgumentParser(description="Deploys Starred Blocks.")
    parser.add_argument("action", nargs="?", choices=("deploy", "destroy"), default="deploy")
    parser.add_argument("--name", default=DEFAULT_NAME, help="which deployment; several can stand side by side")
    parser.add_argument("--visibility-timeout", type=int, default=VISIBILITY_TIMEOUT, metavar="SECONDS",
                        help="how long a recital waits before a failed rendering is tried again")
    asked = parser.parse_args()
    stack = Stack.here(asked.name)
    if asked.action == "destroy":
        destroy(stack)
    else:
        print(json.dumps(deploy(stack, asked.visibility_timeout), indent=2))


if __name__ == "__main__":
    main()
