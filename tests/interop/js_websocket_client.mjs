// Our WebSocket bridge as a client of a `ws` (npm) server: values both ways, each format, headers, a server that goes away and comes back.
import assert from "node:assert/strict";
import { WebSocketServer } from "ws";
import { once, startClasp, startRouter, until } from "./js_harness.mjs";

const router = await startRouter();

async function serve(port = 0) {
  const server = new WebSocketServer({ port, host: "127.0.0.1", handleProtocols: (offered) => (offered.has("json") ? "json" : false) });
  await once(server, "listening");
  server.heard = [];
  server.on("connection", (socket, request) => {
    server.socket = socket;
    server.request = request;
    socket.on("message", (data, isBinary) => server.heard.push(isBinary ? data : data.toString()));
  });
  server.close_all = () => new Promise((resolve) => (server.close(resolve), server.clients.forEach((client) => client.terminate())));
  return server;
}

let server = await serve();
const { port } = server.address();
const bridge = await startClasp("websocket", "--router", router.url, "--mode", "client", "--url", `ws://127.0.0.1:${port}/live?x=1`, "--header", "Authorization: Bearer abc",
  "--subprotocol", "json", "--redial", "100ms", "--sync");
await until(() => server.socket, "it connects");
assert.equal(server.request.url, "/live?x=1");
assert.equal(server.request.headers.authorization, "Bearer abc");
assert.equal(server.socket.protocol, "json");
server.socket.send('{"address":"/ws/from/server","value":[1,2.5,"three"]}');
server.socket.send("a text");
server.socket.send(Buffer.from([1, 2]));
await until(() => router.get("/ws/binary")?.includes("AQI="), "what the server says arrives");
assert.equal(router.clasp("get", "/ws/from/server"), '[1,2.5,"three"]');
assert.equal(router.clasp("get", "/ws/text"), '"a text"');
assert.deepEqual(server.heard, [], "nothing comes back");
router.clasp("set", "/ws/x", "1");
router.clasp("emit", "/ws/go", "2");
await until(() => server.heard.length === 2, "what the router says arrives");
assert.deepEqual(server.heard, ['{"address":"/ws/x","value":1}', '{"address":"/ws/go","value":2}']);

// The server goes away and comes back; with --sync it gets what has changed meanwhile.
await server.close_all();
router.clasp("set", "/ws/x", "3");
server = await serve(port);
await until(() => server.heard.includes('{"address":"/ws/x","value":3}'), "after a reconnect it has the state");
await bridge.stop();
await server.close_all();

// In the router, without a server at first, and raw.
const raw = await startRouter("--bridge", `websocket url=ws://127.0.0.1:${port} format=raw redial=100ms namespace=/raw`);
assert.match(raw.line, new RegExp(`websocket to 127.0.0.1:${port}`));
server = await serve(port);
await until(() => server.socket, "it waits for its server");
raw.clasp("set", "/raw/t", '"plain"');
await until(() => server.heard.length === 1, "the value alone");
assert.deepEqual(server.heard, ["plain"]);
await raw.stop();
await server.close_all();
await router.stop();
console.log("ok");
process.exit(0);
