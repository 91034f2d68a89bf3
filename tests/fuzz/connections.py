"""Families that hold connections instead of filling them: slow heads, slow bodies, idle thousands.

They yield requests too, so that each round also shows that a new connection is answered.
"""

import resource
import socket
import time

SLOW = 50
SPARE_FILES = 500


def families(idle):
    """By name, with the number of idle connections bound."""
    return {"slow": slow, "idle": lambda sender, made, chance: idle_thousands(sender, idle)}


def slow(sender, made, chance):
    """Heads that never end, bodies that come a byte at a time, answers nobody reads."""
    head = f"POST / HTTP/1.1\r\nHost: {sender.host}\r\n".encode()
    beginnings = [b"", b"G", head, head + b"x: ", head + b"content-length: 100000\r\n\r\n", head + b"transfer-encoding: chunked\r\n\r\n5\r\n"]
    held = []
    try:
        for number in range(SLOW):
            connection = sender.connect()
            held.append(connection)
            connection.sendall(beginnings[number % len(beginnings)])
        for _ in range(20):
            for connection in held:
                trickle(connection)
            yield "a request beside slow ones", whole(sender)
            time.sleep(0.05)
    finally:
        for connection in held:
            connection.close()


def trickle(connection):
    try:
        connection.send(b"a")
    except OSError:
        # The region has lost its patience, which is its right.
        pass


def idle_thousands(sender, wanted):
    """Opens as many connections as wanted or as the system allows, and holds them."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    allowed = hard if hard != resource.RLIM_INFINITY else max(soft, wanted + SPARE_FILES)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(allowed, max(soft, wanted + SPARE_FILES)), hard))
    count = min(wanted, resource.getrlimit(resource.RLIMIT_NOFILE)[0] - SPARE_FILES) // 4
    held = []
    try:
        for _ in range(count):
            try:
                held.append(socket.create_connection(("127.0.0.1", sender.port), timeout=20))
            except OSError:
                # Beyond its bound the region may refuse; those who are in must go on being served.
                break
            sender.sent += 1
        for _ in range(20):
            yield "a request beside idle thousands", whole(sender)
            time.sleep(0.05)
    finally:
        for connection in held:
            connection.close()


def whole(sender):
    """A valid request."""
    headers = {"content-type": "application/x-www-form-urlencoded"}
    return sender.compose("sts", headers=headers, body=b"Action=GetCallerIdentity&Version=2011-06-15")
