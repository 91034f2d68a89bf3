"""Writers of queues: each sends to a queue of its own and deletes some of what it receives.

A message is known by its body. After a kill the queue is drained: every acknowledged message that was not
deleted must come, and none that was; from a FIFO queue, in the order in which they were sent.
"""

import hashlib

from torture.writer import ABSENT, Writer

BATCH = 10
EMPTY_ANSWERS = 3


class QueueWriter(Writer):
    """Sends; now and then receives one and deletes it."""

    url, suffix, attributes = "", "", {}

    def step(self):
        if self.held and self.chance.random() < 0.3:
            self.receive_and_delete()
        else:
            body = self.next_value()
            key = f"{self.name}-{self.number}"
            self.begin(key, body)
            answer = self.client.json("sqs", "SendMessage", {"QueueUrl": self.url, "MessageBody": body, **self.more(key)})
            if answer["MD5OfMessageBody"] != hashlib.md5(body.encode()).hexdigest():
                self.complaints.append(f"{key}: the answer's MD5 is not the body's")
            self.acknowledged("send")

    def more(self, key):
        """What a message of this queue needs beside its body."""
        return {}

    def receive_and_delete(self):
        answer = self.client.json("sqs", "ReceiveMessage", {"QueueUrl": self.url, "VisibilityTimeout": 0})
        for message in answer.get("Messages", []):
            key = "-".join(message["Body"].split("-")[:2])
            if self.held.get(key) != message["Body"]:
                self.complaints.append(f"received {message['Body'][:30]!r}, which is not in the queue")
            self.begin(key, ABSENT)
            self.client.json("sqs", "DeleteMessage", {"QueueUrl": self.url, "ReceiptHandle": message["ReceiptHandle"]})
            self.acknowledged("delete")
            del self.held[key]

    def drain(self, client):
        """Takes everything out of the queue: key to body."""
        found, empty = {}, 0
        while empty < EMPTY_ANSWERS:
            request = {"QueueUrl": self.url, "MaxNumberOfMessages": BATCH, "VisibilityTimeout": 600}
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

    def more(self, key):
        return {"MessageGroupId": self.name, "MessageDeduplicationId": key}

    def check_order(self, keys):
        numbers = [int(key.split("-")[1]) for key in keys]
        if numbers != sorted(numbers):
            self.complaints.append(f"{self.name}: out of order: {numbers[:20]}")
