// Real faults of the applications, of nginx and of the network, while many clients talk: `cargo xtask chaos`.
//
//   node chaos.mjs [--messages 50000] [--clients 200] [--seed N] [--rate MESSAGES_A_SECOND]
//
// It fails when an event is lost, doubled under another id or overtaken, when a client is dropped, or when the broker
// needs too much memory. The same seed gives the same faults at the same times, though not the same races.

import { randomInt } from 'node:crypto';
import { parseArgs } from 'node:util';
import { PEAK_KIB_MAX, run } from './chaos/run.mjs';
import { table } from './chaos/table.mjs';

const SHOWN = 50;

const { values } = parseArgs({
  options: {
    messages: { type: 'string', default: '50000' },
    clients: { type: 'string', default: '200' },
    rate: { type: 'string', default: '250' },
    seed: { type: 'string', default: String(randomInt(1_000_000)) },
  },
});
console.log(`seed ${values.seed}`);
const result = await run({
  seed: values.seed,
  clients: Number(values.clients),
  messages: Number(values.messages),
  perSecond: Number(values.rate),
  atOnce: 3,
  stretchMs: 2800,
  say: console.log,
});
const trouble = [...result.trouble];
if (result.peakKiB > PEAK_KIB_MAX) trouble.push(`the broker's memory went beyond ${PEAK_KIB_MAX} KiB`);
console.log(`\n${table(result)}`);
for (const line of trouble.slice(0, SHOWN)) console.log(line);
if (trouble.length > 0) throw new Error(`things that must not be: ${trouble.length}; again with --seed ${values.seed}`);
