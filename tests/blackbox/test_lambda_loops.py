"""Loops of invocations: AWS stops a function that was run sixteen times for what it caused itself, by the tracing
header that SDKs send on from within it (Lambda developer guide, "Recursive loop detection")."""

import json

import pytest
from botocore.exceptions import ClientError
from test_lambda import create, invoke

#: Each run says which it is and causes the next; so that nothing runs for ever where no loop is seen, not without end.
FUNCTION = """
    import boto3, os

    def go_on(number):
        print("run", number)
        return number < 30 and cause(boto3.client(os.environ["BY"]), os.environ["PLACE"], str(number + 1))
"""
CAUSES = {
    "sqs": """
    def cause(client, place, text):
        client.send_message(QueueUrl=place, MessageBody=text)

    def handler(event, context):
        return [go_on(int(record["body"])) for record in event["Records"]]
    """,
    "sns": """
    def cause(client, place, text):
        client.publish(TopicArn=place, Message=text)

    def handler(event, context):
        return go_on(int(event["Records"][0]["Sns"]["Message"]))
    """,
    "s3": """
    def cause(client, place, text):
        client.put_object(Bucket=place, Key=text, Body=b"")

    def handler(event, context):
        return go_on(int(event["Records"][0]["s3"]["object"]["key"]))
    """,
    "lambda": """
    def cause(client, place, text):
        client.invoke(FunctionName=place, InvocationType="Event", Payload=text)

    def handler(event, context):
        return go_on(event)
    """,
}


def looping(region, name, by, place, **more):
    variables = {"Variables": {"BY": by, "PLACE": place}}
    create(region, name, FUNCTION + CAUSES[by], Environment=variables, Timeout=10, **more)
    return f"arn:aws:lambda:us-east-1:000000000000:function:{name}"


def queue(region, name, **attributes):
    url = region.client("sqs").create_queue(QueueName=name, Attributes=attributes)["QueueUrl"]
    return url, f"arn:aws:sqs:us-east-1:000000000000:{name}"


def last(region, url, eventually):
    """What comes to a queue where what is stopped ends."""
    sqs = region.client("sqs")
    return eventually(lambda: sqs.receive_message(QueueUrl=url, WaitTimeSeconds=1).get("Messages"), 60)[0]["Body"]


def test_a_loop_through_a_queue_ends_in_its_dead_letter_queue(region, name, eventually):
    dead, dead_arn = queue(region, f"{name}-dead")
    policy = json.dumps({"deadLetterTargetArn": dead_arn, "maxReceiveCount": 1})
    url, arn = queue(region, name, VisibilityTimeout="10", RedrivePolicy=policy)
    looping(region, name, "sqs", url)
    region.client("lambda").create_event_source_mapping(FunctionName=name, EventSourceArn=arn, BatchSize=1)
    region.client("sqs").send_message(QueueUrl=url, MessageBody="1")
    assert last(region, dead, eventually) == "17"


def test_a_loop_through_a_topic_ends_in_the_destination_of_failures(region, name, eventually):
    failed, failed_arn = queue(region, f"{name}-failed")
    sns, lambda_ = region.client("sns"), region.client("lambda")
    topic = sns.create_topic(Name=name)["TopicArn"]
    function = looping(region, name, "sns", topic)
    lambda_.put_function_event_invoke_config(FunctionName=name, DestinationConfig={
        "OnFailure": {"Destination": failed_arn}})
    lambda_.add_permission(FunctionName=name, StatementId="sns", Action="lambda:InvokeFunction",
                           Principal="sns.amazonaws.com", SourceArn=topic)
    sns.subscribe(TopicArn=topic, Protocol="lambda", Endpoint=function)
    sns.publish(TopicArn=topic, Message="1")
    told = json.loads(last(region, failed, eventually))
    assert told["requestContext"]["approximateInvokeCount"] == 0, "it was not run"
    assert told["requestPayload"]["Records"][0]["Sns"]["Message"] == "17"


def test_a_loop_through_a_bucket_ends_in_the_dead_letter_of_the_function(region, name, eventually):
    dead, dead_arn = queue(region, f"{name}-dead")
    s3 = region.client("s3")
    s3.create_bucket(Bucket=name)
    function = looping(region, name, "s3", name, DeadLetterConfig={"TargetArn": dead_arn})
    region.client("lambda").add_permission(FunctionName=name, StatementId="s3", Action="lambda:InvokeFunction",
                                           Principal="s3.amazonaws.com", SourceArn=f"arn:aws:s3:::{name}")
    s3.put_bucket_notification_configuration(Bucket=name, NotificationConfiguration={
        "LambdaFunctionConfigurations": [{"LambdaFunctionArn": function, "Events": ["s3:ObjectCreated:*"]}]})
    s3.put_object(Bucket=name, Key="1", Body=b"")
    assert json.loads(last(region, dead, eventually))["Records"][0]["s3"]["object"]["key"] == "17"


def test_a_function_that_calls_itself_is_stopped_unless_it_may(region, name, eventually):
    dead, dead_arn = queue(region, f"{name}-dead")
    looping(region, name, "lambda", name, DeadLetterConfig={"TargetArn": dead_arn})
    lambda_ = region.client("lambda")
    lambda_.invoke(FunctionName=name, InvocationType="Event", Payload=b"1")
    assert last(region, dead, eventually) == "17"
    lambda_.put_function_recursion_config(FunctionName=name, RecursiveLoop="Allow")
    answers, answers_arn = queue(region, f"{name}-answers")
    lambda_.put_function_event_invoke_config(FunctionName=name, DestinationConfig={
        "OnSuccess": {"Destination": answers_arn}})
    lambda_.invoke(FunctionName=name, InvocationType="Event", Payload=b"1")
    seen = []
    while 30 not in seen:
        seen.append(json.loads(last(region, answers, eventually))["requestPayload"])


def test_a_caller_that_waits_is_told(region, name):
    create(region, name, """
        import boto3, json

        client = boto3.client("lambda")

        def handler(event, context):
            if event["depth"] > 30:
                return "no end"
            try:
                deeper = json.dumps({"depth": event["depth"] + 1})
                answer = client.invoke(FunctionName=context.function_name, Payload=deeper)
                return json.load(answer["Payload"])
            except client.exceptions.RecursiveInvocationException as error:
                return [event["depth"], error.response["ResponseMetadata"]["HTTPStatusCode"]]
    """, Timeout=60)
    assert invoke(region, name, {"depth": 1}) == ([16, 400], None)


@pytest.mark.parametrize("header,stopped", [
    ("Root=1-5;Lineage=16:{digest}:16", True), ("Root=1-5;Lineage=25:c512fbe3:25", False)])
def test_the_header_says_who_ran(region, name, header, stopped):
    """It is read as it came: the digest of the function is learned from the header that it gets."""
    create(region, name, "import os\ndef handler(event, context):\n    return os.environ['_X_AMZN_TRACE_ID']\n")
    own, _ = invoke(region, name)
    digest = own.rpartition("Lineage=1:")[2].removesuffix(":1")
    assert len(digest) == 8 and own.startswith("Root=1-")
    client = region.client("lambda")
    client.meta.events.register("before-sign.lambda.Invoke", lambda request, **_: request.headers.__setitem__(
        "X-Amzn-Trace-Id", header.format(digest=digest)))
    if stopped:
        with pytest.raises(ClientError) as refused:
            client.invoke(FunctionName=name)
        assert refused.value.response["Error"]["Code"] == "RecursiveInvocationException"
    else:
        got = json.load(client.invoke(FunctionName=name)["Payload"])
        assert got.startswith("Root=1-5;") and got.endswith(f"Lineage=26:c512fbe3:25|{digest}:1")
