// The examples of docs/bridges are run as they stand; what they print is what the page says.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { formatWithOptions } from "node:util";
import { io } from "socket.io-client";
import WebSocket from "ws";
import { startRouter, until } from "./js_harness.mjs";

const AsyncFunction = (async () => {}).constructor;
let examples = 0;
for (const page of ["socketio", "websocket"]) {
  const text = readFileSync(`${process.env.CLASP_DOCS}/bridges/${page}.md`, "utf8");
  for (const [, code, expected] of text.matchAll(/```js\n(.*?)```\n```text\n(.*?)```/gs)) {
    const router = await startRouter("--socketio", "127.0.0.1:0", "--websocket", "127.0.0.1:0"); // a fresh one: revisions begin at 1
    const opened = [];
    let printed = "";
    const console_ = { log: (...args) => (printed += `${formatWithOptions({}, ...args)}\n`) };
    const keep = (socket) => (opened.push(socket), socket);
    const ioHere = (url, options) => keep(io(url.replace("localhost:3001", `127.0.0.1:${router.ports.socketio}`), { forceNew: true, ...options }));
    class Here extends WebSocket {
      constructor(url) {
        super(url.replace("localhost:8080", `127.0.0.1:${router.ports.websocket}`));
        keep(this);
      }
    }
    await new AsyncFunction("io", "WebSocket", "console", code)(ioHere, Here, console_);
    await until(() => printed.length >= expected.length, () => `${code}\nprints\n${expected}\nbut\n${printed}`);
    assert.equal(printed, expected, code);
    opened.forEach((socket) => socket.close());
    await router.stop();
    ++examples;
  }
}
assert.equal(examples, 5);
console.log("ok");
process.exit(0);
