"""A Python that is copied for each environment instead of being begun for it: what it has loaded lies in memory once.

Takes orders from the launcher alone, with whose rights it runs, and has run code of nobody. A copy enters the walls
that were made for it and gives everything up, call by call as it is told; then it waits as the bootstrap does.
"""

import sys

# Takes this folder from where modules are looked for.
import bootstrap

LOADED = bootstrap.load_ahead(
    ("array", "ctypes", "encodings.idna", "fcntl", "gc", "random", "struct", "traceback")
)

import array
import ctypes
import fcntl
import gc
import json
import os
import socket
import struct

MAX_ORDER_BYTES = 131072
MAX_GIVEN = 16
# Where a copy has what it is given, besides its input and outputs, until it is behind its walls.
PROCESS, CHANNEL, FAULT = 10, 11, 12
ABOVE_PLACES = 64
TIMES = 16
WAITS = b"waits"
CALLS = b"calls"


class Calls:
    """System calls by number, of which Python has not all."""

    def __init__(self):
        self._call = ctypes.CDLL(None, use_errno=True).syscall
        self._call.restype = ctypes.c_long

    def make(self, calls):
        """Makes calls in turn: what each is for, its number and arguments, where the descriptor goes that it makes."""
        for what, number, arguments, place in calls:
            held = []
            result = self._call(ctypes.c_long(number), *(self._argument(one, held) for one in arguments))
            if result == -1:
                raise OSError(f"cannot {what}: {os.strerror(ctypes.get_errno())}")
            if place is not None and place != result:
                os.dup2(result, place, inheritable=False)
                os.close(result)

    @staticmethod
    def _argument(argument, held):
        """A number, bytes in hexadecimal, or in a list those of a filter, which is told by its length and place."""
        if isinstance(argument, int):
            return ctypes.c_long(argument)
        if isinstance(argument, str):
            held.append(bytes.fromhex(argument))
        else:
            code = bytes.fromhex(argument[0])
            held.append(ctypes.create_string_buffer(code, len(code)))
            held.append(struct.pack("HP", len(code) // 8, ctypes.addressof(held[-1])))
        return ctypes.c_char_p(held[-1])


def _place(given):
    """Puts the descriptors where they are expected."""
    moved = [fcntl.fcntl(descriptor, fcntl.F_DUPFD_CLOEXEC, ABOVE_PLACES) for descriptor in given]
    for descriptor, place in zip(moved, (PROCESS, 0, 1, 2, CHANNEL, FAULT)):
        os.dup2(descriptor, place, inheritable=place <= 2)
    os.closerange(ABOVE_PLACES, ABOVE_PLACES + len(moved) + 1)


def _enter(order, calls):
    """Goes behind the walls, of whose first process a child of a child that ended there becomes one."""
    calls.make(order["enter"])
    inside = os.fork()
    if inside:
        os.waitpid(inside, 0)
        os._exit(0)
    if os.fork():
        os._exit(0)
    while os.getppid() != 1:
        os.sched_yield()


def _settle(order, calls):
    """Gives up all that a function must not have, and says that this is done."""
    calls.make(order["settle"])
    ssl = sys.modules.get("ssl")
    if ssl is not None:
        ssl.RAND_add(os.urandom(32), 32.0)
    if order["calls"] is not None:
        channel = socket.socket(fileno=CHANNEL)
        handed = (socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [order["calls"]]))
        channel.sendmsg([CALLS], [handed], order["sending"])
        channel.detach()
    os.write(FAULT, WAITS)
    os.closerange(3, ABOVE_PLACES + MAX_GIVEN + 1)


def _copy(words, given, calls):
    """Whether this is the copy, behind its walls."""
    copy = os.fork()
    if copy:
        for descriptor in given:
            os.close(descriptor)
        os.waitpid(copy, 0)
        return False
    try:
        _place(given)
        order = json.loads(words)
        _enter(order, calls)
        _settle(order, calls)
    except BaseException as error:
        os.write(FAULT, str(error).encode())
        os._exit(127)
    return True


def _rehearse():
    """Runs some invocations of a function of ours: an interpreter rewrites what it runs, which copies then need not."""
    invocation = (
        b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nLambda-Runtime-Aws-Request-Id: rehearsal\r\n"
        b"Lambda-Runtime-Deadline-Ms: 1\r\nLambda-Runtime-Trace-Id: t\r\nContent-Length: 9\r\n\r\n" + b'{"a":"b"}'
    )
    taken = b"HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\n\r\n"
    no_more = b"HTTP/1.1 410 Gone\r\nContent-Length: 0\r\n\r\n"
    ours, theirs = socket.socketpair()
    theirs.sendall((invocation + taken) * TIMES + no_more)
    environment = dict(os.environ)
    bootstrap.serve(bootstrap.RuntimeApi("rehearsal", ours), lambda event, context: {"heard": event})
    bootstrap.forget_invocation()
    os.environ.clear()
    os.environ.update(environment)
    ours.close()
    theirs.close()


def _becomes_one(calls):
    """Makes copies as it is told to. `True` in each of them; `False` in the end."""
    _rehearse()
    orders = socket.socket(fileno=0)
    orders.setblocking(True)
    # What is here stays: else looking for what does not would write to it, in each copy anew.
    gc.disable()
    gc.collect()
    gc.freeze()
    os.write(1, WAITS)
    while True:
        words, given, _, _ = socket.recv_fds(orders, MAX_ORDER_BYTES, MAX_GIVEN)
        if not words:
            return False
        if _copy(words, given, calls):
            orders.detach()
            gc.enable()
            return True


def main():
    bootstrap.find_borrowed_sdk()
    loaded = LOADED | bootstrap.load_ahead(sys.argv[2:])
    if _becomes_one(Calls()):
        bootstrap.run(bootstrap.wait(loaded))


if __name__ == "__main__":
    main()
