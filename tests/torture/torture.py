#!/usr/bin/env python3
"""kill -9 under 32 writers, round after round, on one data directory; then everything that was
acknowledged must be there, nothing torn, what was deleted stays deleted, no process survives, the data
directory stays bounded, and writes are accepted again.

    python3 tests/torture/torture.py --bin target/release/elysium --rounds 100

Needs nothing but Python's standard library. The seed is printed; it decides when the kills fall.
"""

import argparse
import http.client
import pathlib
import random
import sys
import threading
import time
import traceback

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))

from support.client import Client  # noqa: E402  (the folder above is on the path only now)
from support.region import Region, built_binary  # noqa: E402
from torture.functions import Functions  # noqa: E402
from torture.objects import ObjectWriter, no_orphans  # noqa: E402
from torture.queues import CrowdWriter, FifoWriter, QueueWriter  # noqa: E402
from torture.tables import PairWriter, TableWriter  # noqa: E402
from torture.topics import FarWriter, FifoTopicWriter, TopicWriter  # noqa: E402

WRITERS = (TableWriter, PairWriter, QueueWriter, FifoWriter, CrowdWriter, ObjectWriter, TopicWriter, FifoTopicWriter,
           FarWriter)
SURVIVOR_SECONDS = 10


class AckLog:
    """Every acknowledgement as a line, for reading after a failure."""

    def __init__(self, path):
        self.file, self.lock, self.lines = open(path, "a"), threading.Lock(), 0

    def write(self, writer, what):
        with self.lock:
            self.file.write(f"{time.time():.6f} {writer} {what}\n")
            self.lines += 1

    def flush(self):
        with self.lock:
            self.file.flush()


def write_until_killed(writer, killing):
    """A writer's thread: one operation after the other until the region is gone.

    Cut off in the middle of an answer is what a kill looks like. Before the kill it is a complaint, and an
    answer that is an error always is.
    """
    while True:
        try:
            writer.step()
        except (http.client.HTTPException, OSError) as error:
            if not killing.is_set():
                writer.complaints.append(f"{writer.name}: {error!r} while nobody killed the region")
            return
        except Exception as error:
            writer.complaints.append(f"{writer.name}: {error!r}")
            return


def wait_for_survivors(region):
    end = time.monotonic() + SURVIVOR_SECONDS
    while (found := region.survivors()) and time.monotonic() < end:
        time.sleep(0.05)
    return found


def describe(pids):
    names = []
    for pid in pids:
        try:
            names.append(f"{pid} " + pathlib.Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode()[:80])
        except OSError:
            pass
    return "; ".join(names)


def one_round(region, writers, functions, chance, options, acks):
    """Writes, kills, restarts, verifies. The complaints, and a line that says what happened."""
    killing = threading.Event()
    before = acks.lines
    threads = [threading.Thread(target=write_until_killed, args=(writer, killing), daemon=True) for writer in writers]
    for thread in threads:
        thread.start()
    functions.launch()
    alive_for = chance.uniform(*options.seconds)
    time.sleep(alive_for)
    killing.set()
    region.kill()
    for thread in threads:
        thread.join(60)
    acks.flush()
    complaints = [complaint for writer in writers for complaint in writer.take_complaints()]
    if survivors := wait_for_survivors(region):
        complaints.append(f"outlived the region: {describe(survivors)}")
    ready = region.start()
    begun = time.monotonic()
    reader = Client(region.port, timeout=60)
    for kind in WRITERS:
        complaints += kind.verify_all(reader, [writer for writer in writers if type(writer) is kind])
    verified = time.monotonic() - begun
    for writer in writers[:len(WRITERS)]:
        writer.step()
    disk, journal = region.disk_mb(), region.disk_mb(".jnl")
    if disk > options.max_disk_mb:
        complaints.append(f"the data directory holds {disk:.0f} MB")
    if journal > options.max_journal_mb:
        complaints.append(f"the journals hold {journal:.0f} MB")
    if panics := [line for line in region.log().splitlines() if "panicked at" in line]:
        complaints.append(f"panics: {panics[:3]}")
    return complaints, (f"killed after {alive_for:.2f} s, {acks.lines - before} acknowledged, ready in {ready * 1e3:.0f} ms, "
                        f"verified in {verified:.1f} s, {disk:.0f} MB on disk ({journal:.0f} journal), "
                        f"{region.resident_mb():.0f} MB resident")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bin", default=None)
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--writers", type=int, default=32)
    parser.add_argument("--seconds", type=float, nargs=2, default=(0.3, 2.0), help="a kill falls between these")
    parser.add_argument("--seed", type=int, default=None)
    parser.add_argument("--data-dir", default=None, help="kept; the default is removed when all went well")
    parser.add_argument("--max-disk-mb", type=float, default=2048)
    parser.add_argument("--max-journal-mb", type=float, default=640)
    options = parser.parse_args()
    seed = options.seed if options.seed is not None else random.randrange(1 << 32)
    chance = random.Random(seed)
    region = Region(options.bin or built_binary(), options.data_dir)
    acks = AckLog(region.data_dir.with_name(region.data_dir.name + ".acks"))
    print(f"torture: seed {seed}, {options.writers} writers, data in {region.data_dir.name}", flush=True)
    passed = failed = 0
    try:
        region.start()
        writers = [WRITERS[i % len(WRITERS)](f"w{i}", Client(region.port), acks, random.Random(f"{seed}-{i}"))
                   for i in range(options.writers)]
        setup = Client(region.port)
        for kind in WRITERS:
            kind.set_up(setup, [writer for writer in writers if type(writer) is kind])
        functions = Functions(setup, region.marker)
        print(f"functions: {functions.state}", flush=True)
        for number in range(1, options.rounds + 1):
            complaints, line = one_round(region, writers, functions, chance, options, acks)
            print(f"round {number}: {'ok' if not complaints else 'FAILED'}: {line}", flush=True)
            for complaint in complaints[:20]:
                print(f"  {complaint}", flush=True)
            passed, failed = passed + (not complaints), failed + bool(complaints)
        for complaint in no_orphans(region, Client(region.port, timeout=60)):
            print(f"  {complaint}", flush=True)
            failed += 1
    except Exception:
        traceback.print_exc()
        failed += 1
    if failed:
        print(f"kept: {region.data_dir}, {region.log_path}, {acks.file.name}")
        region.own_dir = False
    region.close()
    if not failed:
        pathlib.Path(acks.file.name).unlink()
    skipped = max(0, options.rounds - passed - failed)
    print(f"torture: {passed} passed, {failed} failed, {skipped} skipped")
    return 1 if failed or not passed else 0


if __name__ == "__main__":
    sys.exit(main())
