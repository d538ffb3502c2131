// The `mqtt` client of npm, unmodified: 3.1.1 and 5, over TCP and WebSocket.
import assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import { createInterface } from "node:readline";
import mqtt from "mqtt";

const binary = process.env.CLASP_BINARY;
const server = spawn(binary, ["server", "--listen", "127.0.0.1:0", "--mqtt", "127.0.0.1:0"], { stdio: ["ignore", "pipe", "inherit"] });
const line = await new Promise((resolve) => createInterface(server.stdout).once("line", resolve));
const port = line.match(/ws:\/\/127\.0\.0\.1:(\d+)/)[1];
const mqttPort = line.match(/mqtt port (\d+)/)[1];
const clasp = (...args) => execFileSync(binary, args, { env: { ...process.env, CLASP_URL: `ws://127.0.0.1:${port}` }, encoding: "utf8" }).trim();
const until = async (condition, what) => {
  for (let i = 0; i < 500; ++i) {
    if (condition()) return;
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  throw new Error(`never happened: ${what}`);
};

for (const protocolVersion of [4, 5]) {
  for (const url of [`mqtt://127.0.0.1:${mqttPort}`, `mqtt://127.0.0.1:${port}`, `ws://127.0.0.1:${port}/mqtt`]) {
    const topic = `js/${protocolVersion}/${url.replace(/[:/.]+/g, "_")}`;
    const a = await mqtt.connectAsync(url, { protocolVersion });
    const b = await mqtt.connectAsync(url, { protocolVersion, will: { topic: `${topic}/will`, payload: "gone", qos: 1, retain: true } });
    const heard = [];
    a.on("message", (to, payload, packet) => heard.push([to, payload.toString(), packet.qos, packet.retain]));
    await a.subscribeAsync(`${topic}/#`, { qos: 2 });
    for (const qos of [0, 1, 2]) {
      await b.publishAsync(`${topic}/${qos}`, "0.7", { qos, properties: { userProperties: { k: "v" } } });
    }
    await b.publishAsync(`${topic}/kept`, '{"a": 1}', { qos: 1, retain: true });
    clasp("set", `/${topic}/clasp`, "0.25");
    await until(() => heard.length === 5, `five messages over ${url}, heard ${JSON.stringify(heard)}`);
    assert.deepEqual(heard, [
      [`${topic}/0`, "0.7", 0, false], [`${topic}/1`, "0.7", 1, false], [`${topic}/2`, "0.7", 2, false],
      [`${topic}/kept`, '{"a": 1}', 1, false], [`${topic}/clasp`, "0.25", 1, false]]);
    assert.equal(clasp("get", `/${topic}/kept`), '{"a":1}');
    b.stream.destroy();
    await until(() => heard.length === 6, "the will");
    assert.deepEqual(heard[5], [`${topic}/will`, "gone", 1, false]);
    await b.endAsync(true);
    await a.endAsync();
  }
}
server.kill("SIGTERM");
console.log("ok");
