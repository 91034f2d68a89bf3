#!/usr/bin/env python3
"""Hostile input, family after family, while a watcher makes sure that others are served.

    python3 tests/fuzz/fuzz.py --bin target/release/elysium --seconds 600

A family fails if the region dies, answers 500, panics or overflows (its log says so), keeps the watcher
waiting, or grows beyond its bound. Needs nothing but Python's standard library.
"""

import argparse
import pathlib
import random
import sys
import threading
import time
import traceback

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))

from fuzz import connections, hostile  # noqa: E402  (the folder above is on the path only now)
from fuzz.exchange import Sender  # noqa: E402
from support.client import Client  # noqa: E402
from support.region import Region, built_binary  # noqa: E402

# Not how fast others are served, but that they are: a debug build shares two cores with other suites and eight attackers.
WAIT_SECONDS = 30
ATTACKERS = 8
BAD_LINES = ("panicked at", "has overflowed its stack", "memory allocation of", "SIGSEGV", "SIGABRT")


class Watcher(threading.Thread):
    """Another user of the region: valid requests, one after the other, none of which may fail or linger."""

    def __init__(self, port):
        super().__init__(daemon=True)
        self.client, self.done = Client(port, timeout=WAIT_SECONDS), threading.Event()
        self.served, self.slowest, self.complaints = 0, 0.0, []

    def run(self):
        number = 0
        while not self.done.is_set():
            number += 1
            begun = time.monotonic()
            try:
                self.serve(number)
            except Exception as error:
                self.complaints.append(f"the watcher was not served: {error!r}")
            self.served += 1
            self.slowest = max(self.slowest, time.monotonic() - begun)
            self.done.wait(0.02)

    def serve(self, number):
        key, value = f"watcher-{number % 100}", str(number)
        item = {"id": {"S": key}, "value": {"S": value}}
        self.client.json("dynamodb", "PutItem", {"TableName": "fuzz", "Item": item})
        found = self.client.json("dynamodb", "GetItem", {"TableName": "fuzz", "Key": {"id": {"S": key}}, "ConsistentRead": True})
        if found.get("Item") != item:
            raise RuntimeError(f"wrote {item}, read {found}")
        self.client.query("sts", "2011-06-15", "GetCallerIdentity")

    def take(self):
        """What happened since the last call."""
        taken = self.served, self.slowest, self.complaints
        self.served, self.slowest, self.complaints = 0, 0.0, []
        return taken


def set_up(client):
    """What valid requests need; mutated ones start from these."""
    client.json("dynamodb", "CreateTable", {
        "TableName": "fuzz", "BillingMode": "PAY_PER_REQUEST",
        "AttributeDefinitions": [{"AttributeName": "id", "AttributeType": "S"}],
        "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}]})
    url = client.json("sqs", "CreateQueue", {"QueueName": "fuzz"})["QueueUrl"]
    client.s3("PUT", "/fuzz")
    return {"queue": url}


def attack(number, family, sender, made, chance, end, complaints):
    """One attacker: its share of the family's requests, over and over until time is up."""
    try:
        while time.monotonic() < end:
            for index, (label, request) in enumerate(family(sender, made, chance)):
                if index % ATTACKERS == number and sender.send(request) == 500:
                    complaints.add(f"{label}: answered 500")
                if time.monotonic() > end:
                    break
    except Exception:
        complaints.add(traceback.format_exc())


def run_family(name, family, region, made, seed, seconds):
    """Several attackers at once; what they complain of, and how many requests they sent."""
    end, complaints = time.monotonic() + seconds, set()
    senders = [Sender(region.port) for _ in range(ATTACKERS)]
    threads = [threading.Thread(target=attack, daemon=True,
                                args=(i, family, sender, made, random.Random(f"{seed}-{name}-{i}"), end, complaints))
               for i, sender in enumerate(senders)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(seconds + 120)
        if thread.is_alive():
            complaints.add("an attacker hangs: some request is never answered nor refused")
    return sorted(complaints), sum(sender.sent for sender in senders)


def judge(region, watcher, complaints, options, log_from):
    """Adds what the region itself shows to the complaints."""
    served, slowest, unserved = watcher.take()
    complaints += unserved[:5]
    if region.process.poll() is not None:
        complaints.append(f"the region ended with {region.process.returncode}")
    complaints += [line for line in region.log()[log_from:].splitlines() if any(bad in line for bad in BAD_LINES)][:5]
    resident = region.resident_mb()
    if resident > options.max_resident_mb:
        complaints.append(f"{resident:.0f} MB resident")
    if not served:
        complaints.append("the watcher was never served")
    return f"{served} served meanwhile, slowest {slowest * 1e3:.0f} ms, {resident:.0f} MB resident"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bin", default=None)
    parser.add_argument("--seconds", type=float, default=5, help="for each family")
    parser.add_argument("--families", default=None, help="comma-separated; all by default")
    parser.add_argument("--connections", type=int, default=10_000, help="idle ones; bounded by what the system allows")
    parser.add_argument("--max-resident-mb", type=float, default=1024)
    parser.add_argument("--seed", type=int, default=None)
    options = parser.parse_args()
    seed = options.seed if options.seed is not None else random.randrange(1 << 32)
    families = {**hostile.FAMILIES, **connections.families(options.connections)}
    wanted = options.families.split(",") if options.families else list(families)
    region = Region(options.bin or built_binary(), arguments=["--iam", "enforce"])
    print(f"fuzz: seed {seed}, {options.seconds:g} s each of {', '.join(wanted)}", flush=True)
    passed = failed = 0
    try:
        region.start()
        made = set_up(Client(region.port))
        watcher = Watcher(region.port)
        watcher.start()
        for name in wanted:
            log_from = len(region.log())
            complaints, sent = run_family(name, families[name], region, made, seed, options.seconds)
            line = judge(region, watcher, complaints, options, log_from)
            print(f"{name}: {'ok' if not complaints else 'FAILED'}: {sent} sent, {line}", flush=True)
            for complaint in complaints[:20]:
                print(f"  {complaint}", flush=True)
            passed, failed = passed + (not complaints), failed + bool(complaints)
            if region.process.poll() is not None:
                region.start()
        watcher.done.set()
    except Exception:
        traceback.print_exc()
        failed += 1
    if failed:
        print(f"kept: {region.log_path}")
        region.own_dir = False
    region.close()
    print(f"fuzz: {passed} passed, {failed} failed, {max(0, len(wanted) - passed - failed)} skipped")
    return 1 if failed or not passed else 0


if __name__ == "__main__":
    sys.exit(main())
