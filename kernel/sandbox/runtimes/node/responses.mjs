// Reads what the Runtime API answers out of the bytes of its connection.

const MAX_HEAD_BYTES = 65536;

// A whole response and where it ends, or how many bytes are needed before it is worth another look.
export function parseResponse(buffer) {
  const headEnd = buffer.indexOf('\r\n\r\n');
  if (headEnd < 0) {
    if (buffer.length > MAX_HEAD_BYTES) throw new Error('the runtime sent a head without an end');
    return { needed: buffer.length + 1 };
  }
  const lines = buffer.toString('latin1', 0, headEnd).split('\r\n');
  const headers = {};
  for (const line of lines.slice(1)) {
    const colon = line.indexOf(':');
    headers[line.slice(0, colon).toLowerCase()] = line.slice(colon + 1).trim();
  }
  const status = Number(lines[0].slice(9, 12));
  if ((headers['transfer-encoding'] ?? '').includes('chunked')) {
    const chunked = parseChunks(buffer, headEnd + 4);
    return chunked ? { status, headers, ...chunked } : { needed: buffer.length + 1 };
  }
  const end = headEnd + 4 + Number(headers['content-length'] ?? 0);
  if (buffer.length < end) return { needed: end };
  return { status, headers, body: buffer.subarray(headEnd + 4, end), end };
}

function parseChunks(buffer, start) {
  const parts = [];
  for (let at = start; ; ) {
    const lineEnd = buffer.indexOf('\r\n', at);
    if (lineEnd < 0) return undefined;
    const length = Number.parseInt(buffer.toString('latin1', at, lineEnd), 16);
    const end = lineEnd + 2 + length + 2;
    if (buffer.length < end) return undefined;
    if (length === 0) return { body: Buffer.concat(parts), end };
    parts.push(buffer.subarray(lineEnd + 2, end - 2));
    at = end;
  }
}
