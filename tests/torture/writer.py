"""What all writers share: keys that only they write, and what each key may hold after a kill.

A writer does one operation at a time, so at most one is unacknowledged when the region dies. A key may
then hold what was last acknowledged, or what that one operation would have left.
"""

import hashlib

ABSENT = None
KEYS = 200


class Writer:
    """One thread's writes. `held` is key to value as acknowledged; `pending` what is under way."""

    def __init__(self, name, client, acks, chance):
        self.name, self.client, self.acks, self.chance = name, client, acks, chance
        self.held, self.pending, self.complaints, self.number = {}, None, [], 0

    def begin(self, key, value):
        """Notes an operation that is about to be sent."""
        self.pending = (key, value)

    def acknowledged(self, what):
        """The operation under way was answered with success."""
        key, value = self.pending
        self.held[key] = value
        self.pending = None
        self.acks.write(self.name, f"{what} {key}")

    def next_value(self, size=100):
        """A value that proves its own wholeness: number, filler, digest of both."""
        self.number += 1
        body = f"{self.name}-{self.number}-".ljust(size, "x")
        return body + hashlib.sha256(body.encode()).hexdigest()

    def pick_key(self):
        return f"{self.name}-{self.chance.randrange(KEYS)}"

    @staticmethod
    def is_whole(value):
        """Whether a value is one that a writer composed, from its first byte to its last."""
        body, digest = value[:-64], value[-64:]
        return hashlib.sha256(body.encode()).hexdigest() == digest

    def compare(self, found):
        """Complaints about the writer's keys, given what is stored now; then takes that as the truth."""
        complaints = []
        pending_key, pending_value = self.pending or (ABSENT, ABSENT)
        for key in self.held.keys() | found.keys():
            now, last = found.get(key, ABSENT), self.held.get(key, ABSENT)
            if now == last or (key == pending_key and now == pending_value):
                continue
            if now is ABSENT:
                complaints.append(f"lost: {key} was acknowledged and is gone")
            elif last is ABSENT:
                complaints.append(f"came back: {key} was deleted or never acknowledged")
            elif not self.is_whole(now):
                complaints.append(f"torn: {key} holds {now[:40]!r}…")
            else:
                complaints.append(f"stale: {key} holds {now[:20]!r}, acknowledged was {last[:20]!r}")
        self.held, self.pending = dict(found), None
        self.client.close()
        return complaints

    def take_complaints(self):
        taken, self.complaints = self.complaints, []
        return taken


def by_writer(writers, found):
    """What was found, split by the writer whose keys they are."""
    split = {writer.name: {} for writer in writers}
    for key, value in found.items():
        owner = key.split("-")[0]
        if owner in split:
            split[owner][key] = value
    return split
