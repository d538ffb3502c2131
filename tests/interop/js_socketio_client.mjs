// Our Socket.IO bridge as a client of the official server (npm `socket.io`), unmodified.
import assert from "node:assert/strict";
import { createServer } from "node:http";
import { Server } from "socket.io";
import { once, startClasp, startRouter, until } from "./js_harness.mjs";

async function serve(options = {}, port = 0) {
  const httpServer = createServer();
  const server = new Server(httpServer, options);
  await new Promise((resolve) => httpServer.listen(port, "127.0.0.1", resolve));
  server.port = httpServer.address().port;
  server.heard = [];
  server.watch = (nsp) => server.of(nsp).on("connection", (socket) => {
    server.sockets_ = { ...server.sockets_, [nsp]: socket };
    socket.onAny((...args) => server.heard.push([nsp, ...args.filter((arg) => typeof arg !== "function")]));
    socket.on("question", (value, answer) => answer("yes", value));
  });
  server.watch("/");
  server.socket = (nsp = "/") => server.sockets_?.[nsp];
  return server;
}
const close = (server) => new Promise((resolve) => (server.close(resolve), server.httpServer?.closeAllConnections?.()));

const router = await startRouter();
for (const transports of [["websocket"], ["polling"]]) {
  const name = transports[0];
  const ns = `/sio_${name}`;
  const server = await serve({ transports });
  server.watch("/admin");
  server.of("/closed").use((socket, next) => next(socket.handshake.auth.token === "secret" ? undefined : Object.assign(new Error("not you"), { data: { why: "token" } })));
  server.watch("/closed");
  const bridge = await startClasp("socketio", "--router", router.url, "--url", `http://127.0.0.1:${server.port}?room=1`, "--namespace", ns, "--sio-namespace", "/",
    "--sio-namespace", "admin", "--sio-namespace", "closed", "--auth", '{"token": "guess"}', "--event-name", "path", "--emit-acks", "--kind", `${ns}/pulse=event`);
  await until(() => server.socket() && server.socket("/admin"), `${name}: connected`);
  assert.equal(server.socket().conn.transport.name, name, "WebSocket first, polling where there is none");
  assert.equal(server.socket().handshake.query.room, "1");
  assert.deepEqual(server.socket().handshake.auth, { token: "guess" });
  await until(() => bridge.said().includes("refuses /closed: not you"), "the refusal is said");
  assert.equal(server.socket("/closed"), undefined);

  // From the server: values, binary, acknowledgements, rooms.
  assert.deepEqual(await server.socket().timeout(20_000).emitWithAck("fader", 0.5), { ok: true });
  assert.equal(router.clasp("get", `${ns}/fader`), "0.5");
  await server.socket("/admin").timeout(20_000).emitWithAck("x", 1, "two");
  assert.equal(router.clasp("get", `${ns}/admin/x`), '[1,"two"]');
  await server.socket().timeout(20_000).emitWithAck("bytes", Buffer.from([1, 2, 255]));
  assert.equal(router.clasp("get", `${ns}/bytes`), '{"$bytes":"AQL/"}');
  assert.equal((await server.socket().timeout(20_000).emitWithAck("big", "x".repeat(70_000))).ok, false);
  server.socket().join("stage");
  server.to("stage").emit("cue", 7);
  await until(() => router.get(`${ns}/cue`) === "7", "rooms are the server's");
  assert.deepEqual(server.heard, [], "nothing comes back");

  // To the server.
  router.clasp("set", `${ns}/deep/er`, "[1, null]");
  router.clasp("set", `${ns}/admin/y`, '{"$bytes": "AAE="}');
  await until(() => server.heard.length === 2, "both");
  assert.deepEqual(server.heard.map(([nsp, event]) => [nsp, event]), [["/", "deep/er"], ["/admin", "y"]]);
  assert.deepEqual(server.heard[0][2], [1, null]);
  assert.ok(Buffer.from(server.heard[1][2]).equals(Buffer.from([0, 1])));
  server.heard.length = 0;

  // An acknowledgement of the server is an event of the router.
  router.clasp("set", `${ns}/seen`, "0");
  const watch = startWatch(`${ns}/**`);
  await watch.ready;
  router.clasp("emit", `${ns}/question`, "5");
  await until(() => watch.lines().some((line) => line.includes("question/ack") && line.includes('["yes",5]')), () => `the answer, but ${watch.lines()}`);
  watch.end();

  // A burst, in order, and nothing lost.
  server.heard.length = 0;
  for (let i = 0; i < 300; ++i) server.socket().emit("pulse", i);
  await server.socket().timeout(20_000).emitWithAck("end", 1);

  // The server goes away and comes back.
  await close(server);
  await until(() => bridge.said().match(/next attempt in/), "it notices");
  const again = await serve({ transports }, server.port);
  again.watch("/admin");
  await until(() => again.socket() && again.socket("/admin"), "it is back");
  await until(() => { // the server knows of the connection before the bridge does, and what comes before that is missed
    router.clasp("set", `${ns}/after`, "1");
    return again.heard.some(([, event]) => event === "after");
  }, "and hears again");

  // Thrown out: it stays out.
  again.socket().disconnect();
  await until(() => bridge.said().includes("the server has disconnected /"), "it says so");
  await bridge.stop();
  await close(again);
}

// A server that speaks something else is said to.
const other = createServer((_, response) => response.end("hello"));
await new Promise((resolve) => other.listen(0, "127.0.0.1", resolve));
const lost = await startClasp("socketio", "--router", router.url, "--mode", "client", "--url", `http://127.0.0.1:${other.address().port}`);
await until(() => lost.said().includes("does not speak Engine.IO 4"), () => `a reason, but ${lost.said()}`);
await lost.stop();
other.closeAllConnections();
other.close();
await router.stop();
console.log("ok");
process.exit(0);

function startWatch(pattern) {
  let lines = [];
  const { spawn } = process.getBuiltinModule("node:child_process");
  const child = spawn(process.env.CLASP_BINARY, ["watch", pattern], { env: { ...process.env, CLASP_URL: router.url }, stdio: ["ignore", "pipe", "inherit"] });
  let text = "";
  const ready = new Promise((resolve) => child.stdout.on("data", (data) => {
    text += data;
    lines = text.split("\n");
    resolve();
  }));
  return { ready, lines: () => lines, end: () => child.kill("SIGTERM") };
}
