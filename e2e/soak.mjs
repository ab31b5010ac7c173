// An hour of mixed load on the release binary, to see that its memory does not grow: `cargo xtask soak [MINUTES]`.
//
// Clients come and go, talk, are told things one by one and all at once, and some behave badly; the backend is
// restarted now and then. The load is the same in every minute, so that what is still growing after the first sixth
// of the time is a leak. It fails when resident memory grows by more than 2 % from then on, when a well-behaved
// client is dropped, or when the broker ends.

import { setTimeout as pause } from 'node:timers/promises';
import { Backend, Client, RawClient, residentKiB, startWsbroker } from './harness.mjs';

const CLIENTS = 300;
const ROOMS = 30;
const GROWTH_MAX = 0.02;
/** How often each kind of thing happens, in milliseconds. */
const EVERY = {
  message: 10, leave: 100, vanish: 500, misbehave: 250, broadcast: 200, room: 50, session: 100, list: 1000, restart: 60_000,
};

const minutes = Number(process.argv[2] ?? 60);
const counts = {};
const count = (what) => { counts[what] = (counts[what] ?? 0) + 1; };
const pick = (list) => list[Math.floor(Math.random() * list.length)];

const backend = await Backend.start();
backend.onEvent = ({ message, connection }) => {
  count('events');
  if (message.type !== 'client-say') return [];
  return [{ type: 'send', match: { room: connection.room }, message: { type: 'said', text: message.text } }];
};
const broker = await startWsbroker({
  backend: backend.url,
  settings: { LIMITS__MAX_SEND_QUEUE: '64KiB', LIMITS__MAX_MESSAGE: '64KiB', LIMITS__CLOSE_TIMEOUT: '1s' },
});

const clients = new Map();
let opened = 0;
let over = false;

async function enter() {
  opened += 1;
  const name = opened;
  const room = `r${name % ROOMS}`;
  const client = await Client.connect(broker.url, {
    headers: { cookie: `user=u${name}; room=${room}` },
    perMessageDeflate: name % 2 === 0,
  });
  // Nobody takes the frames out, so they are not kept.
  client.frames.push = () => count('frames');
  clients.set(name, client);
  client.gone.then(({ code }) => {
    if (over || client.isLeaving) return;
    throw new Error(`a client was dropped with ${code}`);
  });
  count('clients');
}

/** Takes one client out and lets another in. */
async function replace(part) {
  const [name, client] = pick([...clients]);
  clients.delete(name);
  client.isLeaving = true;
  await part(client);
  await enter();
}

const misdeeds = [
  async (raw) => raw.frame('x', { masked: false }),
  async (raw) => raw.frame('x', { opcode: 3 }),
  async (raw) => raw.frame(Buffer.from([0xff, 0xfe])),
  async (raw) => raw.frame('', { claim: 1 << 30, opcode: 2 }),
  async (raw) => { for (let part = 0; part < 2000; part += 1) raw.frame('', { opcode: part ? 0 : 1, fin: false }); },
  async (raw) => { for (let ping = 0; ping < 500; ping += 1) raw.frame('flood', { opcode: 9 }); raw.frame('', { opcode: 8 }); },
];

async function misbehave() {
  const raw = await RawClient.connect(broker.url, { Cookie: 'room=bad' });
  await pick(misdeeds)(raw);
  await raw.closeFrame().catch(() => {});
  raw.vanish();
}

const commands = {
  broadcast: () => [{ type: 'send', message: { type: 'news', text: 'x'.repeat(2000) } }],
  room: () => [{ type: 'send', match: { room: `r${Math.floor(Math.random() * ROOMS)}` }, message: { type: 'hint' } }],
  session: () => [{ type: 'session', match: { user: `u${opened - 5}` }, data: { seen: Date.now(), note: { depth: Math.random() } } }],
  list: () => [{ type: 'list', limit: 50 }, { type: 'count', by: 'room' }, { type: 'nonsense' }],
};

const deeds = {
  message: async () => pick([...clients.values()]).say({ type: 'say', text: 'hello '.repeat(1 + Math.random() * 50) }),
  leave: () => replace((client) => client.leave()),
  vanish: () => replace(async (client) => client.vanish()),
  misbehave,
  restart: async () => {
    await backend.stop();
    await pause(3000);
    await backend.listen(backend.port);
  },
  ...Object.fromEntries(Object.entries(commands).map(([name, list]) => [name, () => broker.post(list())])),
};

/** Does something again and again until the time is over. */
async function keep(name) {
  for (let due = Date.now(); !over; due += EVERY[name]) {
    await pause(Math.max(0, due - Date.now()));
    if (over) return;
    await deeds[name]();
    count(name);
  }
}

for (let client = 0; client < CLIENTS; client += 1) await enter();
const started = Date.now();
const work = Promise.all(Object.keys(EVERY).map(keep));
const samples = [];
const settled = (minutes * 60_000) / 6;

async function sample() {
  const length = minutes * 60_000;
  while (Date.now() - started < length) {
    await pause(Math.min(10_000, length / 60));
    samples.push({ at: Date.now() - started, kib: residentKiB(broker.pid) });
    if (samples.length % 6 === 0) console.log(`${Math.round((Date.now() - started) / 1000)} s: ${samples.at(-1).kib} KiB, ${JSON.stringify(counts)}`);
  }
  over = true;
}

await Promise.race([Promise.all([sample(), work]), broker.child.ended.then(({ code, signal }) => {
  throw new Error(`the broker ended with ${signal ?? code}`);
})]);

// Single samples jump with what is under way; the medians of two stretches do not.
const median = (part) => part.map(({ kib }) => kib).sort((a, b) => a - b)[Math.floor(part.length / 2)];
const later = samples.filter(({ at }) => at >= settled);
const stretch = Math.ceil(later.length / 5);
const [first, last] = [median(later.slice(0, stretch)), median(later.slice(-stretch))];
const growth = last / first - 1;
console.log(`resident memory: ${first} KiB after ${(minutes / 6).toFixed(1)} minutes, ${last} KiB at the end: ${(growth * 100).toFixed(2)} %`);
for (const client of clients.values()) client.vanish();
await broker.stop('SIGTERM');
await backend.stop();
if (growth > GROWTH_MAX) throw new Error(`resident memory grew by more than ${GROWTH_MAX * 100} %`);
