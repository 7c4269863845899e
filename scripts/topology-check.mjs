// Drives a running server through its API: makes a branch and a seat, lets
// `earshot seat` speak, and waits until the call is stored and can be fetched.
import { spawn } from "node:child_process";

const [base, password] = process.argv.slice(2);

/** Asks until `ask` gives something, for at most `seconds`. */
async function until(what, seconds, ask) {
  const deadline = Date.now() + seconds * 1000;
  let last;
  while (Date.now() < deadline) {
    try {
      const answer = await ask();
      if (answer) return answer;
    } catch (error) {
      last = error;
    }
    await new Promise((next) => setTimeout(next, 100));
  }
  throw new Error(`gave up waiting for ${what}${last ? `: ${last.message}` : ""}`);
}

let token = "";
async function api(method, path, body) {
  const answer = await fetch(base + path, {
    method,
    headers: { "Content-Type": "application/json", ...(token && { Authorization: `Bearer ${token}` }) },
    body: body && JSON.stringify(body),
  });
  if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${await answer.text()}`);
  return answer.status === 204 ? undefined : answer.json();
}

await until("the server", 30, async () => (await fetch(`${base}/readyz`)).ok);
token = (await api("POST", "/api/v1/login", { name: "admin", password })).token;
await api("POST", "/api/v1/branches", { id: "hall", name: "营业厅", parent: "" });
const seat = await api("POST", "/api/v1/seats", { id: "c1", name: "1号窗口", branch: "hall", kind: "counter", cut: "session" });

const player = spawn("bin/earshot", ["seat", "--url", base, "--seat", "c1", "--token", seat.token, "--loop",
  "--agent", "ingest/seat/demo/water-bill-agent.opus", "--customer", "ingest/seat/demo/water-bill-customer.opus"], { stdio: "inherit" });
try {
  const live = await until("a live call", 15, async () => (await api("GET", "/api/v1/calls?seat=c1&state=live")).calls[0]);
  await until("five seconds of it", 20, async () => {
    const levels = await api("GET", `/api/v1/calls/${live.id}/levels`);
    return Buffer.from(levels.agent, "base64").length > 50;
  });
} finally {
  player.kill("SIGINT");
  await new Promise((done) => player.on("exit", done));
}
const stored = await until("the stored call", 15, async () => (await api("GET", "/api/v1/calls?seat=c1&state=stored")).calls[0]);
const audio = await fetch(`${base}/api/v1/calls/${stored.id}/audio`, { headers: { Authorization: `Bearer ${token}` } });
const bytes = new Uint8Array(await audio.arrayBuffer());
if (!audio.ok || String.fromCharCode(...bytes.slice(0, 4)) !== "OggS") throw new Error("the stored audio is no Ogg file");
