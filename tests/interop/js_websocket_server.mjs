// Our WebSocket JSON bridge with `ws` (npm): messages without and with a "type", tokens, paths, slow and silent clients.
import assert from "node:assert/strict";
import WebSocket from "ws";
import { once, startClasp, startRouter, until } from "./js_harness.mjs";

const router = await startRouter("--websocket", "127.0.0.1:0");
const url = `ws://127.0.0.1:${router.ports.websocket}`;

async function connect(where = url, protocols, options) {
  const socket = new WebSocket(where, protocols, options);
  socket.heard = [];
  socket.on("message", (data, isBinary) => socket.heard.push(isBinary ? data : data.toString()));
  await new Promise((resolve, reject) => (socket.once("open", resolve), socket.once("error", reject)));
  socket.say = (message) => socket.send(JSON.stringify(message));
  socket.ask = async (message) => {
    const id = Math.random();
    socket.say({ ...message, id });
    let answer;
    await until(() => (answer = socket.heard.map((text) => JSON.parse(text)).find((frame) => frame.id === id)), () => `an answer to ${JSON.stringify(message)}`);
    return answer;
  };
  return socket;
}
const refused = (where, options) => new Promise((resolve) => {
  const socket = new WebSocket(where, [], options);
  socket.on("unexpected-response", (_, response) => resolve(response.statusCode)).on("open", () => resolve("open")).on("error", () => {});
});

// Without "type": everybody hears the namespace, except who caused it.
const plain = await connect();
const other = await connect();
plain.send('{"address":"/ws/a","value":9007199254740993}');
plain.send("no JSON");
plain.send("5");
await until(() => other.heard.length === 3, "three messages");
assert.deepEqual(other.heard, ['{"address":"/ws/a","value":9007199254740993}', '{"address":"/ws/text","value":"no JSON"}', '{"address":"/ws/message","value":5}']);
assert.equal(router.clasp("get", "/ws/a"), "9007199254740993");
router.clasp("set", "/ws/b", "1.5");
await until(() => plain.heard.length === 1, "from the router");
assert.deepEqual(plain.heard, ['{"address":"/ws/b","value":1.5}']);

// With "type": what was asked for and nothing else.
router.clasp("set", "/lights/1", "10");
const typed = await connect();
assert.equal((await typed.ask({ type: "set", address: "/lights/2", value: { deep: [1, null] } })).revision, 1);
assert.deepEqual((await typed.ask({ type: "get", address: "/lights/1" })).value, 10);
assert.equal((await typed.ask({ type: "get", address: "/none" })).code, 201);
const { state } = await typed.ask({ type: "snapshot", prefix: "/lights" });
assert.deepEqual(state, { "/lights/1": 10, "/lights/2": { deep: [1, null] } });
await typed.ask({ type: "subscribe", pattern: "/lights/**" });
await until(() => typed.heard.filter((text) => JSON.parse(text).type === "value" && !JSON.parse(text).id).length === 2, "the state");
typed.heard.length = 0;
router.clasp("set", "/lights/1", "11");
router.clasp("emit", "/lights/flash", "1");
router.clasp("set", "/ws/b", "2");
router.clasp("set", "/lights/1", "12");
await until(() => typed.heard.length === 3, "three of the four");
assert.deepEqual(typed.heard.map(JSON.parse), [{ type: "value", address: "/lights/1", value: 11, revision: 2 }, { type: "event", address: "/lights/flash", value: 1 },
  { type: "value", address: "/lights/1", value: 12, revision: 3 }]);
const bundle = await typed.ask({ type: "bundle", messages: [{ type: "set", address: "/lights/1", value: 0 }, { type: "emit", address: "/lights/cue", value: "x" }] });
assert.equal(bundle.type, "ack");
assert.equal((await typed.ask({ type: "ping" })).type, "pong");
typed.send("{");
await until(() => typed.heard.some((text) => text.includes("invalid JSON")), "an error");

// Field case C27: hostile JSON costs its sender an error, and nobody else anything.
for (const hostile of ["[".repeat(10_000), "[".repeat(500_000), `${"[".repeat(400_000)}${"]".repeat(400_000)}`]) {
  typed.heard.length = 0;
  typed.send(hostile);
  await until(() => typed.heard.some((text) => text.includes("nested deeper")), "an error");
}
for (const [text, value] of [['{"type":"set","address":"/j","value":-0.0}', "-0.0"], ['{"type":"set","address":"/j","value":1,"value":2}', "2"]]) {
  typed.send(text);
  await typed.ask({ type: "ping" });
  assert.equal(router.clasp("get", "/j"), value);
}
for (const text of ['{"type":"set","address":"/j","value":"\\ud800"}', '{"type":"set","address":"/j","value":1e400}', '{"type":"set","address":"/j","value":1}x', '\ufeff{"type":"ping"}']) {
  typed.heard.length = 0;
  typed.send(text);
  await until(() => typed.heard.some((answer) => answer.includes("invalid JSON")), () => `an error for ${text}`);
}
typed.send(Buffer.from([1, 2, 3]));
await until(() => other.heard.includes('{"address":"/ws/binary","value":[1,2,3]}'), "bytes are numbers in JSON");

// Too long: closed with 1009, the others stay.
const long = await connect();
long.send("x".repeat(1_200_000));
assert.equal((await once(long, "close"))[0], 1009);
assert.equal((await typed.ask({ type: "ping" })).type, "pong");

// A bridge in a process of its own, with everything at the door.
const guarded = await startClasp("websocket", "--router", router.url, "-u", "127.0.0.1:0", "--namespace", "/ws2", "--path", "/live", "--listen-token", "secret", "--origin",
  "http://a.example", "--subprotocol", "json", "--ping-interval", "1s", "--queue", "100");
const door = `ws://127.0.0.1:${guarded.port}`;
assert.equal(await refused(`${door}/live`), 401);
assert.equal(await refused(`${door}/live?token=wrong`), 401);
assert.equal(await refused(`${door}/other?token=secret`), 404);
assert.equal(await refused(`${door}/live?token=secret`, { origin: "http://evil.example" }), 403);
const inside = await connect(`${door}/live?token=secret`, ["other", "json"], { origin: "http://a.example" });
assert.equal(inside.protocol, "json");
const bearer = await connect(`${door}/live`, [], { headers: { authorization: "Bearer secret" } });
assert.equal((await bearer.ask({ type: "set", address: "/remote", value: 1 })).revision, 1);
const remote = await bearer.ask({ type: "snapshot", pattern: "/lights/*" });
assert.deepEqual(remote.state, { "/lights/1": 0, "/lights/2": { deep: [1, null] } }, "a snapshot over a connection is whole");
inside.say({ address: "/ws2/x", value: 1 });
await until(() => router.get("/ws2/x") === "1", "through the process");

// Who answers no ping is closed; who reads nothing is cut off; the others hear everything.
const silent = await connect(`${door}/live?token=secret`, [], { autoPong: false });
assert.equal((await once(silent, "close"))[0], 1008);
const slow = await connect(`${door}/live?token=secret`);
slow.pause();
const payload = "x".repeat(50_000);
inside.heard.length = 0;
for (let i = 0; i < 400; ++i) {
  assert.equal((await bearer.ask({ type: "emit", address: "/ws2/e", value: payload })).type, "ack");
  bearer.heard.length = 0;
}
await until(() => inside.heard.length >= 400, () => `the others hear all, ${inside.heard.length} so far`);
slow.resume();
const [code, reason] = await once(slow, "close");
assert.ok(code === 1013 || code === 1006, `${code} ${reason}`);
await guarded.stop();
plain.close();
await router.stop();
console.log("ok");
process.exit(0);
