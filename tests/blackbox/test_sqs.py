"""SQS from outside: both protocols, FIFO order through a kill, the page of messages, tasks that move dead letters."""

import concurrent.futures
import hashlib
import json
import threading
import time
import urllib.parse
import urllib.request
import xml.etree.ElementTree as ElementTree

import pytest
from botocore.exceptions import ClientError
from support.client import Client

NAMESPACE = {"q": "http://queue.amazonaws.com/doc/2012-11-05/"}


def query(region, action, path="/", **parameters):
    """A request as SDKs made them before 2023: a signed form. The status and the answer's XML."""
    client = Client(region.port)
    body = urllib.parse.urlencode({"Action": action, "Version": "2012-11-05", **parameters}).encode()
    try:
        status, _, answer = client.request("sqs", "POST", path, (), {
            "content-type": "application/x-www-form-urlencoded; charset=utf-8"}, body)
    finally:
        client.close()
    return status, ElementTree.fromstring(answer)


def text(element, name):
    return element.findtext(f".//q:{name}", namespaces=NAMESPACE)


def make(region, name, **attributes):
    return region.client("sqs").create_queue(QueueName=name, Attributes=attributes)["QueueUrl"]


def test_the_query_protocol(region, name):
    status, made = query(region, "CreateQueue", QueueName=name, **{
        "Attribute.1.Name": "VisibilityTimeout", "Attribute.1.Value": "40"})
    url = text(made, "QueueUrl")
    assert status == 200 and url == f"{region.endpoint}/000000000000/{name}"
    path = urllib.parse.urlparse(url).path
    _, sent = query(region, "SendMessage", path, MessageBody="häll <o>", **{
        "MessageAttribute.1.Name": "colour", "MessageAttribute.1.Value.DataType": "String",
        "MessageAttribute.1.Value.StringValue": "red"})
    assert text(sent, "MD5OfMessageBody") == hashlib.md5("häll <o>".encode()).hexdigest()
    # The newer protocol sees what the older has sent, with digests that boto3 checks.
    sqs = region.client("sqs")
    [message] = sqs.receive_message(QueueUrl=url, MessageAttributeNames=["All"], VisibilityTimeout=0)["Messages"]
    assert message["Body"] == "häll <o>" and message["MD5OfMessageAttributes"] == text(sent, "MD5OfMessageAttributes")
    _, received = query(region, "ReceiveMessage", path, **{"AttributeName.1": "All"})
    assert text(received, "Body") == "häll <o>"
    _, described = query(region, "GetQueueAttributes", path, **{"AttributeName.1": "VisibilityTimeout"})
    assert text(described, "Value") == "40"
    status, _ = query(region, "DeleteMessage", path, ReceiptHandle=text(received, "ReceiptHandle"))
    assert status == 200
    status, refused = query(region, "SendMessage", "/000000000000/none", MessageBody="m")
    assert status == 400 and text(refused, "Code") == "AWS.SimpleQueueService.NonExistentQueue"
    assert text(refused, "Type") == "Sender"


def test_errors_name_the_older_code(region):
    with pytest.raises(ClientError) as refused:
        region.client("sqs").get_queue_url(QueueName="none")
    response = refused.value.response
    assert response["Error"]["Code"] == "AWS.SimpleQueueService.NonExistentQueue"
    assert response["Error"]["QueryErrorCode"] == "QueueDoesNotExist"


def test_a_queue_is_reached_by_every_form_of_its_url(region, name):
    sqs = region.client("sqs")
    make(region, name)
    forms = [f"http://sqs.us-east-1.localhost.localstack.cloud:{region.port}/000000000000/{name}",
             f"http://us-east-1.queue.localhost.localstack.cloud:{region.port}/000000000000/{name}",
             f"{region.endpoint}/queue/us-east-1/000000000000/{name}",
             f"{region.endpoint}/000000000000/{name}"]
    for number, url in enumerate(forms):
        sqs.send_message(QueueUrl=url, MessageBody=str(number))
    messages = sqs.receive_message(QueueUrl=forms[0], MaxNumberOfMessages=10)["Messages"]
    assert sorted(message["Body"] for message in messages) == ["0", "1", "2", "3"]


@pytest.mark.parametrize("form, expect", [
    ("standard", "http://sqs.us-east-1.localhost.localstack.cloud:{}/000000000000/q"),
    ("domain", "http://us-east-1.queue.localhost.localstack.cloud:{}/000000000000/q"),
    ("path", "http://127.0.0.1:{}/queue/us-east-1/000000000000/q"),
    ("dynamic", "http://127.0.0.1:{}/queue/us-east-1/000000000000/q")])
def test_urls_are_told_in_the_form_that_was_asked_for(fresh_region, form, expect):
    region = fresh_region("--sqs-urls", form)
    sqs = region.client("sqs")
    url = sqs.create_queue(QueueName="q")["QueueUrl"]
    assert url == expect.format(region.port)
    sqs.send_message(QueueUrl=url, MessageBody="m")
    assert [m["Body"] for m in sqs.receive_message(QueueUrl=url)["Messages"]] == ["m"]
    path = "/" + url.split("/", 3)[3]
    status, answer = query(region, "GetQueueAttributes", path, **{"AttributeName.1": "QueueArn"})
    assert (status, text(answer, "Value")) == (200, "arn:aws:sqs:us-east-1:000000000000:q")


def test_a_fifo_receipt_ends_with_its_time(region, name):
    sqs, url = region.client("sqs"), make(region, f"{name}.fifo", FifoQueue="true", ContentBasedDeduplication="true")
    sqs.send_message(QueueUrl=url, MessageBody="m", MessageGroupId="g")
    [message] = sqs.receive_message(QueueUrl=url, VisibilityTimeout=0)["Messages"]
    with pytest.raises(ClientError, match="The receipt handle has expired"):
        sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
    [again] = sqs.receive_message(QueueUrl=url)["Messages"]
    sqs.delete_message(QueueUrl=url, ReceiptHandle=again["ReceiptHandle"])
    with pytest.raises(ClientError, match="does not exist or is not available"):
        sqs.change_message_visibility(QueueUrl=url, ReceiptHandle=again["ReceiptHandle"], VisibilityTimeout=1)


def test_a_message_of_a_mebibyte(region, name):
    sqs, url = region.client("sqs"), make(region, name)
    body = "x" * 1_048_576
    sqs.send_message(QueueUrl=url, MessageBody=body)
    assert sqs.receive_message(QueueUrl=url)["Messages"][0]["Body"] == body
    with pytest.raises(ClientError) as refused:
        sqs.send_message(QueueUrl=url, MessageBody=body + "x")
    assert refused.value.response["Error"]["Code"] == "InvalidParameterValue"


def test_a_trace_travels(region, name):
    sqs, url = region.client("sqs"), make(region, name)
    header = "Root=1-5759e988-bd862e3fe1be46a994272793;Sampled=1"
    sqs.send_message(QueueUrl=url, MessageBody="m", MessageSystemAttributes={
        "AWSTraceHeader": {"DataType": "String", "StringValue": header}})
    [message] = sqs.receive_message(QueueUrl=url, MessageSystemAttributeNames=["AWSTraceHeader"])["Messages"]
    assert message["Attributes"] == {"AWSTraceHeader": header}


def test_peeking_leaves_messages_where_they_are(region, name):
    sqs, url = region.client("sqs"), make(region, name)
    sqs.send_message(QueueUrl=url, MessageBody="seen")

    def peek(**parameters):
        target = f"{region.endpoint}/_aws/sqs/messages?{urllib.parse.urlencode({'QueueUrl': url, **parameters})}"
        request = urllib.request.Request(target, headers={"Accept": "application/json"})
        with urllib.request.urlopen(request, timeout=10) as answer:
            found = json.load(answer)["ReceiveMessageResponse"]["ReceiveMessageResult"]["Message"]
            # One element is no list, as in LocalStack's answers.
            return found if isinstance(found, list) else [found]

    assert [message["Body"] for message in peek()] == ["seen"]
    assert sqs.receive_message(QueueUrl=url)["Messages"][0]["Body"] == "seen"
    assert peek() == [] and len(peek(ShowInvisible="true")) == 1


def test_dead_letters_are_moved_back(region, name, eventually):
    sqs = region.client("sqs")
    grave = make(region, f"{name}-grave")
    arn = sqs.get_queue_attributes(QueueUrl=grave, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    source = make(region, name, RedrivePolicy=json.dumps({"deadLetterTargetArn": arn, "maxReceiveCount": 1}))
    for number in range(120):
        sqs.send_message(QueueUrl=source, MessageBody=str(number))
    while sqs.receive_message(QueueUrl=source, MaxNumberOfMessages=10, VisibilityTimeout=0).get("Messages"):
        pass
    counted = sqs.get_queue_attributes(QueueUrl=grave, AttributeNames=["ApproximateNumberOfMessages"])
    assert counted["Attributes"]["ApproximateNumberOfMessages"] == "120"
    sqs.start_message_move_task(SourceArn=arn)
    task = eventually(lambda: [task for task in sqs.list_message_move_tasks(SourceArn=arn)["Results"]
                               if task["Status"] == "COMPLETED"])[0]
    assert task["ApproximateNumberOfMessagesMoved"] == 120
    counted = sqs.get_queue_attributes(QueueUrl=source, AttributeNames=["ApproximateNumberOfMessages"])
    assert counted["Attributes"]["ApproximateNumberOfMessages"] == "120"


def test_groups_keep_their_order_under_many_consumers(region, name):
    """Eight consumers at once: within a group each message comes after the one before it was deleted."""
    url = make(region, f"{name}.fifo", FifoQueue="true")
    groups, each = 4, 20
    sender = region.client("sqs")
    for number in range(each):
        for group in range(groups):
            sender.send_message(QueueUrl=url, MessageBody=str(number), MessageGroupId=str(group),
                                MessageDeduplicationId=f"{group}-{number}")
    seen, lock, end = {str(group): [] for group in range(groups)}, threading.Lock(), time.monotonic() + 60

    def consume(_):
        sqs = region.client("sqs")
        while time.monotonic() < end and sum(map(len, seen.values())) < groups * each:
            answer = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=3, WaitTimeSeconds=1, VisibilityTimeout=60,
                                         AttributeNames=["MessageGroupId"])
            for message in answer.get("Messages", []):
                with lock:
                    seen[message["Attributes"]["MessageGroupId"]].append(int(message["Body"]))
                sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])

    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        list(pool.map(consume, range(8)))
    assert all(numbers == list(range(each)) for numbers in seen.values()), seen


def test_a_noisy_tenant_waits_behind_the_others(fresh_region):
    """SQS Developer Guide, "How Amazon SQS fair queues work": thirty in flight, and more than a tenth of all."""
    region = fresh_region()
    url, sqs = make(region, "shared"), region.client("sqs")

    def send(tenant, count):
        for begin in range(0, count, 10):
            entries = [{"Id": str(number), "MessageBody": tenant, "MessageGroupId": tenant}
                       for number in range(begin, min(begin + 10, count))]
            sqs.send_message_batch(QueueUrl=url, Entries=entries)

    def receive(region):
        messages = region.client("sqs").receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages", [])
        return [message["Body"] for message in messages]

    send("noisy", 50)
    send("quiet", 2)
    assert receive(region) + receive(region) + receive(region) == ["noisy"] * 30
    region.restart(kill=True)
    assert receive(region) == ["quiet"] * 2 + ["noisy"] * 8


def test_order_and_duplicates_survive_a_kill(fresh_region):
    region = fresh_region()
    url = make(region, "durable.fifo", FifoQueue="true", ContentBasedDeduplication="true")
    sqs = region.client("sqs")
    sent = [sqs.send_message(QueueUrl=url, MessageBody=str(number), MessageGroupId="g") for number in range(10)]
    region.kill()
    region.start()
    again = sqs.send_message(QueueUrl=url, MessageBody="3", MessageGroupId="g")
    assert again["MessageId"] == sent[3]["MessageId"]
    later = sqs.send_message(QueueUrl=url, MessageBody="10", MessageGroupId="g")
    assert later["SequenceNumber"] > sent[-1]["SequenceNumber"]
    bodies = []
    while messages := sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages"):
        for message in messages:
            bodies.append(int(message["Body"]))
            sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
    assert bodies == list(range(11))


def test_query_is_answered_in_json_to_who_likes_it_best(region, name):
    """As API Gateway's integrations are answered (outputs in aws-samples' serverless-patterns), and as LocalStack's
    test_get_queue_attributes_json_format and test_get_list_queues_fails_json_format recorded it on AWS."""
    url = region.client("sqs").create_queue(QueueName=name)["QueueUrl"]

    def ask(place, accept="application/json", **parameters):
        query = urllib.parse.urlencode({"Version": "2012-11-05", **parameters})
        request = urllib.request.Request(f"{place}?{query}", headers={"Accept": accept})
        try:
            with urllib.request.urlopen(request, timeout=10) as answer:
                return answer.headers["Content-Type"], answer.read()
        except urllib.error.HTTPError as error:
            return error.headers["Content-Type"], error.read()

    kind, body = ask(url, Action="SendMessage", MessageBody="la <la>")
    sent = json.loads(body)["SendMessageResponse"]
    assert kind == "application/json" and sent["ResponseMetadata"]["RequestId"]
    assert sent["SendMessageResult"]["MD5OfMessageAttributes"] is None and sent["SendMessageResult"]["MessageId"]
    _, body = ask(url, Action="ReceiveMessage")
    (message,) = json.loads(body)["ReceiveMessageResponse"]["ReceiveMessageResult"]["messages"]
    assert message["Body"] == "la <la>"
    _, body = ask(url, **{"Action": "GetQueueAttributes", "AttributeName.1": "QueueArn"})
    attributes = json.loads(body)["GetQueueAttributesResponse"]["GetQueueAttributesResult"]["Attributes"]
    assert [one["Name"] for one in attributes] == ["QueueArn"] and attributes[0]["Value"].endswith(f":{name}")
    _, body = ask(region.endpoint, Action="GetCallerIdentity", Version="2011-06-15")
    assert json.loads(body)["GetCallerIdentityResponse"]["GetCallerIdentityResult"]["Account"]
    kind, body = ask(url, Action="ListQueues")
    error = json.loads(body)["Error"]
    assert kind == "application/json" and error["Code"] == "InvalidAction" and error["Type"] == "Sender"
    assert ask(url, "*/*", Action="ReceiveMessage")[1].startswith(b"<ReceiveMessageResponse")
