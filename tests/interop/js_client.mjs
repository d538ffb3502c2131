// The published @clasp-to/core, unmodified; Node 20 has no global WebSocket, so `ws` stands in.
import assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { WebSocket } from "ws";

globalThis.WebSocket = WebSocket;
const { Clasp } = await import("@clasp-to/core");

const binary = process.env.CLASP_BINARY;
const server = spawn(binary, ["server", "--listen", "127.0.0.1:0"], { stdio: ["ignore", "pipe", "inherit"] });
const [line] = await new Promise((resolve) => createInterface(server.stdout).once("line", (text) => resolve([text])));
const url = line.match(/ws:\/\/127\.0\.0\.1:\d+/)[0];
const clasp = (...args) => execFileSync(binary, args, { env: { ...process.env, CLASP_URL: url }, encoding: "utf8" }).trim();
const until = async (condition, what) => {
  for (let i = 0; i < 500; ++i) {
    if (condition()) return;
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  throw new Error(`never happened: ${what}`);
};

clasp("set", "/early", "7");
const a = new Clasp(url, { name: "a", reconnect: false });
const b = new Clasp(url, { name: "b", reconnect: false });
await a.connect();
await b.connect();
assert.equal(a.session.length, 36);
await until(() => a.cached("/early") === 7, "the late joiner has the state");

const heardA = [];
const heardB = [];
a.subscribe("/js/**", (value, address) => heardA.push([address, value]));
b.subscribe("/js/**", (value, address) => heardB.push([address, value]));
const has = (list, address, value) => list.some(([at, v]) => at === address && JSON.stringify(v) === JSON.stringify(value));
await new Promise((resolve) => setTimeout(resolve, 200));
a.set("/js/x", 0.5);
await until(() => has(heardA, "/js/x", 0.5) && has(heardB, "/js/x", 0.5), "SET reaches both, the writer too");
a.emit("/js/event", { k: [1, "two"] });
await until(() => has(heardB, "/js/event", { k: [1, "two"] }), "event");
assert.ok(!has(heardA, "/js/event", { k: [1, "two"] }), "no echo of a PUBLISH");
a.stream("/js/stream", 3);
await until(() => has(heardB, "/js/stream", 3), "stream");
a.bundle([{ set: ["/js/b1", 1] }, { set: ["/js/b2", 2] }, { emit: ["/js/b3", 3] }]);
await until(() => has(heardB, "/js/b1", 1) && has(heardB, "/js/b2", 2) && has(heardB, "/js/b3", 3), "bundle");
a.gesture("/js/pad", 1, "start", { x: 0 });
a.gesture("/js/pad", 1, "move", { x: 1 });
a.gesture("/js/pad", 1, "end", { x: 2 });
await until(() => heardB.some(([at, v]) => at === "/js/pad" && v.phase === "end" && v.x === 2), "gesture end");
clasp("set", "/js/cli", '{"nested":[true,null,"text"]}');
await until(() => has(heardA, "/js/cli", { nested: [true, null, "text"] }), "a set from the command line");
assert.equal(clasp("get", "/js/x"), "0.5");
assert.equal(await b.get("/early"), 7);
a.close();
b.close();
server.kill("SIGTERM");
assert.equal(await new Promise((resolve) => server.once("exit", resolve)), 0);
console.log("ok");
process.exit(0);
