// What the JavaScript tests of bridges share: the real binary as a router with bridges, and waiting for things to happen.
import { execFileSync, spawn, spawnSync } from "node:child_process";
import { createInterface } from "node:readline";

const binary = process.env.CLASP_BINARY;
const children = new Set();
process.on("exit", () => children.forEach((child) => child.kill("SIGKILL")));

// `clasp server` with these arguments; `ports` are those of its bridges, by protocol.
export async function startRouter(...args) {
  const child = spawn(binary, ["server", "--listen", "127.0.0.1:0", ...args], { stdio: ["ignore", "pipe", "inherit"] });
  children.add(child);
  const line = await new Promise((resolve, reject) => {
    createInterface(child.stdout).once("line", resolve);
    child.once("exit", (code) => reject(new Error(`clasp server ${args.join(" ")} ended with ${code}`)));
  });
  const port = Number(line.match(/ws:\/\/127\.0\.0\.1:(\d+)/)[1]);
  const ports = Object.fromEntries([...line.matchAll(/(socketio|websocket) port (\d+)/g)].map(([, name, number]) => [name, Number(number)]));
  const url = `ws://127.0.0.1:${port}`;
  const clasp = (...words) => execFileSync(binary, words, { env: { ...process.env, CLASP_URL: url }, encoding: "utf8" }).trim();
  // The value at an address, undefined if there is none.
  const get = (address) => {
    const done = spawnSync(binary, ["get", address], { env: { ...process.env, CLASP_URL: url }, encoding: "utf8" });
    return done.status === 0 ? done.stdout.trim() : undefined;
  };
  return { child, line, port, ports, url, clasp, get, stop: () => stop(child) };
}

// Another `clasp` that runs until it is told to stop; ready when it says so.
export async function startClasp(...args) {
  const child = spawn(binary, args, { stdio: ["ignore", "ignore", "pipe"] });
  children.add(child);
  let said = "";
  await new Promise((resolve, reject) => {
    createInterface(child.stderr).on("line", (text) => {
      said += `${text}\n`;
      if (text.includes("is ready")) resolve();
    });
    child.once("exit", (code) => reject(new Error(`clasp ${args.join(" ")} ended with ${code}: ${said}`)));
  });
  const found = said.match(/(?:socketio|websocket) port (\d+)/);
  return { child, port: found ? Number(found[1]) : 0, said: () => said, stop: () => stop(child) };
}

export async function stop(child) {
  const ended = new Promise((resolve) => child.once("exit", resolve));
  child.kill("SIGTERM");
  const code = await ended;
  children.delete(child);
  if (code !== 0) throw new Error(`clasp ended with ${code}`);
}

export async function until(condition, what, seconds = 30) {
  for (const end = Date.now() + seconds * 1000; ; ) {
    if (await condition()) return;
    if (Date.now() > end) throw new Error(`never happened: ${typeof what === "function" ? what() : what}`);
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
}

export const once = (emitter, event) => new Promise((resolve) => emitter.once(event, (...args) => resolve(args)));
