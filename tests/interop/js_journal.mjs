// The journal over HTTP, asked in the words of the SDK's JournalClient. The published @clasp-to/core 3.3.2 does not have it yet, so that its requests are
// made here as its documentation has them: URLSearchParams, a bearer token, a JSON content type; and what is asked about was written by the published client.
// Then a restart after kill -9: the published client has everything as it was, and so has the journal.
import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { WebSocket } from "ws";
import { startRouter, until } from "./js_harness.mjs";

globalThis.WebSocket = WebSocket;
const { Clasp } = await import("@clasp-to/core");

class Journal {
  constructor(url, token) {
    this.url = url.replace(/\/+$/, "");
    this.headers = { Authorization: `Bearer ${token}`, "Content-Type": "application/json" };
  }
  async get(path, options) {
    const answer = await fetch(`${this.url}${path}${options ? `?${new URLSearchParams(options)}` : ""}`, { headers: this.headers });
    if (!answer.ok) throw new Error(`Journal query failed: ${answer.status}`);
    return answer.json();
  }
  query(options = {}) { return this.get("/api/journal/query", options); }
  since(seq, limit) { return this.get("/api/journal/since", { seq, ...(limit !== undefined && { limit }) }); }
  async latestSeq() { return (await this.get("/api/journal/latest")).seq; }
  loadSnapshot() { return this.get("/api/journal/snapshot"); }
}

const folder = mkdtempSync(join(tmpdir(), "clasp-js-journal-"));
const options = ["--journal", join(folder, "show.db"), "--durability", "sync", "--http", "--http-token", "sesame"];
try {
  let router = await startRouter(...options);
  const http = `http://127.0.0.1:${router.port}`;
  const journal = new Journal(`${http}//`, "sesame");
  assert.equal(await journal.latestSeq(), 0);
  assert.deepEqual(await journal.loadSnapshot(), []);

  const client = new Clasp(router.url, { name: "desk", reconnect: false });
  await client.connect();
  const began = Date.now() * 1000;
  client.set("/mixer/ch/1/gain", 0.5);
  client.set("/mixer/ch/1/gain", 0.75);
  client.set("/mixer/ch/2/name", "Grüße");
  client.bundle([{ set: ["/cue/a", 1] }, { set: ["/cue/b", [1, "two", null, { three: true }]] }]);
  client.emit("/cue/go", { number: 7 });
  await until(async () => (await journal.latestSeq()) === 6, "all of it is on the disk");

  const all = await journal.query();
  assert.deepEqual(all.map(({ seq, address, value, revision, signal_type, msg_type }) => [seq, address, value, revision, signal_type, msg_type]), [
    [1, "/mixer/ch/1/gain", 0.5, 1, "param", 33], [2, "/mixer/ch/1/gain", 0.75, 2, "param", 33], [3, "/mixer/ch/2/name", "Grüße", 1, "param", 33],
    [4, "/cue/a", 1, 1, "param", 33], [5, "/cue/b", [1, "two", null, { three: true }], 1, "param", 33], [6, "/cue/go", { number: 7 }, null, "event", 32]]);
  assert.deepEqual(Object.keys(all[0]), ["seq", "timestamp", "author", "address", "signal_type", "value", "revision", "msg_type"]);
  assert.ok(all.every((entry) => entry.author === client.session && entry.timestamp >= began - 5e6 && entry.timestamp <= Date.now() * 1000 + 5e6));
  const seqs = (entries) => entries.map((entry) => entry.seq);
  assert.deepEqual(seqs(await journal.query({ pattern: "/mixer/**", limit: 2 })), [1, 2]);
  assert.deepEqual(seqs(await journal.query({ pattern: "/mixer/*/1/*" })), [1, 2]);
  assert.deepEqual(seqs(await journal.query({ types: "event,stream" })), [6]);
  assert.deepEqual(seqs(await journal.query({ from: all[2].timestamp, to: all[2].timestamp, pattern: "/mixer/ch/2/name" })), [3]);
  assert.deepEqual(seqs(await journal.since(4)), [5, 6]);
  assert.deepEqual(seqs(await journal.since(0, 1)), [1]);
  await assert.rejects(new Journal(http, "wrong").query(), /failed: 401/);
  await assert.rejects(journal.query({ limit: "many" }), /failed: 400/);
  assert.deepEqual(await journal.query({ limit: 0 }), []);

  client.close();
  router.child.kill("SIGKILL");
  await new Promise((resolve) => router.child.once("exit", resolve));
  router = await startRouter(...options);
  const after = new Clasp(router.url, { name: "desk", reconnect: false });
  const heard = [];
  after.on("/cue/go", (value) => heard.push(value));
  await after.connect();
  await until(() => after.cached("/cue/b") !== undefined, "the late joiner has the state");
  assert.deepEqual(["/mixer/ch/1/gain", "/mixer/ch/2/name", "/cue/a", "/cue/b"].map((address) => after.cached(address)),
    [0.75, "Grüße", 1, [1, "two", null, { three: true }]]);
  assert.deepEqual(await after.get("/cue/b"), [1, "two", null, { three: true }]);
  assert.deepEqual(heard, [], "events are not repeated");
  const again = new Journal(`http://127.0.0.1:${router.port}`, "sesame");
  assert.deepEqual(await again.query(), all, "the start has written nothing, and what was there is the same");
  const [, gain] = (await (await fetch(`http://127.0.0.1:${router.port}/v1/state/mixer/ch/1/gain`, { headers: again.headers })).text()).match(/"revision":(\d+)/);
  assert.equal(gain, "2");
  await router.stop();
} finally {
  rmSync(folder, { recursive: true });
}
console.log("ok");
process.exit(0);
