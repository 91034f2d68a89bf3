"""Writers of queues: each sends to a queue of its own and deletes some of what it receives.

A message is known by its body. After a kill the queue is drained: every acknowledged message that was not
deleted must come, and none that was; from a FIFO queue, in the order in which they were sent.
"""

import hashlib
import threading

from support.client import Refused
from torture.writer import ABSENT, Writer

BATCH = 10
EMPTY_ANSWERS = 3


class QueueWriter(Writer):
    """Sends; now and then receives one and deletes it."""

    url, suffix, attributes = "", "", {}
    # How long a message that was received is hidden, and how long a drain waits for one that may be.
    hidden_s, patience_s = 0, 0
    # Set while a message may be received and not yet deleted.
    has_in_flight = False

    def step(self):
        if self.held and self.chance.random() < 0.3:
            self.receive_and_delete()
        else:
            body = self.next_value()
            key = f"{self.name}-{self.number}"
            self.begin(key, body)
            self.send(key, body)
            self.acknowledged("send")

    def send(self, key, body):
        """Has a message come into the queue."""
        answer = self.client.json("sqs", "SendMessage", {"QueueUrl": self.url, "MessageBody": body, **self.more(key)})
        if answer["MD5OfMessageBody"] != hashlib.md5(body.encode()).hexdigest():
            self.complaints.append(f"{key}: the answer's MD5 is not the body's")

    def more(self, key):
        """What a message of this queue needs beside its body."""
        return {}

    def receive_and_delete(self):
        self.has_in_flight = True
        answer = self.client.json("sqs", "ReceiveMessage", {"QueueUrl": self.url, "VisibilityTimeout": self.hidden_s})
        for message in answer.get("Messages", []):
            key = "-".join(message["Body"].split("-")[:2])
            if self.held.get(key) != message["Body"]:
                self.complaints.append(f"received {message['Body'][:30]!r}, which is not in the queue")
            self.begin(key, ABSENT)
            if not delete(self.client, self.url, message):
                self.pending = None
                continue
            self.acknowledged("delete")
            del self.held[key]
        self.has_in_flight = False

    def drain(self, client):
        """Takes everything out of the queue: key to body."""
        found, empty = {}, 0
        patience_s = self.patience_s if self.has_in_flight else 0
        while empty < (1 if patience_s else EMPTY_ANSWERS):
            request = {"QueueUrl": self.url, "MaxNumberOfMessages": BATCH, "VisibilityTimeout": 600,
                       "WaitTimeSeconds": patience_s}
            messages = client.json("sqs", "ReceiveMessage", request).get("Messages", [])
            empty = 0 if messages else empty + 1
            entries = []
            for number, message in enumerate(messages):
                found["-".join(message["Body"].split("-")[:2])] = message["Body"]
                entries.append({"Id": str(number), "ReceiptHandle": message["ReceiptHandle"]})
            if entries:
                answer = client.json("sqs", "DeleteMessageBatch", {"QueueUrl": self.url, "Entries": entries})
                if answer.get("Failed"):
                    self.complaints.append(f"{self.name}: DeleteMessageBatch failed: {answer['Failed'][:1]}")
        self.has_in_flight = False
        return found

    @classmethod
    def set_up(cls, client, writers):
        for writer in writers:
            request = {"QueueName": f"torture-{writer.name}{cls.suffix}", "Attributes": cls.attributes}
            writer.url = client.json("sqs", "CreateQueue", request)["QueueUrl"]

    def check_order(self, keys):
        """A standard queue promises none."""

    @staticmethod
    def verify_all(client, writers):
        complaints = []
        for writer in writers:
            drained = writer.drain(client)
            writer.check_order(list(drained))
            complaints += writer.compare(drained) + writer.take_complaints()
            # Drained and deleted: from here on the queue is empty, and what comes again has come back.
            writer.held = {}
        return complaints


class FifoWriter(QueueWriter):
    """The same on a FIFO queue with one group: what is left comes in the order of sending, each message once."""

    suffix, attributes = ".fifo", {"FifoQueue": "true"}
    # A FIFO queue's message is deleted while it is in flight, or not at all.
    hidden_s, patience_s = 2, 2

    def more(self, key):
        return {"MessageGroupId": self.name, "MessageDeduplicationId": key}

    def check_order(self, keys):
        numbers = [int(key.split("-")[1]) for key in keys]
        if numbers != sorted(numbers):
            self.complaints.append(f"{self.name}: out of order: {numbers[:20]}")


def delete(client, url, message):
    """Deletes a message; false where its time is over, as it may be on a busy machine: then it comes again, to whoever
    asks next."""
    try:
        client.json("sqs", "DeleteMessage", {"QueueUrl": url, "ReceiptHandle": message["ReceiptHandle"]})
    except Refused as refusal:
        if b"expired" not in refusal.body:
            raise
        return False
    return True


class Crowd:
    """What all writers of one queue know together: by key, what was asked for and what was acknowledged."""

    def __init__(self, url):
        self.url, self.lock = url, threading.Lock()
        self.forget()

    def forget(self):
        self.asked, self.sent, self.deleting, self.deleted = set(), set(), set(), set()

    def check_received(self, key):
        """A complaint about a message that was handed out, if there is one."""
        group, number = split(key)
        if key not in self.asked:
            return f"received {key!r}, which nobody sent"
        if key in self.deleted:
            return f"received {key}, which was deleted"
        behind = [one for one in self.sent - self.deleting if split(one)[0] == group and split(one)[1] < number]
        return f"received {key} before {sorted(behind)[:3]}" if behind else None


def split(key):
    group, number = key.split("-")
    return group, int(number)


class CrowdWriter(Writer):
    """Producers and consumers of one FIFO queue: each sends to a group of its own and consumes what comes from any."""

    crowd = None

    def step(self):
        if self.chance.random() < 0.5:
            self.send()
        else:
            self.consume()

    def send(self):
        body = self.next_value()
        key = f"{self.name}-{self.number}"
        with self.crowd.lock:
            self.crowd.asked.add(key)
        request = {"QueueUrl": self.crowd.url, "MessageBody": body, "MessageGroupId": self.name,
                   "MessageDeduplicationId": key}
        self.client.json("sqs", "SendMessage", request)
        with self.crowd.lock:
            self.crowd.sent.add(key)
        self.acks.write(self.name, f"send {key}")

    def consume(self):
        answer = self.client.json("sqs", "ReceiveMessage", {"QueueUrl": self.crowd.url, "VisibilityTimeout": 2})
        for message in answer.get("Messages", []):
            key = "-".join(message["Body"].split("-")[:2])
            with self.crowd.lock:
                if not self.is_whole(message["Body"]):
                    self.complaints.append(f"torn: {message['Body'][:40]!r}")
                elif complaint := self.crowd.check_received(key):
                    self.complaints.append(f"{self.name}: {complaint}")
                self.crowd.deleting.add(key)
            if not delete(self.client, self.crowd.url, message):
                with self.crowd.lock:
                    self.crowd.deleting.discard(key)
                continue
            with self.crowd.lock:
                self.crowd.deleted.add(key)
            self.acks.write(self.name, f"delete {key}")

    @classmethod
    def set_up(cls, client, writers):
        request = {"QueueName": "torture-crowd.fifo", "Attributes": {"FifoQueue": "true"}}
        cls.crowd = Crowd(client.json("sqs", "CreateQueue", request)["QueueUrl"])

    @classmethod
    def verify_all(cls, client, writers):
        """Drains the queue: what was acknowledged comes unless somebody began to delete it, each group in its order."""
        crowd, drain = cls.crowd, FifoWriter("crowd", client, None, None)
        drain.url, drain.has_in_flight = crowd.url, True
        found = drain.drain(client)
        complaints = drain.take_complaints()
        complaints += [f"lost: {key} was acknowledged and is gone" for key in crowd.sent - crowd.deleting - found.keys()]
        complaints += [f"came back: {key} was deleted" for key in crowd.deleted & found.keys()]
        complaints += [f"came from nowhere: {key}" for key in found.keys() - crowd.asked]
        for writer in writers:
            numbers = [split(key)[1] for key in found if split(key)[0] == writer.name]
            if numbers != sorted(numbers):
                complaints.append(f"{writer.name}: out of order: {numbers[:20]}")
            complaints += writer.take_complaints()
            writer.client.close()
        crowd.forget()
        return complaints
