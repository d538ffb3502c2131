// The WebSocket library most of Node uses, with permessage-deflate, and the published @clasp-to/core over it, against `clasp server --deflate`.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { WebSocket } from "ws";

let raw = 0; // bytes on the wire to us
globalThis.WebSocket = class extends WebSocket {
  constructor(url, protocols) {
    super(url, protocols, { perMessageDeflate: { threshold: 100 } });
    this.on("upgrade", (response) => {
      assert.match(response.headers["sec-websocket-extensions"], /^permessage-deflate; server_no_context_takeover; client_no_context_takeover/);
      response.socket.on("data", (bytes) => { raw += bytes.length; });
    });
  }
};
const { Clasp } = await import("@clasp-to/core");

const server = spawn(process.env.CLASP_BINARY, ["server", "--deflate", "--listen", "127.0.0.1:0"], { stdio: ["ignore", "pipe", "inherit"] });
const line = await new Promise((resolve) => createInterface(server.stdout).once("line", resolve));
const url = line.match(/ws:\/\/127\.0\.0\.1:\d+/)[0];
const until = async (condition, what) => {
  for (let i = 0; i < 3000; ++i) {
    if (condition()) return;
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  throw new Error(`never happened: ${what}`);
};

const writer = new Clasp(url, { name: "writer", reconnect: false });
const reader = new Clasp(url, { name: "reader", reconnect: false });
await writer.connect();
await reader.connect();
assert.equal(await (await fetch(url.replace("ws", "http") + "/healthz")).text(), "ok\n");
const heard = new Map();
reader.subscribe("/deflate/**", (value, address) => heard.set(address, value));
await reader.set("/deflate/ready", 1);
await until(() => heard.get("/deflate/ready") === 1, "the subscription works");

const before = raw;
const cues = Array.from({ length: 2000 }, (_, i) => `cue ${i}: fade /stage/${i % 50}/dim`).join("\n");
for (let i = 0; i < 20; ++i) writer.set(`/deflate/${i}`, `${i} ${cues}`);
await until(() => heard.size === 21, "all values");
for (let i = 0; i < 20; ++i) assert.equal(heard.get(`/deflate/${i}`), `${i} ${cues}`);
assert.ok(raw - before < 20 * cues.length / 2, `${raw - before} bytes for ${20 * cues.length}`);

const text = await (await fetch(url.replace("ws", "http") + "/metrics")).text();
const figure = (name) => Number(text.match(new RegExp(`^${name} (\\d+)$`, "m"))[1]);
assert.ok(figure("clasp_messages_deflated_total") >= 20 && figure("clasp_messages_inflated_total") >= 20, "both directions were compressed");
writer.close();
reader.close();
server.kill("SIGTERM");
assert.equal(await new Promise((resolve) => server.once("exit", resolve)), 0);
console.log("ok");
process.exit(0);
