"""Writers of topics: what a publication acknowledged reaches every subscriber, in whichever commit it was given.

Queues get it in the publishing commit, exactly once, and from FIFO topics in its order. What goes over HTTP or to a
function leaves the region later, at least once: after a kill it is waited for.
"""

import base64
import http.server
import io
import json
import threading
import time
import zipfile

from support.client import Refused
from torture.queues import FifoWriter, QueueWriter
from torture.writer import Writer

API = "2010-03-31"
ARRIVES_SECONDS = 120
# Publications of one writer that may be under way to a subscriber outside.
AHEAD = 20
CODE = """
def handler(event, context):
    return [record["Sns"]["Message"] for record in event["Records"]]
"""
TRUST = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"},
                                                 "Action": "sts:AssumeRole"}]}
NOT_SERVED = (404, 501)


def make_topic(client, name, **attributes):
    """A topic's ARN."""
    entries = {}
    for number, (key, value) in enumerate(attributes.items(), 1):
        entries |= {f"Attributes.entry.{number}.key": key, f"Attributes.entry.{number}.value": value}
    client.query("sns", API, "CreateTopic", Name=name, **entries)
    return f"arn:aws:sns:us-east-1:000000000000:{name}"


def subscribe(client, topic, protocol, endpoint, **parameters):
    return client.query("sns", API, "Subscribe", TopicArn=topic, Protocol=protocol, Endpoint=endpoint, **parameters)


RAW = {"Attributes.entry.1.key": "RawMessageDelivery", "Attributes.entry.1.value": "true"}


class TopicWriter(QueueWriter):
    """Publishes to a topic of its own, whose one subscriber is the queue that it consumes."""

    suffix, topic_attributes = "-told", {}

    def send(self, key, body):
        self.client.query("sns", API, "Publish", TopicArn=self.topic, Message=body, **self.more(key))

    @classmethod
    def set_up(cls, client, writers):
        super().set_up(client, writers)
        for writer in writers:
            name = f"torture-{writer.name}{cls.suffix}"
            writer.topic = make_topic(client, name, **cls.topic_attributes)
            subscribe(client, writer.topic, "sqs", f"arn:aws:sqs:us-east-1:000000000000:{name}", **RAW)


class FifoTopicWriter(TopicWriter):
    """The same through a FIFO topic to a FIFO queue: once, and in order."""

    suffix, attributes = "-told.fifo", FifoWriter.attributes
    topic_attributes = {"FifoTopic": "true"}
    hidden_s, patience_s = FifoWriter.hidden_s, FifoWriter.patience_s
    more, check_order = FifoWriter.more, FifoWriter.check_order


class Sink(http.server.ThreadingHTTPServer):
    """A subscriber over HTTP outside the region: it outlives every kill, and keeps the messages that came."""

    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Posted)
        self.came, self.tokens, self.changed = set(), {}, threading.Condition()
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def handle_error(self, request, client_address):
        """A connection that ends with the region it came from is nothing to tell."""

    def keep(self, kind, envelope):
        with self.changed:
            if kind == "SubscriptionConfirmation":
                self.tokens[envelope["TopicArn"]] = envelope["Token"]
            else:
                self.came.add(envelope["Message"])
            self.changed.notify_all()

    def wait(self, holds, seconds):
        with self.changed:
            return self.changed.wait_for(holds, seconds)


class Posted(http.server.BaseHTTPRequestHandler):
    """One request of the region."""

    protocol_version = "HTTP/1.1"

    def do_POST(self):
        try:
            body = self.rfile.read(int(self.headers["content-length"]))
            self.server.keep(self.headers["x-amz-sns-message-type"], json.loads(body))
        except (ConnectionError, ValueError):
            # The region was killed while it sent: it sends again.
            self.close_connection = True
            return
        self.send_response(200)
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, *_):
        """Says nothing."""


class FarWriter(Writer):
    """Publishes to a topic with a subscriber over HTTP and, now and then, to one that has a function take it."""

    sink, http_topic, function_topic, answers = None, None, None, None

    def __init__(self, *arguments):
        super().__init__(*arguments)
        self.sent, self.called = set(), set()

    def step(self):
        body = self.next_value()
        if self.function_topic and self.chance.random() < 0.05:
            self.publish(self.function_topic, body, self.called)
            return
        self.publish(self.http_topic, body, self.sent)
        # No further ahead of the subscriber than it can make up for after a kill.
        self.sink.wait(lambda: len(self.sent - self.sink.came) < AHEAD, 0.5)

    def publish(self, topic, body, acknowledged):
        self.client.query("sns", API, "Publish", TopicArn=topic, Message=body)
        acknowledged.add(body)
        self.acks.write(self.name, f"publish {self.name}-{self.number}")

    @classmethod
    def set_up(cls, client, writers):
        cls.sink, cls.http_topic = Sink(), make_topic(client, "torture-http")
        subscribe(client, cls.http_topic, "http", f"http://127.0.0.1:{cls.sink.server_address[1]}/")
        if not cls.sink.wait(lambda: cls.http_topic in cls.sink.tokens, ARRIVES_SECONDS):
            raise RuntimeError("the subscriber over HTTP was not asked to confirm")
        token = cls.sink.tokens[cls.http_topic]
        client.query("sns", API, "ConfirmSubscription", TopicArn=cls.http_topic, Token=token)
        try:
            cls.set_up_function(client)
        except Refused as refused:
            if refused.status not in NOT_SERVED:
                raise

    @classmethod
    def set_up_function(cls, client):
        """A function that takes the messages of a topic, and whose answers go to a queue."""
        archive = io.BytesIO()
        with zipfile.ZipFile(archive, "w") as file:
            file.writestr("app.py", CODE)
        client.query("iam", "2010-05-08", "CreateRole", RoleName="torture-far", AssumeRolePolicyDocument=json.dumps(TRUST))
        call(client, "POST", "/2015-03-31/functions", {
            "FunctionName": "torture-far", "Runtime": "python3.12", "Handler": "app.handler",
            "Role": "arn:aws:iam::000000000000:role/torture-far",
            "Code": {"ZipFile": base64.b64encode(archive.getvalue()).decode()}})
        cls.answers = client.json("sqs", "CreateQueue", {"QueueName": "torture-answers"})["QueueUrl"]
        destination = {"Destination": "arn:aws:sqs:us-east-1:000000000000:torture-answers"}
        call(client, "PUT", "/2019-09-25/functions/torture-far/event-invoke-config",
             {"DestinationConfig": {"OnSuccess": destination}})
        cls.function_topic = make_topic(client, "torture-function")
        subscribe(client, cls.function_topic, "lambda", "arn:aws:lambda:us-east-1:000000000000:function:torture-far")

    @classmethod
    def verify_all(cls, client, writers):
        sent = set().union(*(writer.sent for writer in writers))
        called = set().union(*(writer.called for writer in writers))
        cls.sink.wait(lambda: sent <= cls.sink.came, ARRIVES_SECONDS)
        complaints = [f"never came over HTTP: {body[:20]}" for body in sorted(sent - cls.sink.came)]
        complaints += [f"no function took: {body[:20]}" for body in sorted(called - cls.taken(client, called))]
        complaints += [f"torn: {body[:40]!r}" for body in cls.sink.came if not cls.is_whole(body)]
        for writer in writers:
            writer.sent.clear()
            writer.called.clear()
            complaints += writer.take_complaints()
            writer.client.close()
        return complaints

    @classmethod
    def taken(cls, client, wanted):
        """What the function has answered for, of what is waited for."""
        taken, end = set(), time.monotonic() + ARRIVES_SECONDS
        while wanted - taken and time.monotonic() < end:
            request = {"QueueUrl": cls.answers, "MaxNumberOfMessages": 10, "WaitTimeSeconds": 5}
            messages = client.json("sqs", "ReceiveMessage", request).get("Messages", [])
            for message in messages:
                taken.update(json.loads(message["Body"])["responsePayload"])
            entries = [{"Id": str(number), "ReceiptHandle": message["ReceiptHandle"]}
                       for number, message in enumerate(messages)]
            if entries:
                client.json("sqs", "DeleteMessageBatch", {"QueueUrl": cls.answers, "Entries": entries})
        return taken


def call(client, method, path, document):
    """A call of the function service."""
    return client.ok("lambda", method, path, body=json.dumps(document).encode())
