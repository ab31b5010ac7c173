// What is held while the backend is away, and who waits for whom: "Delivery promise" from outside.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { brokerFor, Client, DEADLINE_MS, enter, scene, startWsbroker, until } from './harness.mjs';
import { superviseFragile } from './holding/supervised.mjs';

for (const [fault, settings] of [['crashes', {}], ['hangs', { BACKEND__TIMEOUT: '1s' }]]) {
  test(`a message at which the backend ${fault} each time is dropped as poison, and costs no other event`, async (t) => {
    const retries = 3;
    const application = await superviseFragile(t, fault);
    const broker = await brokerFor(t, startWsbroker, {
      backend: application.url, args: ['--backend-format', 'form'], settings: { BACKEND__RETRIES: retries, ...settings },
    });
    const [victim, bystander] = [await Client.connect(broker.url), await Client.connect(broker.url)];
    const messages = (name) => application.seen.filter(({ type }) => type === `client-${name}`);
    victim.say({ type: 'victim', n: 1 });
    victim.say({ type: 'poison' });
    victim.say({ type: 'victim', n: 2 });
    victim.say({ type: 'victim', n: 3 });

    // Others are served all the while: that is what tells a poison from a backend that is away.
    let said = 0;
    const isDropped = () => broker.child.stderr.waiting.some((line) => /poison/i.test(line));
    await until(async () => {
      said += 1;
      bystander.say({ type: 'bystander', n: said });
      await until(() => messages('bystander').at(-1)?.n === said, `message ${said} of the other client arrives`);
      return isDropped();
    }, () => `the poison is dropped; seen ${JSON.stringify(messages('poison'))}\n${broker.child.log}`, 2 * DEADLINE_MS);

    // The broker says so by another pipe than the one by which the application says what it saw.
    await until(() => messages('poison').length >= (fault === 'hangs' ? retries : 1), 'the application says that it saw each try');
    const [line] = broker.child.stderr.waiting.filter((line) => /poison/i.test(line));
    const tries = messages('poison');
    assert.equal(JSON.parse(line).event_id, tries[0].id);
    assert.equal(new Set(tries.map(({ id }) => id)).size, 1);
    if (fault === 'hangs') assert.equal(tries.length, retries);
    else assert.ok(application.starts > 1);
    await until(() => messages('victim').at(-1)?.n === 3, 'what its client says later arrives');
    const firsts = (name) => [...new Set(messages(name).map(({ n }) => n))];
    assert.deepEqual(firsts('victim'), [1, 2, 3]);
    assert.deepEqual(firsts('bystander'), Array.from({ length: said }, (_, index) => index + 1));
    assert.ok(victim.open && bystander.open);
  });
}

test('a client that floods while the backend is away is not read any more, and everything arrives when it is back', async (t) => {
  // More than the buffers of the system hold.
  const [count, padding] = [500, 'x'.repeat(64 * 1024)];
  const { broker, backend } = await scene(t, { settings: { BACKEND__HOLD__MAX_EVENTS: 5, BACKEND__HOLD__ON_FULL: 'pause' } });
  const [client, other] = [await enter(broker, backend), await enter(broker, backend)];
  const pongs = [];
  client.socket.on('pong', (payload) => pongs.push(payload.toString()));
  await backend.stop();

  const say = (n) => client.say({ type: 'flood', n, padding });
  say(1);
  say(2);
  assert.equal(await client.ping('before the hold is full'), 'before the hold is full');
  for (let n = 3; n <= count; n += 1) say(n);
  client.socket.ping('behind it');
  await standsStill(() => client.socket.bufferedAmount);
  assert.ok(client.socket.bufferedAmount > 0);
  assert.ok(!pongs.includes('behind it'));
  assert.equal(await other.ping('others are read'), 'others are read');

  const arrived = [];
  backend.onEvent = ({ message }) => {
    arrived.push(message.n);
    return [];
  };
  await backend.listen(backend.port);
  await until(() => arrived.at(-1) === count, () => `everything arrives, and not only ${arrived}`);
  assert.deepEqual(arrived, Array.from({ length: count }, (_, index) => index + 1));
  await until(() => pongs.includes('behind it'), 'the ping behind the flood is answered');
  assert.ok(client.open && other.open);
});

test('while the backend is away one probe at a time reaches it, each with an event of another connection', async (t) => {
  const FIRST = 10;
  const { broker, backend } = await scene(t);
  const clients = [];
  for (let number = 0; number < 20; number += 1) clients.push(await enter(broker, backend, { data: { number } }));

  const tries = [];
  let firstCame;
  const firstHaveCome = new Promise((resolve) => { firstCame = resolve; });
  let underWay = 0;
  let isBack = false;
  const arrived = [];
  backend.onEvent = async (event) => {
    const { connection, message } = event;
    if (isBack) {
      arrived.push(`${connection.number}.${message.n}`);
      return [];
    }
    underWay += 1;
    const place = tries.push({ number: connection.number, underWay });
    if (place === FIRST) firstCame();
    // The first fail at one time, so that the broker hears of all before it tries one again. Of others two which overlap are
    // seen to.
    await (place <= FIRST ? firstHaveCome : pause(200));
    underWay -= 1;
    await event.answer([], { status: 503 });
  };
  const talk = (some, n) => some.forEach((client) => client.say({ type: 'x', n }));
  // Five failures of several connections: then it is away. Whatever was under way ends, too.
  talk(clients.slice(0, FIRST), 1);
  await until(() => tries.length >= FIRST && underWay === 0, 'the first tries fail');
  await broker.child.stderr.next('that it is taken to be away', (line) => line.includes('the backend is away'));
  const before = tries.length;
  talk(clients.slice(FIRST), 1);
  talk(clients, 2);
  await until(() => tries.length >= before + 6, () => `six probes; ${tries.length - before} came`);
  const probes = tries.slice(before, before + 6);
  assert.deepEqual(probes.map((probe) => probe.underWay), [1, 1, 1, 1, 1, 1]);
  assert.equal(new Set(probes.map((probe) => probe.number)).size, 6, JSON.stringify(probes));

  isBack = true;
  await until(() => arrived.length >= 40, () => `all held events arrive, and not only ${arrived.length}`);
  const expected = clients.flatMap((_, number) => [`${number}.1`, `${number}.2`]);
  assert.deepEqual(arrived.toSorted(), expected.toSorted());
  for (const [number] of clients.entries()) {
    assert.ok(arrived.indexOf(`${number}.1`) < arrived.indexOf(`${number}.2`));
  }
  assert.ok(clients.every((client) => client.open));
});

// They wait at the same time.
describe('Retry-After', { concurrency: 2 }, () => {
  for (const status of [429, 503]) {
    test(`of a ${status} keeps its connection waiting and no other`, async (t) => {
      const { broker, backend } = await scene(t);
      const [asked, other] = [await enter(broker, backend), await enter(broker, backend)];
      asked.say({ type: 'asked', n: 1 });
      asked.say({ type: 'asked', n: 2 });
      const first = await backend.nextOf('client-asked');
      await first.answer([], { status, headers: { 'retry-after': '10' } });

      // Three failures cost the other much less than ten seconds by its own back-off.
      other.say({ type: 'other' });
      for (const answer of [status, status, status, 200]) {
        await (await backend.nextOf('client-other')).answer([{ type: 'send', message: answer }], { status: answer });
      }
      assert.equal(await other.hear(), 200);
      assert.deepEqual(backend.events.waiting, [], 'the one that was asked to wait waits');

      const again = await backend.nextOf('client-asked');
      assert.deepEqual([again.message.n, again.headers['wsbroker-attempt']], [1, '2']);
      assert.equal(again.headers['webhook-id'], first.headers['webhook-id']);
      await again.answer([]);
      assert.equal((await backend.nextOf('client-asked')).message.n, 2);
    });
  }
});

/** Waits until a number has not changed for a second. */
async function standsStill(number) {
  let [last, since] = [number(), Date.now()];
  await until(() => {
    if (number() !== last) [last, since] = [number(), Date.now()];
    return Date.now() - since > 1000;
  }, () => `${number()} stands still`);
}
