// A zip archive of files, stored without compression, and the installed packages that a package needs with it.
import { existsSync, readFileSync, readdirSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { crc32 } from "node:zlib";

const modules = join(dirname(fileURLToPath(import.meta.url)), "node_modules");

/** The files of packages and of all that they depend on, as entries below `into`. */
export function installed(names, into) {
  const files = {};
  const seen = new Set();
  const visit = (name) => {
    const folder = join(modules, name);
    if (seen.has(name) || !existsSync(join(folder, "package.json"))) return;
    seen.add(name);
    for (const file of readdirSync(folder, { recursive: true, withFileTypes: true })) {
      const place = join(file.parentPath, file.name);
      if (file.isFile() && /\.(c?js|mjs|json)$/.test(file.name)) files[join(into, place.slice(modules.length))] = readFileSync(place);
      // Packages within this one have dependencies too, which may lie beside it.
      if (file.name === "package.json") Object.keys(JSON.parse(readFileSync(place)).dependencies ?? {}).forEach(visit);
    }
  };
  names.forEach(visit);
  return files;
}

/** The archive, by the application note of the format: each file's head and content, then the directory. */
export function archive(files) {
  const [content, directory] = [[], []];
  let at = 0;
  for (const [name, text] of Object.entries(files)) {
    const [bytes, path] = [Buffer.from(text), Buffer.from(name)];
    const common = Buffer.alloc(26);
    common.writeUInt16LE(20, 0);
    common.writeUInt16LE(0x21, 8);
    common.writeUInt32LE(crc32(bytes), 10);
    common.writeUInt32LE(bytes.length, 14);
    common.writeUInt32LE(bytes.length, 18);
    common.writeUInt16LE(path.length, 22);
    content.push(Buffer.from("PK\x03\x04"), common, path, bytes);
    const rest = Buffer.alloc(14);
    rest.writeUInt32LE((0o100644 << 16) >>> 0, 6);
    rest.writeUInt32LE(at, 10);
    directory.push(Buffer.from("PK\x01\x02\x14\x03"), common, rest, path);
    at += 4 + common.length + path.length + bytes.length;
  }
  const [count, head] = [Object.keys(files).length, Buffer.concat(directory)];
  const end = Buffer.alloc(18);
  end.writeUInt16LE(count, 4);
  end.writeUInt16LE(count, 6);
  end.writeUInt32LE(head.length, 8);
  end.writeUInt32LE(at, 12);
  return Buffer.concat([...content, head, Buffer.from("PK\x05\x06"), end]);
}
