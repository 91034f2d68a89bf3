"""Durable functions with AWS's own SDK for Python, unmodified, as its users bring it: with the package."""

import importlib.metadata
import io
import json
import pathlib
import time
import zipfile

import pytest
from botocore.exceptions import ClientError

from test_lambda import create, package

SDK = "aws-durable-execution-sdk-python"

SOURCE = """
    import os, time

    from aws_durable_execution_sdk_python import durable_execution
    from aws_durable_execution_sdk_python.config import CallbackConfig, Duration, InvokeConfig, StepConfig
    from aws_durable_execution_sdk_python.retries import RetryStrategyConfig, create_retry_strategy

    RETRY = StepConfig(retry_strategy=create_retry_strategy(RetryStrategyConfig(
        max_attempts=3, initial_delay=Duration(seconds=1), max_delay=Duration(seconds=1))))
    attempts = {}

    def unsteady(context):
        attempts["n"] = attempts.get("n", 0) + 1
        if attempts["n"] < 3:
            raise RuntimeError("not yet")
        return "third time"

    def steps(event, context):
        first = context.step(lambda _: {"n": event["n"] + 1}, name="add")
        return [first, context.step(unsteady, name="unsteady", config=RETRY)]

    def wait(event, context):
        before = context.step(lambda _: os.getpid(), name="before")
        context.wait(Duration(seconds=event["seconds"]), name="pause")
        return {"before": before, "after": context.step(lambda _: "done", name="after")}

    def callback(event, context):
        waiting = context.create_callback(name="approval", config=CallbackConfig(
            timeout=Duration(seconds=event.get("timeout", 60)),
            heartbeat_timeout=Duration(seconds=event.get("heartbeat", 0))))
        return {"answer": waiting.result()}

    def chained(event, context):
        return {"chained": context.invoke(event["function"], {"n": 20}, name="other")}

    def spread(event, context):
        doubled = context.map([1, 2, 3], lambda child, item, index, items: child.step(lambda _: item * 2), name="map")
        both = context.parallel([lambda child: child.step(lambda _: "a"), lambda child: child.step(lambda _: "b")])
        return {"map": doubled.get_results(), "parallel": both.get_results()}

    def fails(event, context):
        context.step(lambda _: 1, name="fine")
        raise ValueError("on purpose")

    def large(event, context):
        return "x" * (6 * 1024 * 1024 - 20)

    KINDS = dict(steps=steps, wait=wait, callback=callback, chained=chained, spread=spread, fails=fails, large=large)

    @durable_execution
    def handler(event, context):
        return KINDS[event["kind"]](event, context)
"""

PLAIN = """
    def handler(event, context):
        if event.get("fail"):
            raise KeyError("no")
        return {"plain": event["n"] + 1}
"""


def code():
    """The function with the modules of the SDK, as `pip install --target` lays them."""
    content = io.BytesIO(package(app__py=SOURCE))
    with zipfile.ZipFile(content, "a", zipfile.ZIP_DEFLATED) as into:
        for path in importlib.metadata.distribution(SDK).files:
            if ".." not in path.parts and path.suffix != ".pyc":
                into.writestr(str(path), pathlib.Path(path.locate()).read_bytes())
    return content.getvalue()


def durable(region, name, timeout=300, **more):
    create(region, name, code(), Timeout=30, MemorySize=256,
           DurableConfig={"ExecutionTimeout": timeout, "RetentionPeriodInDays": 1}, **more)
    return region.client("lambda", read_timeout=120)


def run(client, name, event, qualifier="$LATEST", **more):
    """The result of an execution that is waited for, its kind of failure, its ARN."""
    answer = client.invoke(FunctionName=name, Qualifier=qualifier, Payload=json.dumps(event), **more)
    return json.loads(answer["Payload"].read()), answer.get("FunctionError"), answer["DurableExecutionArn"]


def begin(client, name, event, **more):
    answer = client.invoke(FunctionName=name, Qualifier="$LATEST", InvocationType="Event",
                           Payload=json.dumps(event), **more)
    assert answer["StatusCode"] == 202
    return answer["DurableExecutionArn"]


def history(client, arn, **more):
    return client.get_durable_execution_history(DurableExecutionArn=arn, **more)["Events"]


def kinds(client, arn):
    return [event["EventType"] for event in history(client, arn)]


def status(client, arn):
    return client.get_durable_execution(DurableExecutionArn=arn)["Status"]


def callback_id(client, arn):
    started = [event["CallbackStartedDetails"] for event in history(client, arn)
               if event["EventType"] == "CallbackStarted"]
    return started and started[0]["CallbackId"]


def test_steps_are_tried_again_until_they_succeed(region, name):
    client = durable(region, name)
    result, failed, arn = run(client, name, {"kind": "steps", "n": 1})
    assert (result, failed) == ([{"n": 2}, "third time"], None)
    told = history(client, arn)
    assert [event["EventId"] for event in told] == list(range(1, len(told) + 1))
    unsteady = [event for event in told if event.get("Name") == "unsteady"]
    assert [event["EventType"] for event in unsteady] == [
        "StepStarted", "StepFailed", "StepStarted", "StepFailed", "StepStarted", "StepSucceeded"]
    # Expected histories of AWS's conformance tests: 3.7.
    retries = [event["StepFailedDetails"]["RetryDetails"] for event in unsteady if "StepFailedDetails" in event]
    assert [retry["CurrentAttempt"] for retry in retries] == [1, 2]
    assert all(retry["NextAttemptDelaySeconds"] >= 1 for retry in retries)
    assert told[0]["EventType"] == "ExecutionStarted"
    assert json.loads(told[0]["ExecutionStartedDetails"]["Input"]["Payload"]) == {"kind": "steps", "n": 1}
    assert told[-1]["EventType"] == "ExecutionSucceeded"
    execution = client.get_durable_execution(DurableExecutionArn=arn)
    assert (execution["Status"], json.loads(execution["Result"])) == ("SUCCEEDED", result)
    assert execution["Version"] == "$LATEST" and execution["EndTimestamp"] >= execution["StartTimestamp"]
    bare = client.get_durable_execution_history(DurableExecutionArn=arn, IncludeExecutionData=False)["Events"]
    assert bare[0]["ExecutionStartedDetails"]["Input"] == {"Truncated": True}
    newest = client.get_durable_execution_history(DurableExecutionArn=arn, ReverseOrder=True, MaxItems=1)
    assert newest["Events"] == told[-1:]
    after = client.get_durable_execution_history(
        DurableExecutionArn=arn, ReverseOrder=True, MaxItems=1, Marker=newest["NextMarker"])
    assert after["Events"] == told[-2:-1]


def test_a_wait_survives_the_end_of_the_region(fresh_region, name, eventually):
    region = fresh_region()
    client = durable(region, name)
    arn = begin(client, name, {"kind": "wait", "seconds": 6}, DurableExecutionName="across")
    eventually(lambda: "InvocationCompleted" in kinds(client, arn), 30)
    region.restart(kill=True)
    client = region.client("lambda")
    assert status(client, arn) == "RUNNING" and kinds(client, arn).count("InvocationCompleted") == 1
    eventually(lambda: status(client, arn) == "SUCCEEDED", 30)
    told = history(client, arn)
    assert [event["EventType"] for event in told] == [
        "ExecutionStarted", "StepStarted", "StepSucceeded", "WaitStarted", "InvocationCompleted", "WaitSucceeded",
        "StepStarted", "StepSucceeded", "InvocationCompleted", "ExecutionSucceeded"]
    began, ended = (next(event["EventTimestamp"] for event in told if event["EventType"] == kind)
                    for kind in ("WaitStarted", "WaitSucceeded"))
    assert 6 <= (ended - began).total_seconds()


def test_a_run_that_dies_with_the_region_is_run_again(fresh_region, name, eventually):
    region = fresh_region()
    client = durable(region, name)
    arn = begin(client, name, {"kind": "callback"})
    region.restart(kill=True)
    client = region.client("lambda")
    waiting = eventually(lambda: callback_id(client, arn), 30)
    client.send_durable_execution_callback_success(CallbackId=waiting, Result=b'"yes"')
    eventually(lambda: status(client, arn) == "SUCCEEDED", 30)


def test_callbacks_are_ended_from_outside(region, name, eventually):
    client = durable(region, name)
    arn = begin(client, name, {"kind": "callback"})
    waiting = eventually(lambda: callback_id(client, arn), 30)
    client.send_durable_execution_callback_heartbeat(CallbackId=waiting)
    client.send_durable_execution_callback_success(CallbackId=waiting, Result=json.dumps("yes").encode())
    eventually(lambda: status(client, arn) == "SUCCEEDED", 30)
    execution = client.get_durable_execution(DurableExecutionArn=arn)
    assert json.loads(execution["Result"]) == {"answer": "\"yes\""} or json.loads(execution["Result"]) == {
        "answer": "yes"}
    with pytest.raises(ClientError) as refused:
        client.send_durable_execution_callback_success(CallbackId=waiting)
    assert refused.value.response["Error"]["Code"] == "CallbackTimeoutException"
    with pytest.raises(ClientError) as refused:
        client.send_durable_execution_callback_heartbeat(CallbackId="QUJD")
    assert refused.value.response["Error"]["Code"] == "InvalidParameterValueException"
    second = begin(client, name, {"kind": "callback", "again": 1})
    waiting = eventually(lambda: callback_id(client, second), 30)
    client.send_durable_execution_callback_failure(
        CallbackId=waiting, Error={"ErrorType": "Rejected", "ErrorMessage": "not approved"})
    eventually(lambda: status(client, second) == "FAILED", 30)
    assert "CallbackFailed" in kinds(client, second)


@pytest.mark.parametrize("bound,error", [("timeout", "Callback.Timeout"), ("heartbeat", "Callback.Heartbeat")])
def test_callbacks_that_nobody_ends_time_out(region, name, eventually, bound, error):
    client = durable(region, name)
    arn = begin(client, name, {"kind": "callback", bound: 1})
    eventually(lambda: status(client, arn) == "FAILED", 30)
    ended = [event for event in history(client, arn) if event["EventType"] == "CallbackTimedOut"]
    # Expected histories of AWS's conformance tests: 4.3, 4.4.
    assert [event["CallbackTimedOutDetails"]["Error"]["Payload"]["ErrorType"] for event in ended] == [error]


def test_other_functions_are_called(region, name):
    client = durable(region, name)
    create(region, f"{name}-plain", PLAIN)
    result, failed, arn = run(client, name, {"kind": "chained", "function": f"{name}-plain"})
    assert (result, failed) == ({"chained": {"plain": 21}}, None)
    started = next(event for event in history(client, arn) if event["EventType"] == "ChainedInvokeStarted")
    assert started["ChainedInvokeStartedDetails"]["FunctionName"] == f"{name}-plain"
    assert "ChainedInvokeSucceeded" in kinds(client, arn)
    event = {"kind": "chained", "function": f"{name}:$LATEST"}
    _, failed, arn = run(client, name, event)
    assert failed == "Unhandled", "the durable function that is called does not know what to do with 20"
    child = next(event["ChainedInvokeStartedDetails"]["DurableExecutionArn"] for event in history(client, arn)
                 if event["EventType"] == "ChainedInvokeStarted")
    assert status(client, child) == "FAILED" and "ChainedInvokeFailed" in kinds(client, arn)
    error, failed, _ = run(client, name, {"kind": "chained", "function": f"{name}-absent"})
    assert failed == "Unhandled" and "Function not found" in error["errorMessage"]


def test_branches_and_maps(region, name):
    client = durable(region, name)
    result, failed, arn = run(client, name, {"kind": "spread"})
    assert (result, failed) == ({"map": [2, 4, 6], "parallel": ["a", "b"]}, None)
    told = kinds(client, arn)
    assert told.count("ContextStarted") == told.count("ContextSucceeded") == 7


def test_failures_are_told(region, name):
    client = durable(region, name)
    error, failed, arn = run(client, name, {"kind": "fails"})
    assert (failed, error["errorType"], error["errorMessage"]) == ("Unhandled", "ValueError", "on purpose")
    execution = client.get_durable_execution(DurableExecutionArn=arn)
    assert (execution["Status"], execution["Error"]["ErrorType"]) == ("FAILED", "ValueError")
    assert kinds(client, arn)[-1] == "ExecutionFailed"


def test_results_beyond_the_size_of_an_answer_are_kept(region, name):
    client = durable(region, name)
    result, failed, _ = run(client, name, {"kind": "large"})
    assert failed is None and len(result) == 6 * 1024 * 1024 - 20


def test_names_stand_for_executions(region, name, eventually):
    client = durable(region, name)
    event = {"kind": "wait", "seconds": 1}
    arn = begin(client, name, event, DurableExecutionName="order-1")
    assert arn.startswith(f"arn:aws:lambda:us-east-1:000000000000:function:{name}:$LATEST/durable-execution/order-1/")
    assert begin(client, name, event, DurableExecutionName="order-1") == arn
    with pytest.raises(ClientError) as refused:
        begin(client, name, {"kind": "steps", "n": 1}, DurableExecutionName="order-1")
    assert refused.value.response["Error"]["Code"] == "DurableExecutionAlreadyStartedException"
    assert refused.value.response["ResponseMetadata"]["HTTPStatusCode"] == 409
    result, _, again = run(client, name, event, DurableExecutionName="order-1")
    assert again == arn and result["after"] == "done", "whoever waits is given the end of the one that runs"
    other = begin(client, name, {"kind": "callback"}, DurableExecutionName="order-2")

    def listed(**more):
        return [one["DurableExecutionArn"] for one in
                client.list_durable_executions_by_function(FunctionName=name, **more)["DurableExecutions"]]

    assert listed() == [arn, other] and listed(ReverseOrder=True) == [other, arn]
    assert listed(DurableExecutionName="order-2") == [other] == listed(Statuses=["RUNNING"])
    assert listed(Statuses=["SUCCEEDED"]) == [arn] and listed(Qualifier="$LATEST", MaxItems=1) == [arn]
    assert listed(StartedAfter=time.time() + 60) == []
    paged = client.get_paginator("list_durable_executions_by_function").paginate(
        FunctionName=name, PaginationConfig={"PageSize": 1})
    assert [one["DurableExecutionArn"] for page in paged for one in page["DurableExecutions"]] == [arn, other]
    client.stop_durable_execution(DurableExecutionArn=other)


def test_executions_are_stopped_and_end_in_time(region, name, eventually):
    client = durable(region, name)
    arn = begin(client, name, {"kind": "wait", "seconds": 600})
    eventually(lambda: "InvocationCompleted" in kinds(client, arn), 30)
    error = {"ErrorType": "Cancelled", "ErrorMessage": "by a test"}
    stopped = client.stop_durable_execution(DurableExecutionArn=arn, Error=error)
    execution = client.get_durable_execution(DurableExecutionArn=arn)
    assert (execution["Status"], execution["Error"]) == ("STOPPED", error)
    assert execution["EndTimestamp"] == stopped["StopTimestamp"]
    assert client.stop_durable_execution(DurableExecutionArn=arn)["StopTimestamp"] == stopped["StopTimestamp"]
    durable(region, f"{name}-late", timeout=3)
    late = begin(client, f"{name}-late", {"kind": "wait", "seconds": 601})
    eventually(lambda: status(client, late) == "TIMED_OUT", 30)
    # A run that was under way may end behind it.
    assert "ExecutionTimedOut" in kinds(client, late)


def test_what_is_refused(region, name):
    client = durable(region, name, timeout=901)
    for more, text in [({}, "You cannot invoke a durable function using an unqualified ARN."),
                       ({"Qualifier": "$LATEST"}, "executionTimeout greater than 15 minutes")]:
        with pytest.raises(ClientError) as refused:
            client.invoke(FunctionName=name, Payload=b"{}", **more)
        assert refused.value.response["Error"]["Code"] == "InvalidParameterValueException"
        assert text in refused.value.response["Error"]["Message"]
    absent = f"arn:aws:lambda:us-east-1:000000000000:function:{name}:$LATEST/durable-execution/a/b"
    with pytest.raises(ClientError) as refused:
        client.get_durable_execution(DurableExecutionArn=absent)
    assert refused.value.response["Error"]["Code"] == "ResourceNotFoundException"
    with pytest.raises(ClientError) as refused:
        client.checkpoint_durable_execution(DurableExecutionArn=absent, CheckpointToken="QUJD")
    # The words by which the SDKs know that another run goes on.
    assert refused.value.response["Error"]["Message"].startswith("Invalid Checkpoint Token")


def test_versions_keep_how_long_their_executions_last(region, name):
    client = durable(region, name, Publish=True)
    told = client.get_function_configuration(FunctionName=name, Qualifier="1")
    assert told["DurableConfig"] == {"ExecutionTimeout": 300, "RetentionPeriodInDays": 1}
    client.get_waiter("function_updated_v2").wait(FunctionName=name)
    client.update_function_configuration(FunctionName=name, DurableConfig={"ExecutionTimeout": 60})
    assert client.get_function(FunctionName=name)["Configuration"]["DurableConfig"]["ExecutionTimeout"] == 60
    assert client.get_function(FunctionName=name, Qualifier="1")["Configuration"]["DurableConfig"] == told[
        "DurableConfig"]
    result, failed, arn = run(client, name, {"kind": "steps", "n": 5}, qualifier="1")
    assert failed is None and f":function:{name}:1/durable-execution/" in arn
    client.delete_function(FunctionName=name)
    with pytest.raises(ClientError) as refused:
        client.get_durable_execution(DurableExecutionArn=arn)
    assert refused.value.response["Error"]["Code"] == "ResourceNotFoundException"


def test_the_role_needs_leave_for_what_executions_call(strict, name):
    """"Security and permissions for Lambda durable functions", Lambda developer guide; AWS's samples of `context.invoke`
    give the role lambda:InvokeFunction."""
    iam = strict.client("iam")
    trust = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "sts:AssumeRole",
                                                     "Principal": {"Service": "lambda.amazonaws.com"}}]}
    role = iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(trust))["Role"]["Arn"]

    def may(*actions):
        statement = {"Effect": "Allow", "Action": actions, "Resource": "*"}
        iam.put_role_policy(RoleName=name, PolicyName="p", PolicyDocument=json.dumps(
            {"Version": "2012-10-17", "Statement": [statement]}))

    own = ("lambda:CheckpointDurableExecution", "lambda:GetDurableExecutionState")
    may(*own)
    client = durable(strict, name, Role=role)
    create(strict, f"{name}-plain", PLAIN, Role=role)
    event = {"kind": "chained", "function": f"{name}-plain"}
    refused, failed, _ = run(client, name, event)
    assert failed and "lambda:InvokeFunction" in refused["errorMessage"]
    may(*own, "lambda:InvokeFunction")
    answer, failed, _ = run(client, name, event)
    assert failed is None and answer == {"chained": {"plain": 21}}
