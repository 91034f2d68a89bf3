"""Melodies, and the recordings of them: what a student uploads, and the notation it must come back as.

The notation is written from the melody, never from the sound, so it tests whoever listens to the sound.
"""

from __future__ import annotations

import array
import io
import math
import random
import sys
import wave
from dataclasses import dataclass

RATE = 8000
BLOCK = RATE // 8
BLOCKS_PER_BAR = 4
LOWEST, HIGHEST = 60, 83
NAMES = ("C", "C#", "D", "D#", "E", "F", "F#", "G", "G#", "A", "A#", "B")
LOUDNESS = {"quiet": 0.3, "starred": 0.8}


@dataclass(frozen=True)
class Block:
    """An eighth of a second: a note by its MIDI number, or a rest."""

    note: int | None
    starred: bool = False

    def __str__(self) -> str:
        if self.note is None:
            return "·"
        return f"{'★' if self.starred else ''}{NAMES[self.note % 12]}{self.note // 12 - 1}"


def melody(seed: str, shortest: int = 4, longest: int = 24) -> list[Block]:
    """A melody that the same seed gives again."""
    chance = random.Random(seed)
    blocks = [Block(chance.randint(LOWEST, HIGHEST), chance.random() < 0.25)
              for _ in range(chance.randint(shortest, longest))]
    return [Block(None) if chance.random() < 0.1 else block for block in blocks]


def notation(blocks: list[Block]) -> str:
    """As the renderer must write it."""
    bars = [blocks[at:at + BLOCKS_PER_BAR] for at in range(0, len(blocks), BLOCKS_PER_BAR)]
    return " | ".join(" ".join(map(str, bar)) for bar in bars) + "\n"


def record(blocks: list[Block]) -> bytes:
    """A WAV file of the melody."""
    samples = array.array("h", (sample for block in blocks for sample in sound(block)))
    if sys.byteorder == "big":
        samples.byteswap()
    file = io.BytesIO()
    with wave.open(file, "wb") as recording:
        recording.setnchannels(1)
        recording.setsampwidth(2)
        recording.setframerate(RATE)
        recording.writeframes(samples.tobytes())
    return file.getvalue()


def sound(block: Block) -> list[int]:
    """The samples of a block."""
    if block.note is None:
        return [0] * BLOCK
    turn = 2 * math.pi * 440 * 2 ** ((block.note - 69) / 12) / RATE
    height = 32767 * LOUDNESS["starred" if block.starred else "quiet"]
    return [round(height * math.sin(turn * at)) for at in range(BLOCK)]
