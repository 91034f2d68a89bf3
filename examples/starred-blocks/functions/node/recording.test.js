// Recordings that can be rendered, and each way in which bytes are none.
import assert from "node:assert/strict";
import test from "node:test";
import { LONGEST_BYTES, Malformed, render } from "./recording.js";

/** A WAV file of blocks `[hertz, amplitude]`. */
function wav(blocks, rate = 8000) {
  const size = rate / 8;
  const samples = blocks.flatMap(([hertz, amplitude]) =>
    Array.from({ length: size }, (_, n) => Math.round(amplitude * 32767 * Math.sin((2 * Math.PI * hertz * n) / rate))),
  );
  const bytes = Buffer.alloc(44 + 2 * samples.length);
  bytes.write("RIFF", 0);
  bytes.writeUInt32LE(36 + 2 * samples.length, 4);
  bytes.write("WAVEfmt ", 8);
  bytes.writeUInt32LE(16, 16);
  bytes.writeUInt16LE(1, 20);
  bytes.writeUInt16LE(1, 22);
  bytes.writeUInt32LE(rate, 24);
  bytes.writeUInt32LE(2 * rate, 28);
  bytes.writeUInt16LE(2, 32);
  bytes.writeUInt16LE(16, 34);
  bytes.write("data", 36);
  bytes.writeUInt32LE(2 * samples.length, 40);
  samples.forEach((sample, n) => bytes.writeInt16LE(sample, 44 + 2 * n));
  return bytes;
}

const changed = (bytes, change) => {
  const copy = Buffer.from(bytes);
  change(copy);
  return copy;
};

test("notes, stars and rests are found", () => {
  const melody = [[261.63, 0.3], [440, 0.8], [0, 0], [987.77, 0.3], [466.16, 0.3]];
  assert.deepEqual(render(wav(melody)), { blocks: 5, seconds: 0.625, notation: "C4 ★A4 · B5 | A#4\n" });
  assert.equal(render(wav(melody, 44000)).notation, "C4 ★A4 · B5 | A#4\n");
});

test("each way of being malformed has its reason", () => {
  const good = wav([[440, 0.5]]);
  const table = [
    [Buffer.alloc(0), /not a WAV/],
    [Buffer.from("la la la la la la la"), /not a WAV/],
    [good.subarray(0, 12), /no samples/],
    [good.subarray(0, 100), /cut off within "data"/],
    [changed(good, (bytes) => bytes.write("sfx ", 12)), /before their format/],
    [changed(good, (bytes) => bytes.writeUInt32LE(0xffffffff, 16)), /cut off within "fmt "/],
    [changed(good, (bytes) => bytes.writeUInt16LE(2, 22)), /not one channel/],
    [changed(good, (bytes) => bytes.writeUInt32LE(4, 24)), /a rate of 4 Hz/],
    [wav([]), /shorter than one block/],
    [Buffer.alloc(LONGEST_BYTES + 1), /too long/],
  ];
  for (const [bytes, reason] of table) {
    assert.throws(() => render(bytes), (error) => error instanceof Malformed && reason.test(error.message), String(reason));
  }
});
