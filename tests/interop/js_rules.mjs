// The published @clasp-to/core, unmodified, sets rules where the router keeps them: they are in force. Its numbers are floats, also in rules.
import assert from "node:assert/strict";
import { WebSocket } from "ws";
import { startRouter, until } from "./js_harness.mjs";

globalThis.WebSocket = WebSocket;
const { Clasp } = await import("@clasp-to/core");

const router = await startRouter("--rules-runtime");
const client = new Clasp(router.url, { name: "rules", reconnect: false });
await client.connect();

const alert = { // as client.rule() of newer versions makes it
  id: "alert", name: "alert", enabled: true, trigger: { type: "on_threshold", address: "/room/temp", above: 28 },
  conditions: [{ address: "/mode", op: "eq", value: 1 }], cooldown: 0,
  actions: [{ type: "set", address: "/fan", value: true }, { type: "publish", address: "/alerts", value: "hot" },
    { type: "set_from_trigger", address: "/room/f", transform: { type: "scale", factor: 1.8, offset: 32 } }],
};
client.set("/clasp/rules/alert", alert);
client.set("/clasp/rules/beat", { id: "beat", trigger: { type: "on_interval", seconds: 1 }, actions: [{ type: "publish", address: "/beat", value: 1 }] });
const alerts = [];
const beats = [];
client.subscribe("/alerts", (value) => alerts.push(value));
client.subscribe("/beat", (value) => beats.push(value));
await until(() => router.clasp("rules", "list").split("\n").length === 2, "both are in force");

client.set("/mode", 1); // every number of JavaScript is a float on the wire
client.set("/room/temp", 30);
await until(() => router.get("/room/f") === "86.0", "the transform");
assert.equal(router.get("/fan"), "true");
await until(() => alerts.length === 1 && beats.length > 0, "alert and beat");
client.set("/clasp/rules/alert", null);
await until(() => router.clasp("rules", "list").split("\n").length === 1, "one is gone");
client.close();
await router.stop();
console.log("ok");
