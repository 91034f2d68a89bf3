"""SNS from outside: what subscribers get, over queues and HTTP; what is signed is verified as consumers do it."""

import base64
import http.server
import json
import threading
import time
import urllib.parse
import urllib.request

import pytest
import rsa
from botocore.exceptions import ClientError
from pyasn1.codec.der import decoder


class Listener:
    """An HTTP endpoint that keeps what it is sent, and answers with the next of `answers`, else 200."""

    def __init__(self, answers=()):
        self.received, self.answers = [], list(answers)
        listener = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers.get("Content-Length", 0))).decode()
                listener.received.append(({name.lower(): value for name, value in self.headers.items()}, body))
                status = listener.answers.pop(0) if listener.answers else 200
                self.send_response(status)
                if status == 401:
                    self.send_header("WWW-Authenticate", 'Basic realm="inbox"')
                if status in (301, 302, 307, 308):
                    self.send_header("Location", f"{listener.url}/elsewhere")
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/inbox"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def of_kind(self, kind):
        return [json.loads(body) for headers, body in self.received if headers["x-amz-sns-message-type"] == kind]

    def close(self):
        self.server.shutdown()
        self.server.server_close()


@pytest.fixture
def listen():
    made = []

    def make(*answers):
        made.append(Listener(answers))
        return made[-1]

    yield make
    for one in made:
        one.close()


def public_key(certificate):
    """The key of a certificate in PEM."""
    lines = [line for line in certificate.splitlines() if "CERTIFICATE" not in line]
    whole, _ = decoder.decode(base64.b64decode("".join(lines)))
    bits = whole[0][6][1].asOctets()
    return rsa.PublicKey.load_pkcs1(bits, format="DER")


def verify(message):
    """Verifies a message as the developer guide says; the name of the digest that was signed."""
    names = ["Message", "MessageId", "Subject", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type"]
    if message["Type"] == "Notification":
        names = [name for name in names if name not in ("SubscribeURL", "Token")]
    text = "".join(f"{name}\n{message[name]}\n" for name in names if name in message)
    with urllib.request.urlopen(message["SigningCertURL"], timeout=10) as answer:
        certificate = answer.read().decode()
    return rsa.verify(text.encode(), base64.b64decode(message["Signature"]), public_key(certificate))


def queue(region, name, **attributes):
    sqs = region.client("sqs")
    url = sqs.create_queue(QueueName=name, Attributes=attributes)["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    return url, arn


def receive(region, url, count=1, seconds=20):
    """So many messages of a queue, deleted."""
    sqs, messages, end = region.client("sqs"), [], time.monotonic() + seconds
    while len(messages) < count and time.monotonic() < end:
        for message in sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10, WaitTimeSeconds=2,
                                           MessageAttributeNames=["All"], AttributeNames=["All"]).get("Messages", []):
            messages.append(message)
            sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
    return messages


def test_queue_gets_envelope_and_raw(region, name):
    sns = region.client("sns")
    topic = sns.create_topic(Name=name)["TopicArn"]
    (wrapped, wrapped_arn), (raw, raw_arn) = queue(region, f"{name}-w"), queue(region, f"{name}-r")
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=wrapped_arn)
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=raw_arn, Attributes={"RawMessageDelivery": "true"})
    attributes = {"colour": {"DataType": "String", "StringValue": "red"},
                  "bytes": {"DataType": "Binary", "BinaryValue": b"\x01\x02"},
                  "size": {"DataType": "Number", "StringValue": "12"}}
    sent = sns.publish(TopicArn=topic, Subject="Recital", Message="héllo", MessageAttributes=attributes)
    [message] = receive(region, wrapped)
    body = json.loads(message["Body"])
    assert (body["Type"], body["MessageId"], body["TopicArn"]) == ("Notification", sent["MessageId"], topic)
    assert (body["Subject"], body["Message"]) == ("Recital", "héllo")
    assert body["MessageAttributes"]["bytes"] == {"Type": "Binary", "Value": "AQI="}
    assert body["UnsubscribeURL"].startswith(f"{region.endpoint}/?Action=Unsubscribe&SubscriptionArn={topic}:")
    assert verify(body) == "SHA-1"
    # boto3 checks the MD5 of body and attributes itself.
    [message] = receive(region, raw)
    assert message["Body"] == "héllo"
    assert message["MessageAttributes"]["bytes"] == {"BinaryValue": b"\x01\x02", "DataType": "Binary"}
    assert message["MessageAttributes"]["size"] == {"StringValue": "12", "DataType": "Number"}


def test_http_handshake_signature_and_end(region, name, listen, eventually):
    sns, listener = region.client("sns"), listen()
    topic = sns.create_topic(Name=name, Attributes={"SignatureVersion": "2"})["TopicArn"]
    answer = sns.subscribe(TopicArn=topic, Protocol="http", Endpoint=listener.url)
    assert answer["SubscriptionArn"] == "pending confirmation"
    [asked] = eventually(lambda: listener.of_kind("SubscriptionConfirmation"))
    assert verify(asked) == "SHA-256"
    sns.publish(TopicArn=topic, Message="too early")
    with urllib.request.urlopen(asked["SubscribeURL"], timeout=10) as confirmed:
        assert b"<SubscriptionArn>" in confirmed.read()
    sns.publish(TopicArn=topic, Message="in time", Subject="s")
    [notified] = eventually(lambda: listener.of_kind("Notification"))
    assert notified["Message"] == "in time" and verify(notified) == "SHA-256"
    tampered = {**notified, "Message": "other"}
    with pytest.raises(rsa.VerificationError):
        verify(tampered)
    headers = [headers for headers, _ in listener.received][-1]
    assert headers["user-agent"] == "Amazon Simple Notification Service Agent"
    assert headers["x-amz-sns-topic-arn"] == topic and headers["x-amz-sns-subscription-arn"].startswith(topic)
    with urllib.request.urlopen(notified["UnsubscribeURL"], timeout=10) as ended:
        assert ended.status == 200
    assert sns.list_subscriptions_by_topic(TopicArn=topic)["Subscriptions"] == []
    [left] = eventually(lambda: listener.of_kind("UnsubscribeConfirmation"))
    assert verify(left) == "SHA-256" and "deactivate subscription" in left["Message"]
    with urllib.request.urlopen(left["SubscribeURL"], timeout=10) as back:
        assert back.status == 200
    assert len(sns.list_subscriptions_by_topic(TopicArn=topic)["Subscriptions"]) == 1


def test_an_endpoint_that_asks_for_a_password_gets_it(region, name, listen, eventually):
    """The developer guide, "Fanout Amazon SNS notifications to HTTPS endpoints": the URL's, when a 401 asks for them."""
    sns, listener = region.client("sns"), listen(401)
    topic = sns.create_topic(Name=name)["TopicArn"]
    sns.subscribe(TopicArn=topic, Protocol="http", Endpoint=listener.url.replace("://", "://ariane:la%20la@"))
    first, second = eventually(lambda: len(listener.received) == 2 and listener.received)
    assert "authorization" not in first[0] and "@" not in first[0]["host"]
    assert base64.b64decode(second[0]["authorization"].removeprefix("Basic ")) == b"ariane:la la"


def confirmed(region, topic, listener, eventually, **attributes):
    """The ARN of an HTTP subscription that was confirmed by its token."""
    sns = region.client("sns")
    arn = sns.subscribe(TopicArn=topic, Protocol="http", Endpoint=listener.url, Attributes=attributes,
                        ReturnSubscriptionArn=True)["SubscriptionArn"]
    [asked] = eventually(lambda: listener.of_kind("SubscriptionConfirmation"))
    assert sns.confirm_subscription(TopicArn=topic, Token=asked["Token"])["SubscriptionArn"] == arn
    return arn


def test_http_is_tried_again_and_then_buried(region, name, listen, eventually):
    sns, listener = region.client("sns"), listen(200, 503, 200, 404)
    topic = sns.create_topic(Name=name, Attributes={
        "HTTPFailureFeedbackRoleArn": "arn:aws:iam::000000000000:role/feedback",
        "HTTPSuccessFeedbackRoleArn": "arn:aws:iam::000000000000:role/feedback"})["TopicArn"]
    grave, grave_arn = queue(region, name)
    policy = {"healthyRetryPolicy": {"numRetries": 3, "minDelayTarget": 1, "maxDelayTarget": 1}}
    confirmed(region, topic, listener, eventually, DeliveryPolicy=json.dumps(policy),
              RedrivePolicy=json.dumps({"deadLetterTargetArn": grave_arn}))
    sns.publish(TopicArn=topic, Message="again")
    eventually(lambda: [m["Message"] for m in listener.of_kind("Notification")] == ["again", "again"])
    sns.publish(TopicArn=topic, Message="refused")
    [message] = receive(region, grave)
    assert json.loads(message["Body"])["Message"] == "refused"
    [success] = eventually(lambda: told(region, name))
    assert (success["status"], success["delivery"]["statusCode"], success["delivery"]["attempts"]) == ("SUCCESS", 200, 2)
    [failure] = eventually(lambda: told(region, f"{name}/Failure"))
    assert (failure["status"], failure["delivery"]["statusCode"]) == ("FAILURE", 404)


def test_a_redirect_is_not_followed(region, name, listen, eventually):
    """Developer Guide, "Fanout Amazon SNS notifications to HTTPS endpoints": 5XX and 429 are tried again, all else is a
    permanent failure."""
    sns, listener = region.client("sns"), listen()
    topic = sns.create_topic(Name=name)["TopicArn"]
    grave, arn = queue(region, f"{name}-grave")
    confirmed(region, topic, listener, eventually, RedrivePolicy=json.dumps({"deadLetterTargetArn": arn}))
    statuses = [301, 302, 307, 308]
    listener.answers += statuses
    for status in statuses:
        sns.publish(TopicArn=topic, Message=f"song {status}")
    buried = [json.loads(message["Body"])["Message"] for message in receive(region, grave, len(statuses))]
    assert sorted(buried) == [f"song {status}" for status in statuses]
    sns.publish(TopicArn=topic, Message="the last")
    eventually(lambda: "the last" in [message["Message"] for message in listener.of_kind("Notification")])
    assert len(listener.of_kind("Notification")) == len(statuses) + 1


def told(region, name):
    """The delivery statuses of a topic that are logged."""
    logs = region.client("logs")
    try:
        events = logs.filter_log_events(logGroupName=f"sns/us-east-1/000000000000/{name}")["events"]
        return [json.loads(event["message"]) for event in events]
    except ClientError:
        return []


def test_deliveries_to_queues_and_streams_are_told(region, name, eventually):
    sns, sqs = region.client("sns"), region.client("sqs")
    role = "arn:aws:iam::000000000000:role/feedback"
    roles = {f"{kind}{end}FeedbackRoleArn": role for kind in ("SQS", "Firehose") for end in ("Success", "Failure")}
    topic = sns.create_topic(Name=name, Attributes=roles)["TopicArn"]
    url, arn = queue(region, name)
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn)
    stream = "arn:aws:firehose:us-east-1:000000000000:deliverystream/s"
    sns.subscribe(TopicArn=topic, Protocol="firehose", Endpoint=stream, Attributes={"SubscriptionRoleArn": role})
    first = sns.publish(TopicArn=topic, Message="taken")["MessageId"]
    statuses = eventually(lambda: len(told(region, name)) == 2 and told(region, name))
    assert {(one["delivery"]["destination"], one["status"], one["notification"]["messageId"]) for one in statuses} == {
        (arn, "SUCCESS", first), (stream, "SUCCESS", first)}
    assert all(one["notification"]["topicArn"] == topic and one["delivery"]["attempts"] == 1 for one in statuses)
    sqs.delete_queue(QueueUrl=url)
    second = sns.publish(TopicArn=topic, Message="refused")["MessageId"]
    [failure] = eventually(lambda: told(region, f"{name}/Failure"))
    assert (failure["status"], failure["notification"]["messageId"]) == ("FAILURE", second)
    assert failure["delivery"]["statusCode"] == 400
    assert "does not exist" in json.loads(failure["delivery"]["providerResponse"])["ErrorMessage"]


def test_a_throttle_holds_back_its_own_subscriber_alone(region, name, listen, eventually):
    sns, slow, quick = region.client("sns"), listen(), listen()
    topic = sns.create_topic(Name=name)["TopicArn"]
    confirmed(region, topic, slow, eventually,
              DeliveryPolicy=json.dumps({"throttlePolicy": {"maxReceivesPerSecond": 4}}))
    confirmed(region, topic, quick, eventually)
    for number in range(8):
        sns.publish(TopicArn=topic, Message=str(number))
    eventually(lambda: len(quick.of_kind("Notification")) == 8)
    behind = len(slow.of_kind("Notification"))
    eventually(lambda: len(slow.of_kind("Notification")) == 8)
    assert {one["Message"] for one in slow.of_kind("Notification")} == {str(number) for number in range(8)}
    assert behind < 8, "eight at four a second take two seconds, which the quick one did not wait for"


def test_the_trace_of_a_publication_reaches_its_subscribers(region, name, listen, eventually):
    # The header and what becomes of it in a queue: LocalStack's test_publish_sqs_from_sns_with_xray_propagation,
    # recorded on AWS.
    sns, sqs, listener = region.client("sns"), region.client("sqs"), listen()
    trace = "Root=1-3152b799-8954dae64eda91bc9a23a7e8;Parent=7fa8c0f79203be72;Sampled=1"
    sns.meta.events.register("before-send.sns.Publish",
                             lambda request, **_: request.headers.__setitem__("X-Amzn-Trace-Id", trace))
    topic = sns.create_topic(Name=name)["TopicArn"]
    url, arn = queue(region, name)
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn)
    confirmed(region, topic, listener, eventually)
    sns.publish(TopicArn=topic, Message="traced")
    got = sqs.receive_message(QueueUrl=url, MessageSystemAttributeNames=["AWSTraceHeader"], WaitTimeSeconds=5)
    assert [message["Attributes"]["AWSTraceHeader"] for message in got["Messages"]] == [trace]
    eventually(lambda: listener.of_kind("Notification"))


def test_a_group_keeps_its_order(region, name):
    sns, sqs = region.client("sns"), region.client("sqs")
    topic = sns.create_topic(Name=f"{name}.fifo", Attributes={"FifoTopic": "true"})["TopicArn"]
    url = sqs.create_queue(QueueName=f"{name}.fifo", Attributes={"FifoQueue": "true"})["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn, Attributes={"RawMessageDelivery": "true"})
    for number in range(30):
        sns.publish(TopicArn=topic, Message=str(number), MessageGroupId="g", MessageDeduplicationId=str(number))
    bodies = []
    while len(bodies) < 30:
        batch = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10, WaitTimeSeconds=5).get("Messages", [])
        assert batch, f"only {len(bodies)} came"
        for message in batch:
            bodies.append(message["Body"])
            sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
    assert bodies == [str(number) for number in range(30)]


def test_dead_subscriber_slows_nobody(region, name, listen, eventually):
    sns = region.client("sns")
    topic = sns.create_topic(Name=name)["TopicArn"]
    url, arn = queue(region, name)
    dead = listen(*[200] + [500] * 50)
    confirmed(region, topic, dead, eventually)
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn, Attributes={"RawMessageDelivery": "true"})
    for number in range(20):
        sns.publish(TopicArn=topic, Message=str(number))
    assert sorted(int(message["Body"]) for message in receive(region, url, 20)) == list(range(20))


def test_filters_choose(region, name):
    sns = region.client("sns")
    topic = sns.create_topic(Name=name)["TopicArn"]
    by_attribute, by_attribute_arn = queue(region, f"{name}-a")
    by_body, by_body_arn = queue(region, f"{name}-b")
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=by_attribute_arn, Attributes={
        "RawMessageDelivery": "true", "FilterPolicy": json.dumps({"kind": ["a", {"prefix": "b"}]})})
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=by_body_arn, Attributes={
        "RawMessageDelivery": "true", "FilterPolicyScope": "MessageBody",
        "FilterPolicy": json.dumps({"price": [{"numeric": [">", 10]}], "$or": [{"x": [1]}, {"y": [1]}]})})
    for body, kind in [({"price": 11, "x": 1}, "c"), ({"price": 9, "x": 1}, "bc"), ({"price": 12, "y": 1}, "a")]:
        sns.publish(TopicArn=topic, Message=json.dumps(body),
                    MessageAttributes={"kind": {"DataType": "String", "StringValue": kind}})
    prices = [sorted(json.loads(m["Body"])["price"] for m in receive(region, url, 2)) for url in (by_attribute, by_body)]
    assert prices == [[9, 12], [11, 12]]


def test_fifo_keeps_order_and_knows_duplicates(region, name):
    sns = region.client("sns")
    topic = sns.create_topic(Name=f"{name}.fifo", Attributes={
        "FifoTopic": "true", "ContentBasedDeduplication": "true"})["TopicArn"]
    url, arn = queue(region, f"{name}.fifo", FifoQueue="true")
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn, Attributes={"RawMessageDelivery": "true"})
    answers = [sns.publish(TopicArn=topic, Message=f"m{number}", MessageGroupId="g") for number in range(10)]
    places = [answer["SequenceNumber"] for answer in answers]
    assert places == sorted(places) and len(set(places)) == 10
    again = sns.publish(TopicArn=topic, Message="m3", MessageGroupId="g")
    assert (again["MessageId"], again["SequenceNumber"]) == (answers[3]["MessageId"], answers[3]["SequenceNumber"])
    entries = [{"Id": str(number), "Message": f"b{number}", "MessageGroupId": "g"} for number in range(3)]
    assert len(sns.publish_batch(TopicArn=topic, PublishBatchRequestEntries=entries)["Successful"]) == 3
    received = receive(region, url, 13)
    assert [message["Body"] for message in received] == [f"m{n}" for n in range(10)] + ["b0", "b1", "b2"]
    assert {message["Attributes"]["MessageGroupId"] for message in received} == {"g"}


def test_archive_is_replayed(region, name):
    sns = region.client("sns")
    topic = sns.create_topic(Name=f"{name}.fifo", Attributes={
        "FifoTopic": "true", "ContentBasedDeduplication": "true",
        "ArchivePolicy": json.dumps({"MessageRetentionPeriod": "1"})})["TopicArn"]
    for number in range(3):
        sns.publish(TopicArn=topic, Message=f"m{number}", MessageGroupId="g")
    url, arn = queue(region, f"{name}.fifo", FifoQueue="true")
    replay = {"PointType": "Timestamp", "StartingPoint": "2020-01-01T00:00:00.000Z"}
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn, Attributes={
        "RawMessageDelivery": "true", "ReplayPolicy": json.dumps(replay)})
    assert [message["Body"] for message in receive(region, url, 3)] == ["m0", "m1", "m2"]
    with pytest.raises(ClientError) as refused:
        sns.delete_topic(TopicArn=topic)
    assert refused.value.response["Error"]["Code"] == "InvalidState"


@pytest.mark.parametrize("count", [60, 120])
def test_many_subscribers(region, name, count):
    """As many as the publishing commit gives to, and more: then the message is fanned out."""
    sns, sqs = region.client("sns"), region.client("sqs")
    topic = sns.create_topic(Name=name)["TopicArn"]
    urls = []
    for number in range(count):
        url, arn = queue(region, f"{name}-{number}")
        sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn, Attributes={"RawMessageDelivery": "true"})
        urls.append(url)
    sns.publish(TopicArn=topic, Message="to all")
    assert [[m["Body"] for m in receive(region, url)] for url in urls] == [["to all"]] * count
    assert all("Messages" not in sqs.receive_message(QueueUrl=url) for url in urls)
    assert len(sns.get_paginator("list_subscriptions_by_topic").paginate(TopicArn=topic)
               .build_full_result()["Subscriptions"]) == count


def test_many_subscribers_of_a_fifo_topic(region, name):
    """All of them get it in the publishing commit: it is there when the publication is answered, in its order."""
    sns, sqs = region.client("sns"), region.client("sqs")
    topic = sns.create_topic(Name=f"{name}.fifo", Attributes={"FifoTopic": "true"})["TopicArn"]
    urls = []
    for number in range(40):
        url = sqs.create_queue(QueueName=f"{name}-{number}.fifo", Attributes={"FifoQueue": "true"})["QueueUrl"]
        arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
        sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn, Attributes={"RawMessageDelivery": "true"})
        urls.append(url)
    for number in range(3):
        sns.publish(TopicArn=topic, Message=f"m{number}", MessageGroupId="g", MessageDeduplicationId=str(number))
    ids = set()
    for url in urls:
        messages = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages", [])
        assert [message["Body"] for message in messages] == ["m0", "m1", "m2"]
        ids |= {message["MessageId"] for message in messages}
    assert len(ids) == 120, "each message in each queue has an id of its own"


def test_a_subscriber_that_is_gone_keeps_nothing_from_the_others(region, name):
    """All are in one account and service, so that they share commits."""
    sns, sqs = region.client("sns"), region.client("sqs")
    topic = sns.create_topic(Name=name)["TopicArn"]
    urls = []
    for number in range(60):
        url, arn = queue(region, f"{name}-{number}")
        sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn, Attributes={"RawMessageDelivery": "true"})
        urls.append(url)
    sqs.delete_queue(QueueUrl=urls.pop(7))
    sns.publish(TopicArn=topic, Message="to the others")
    assert [[m["Body"] for m in receive(region, url)] for url in urls] == [["to the others"]] * 59


def test_a_queue_that_is_gone_goes_to_its_dead_letter(region, name):
    sns, sqs = region.client("sns"), region.client("sqs")
    topic = sns.create_topic(Name=name)["TopicArn"]
    url, arn = queue(region, name)
    grave, grave_arn = queue(region, f"{name}-grave")
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn, Attributes={
        "RawMessageDelivery": "true", "RedrivePolicy": json.dumps({"deadLetterTargetArn": grave_arn})})
    sqs.delete_queue(QueueUrl=url)
    sns.publish(TopicArn=topic, Message="lost")
    assert [message["Body"] for message in receive(region, grave)] == ["lost"]


def inspect(region, page, **parameters):
    query = urllib.parse.urlencode(parameters)
    with urllib.request.urlopen(f"{region.endpoint}/_aws/sns/{page}?{query}", timeout=10) as answer:
        return json.load(answer)


def test_phones_mailboxes_and_devices_are_captured(region, name):
    sns = region.client("sns")
    topic = sns.create_topic(Name=name)["TopicArn"]
    number = "+4915112345678"
    sns.publish(PhoneNumber=number, Message="direct")
    sns.subscribe(TopicArn=topic, Protocol="sms", Endpoint=number)
    application = sns.create_platform_application(Name=name, Platform="GCM", Attributes={"PlatformCredential": "k"})
    endpoint = sns.create_platform_endpoint(
        PlatformApplicationArn=application["PlatformApplicationArn"], Token="t")["EndpointArn"]
    sns.subscribe(TopicArn=topic, Protocol="application", Endpoint=endpoint)
    pending = sns.subscribe(TopicArn=topic, Protocol="email", Endpoint="bard@example.com", ReturnSubscriptionArn=True)
    token = inspect(region, f"subscription-tokens/{pending['SubscriptionArn']}")["subscription_token"]
    sns.confirm_subscription(TopicArn=topic, Token=token)
    structured = {"default": "d", "sms": "short", "email": "long"}
    sns.publish(TopicArn=topic, Message=json.dumps(structured), MessageStructure="json")
    phones = inspect(region, "sms-messages", phoneNumber=number)["sms_messages"][number]
    assert [message["Message"] for message in phones] == ["direct", "short"]
    [device] = inspect(region, "platform-endpoint-messages")["platform_endpoint_messages"][endpoint]
    assert device["Message"] == "d"
    mails = inspect(region, "email-messages")["email_messages"]["bard@example.com"]
    assert mails[-1]["Message"] == "long"
    request = urllib.request.Request(f"{region.endpoint}/_aws/sns/opted-out/%2B4915112345678", method="PUT")
    urllib.request.urlopen(request, timeout=10).close()
    assert sns.check_if_phone_number_is_opted_out(phoneNumber=number)["isOptedOut"]
    with pytest.raises(ClientError) as refused:
        sns.publish(PhoneNumber=number, Message="unwanted")
    assert refused.value.response["Error"]["Code"] == "OptedOut"
    sns.opt_in_phone_number(phoneNumber=number)
    assert number not in sns.list_phone_numbers_opted_out()["phoneNumbers"]


def test_a_bucket_tells_a_topic(region, name):
    sns, s3 = region.client("sns"), region.client("s3")
    topic = sns.create_topic(Name=name)["TopicArn"]
    url, arn = queue(region, name)
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn)
    s3.create_bucket(Bucket=name)
    s3.put_bucket_notification_configuration(Bucket=name, NotificationConfiguration={
        "TopicConfigurations": [{"TopicArn": topic, "Events": ["s3:ObjectCreated:*"]}]})
    s3.put_object(Bucket=name, Key="song", Body=b"la")
    bodies = [json.loads(message["Body"]) for message in receive(region, url, 2)]
    events = [json.loads(body["Message"]) for body in bodies]
    assert [event.get("Event") for event in events if "Event" in event] == ["s3:TestEvent"]
    assert [event["Records"][0]["s3"]["object"]["key"] for event in events if "Records" in event] == ["song"]
    assert all(verify(body) == "SHA-1" for body in bodies)


def test_what_was_published_survives_a_kill(fresh_region, listen, eventually):
    region = fresh_region()
    sns, listener = region.client("sns"), listen(200, 500)
    topic = sns.create_topic(Name="durable")["TopicArn"]
    # Where delays need not be AWS's they are a twentieth: this one is half a minute.
    policy = {"healthyRetryPolicy": {"numRetries": 1, "minDelayTarget": 60, "maxDelayTarget": 60}}
    confirmed(region, topic, listener, eventually, DeliveryPolicy=json.dumps(policy))
    sns.publish(TopicArn=topic, Message="kept")
    eventually(lambda: listener.of_kind("Notification"))
    region.kill()
    region.start()
    eventually(lambda: len(listener.of_kind("Notification")) == 2, seconds=30)
    first, second = listener.of_kind("Notification")
    # Where the region's address is in it, it stays what it was.
    assert first == second and first["Message"] == "kept" and verify(second) == "SHA-1"


def test_permissions(strict, name):
    """A stranger needs the topic's policy, a queue that of the queue."""
    sns, sqs = strict.client("sns"), strict.client("sqs")
    topic = sns.create_topic(Name=name)["TopicArn"]
    open_url, open_arn = queue(strict, f"{name}-open")
    closed_url, closed_arn = queue(strict, f"{name}-closed")
    policy = {"Version": "2012-10-17", "Statement": [{
        "Effect": "Allow", "Principal": {"Service": "sns.amazonaws.com"}, "Action": "sqs:SendMessage",
        "Resource": open_arn, "Condition": {"ArnEquals": {"aws:SourceArn": topic}}}]}
    sqs.set_queue_attributes(QueueUrl=open_url, Attributes={"Policy": json.dumps(policy)})
    for arn in (open_arn, closed_arn):
        sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn, Attributes={"RawMessageDelivery": "true"})
    sns.publish(TopicArn=topic, Message="to who may be told")
    assert len(receive(strict, open_url)) == 1
    assert "Messages" not in sqs.receive_message(QueueUrl=closed_url)
    iam = strict.client("iam")
    iam.create_user(UserName=name)
    key = iam.create_access_key(UserName=name)["AccessKey"]
    bard = strict.client("sns", key["AccessKeyId"], key["SecretAccessKey"])
    with pytest.raises(ClientError) as refused:
        bard.publish(TopicArn=topic, Message="no")
    assert refused.value.response["ResponseMetadata"]["HTTPStatusCode"] == 403
    iam.put_user_policy(UserName=name, PolicyName="p", PolicyDocument=json.dumps({
        "Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "sns:Publish", "Resource": topic}]}))
    assert bard.publish(TopicArn=topic, Message="yes")["MessageId"]
