// A judge that never finds fault proves nothing: here it is given histories with one fault each.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { check } from './check.mjs';

/** What came of a client that said three messages, with `changes` made to the list of what arrived. */
function judged(changes, { member = {}, drops = [] } = {}) {
  const event = (kind, n) => ({ id: `${kind}${n}`, wskey: 'k', client: 1, kind, n, attempt: 1, manner: 'plain' });
  const events = [
    event('session-connect', 0), ...[1, 2, 3].map((n) => event('client-say', n)), event('session-disconnect', 0),
  ];
  changes(events);
  const records = events.map((record, at) => ({ ...record, at }));
  const said = { number: 1, said: 3, acknowledged: [1, 2, 3], dropped: null, ...member };
  const { count, faults } = check({ records, members: [said], drops });
  return { faults: faults.length, ...Object.fromEntries(Object.entries(count).filter(([name, value]) => {
    return value > 0 && !['said', 'arrived', 'acknowledged'].includes(name);
  })) };
}

test('what arrived once and in order is in order', () => {
  assert.deepEqual(judged(() => {}), { faults: 0 });
});

test('a repetition under the same id is in order, also after later events', () => {
  assert.deepEqual(judged((events) => events.push({ ...events[1], attempt: 2 })), { faults: 0, sameId: 1 });
});

test('a lost event is found, be it a message, a connect or a disconnect', () => {
  for (const place of [0, 2, 4]) assert.deepEqual(judged((events) => events.splice(place, 1)), { faults: 1, lost: 1 });
});

test('a repetition under another id is found', () => {
  assert.deepEqual(judged((events) => events.splice(2, 0, { ...events[1], id: 'other' })), { faults: 1, otherId: 1 });
});

test('an id that comes with another event is found', () => {
  const found = judged((events) => { events[2].id = events[1].id; });
  assert.deepEqual([found.otherId, found.lost], [1, 1]);
});

test('an event that overtakes another is found, be it a message, a connect or a disconnect', () => {
  for (const place of [0, 1, 3]) {
    assert.deepEqual(
      judged((events) => events.splice(place, 2, events[place + 1], events[place])), { faults: 1, overtaken: 1 },
    );
  }
});

test('a client that was dropped is found', () => {
  assert.deepEqual(judged(() => {}, { member: { dropped: { code: 1006 } } }), { faults: 1, dropped: 1 });
});

test('an acknowledgement that is missing, doubled or out of order is found', () => {
  for (const acknowledged of [[1, 3], [1, 2, 2, 3], [1, 3, 2]]) {
    assert.deepEqual(judged(() => {}, { member: { acknowledged } }), { faults: 1 }, String(acknowledged));
  }
});

test('an event that was given up is found, unless it had arrived and its answer was too long', () => {
  const drop = { event: 'dropped', event_id: 'client-say2', msg: 'longer than the limit max_answer' };
  assert.equal(judged(() => {}, { drops: [drop] }).faults, 1);
  const huge = (events) => { events[2].manner = 'huge'; };
  assert.deepEqual(judged(huge, { drops: [drop], member: { acknowledged: [1, 3] } }), { faults: 0 });
  assert.equal(judged(huge, { drops: [{ ...drop, msg: 'poison' }] }).faults, 1);
});
