// One run: broker, nginx, two applications and many clients, while things go wrong.
//
//   clients ── broker ── line ── nginx ─┬─ line ── Python
//                                       └─ line ── PHP
//
// nginx gives each event to either application, whatever connection it is of.

import { mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { residentKiB, startWsbroker, until } from '../harness.mjs';
import { startApplications } from './applications.mjs';
import { check } from './check.mjs';
import { Crowd } from './crowd.mjs';
import { Cutter } from './cutter.mjs';
import { Faults } from './faults.mjs';
import { Journal } from './journal.mjs';
import { Nginx } from './nginx.mjs';
import { Dice } from './random.mjs';

/** How long rest may last until all that was said is settled. */
const REST_MS = 60_000;
const SAMPLE_MS = 100;

const SETTINGS = {
  BACKEND__TIMEOUT: '1500ms',
  BACKEND__MAX_IN_FLIGHT: 64,
  BACKEND__RETRIES: 20, // more than an event can have before a stretch is over, however busy the machine is
  BACKEND__MAX_ANSWER: '1MiB',
  BACKEND__HOLD__MAX_BYTES: '16MiB',
  LOG__LEVEL: 'debug', // beyond some in a row, an event that is given up is told of here only
};

/** What these settings let the broker keep, 64 MiB of answers under way and 16 MiB of held events, and 32 MiB for the rest. */
export const PEAK_KIB_MAX = (64 + 16 + 32) * 1024;

/** Runs it and gives what came of it; `say` is told how it goes. */
export async function run({ seed, clients, messages, perSecond, atOnce, stretchMs, say = () => {} }) {
  const folder = mkdtempSync(join(tmpdir(), 'wsbroker-chaos-'));
  const stops = [() => rmSync(folder, { recursive: true, force: true })];
  try {
    const started = Date.now();
    const scene = await build({ folder, seed, clients }, stops);
    const faults = new Faults(scene, { atOnce, stretchMs });
    const trouble = await play({ ...scene, faults, messages, perSecond, say });
    const result = check({
      records: scene.journal.read(), members: scene.crowd.members, drops: scene.log.drops,
    });
    return {
      ...result, seed, clients,
      faults: faults.counts,
      trouble: [...trouble, ...result.faults],
      cuts: [scene.lines.front, ...scene.lines.back].reduce((sum, { cuts }) => sum + cuts, 0),
      peakKiB: scene.memory.peakKiB,
      seconds: Math.round((Date.now() - started) / 1000),
    };
  } finally {
    for (const stop of stops.reverse()) await stop();
  }
}

async function build({ folder, seed, clients }, stops) {
  const mood = new Mood(join(folder, 'mood'));
  const applications = await startApplications({ folder, mood: mood.path, seed });
  stops.push(() => Promise.all(applications.map((application) => application.kill())));
  const back = await Promise.all(applications.map(({ port }) => Cutter.start(port)));
  const nginx = await Nginx.start(folder, back.map(({ port }) => port));
  stops.push(() => nginx.stop());
  const front = await Cutter.start(nginx.port);
  stops.push(() => Promise.all([front, ...back].map((line) => line.close())));
  const broker = await startWsbroker({
    backend: `http://127.0.0.1:${front.port}/events`, args: ['--backend-format', 'json'], settings: SETTINGS,
  });
  stops.push(() => broker.stop());
  const log = watchLog(broker);
  const memory = watchMemory(broker);
  const journal = new Journal(applications.map(({ journal }) => journal));
  const crowd = await Crowd.enter(broker.url, clients, new Dice(seed, 'crowd'));
  return { applications, nginx, lines: { front, back }, mood, seed, broker, log, memory, journal, crowd };
}

/** Faults while the clients talk and while they leave, then the end of the broker; gives what went wrong with that. */
async function play({ applications, crowd, faults, journal, log, broker, messages, perSecond, say }) {
  let isTalking = true;
  const talk = crowd.talk(messages, perSecond).finally(() => { isTalking = false; });
  const settle = async () => {
    const wanted = crowd.saidByEach();
    await until(() => unsettled(crowd, journal, log, wanted).length === 0, () => {
      const left = unsettled(crowd, journal, log, wanted);
      return `all that was said before is settled; it is not for clients ${left.slice(0, 20)}`;
    }, REST_MS);
  };
  try {
    while (isTalking || !faults.isEachTried) {
      const what = await faults.stretch();
      // Otherwise it would not be the broker that is tested from here on.
      const [complaint] = applications.map((application) => application.complaint).filter((text) => text !== null);
      if (complaint) throw new Error(complaint);
      await settle();
      say(`${crowd.said} said, ${journal.read().length} taken, after: ${what.join(', ')}`);
    }
    await talk;
    await settle();
    await Promise.all([crowd.leave(), faults.stretch()]);
    await until(() => hasHeardGoodbyes(journal, crowd), 'each goodbye is told', REST_MS);
  } catch (error) {
    return [String(error)];
  }
  const { code, signal } = await broker.stop('SIGTERM');
  return code === 0 ? [] : [`the broker ended with ${signal ?? code}`];
}

/** The clients that have said something up to `wanted` which is neither acknowledged nor given up. */
function unsettled(crowd, journal, log, wanted) {
  journal.read();
  const given = new Map();
  for (const { event_id: id } of log.drops) {
    const { client, n } = journal.byId.get(id) ?? {};
    given.set(client, Math.max(given.get(client) ?? 0, n));
  }
  return crowd.members
    .filter(({ number, acknowledged, dropped }, index) => {
      return !dropped && Math.max(acknowledged.at(-1) ?? 0, given.get(number) ?? 0) < wanted[index];
    })
    .map(({ number }) => number);
}

function hasHeardGoodbyes(journal, crowd) {
  const gone = new Set();
  for (const { kind, client } of journal.read()) {
    if (kind === 'session-disconnect') gone.add(client);
  }
  return gone.size === crowd.members.length;
}

/** The events that the broker says it has given up. */
function watchLog(broker) {
  const log = { drops: [] };
  broker.child.stderr.push = (line) => {
    if (!line.startsWith('{')) return;
    const record = JSON.parse(line);
    if (record.event === 'dropped' || /poison/i.test(line)) log.drops.push(record);
  };
  return log;
}

function watchMemory(broker) {
  const memory = { peakKiB: 0 };
  (async () => {
    while (broker.child.alive) {
      try {
        memory.peakKiB = Math.max(memory.peakKiB, residentKiB(broker.pid));
      } catch {
        return; // It has just ended.
      }
      await pause(SAMPLE_MS);
    }
  })();
  return memory;
}

/** How the applications answer, of which a fault may change a part. */
class Mood {
  #mood = {};

  constructor(path) {
    this.path = path;
    this.set({});
  }

  set(change) {
    Object.assign(this.#mood, change);
    // Put in place whole, since it is read at any time.
    writeFileSync(`${this.path}.new`, JSON.stringify(this.#mood));
    renameSync(`${this.path}.new`, this.path);
  }
}
