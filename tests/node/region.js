// A region of its own for the Node suite: starts the built binary on a free port, ends it afterwards.
import { spawn } from "node:child_process";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

const root = join(dirname(fileURLToPath(import.meta.url)), "../..");

function builtBinary() {
  const places = [process.env.ELYSIUM_BIN, join(root, "target/debug/elysium"), join(root, "target/release/elysium")];
  const found = places.find((place) => place && existsSync(place));
  if (!found) throw new Error("no binary: cargo build -p elysium");
  return found;
}

function freePort() {
  return new Promise((resolve, reject) => {
    const server = createServer().once("error", reject);
    server.listen(0, "127.0.0.1", () => {
      const { port } = server.address();
      server.close(() => resolve(port));
    });
  });
}

/** Starts a region; resolves at `Ready.` with the configuration of a client, its data and a `stop()`. */
export async function startRegion(...args) {
  const port = await freePort();
  const data = mkdtempSync(join(tmpdir(), "elysium-node-"));
  // The region takes every ELYSIUM_ variable for a setting; the one that names the binary is ours.
  const { ELYSIUM_BIN, ...env } = process.env;
  const child = spawn(builtBinary(), ["start", "--port", String(port), "--data-dir", data, ...args], {
    env,
    stdio: ["ignore", "pipe", "inherit"],
  });
  const ended = new Promise((resolve) => child.once("exit", resolve));
  await new Promise((resolve, reject) => {
    ended.then((code) => reject(new Error(`the region ended with ${code} before Ready.`)));
    createInterface({ input: child.stdout }).on("line", (line) => line.trim() === "Ready." && resolve());
  });
  const config = {
    endpoint: `http://127.0.0.1:${port}`,
    region: "us-east-1",
    credentials: { accessKeyId: "test", secretAccessKey: "test" },
    maxAttempts: 1,
  };
  const stop = async () => {
    child.kill("SIGTERM");
    const code = await ended;
    rmSync(data, { recursive: true, force: true });
    return code;
  };
  return { config, data, stop };
}
