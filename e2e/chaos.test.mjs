// A short form of `cargo xtask chaos`: real faults of the applications, of nginx and of the network.

import assert from 'node:assert/strict';
import { randomInt } from 'node:crypto';
import { test } from 'node:test';
import { PEAK_KIB_MAX, run } from './chaos/run.mjs';
import { table } from './chaos/table.mjs';

test('whatever becomes of the backend, nothing is lost, doubled or overtaken, and nobody is dropped', async (t) => {
  // Another one each time, so that time finds more; what is found can be had again by `cargo xtask chaos --seed`.
  const seed = String(randomInt(1_000_000));
  t.diagnostic(`seed ${seed}`);
  const result = await run({ seed, clients: 40, messages: 3000, perSecond: 150, atOnce: 5, stretchMs: 2000 });
  const told = [...result.trouble, table(result)].join('\n');
  assert.equal(result.trouble.length, 0, told);
  assert.equal(result.count.arrived, 3000, told);
  assert.ok(result.peakKiB <= PEAK_KIB_MAX, told);
  // The faults were felt, or they would prove nothing.
  assert.ok(result.cuts > 0 && result.count.sameId > 0 && result.attempts > 2, told);
});
