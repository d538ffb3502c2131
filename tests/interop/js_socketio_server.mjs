// Our Socket.IO server with the official client (npm `socket.io-client`), unmodified: polling only, WebSocket only, and the upgrade between them.
import assert from "node:assert/strict";
import http from "node:http";
import { io } from "socket.io-client";
import { once, startClasp, startRouter, until } from "./js_harness.mjs";

const router = await startRouter("--bridge", "socketio bind=127.0.0.1:0");
const base = `http://127.0.0.1:${router.ports.socketio}`;
const watcher = await once(io(base, { forceNew: true }), "connect"); // stays, so that there is somebody else all the time
const connect = async (nsp = "/", options = {}) => {
  const socket = io(`${base}${nsp}`, { forceNew: true, reconnection: false, ...options });
  await new Promise((resolve, reject) => (socket.once("connect", resolve), socket.once("connect_error", reject)));
  return socket;
};
const ask = (socket, ...args) => socket.timeout(20_000).emitWithAck(...args);

for (const transports of [["polling"], ["websocket"], ["polling", "websocket"]]) {
  const name = transports.join("_");
  const a = await connect("/", { transports });
  const b = await connect("/", { transports });
  if (transports.length === 2) {
    await until(() => a.io.engine.transport.name === "websocket" && b.io.engine.transport.name === "websocket", "both upgrade");
  }
  assert.equal(a.io.engine.transport.name, transports.at(-1));
  assert.equal(a.id.length, 20);

  // Events, both ways; not back to who sent them.
  const heard = [];
  b.onAny((...args) => heard.push(args));
  a.onAny((...args) => assert.fail(`came back: ${JSON.stringify(args)}`));
  assert.deepEqual(await ask(a, `fader_${name}`, 0.5), { ok: true });
  assert.equal(router.clasp("get", `/socketio/fader_${name}`), "0.5");
  await ask(a, `many_${name}`, 1, "two", { three: [3, null] });
  assert.equal(router.clasp("get", `/socketio/many_${name}`), '[1,"two",{"three":[3,null]}]');
  await until(() => heard.length === 2, "b hears both");
  assert.deepEqual(heard, [[`fader_${name}`, 0.5], [`many_${name}`, [1, "two", { three: [3, null] }]]]);
  a.offAny();
  const [back] = await Promise.all([once(a, `desk_${name}`), router.clasp("set", `/socketio/desk_${name}`, "7")]);
  assert.deepEqual(back, [7]);

  // Binary.
  const bytes = Buffer.from([0, 1, 2, 255, 30]);
  const [sent] = await Promise.all([once(b, `bin_${name}`), ask(a, `bin_${name}`, { a: bytes, b: [Buffer.alloc(3)] })]);
  assert.ok(Buffer.from(sent[0].a).equals(bytes));
  assert.equal(sent[0].b[0].byteLength, 3);
  const got = await ask(a, "clasp:get", { address: `/socketio/bin_${name}` });
  assert.ok(Buffer.from(got.value.a).equals(bytes));

  // Commands on the router's own addresses; late joiners get the state.
  const set = await ask(a, "clasp:set", { address: `/lights/${name}`, value: 9_007_199_254_740_991 });
  assert.deepEqual(set, { ok: true, address: `/lights/${name}`, revision: 1 });
  const updates = [];
  b.on("clasp:update", (update) => updates.push(update));
  assert.deepEqual(await ask(b, "clasp:subscribe", { pattern: `/lights/${name}/**` }), { ok: true });
  await until(() => updates.length === 1, "the state");
  router.clasp("set", `/lights/${name}`, "2");
  router.clasp("set", `/lights/${name}/x`, "3");
  await until(() => updates.length === 3, "what follows");
  assert.deepEqual(updates.map((u) => [u.address, u.value, u.revision]),
    [[`/lights/${name}`, 9_007_199_254_740_991, 1], [`/lights/${name}`, 2, 2], [`/lights/${name}/x`, 3, 1]]);
  const event = once(b, "clasp:event");
  await ask(a, "clasp:emit", { address: `/lights/${name}/flash`, payload: "on" });
  assert.deepEqual(await event, [{ address: `/lights/${name}/flash`, value: "on" }]);
  const wrong = await ask(a, "clasp:set", { address: "no slash", value: 1 });
  assert.equal(wrong.ok, false);
  assert.match(wrong.error, /invalid address/);

  // Rooms.
  await ask(b, "clasp:join", { room: "stage" });
  const cue = once(b, "cue");
  a.once("cue", () => assert.fail("not in the room"));
  router.clasp("emit", "/socketio/room/stage/cue", "5");
  assert.deepEqual(await cue, [5]);
  const whisper = once(a, "whisper");
  router.clasp("emit", `/socketio/room/${a.id}/whisper`, "1");
  await whisper;
  a.removeAllListeners("cue");
  await ask(b, "clasp:leave", { room: "stage" });

  // A second namespace on the same connection, and leaving it.
  const admin = a.io.socket("/admin");
  admin.connect();
  await once(admin, "connect");
  await ask(admin, "x", name);
  assert.equal(router.clasp("get", "/socketio/admin/x"), `"${name}"`);
  const toAdmin = once(admin, "y");
  router.clasp("set", "/socketio/admin/y", "1");
  await toAdmin;
  admin.disconnect();
  assert.deepEqual(await ask(a, "still", 1), { ok: true });

  // More at once than one payload or window holds, in order.
  const many = [];
  b.on(`burst_${name}`, (i) => many.push(i));
  for (let i = 0; i < 500; ++i) a.emit(`burst_${name}`, i);
  await until(() => many.at(-1) === 499, "the burst");
  assert.deepEqual([...many].sort((x, y) => x - y), many, "in order");
  a.disconnect();
  b.disconnect();
}

// A payload that is too large ends the connection of its sender only.
const large = await connect("/", { transports: ["websocket"] });
large.emit("large", "x".repeat(1_100_000));
await once(large, "disconnect");

// Reserved, unknown transport, unknown session, old protocol: answers as the official server gives them.
const answer = (path, method = "GET", body = "") => new Promise((resolve, reject) => {
  const request = http.request(`${base}${path}`, { method }, (response) => {
    let text = "";
    response.on("data", (piece) => (text += piece)).on("end", () => resolve([response.statusCode, text && response.headers["content-type"] === "application/json" ? JSON.parse(text) : text, response.headers]));
  });
  request.on("error", reject).end(body);
});
for (const [path, code] of [["?EIO=4&transport=carrier-pigeon", 0], ["?EIO=4&transport=polling&sid=none", 1], ["?EIO=3&transport=polling", 5], ["?EIO=4&transport=websocket", 3]]) {
  const [status, body] = await answer(`/socket.io/${path}`);
  assert.equal(status, 400, path);
  assert.equal(body.code, code, path);
}
assert.equal((await answer("/socket.io/?EIO=4&transport=polling", "POST", "x"))[1].code, 2);
assert.equal((await answer("/elsewhere"))[0], 404);
assert.equal((await answer("/socket.io?EIO=4&transport=polling"))[0], 200, "without the last slash as well");

// A token, CORS, and a server in a process of its own.
const guarded = await startClasp("socketio", "--router", router.url, "--bind", "127.0.0.1:0", "--namespace", "/sio2", "--listen-token", "secret", "--cors", "http://a.example",
  "--sio-namespace", "admin", "--event-name", "path", "--kind", "/sio2/go=event", "--sync");
const guardedUrl = `http://127.0.0.1:${guarded.port}`;
const refused = io(guardedUrl, { forceNew: true, reconnection: false });
const [error] = await once(refused, "connect_error");
assert.equal(error.message, "unauthorized");
assert.deepEqual(error.data, { code: 300 });
refused.disconnect();
for (const options of [{ auth: { token: "secret" } }, { query: { token: "secret" } }, { extraHeaders: { authorization: "Bearer secret" } }]) {
  const welcome = io(guardedUrl, { forceNew: true, reconnection: false, ...options });
  await once(welcome, "connect");
  await ask(welcome, "deep/er", 1);
  assert.equal(router.clasp("get", "/sio2/deep/er"), "1");
  welcome.disconnect();
}
const late = io(guardedUrl, { forceNew: true, auth: { token: "secret" } });
assert.deepEqual(await once(late, "deep/er"), [1], "who comes later gets the state");
const nowhere = io(`${guardedUrl}/nowhere`, { forceNew: true, reconnection: false, auth: { token: "secret" } });
assert.equal((await once(nowhere, "connect_error"))[0].message, "Invalid namespace");
nowhere.disconnect();
const [, , headers] = await new Promise((resolve, reject) => http.get(`${guardedUrl}/socket.io/?EIO=4&transport=polling`, { headers: { origin: "http://a.example" } },
  (response) => (response.resume(), resolve([0, 0, response.headers]))).on("error", reject));
assert.equal(headers["access-control-allow-origin"], "http://a.example");

// A router that goes away and comes back; the clients stay.
const ended = once(late, "disconnect");
await guarded.stop();
assert.deepEqual((await ended)[0], "io server disconnect");
late.disconnect();
assert.ok(watcher);
await router.stop();
console.log("ok");
process.exit(0);
