"""SQS and SNS through the SDK of before 2023-11, which speaks the query protocol: botocore 1.29, in a process of its own.

It is had by pip, once, into a folder of the interpreter's environment; where that does not work the tests are skipped.
"""

import json
import pathlib
import subprocess
import sys
import textwrap

import pytest

OLDER = "botocore==1.29.165"


@pytest.fixture(scope="session")
def older_sdk():
    """The folder with the older SDK."""
    folder = pathlib.Path(sys.prefix) / "older-sdk"
    if not (folder / "botocore").is_dir():
        command = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--target",
                   str(folder), OLDER]
        try:
            done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=120)
        except subprocess.TimeoutExpired:
            pytest.skip(f"{OLDER} is not to be had within two minutes")
        if done.returncode != 0:
            pytest.skip(f"{OLDER} is not to be had: {done.stderr.strip()[-200:]}")
    return folder


def run(region, folder, body):
    """What a program answers, as JSON, that has the clients `sqs` and `sns` of the older SDK."""
    program = textwrap.dedent("""
        import json, os, sys
        sys.path.insert(0, sys.argv[1])
        import botocore, botocore.session
        from botocore.exceptions import ClientError
        assert botocore.__version__.startswith("1.29."), botocore.__version__
        session = botocore.session.Session()
        def client(service):
            return session.create_client(service, endpoint_url=os.environ["AWS_ENDPOINT_URL"])
        sqs, sns = client("sqs"), client("sns")
        assert sqs.meta.service_model.protocol == "query"
    """) + textwrap.dedent(body)
    done = subprocess.run([sys.executable, "-c", program, str(folder)], env=region.environment(), timeout=60,
                          stdin=subprocess.DEVNULL, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_a_queue_from_its_making_to_its_end(region, older_sdk, name):
    answer = run(region, older_sdk, f"""
        url = sqs.create_queue(QueueName={name!r}, Attributes={{"VisibilityTimeout": "40"}},
                               tags={{"school": "bards"}})["QueueUrl"]
        sqs.tag_queue(QueueUrl=url, Tags={{"year": "1"}})
        sqs.untag_queue(QueueUrl=url, TagKeys=["school"])
        sqs.send_message_batch(QueueUrl=url, Entries=[
            {{"Id": str(n), "MessageBody": "m%d <&>" % n,
              "MessageAttributes": {{"n": {{"DataType": "Number", "StringValue": str(n)}}}}}} for n in range(3)])
        messages = []
        while len(messages) < 3:
            messages += sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10, MessageAttributeNames=["All"],
                                            AttributeNames=["All"], WaitTimeSeconds=5)["Messages"]
        attributes = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
        sqs.change_message_visibility(QueueUrl=url, ReceiptHandle=messages[0]["ReceiptHandle"], VisibilityTimeout=9)
        deleted = sqs.delete_message_batch(QueueUrl=url, Entries=[
            {{"Id": str(at), "ReceiptHandle": one["ReceiptHandle"]}} for at, one in enumerate(messages)])
        tags, listed = sqs.list_queue_tags(QueueUrl=url)["Tags"], sqs.list_queues(QueueNamePrefix={name!r})
        sqs.delete_queue(QueueUrl=url)
        try:
            sqs.send_message(QueueUrl=url, MessageBody="too late")
        except ClientError as error:
            refused = error.response["Error"]["Code"]
        print(json.dumps([url, sorted(one["Body"] for one in messages), attributes["VisibilityTimeout"],
                          len(deleted["Successful"]), tags, listed["QueueUrls"], refused]))
    """)
    url, bodies, timeout, deleted, tags, listed, refused = answer
    assert (bodies, timeout, deleted) == (["m0 <&>", "m1 <&>", "m2 <&>"], "40", 3)
    assert (tags, listed, refused) == ({"year": "1"}, [url], "AWS.SimpleQueueService.NonExistentQueue")


def test_a_topic_reaches_a_queue(region, older_sdk, name):
    body, batch = run(region, older_sdk, f"""
        url = sqs.create_queue(QueueName={name!r})["QueueUrl"]
        arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
        topic = sns.create_topic(Name={name!r})["TopicArn"]
        sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn, Attributes={{"RawMessageDelivery": "true"}})
        batch = sns.publish_batch(TopicArn=topic, PublishBatchRequestEntries=[{{"Id": "a", "Message": "news"}}])
        [message] = sqs.receive_message(QueueUrl=url, WaitTimeSeconds=10)["Messages"]
        print(json.dumps([message["Body"], [one["Id"] for one in batch["Successful"]]]))
    """)
    assert (body, batch) == ("news", ["a"])
