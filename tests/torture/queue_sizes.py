#!/usr/bin/env python3
"""Large queues and many who wait: what a queue of a million messages costs, whether deleted ones leave a trace,
and what ten thousand long polls cost while nothing comes.

    python3 tests/torture/queue_sizes.py --bin target/release/elysium

Needs nothing but Python's standard library. It reports; whoever reads compares with the bars it names. Requests are
not signed, so that the client costs as little as it can; times are the client's.
"""

import argparse
import asyncio
import concurrent.futures
import http.client
import json
import os
import pathlib
import random
import resource
import statistics
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))

from support.region import Region, built_binary  # noqa: E402  (the folder above is on the path only now)

BATCH, THREADS, BODY = 10, 4, "x" * 100
SAMPLES = 300
POLL_S, QUIET_S = 20, 6
HEADERS = {"content-type": "application/x-amz-json-1.0", "authorization":
           "AWS4-HMAC-SHA256 Credential=test/20260101/us-east-1/sqs/aws4_request, SignedHeaders=host, Signature=0"}


class Caller:
    """Calls over one connection."""

    def __init__(self, region):
        self.connection = http.client.HTTPConnection("127.0.0.1", region.port, timeout=120)

    def __call__(self, operation, **document):
        self.connection.request("POST", "/", json.dumps(document), {**HEADERS, "x-amz-target": f"AmazonSQS.{operation}"})
        answer = self.connection.getresponse()
        body = answer.read()
        if answer.status != 200:
            raise RuntimeError(f"{operation}: {answer.status}: {body[:300]!r}")
        return json.loads(body) if body else {}


def in_threads(region, work):
    """Has several threads work, each with a connection of its own: the time that took, and what they answered."""
    begun = time.monotonic()
    with concurrent.futures.ThreadPoolExecutor(THREADS) as threads:
        futures = [threads.submit(work, Caller(region)) for _ in range(THREADS)]
        answers = [future.result() for future in futures]
    return time.monotonic() - begun, answers


def fill(region, url, count):
    entries = [{"Id": str(number), "MessageBody": BODY} for number in range(BATCH)]

    def send(call):
        for _ in range(count // BATCH // THREADS):
            if call("SendMessageBatch", QueueUrl=url, Entries=entries).get("Failed"):
                raise RuntimeError("an entry failed")
    return in_threads(region, send)[0]


def empty(region, url, count):
    def take(call):
        taken = 0
        while messages := call("ReceiveMessage", QueueUrl=url, MaxNumberOfMessages=BATCH).get("Messages"):
            entries = [{"Id": str(at), "ReceiptHandle": one["ReceiptHandle"]} for at, one in enumerate(messages)]
            if call("DeleteMessageBatch", QueueUrl=url, Entries=entries).get("Failed"):
                raise RuntimeError("an entry was not deleted")
            taken += len(messages)
        return taken
    took_s, taken = in_threads(region, take)
    if sum(taken) != count:
        raise RuntimeError(f"{sum(taken)} messages came of {count}")
    return took_s


def receive_p50_us(call, url, expect):
    """The median time of a receive, which must find something, or nothing."""
    times = []
    for _ in range(SAMPLES):
        begun = time.perf_counter()
        found = bool(call("ReceiveMessage", QueueUrl=url, VisibilityTimeout=0).get("Messages"))
        times.append(time.perf_counter() - begun)
        if found != expect:
            raise RuntimeError(f"a receive found {'something' if found else 'nothing'}")
    return statistics.median(times) * 1e6


def million(region, count):
    call = Caller(region)
    small, large, bare = (call("CreateQueue", QueueName=name)["QueueUrl"] for name in ("small", "large", "bare"))
    fill(region, small, BATCH * THREADS)
    idle_mb = region.resident_mb()
    sending_s = fill(region, large, count)
    print(f"{count} messages sent in {sending_s:.0f} s; resident {idle_mb:.0f} MB before, {region.resident_mb():.0f} MB after "
          "(bar: 600)", flush=True)
    call = Caller(region)
    few, many = receive_p50_us(call, small, True), receive_p50_us(call, large, True)
    print(f"receive p50: {few:.0f} us of {BATCH * THREADS} messages, {many:.0f} us of {count} (bar: 2x); "
          f"resident {region.resident_mb():.0f} MB", flush=True)
    for kill in (False, True):
        ready_s = region.restart(kill=kill)
        call = Caller(region)
        begun = time.monotonic()
        call("ReceiveMessage", QueueUrl=large, VisibilityTimeout=0)
        first_s = time.monotonic() - begun
        print(f"restart after {'kill -9' if kill else 'a clean stop'}: ready in {ready_s:.2f} s, first receive {first_s:.2f} s "
              f"(bar: 3 together); resident {region.resident_mb():.0f} MB", flush=True)
    taking_s = empty(region, large, count // BATCH // THREADS * BATCH * THREADS)
    call = Caller(region)
    nothing, after = receive_p50_us(call, bare, False), receive_p50_us(call, large, False)
    print(f"{count} received and deleted in {taking_s:.0f} s; receive p50 then {after:.0f} us, of a queue that never held "
          f"any {nothing:.0f} us; resident {region.resident_mb():.0f} MB", flush=True)
    region.restart()
    call = Caller(region)
    begun = time.monotonic()
    call("ReceiveMessage", QueueUrl=large)
    print(f"after a restart the first receive of it takes {(time.monotonic() - begun) * 1e3:.1f} ms, "
          f"p50 {receive_p50_us(call, large, False):.0f} us", flush=True)


def cpu_s(region):
    fields = pathlib.Path(f"/proc/{region.process.pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


class Poller:
    """One long poll, as bytes over a connection: the answer's time is taken when its first byte comes."""

    def __init__(self, url):
        body = json.dumps({"QueueUrl": url, "WaitTimeSeconds": POLL_S}).encode()
        lines = {**HEADERS, "host": "127.0.0.1", "x-amz-target": "AmazonSQS.ReceiveMessage", "content-length": len(body)}
        head = "".join(f"{name}: {value}\r\n" for name, value in lines.items())
        self.request = f"POST / HTTP/1.1\r\n{head}\r\n".encode() + body

    async def open(self, port):
        self.reader, self.writer = await asyncio.open_connection("127.0.0.1", port)
        self.writer.write(self.request)

    async def answered(self):
        answer = await self.reader.read(65536)
        at = time.perf_counter()
        if not answer.startswith(b"HTTP/1.1 200 "):
            raise RuntimeError(f"a poll was answered {answer[:100]!r}")
        return at


async def waiters(region, queues, polls):
    call = Caller(region)
    urls = [call("CreateQueue", QueueName=f"poll-{number}")["QueueUrl"] for number in range(queues)]
    idle_mb, begun = region.resident_mb(), time.monotonic()
    pollers = [[Poller(url) for _ in range(polls // queues)] for url in urls]
    everyone = [poller for of_queue in pollers for poller in of_queue]
    for at in range(0, len(everyone), 200):
        await asyncio.gather(*(poller.open(region.port) for poller in everyone[at:at + 200]))
    opened_s = time.monotonic() - begun
    await asyncio.sleep(1)
    used, begun = cpu_s(region), time.monotonic()
    await asyncio.sleep(QUIET_S)
    share = (cpu_s(region) - used) / (time.monotonic() - begun)
    print(f"{polls} long polls on {queues} queues, opened in {opened_s:.1f} s: {share * 100:.2f} % of a core (bar: 2), "
          f"resident {idle_mb:.0f} MB before, {region.resident_mb():.0f} MB then", flush=True)
    times = []
    for number in random.sample(range(queues), 200):
        tasks = [asyncio.create_task(poller.answered()) for poller in pollers[number]]
        await asyncio.sleep(0)
        begun = time.perf_counter()
        sender = await asyncio.to_thread(call, "SendMessage", QueueUrl=urls[number], MessageBody=BODY)
        assert sender["MessageId"]
        done, waiting = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED, timeout=5)
        if not done:
            raise RuntimeError("no poll was answered within 5 s of the message")
        times += [(task.result() - begun) * 1e3 for task in done]
        for task in waiting:
            task.cancel()
    print(f"from the request that sends to the answer that has it: p50 {statistics.median(times):.2f} ms, "
          f"p99 {sorted(times)[int(len(times) * 0.99) - 1]:.2f} ms of {len(times)} (bar: p50 2)", flush=True)
    for poller in everyone:
        poller.writer.close()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bin", default=None)
    parser.add_argument("--messages", type=int, default=1_000_000)
    parser.add_argument("--queues", type=int, default=1000)
    parser.add_argument("--polls", type=int, default=10_000)
    options = parser.parse_args()
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    region = Region(options.bin or built_binary())
    region.start()
    try:
        if options.polls:
            asyncio.run(waiters(region, options.queues, options.polls))
            region.restart()
        if options.messages:
            million(region, options.messages)
    finally:
        region.close()


if __name__ == "__main__":
    main()
