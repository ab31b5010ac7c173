// The same conversations with the original and with wsbroker: every event, frame and result must be the same,
// but for what `differential/exceptions.mjs` lists.
//
// Each conversation is compared with its transcript on record as well, so that a change of the harness that
// hides something is seen. `RECORD=1 node --test differential.test.mjs` writes the original's transcripts anew;
// those of wsbroker under a deliberate change are written by hand, from the contract.

import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { after, describe, test } from 'node:test';
import { CHANGED } from './differential/exceptions.mjs';
import { readRecord, writeRecord } from './differential/record.mjs';
import { transcriptOf } from './differential/talk.mjs';
import { originalProcess } from './harness.mjs';

const groups = readdirSync(new URL('./conversations/', import.meta.url))
  .filter((file) => file.endsWith('.mjs'))
  .map((file) => file.replace('.mjs', ''));

const originals = originalProcess();
after(() => originals.stop());

for (const group of groups) {
  const { default: conversations } = await import(`./conversations/${group}.mjs`);
  const record = readRecord(group);

  describe(group, () => {
    for (const conversation of conversations) {
      const { name, change } = conversation;
      if (process.env.RECORD) {
        test(`${name} (recorded)`, async () => {
          record.set(name, await transcriptOf(conversation, 'original', originals));
        });
        continue;
      }
      test(name, async () => {
        const [original, ours] = await both(conversation);
        if (original.status === 'rejected') throw original.reason;
        assert.equal(original.value, record.get(name), 'the original differs from its record');
        if (ours.status === 'rejected') throw ours.reason;
        if (change) {
          assert.ok(change in CHANGED, `${change} is not in the table of changes`);
          assert.equal(ours.value, record.get(`${name} | wsbroker`), `wsbroker differs from the contract (${change})`);
          assert.notEqual(ours.value, original.value, `there is no difference any more: ${change} has to leave the table`);
        } else {
          assert.equal(ours.value, original.value, 'wsbroker differs from the original');
        }
      });
    }
    if (process.env.RECORD) after(() => writeRecord(group, conversations, record));
  });
}

test('every line of the table of changes has a conversation', async () => {
  const { default: conversations } = await import('./conversations/changes.mjs');
  const used = new Set(conversations.map(({ change }) => change).filter(Boolean));
  assert.deepEqual([...used].sort(), Object.keys(CHANGED).sort());
});

function both(conversation) {
  return Promise.allSettled([
    transcriptOf(conversation, 'original', originals),
    transcriptOf(conversation, 'wsbroker'),
  ]);
}
