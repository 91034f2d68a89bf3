// What a recording is, and how its notation is found. Pure: bytes in, text out.
//
// A recording is a WAV file, one channel of 16-bit PCM. It is cut into blocks of an eighth of a second; of
// each block the pitch is found among the notes C4 to B5. A loud block is starred, a silent one is a rest.

const BLOCKS_PER_SECOND = 8;
const BLOCKS_PER_BAR = 4;
const LONGEST_SECONDS = 60;
const LOWEST_RATE = 8000;
const HIGHEST_RATE = 48000;
const PCM = 1;

const FULL_SCALE = 32768;
const LOUD = FULL_SCALE / 2;
const SILENT = FULL_SCALE / 100;
const STAR = "★";
const REST = "·";

const LOWEST_NOTE = 60;
const HIGHEST_NOTE = 83;
const NAMES = ["C", "C#", "D", "D#", "E", "F", "F#", "G", "G#", "A", "A#", "B"];

/** The bytes are no recording that can be rendered: trying again does not help. */
export class Malformed extends Error {
  name = "Malformed";
}

/** The largest file that can be a recording. */
export const LONGEST_BYTES = 1024 + LONGEST_SECONDS * HIGHEST_RATE * 2;

/** The notation of a recording: `{ blocks, seconds, notation }`. */
export function render(bytes) {
  const { rate, samples } = read(bytes);
  const size = Math.floor(rate / BLOCKS_PER_SECOND);
  const blocks = [];
  for (let at = 0; at + size <= samples.length; at += size) {
    blocks.push(describe(samples.subarray(at, at + size), rate));
  }
  if (blocks.length === 0) throw new Malformed("shorter than one block");
  const bars = [];
  for (let at = 0; at < blocks.length; at += BLOCKS_PER_BAR) bars.push(blocks.slice(at, at + BLOCKS_PER_BAR).join(" "));
  return { blocks: blocks.length, seconds: samples.length / rate, notation: `${bars.join(" | ")}\n` };
}

/** The samples of a WAV file. */
function read(bytes) {
  if (bytes.length > LONGEST_BYTES) throw new Malformed("too long");
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const tag = (at) => String.fromCharCode(...bytes.subarray(at, at + 4));
  if (bytes.length < 12 || tag(0) !== "RIFF" || tag(8) !== "WAVE") throw new Malformed("not a WAV file");
  let rate;
  // Chunks are a tag, a length, that many bytes, and one more where the length is odd.
  for (let at = 12; at + 8 <= bytes.length; ) {
    const length = view.getUint32(at + 4, true);
    const start = at + 8;
    if (start + length > bytes.length) throw new Malformed(`cut off within ${JSON.stringify(tag(at))}`);
    if (tag(at) === "fmt ") rate = rateOf(view, start, length);
    if (tag(at) === "data") {
      if (rate === undefined) throw new Malformed("samples before their format");
      return { rate, samples: samplesOf(view, start, length) };
    }
    at = start + length + (length % 2);
  }
  throw new Malformed("no samples");
}

function rateOf(view, start, length) {
  if (length < 16) throw new Malformed("a format that is too short");
  const [format, channels] = [view.getUint16(start, true), view.getUint16(start + 2, true)];
  const [rate, bits] = [view.getUint32(start + 4, true), view.getUint16(start + 14, true)];
  if (format !== PCM || channels !== 1 || bits !== 16) throw new Malformed("not one channel of 16-bit PCM");
  if (rate < LOWEST_RATE || rate > HIGHEST_RATE) throw new Malformed(`a rate of ${rate} Hz`);
  return rate;
}

/** A copy, because the samples may lie at an odd address. */
function samplesOf(view, start, length) {
  const samples = new Int16Array(Math.floor(length / 2));
  for (let n = 0; n < samples.length; n++) samples[n] = view.getInt16(start + 2 * n, true);
  return samples;
}

/** A block as it is written: `A4`, `★A4`, `·`. */
function describe(block, rate) {
  const peak = block.reduce((loudest, sample) => Math.max(loudest, Math.abs(sample)), 0);
  if (peak < SILENT) return REST;
  let [best, strongest] = [LOWEST_NOTE, -1];
  for (let note = LOWEST_NOTE; note <= HIGHEST_NOTE; note++) {
    const power = powerAt(block, frequency(note) / rate);
    if (power > strongest) [best, strongest] = [note, power];
  }
  return `${peak >= LOUD ? STAR : ""}${NAMES[best % 12]}${Math.floor(best / 12) - 1}`;
}

/** Of a note by its MIDI number; A4, number 69, is 440 Hz. */
function frequency(note) {
  return 440 * 2 ** ((note - 69) / 12);
}

/** How strong one frequency, in cycles per sample, is within a block: Goertzel's algorithm. */
function powerAt(block, cycles) {
  const twice = 2 * Math.cos(2 * Math.PI * cycles);
  let [last, before] = [0, 0];
  for (const sample of block) [last, before] = [sample + twice * last - before, last];
  return last * last + before * before - twice * last * before;
}
