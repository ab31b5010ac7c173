// The faults of the original that must be gone. Each test shows first that the original really has the fault,
// then that wsbroker does not.

import assert from 'node:assert/strict';
import { createServer } from 'node:net';
import { describe, test } from 'node:test';
import {
  backendFor, brokerFor, Client, cpuNanoseconds, enter, freePort, RawClient, residentKiB, startOriginal, startWsbroker,
  until,
} from './harness.mjs';

describe('fault 1: one frame, answer or request ends the process with all its users', () => {
  const says = (text, type) => ({
    async provoke({ victim, backend }) {
      victim.say(text);
      return backend.next('the event');
    },
    async judge(event) {
      assert.deepEqual(event.message, type);
      await event.answer([]);
    },
  });
  const answers = (answer) => ({
    async provoke({ victim, backend }) {
      victim.say({ type: 'x' });
      await (await backend.nextOf('client-x')).answer(answer);
    },
  });

  const provocations = {
    'the text null': says('null', null),
    'a type that is a number': says('{"type":5}', { type: 'client-5' }),
    'a type that is an object': says('{"type":{}}', { type: 'client-[object Object]' }),
    'a type that is an array': says('{"type":["a",["b"]]}', { type: 'client-a,b' }),
    'a type that is true': says('{"type":true}', { type: 'client-true' }),
    'a reserved opcode': {
      async provoke({ broker, backend }) {
        const raw = await RawClient.connect(broker.url);
        await (await backend.nextOf('session-connect')).answer([]);
        raw.frame('x', { opcode: 3 });
        return raw;
      },
      async judge(raw) {
        assert.equal((await raw.closeFrame()).code, 1002);
      },
    },
    'an answer of null': answers('null'),
    'an answer of [null]': answers('[null]'),
    'a command POST of [{"type":"__proto__"}]': {
      provoke: ({ broker }) => broker.post([{ type: '__proto__' }]).catch((error) => error),
      async judge({ status, body }) {
        assert.equal(status, 200);
        const [result] = JSON.parse(body);
        assert.equal(result.ok, false);
        assert.equal(result.type, '__proto__');
      },
    },
  };

  for (const [name, { provoke, judge }] of Object.entries(provocations)) {
    test(name, async (t) => {
      for (const start of [startOriginal, startWsbroker]) {
        const backend = await backendFor(t);
        const broker = await brokerFor(t, start, { backend: backend.url });
        const [victim, bystander] = [await enter(broker, backend), await enter(broker, backend)];
        const attempt = provoke({ broker, backend, victim });
        if (start === startOriginal) {
          attempt.catch(() => {}); // It never ends where the process did.
          assert.notDeepEqual(await broker.child.exit(), { code: 0, signal: null });
          assert.equal((await bystander.closed()).code, 1006, 'and takes the bystander with it');
        } else {
          const outcome = await attempt;
          await judge?.(outcome);
          await servesStill(bystander, backend);
          assert.ok(broker.child.alive);
        }
      }
    });
  }

  test('an unreachable backend while logging is on', async (t) => {
    const port = await freePort();
    const url = `http://127.0.0.1:${port}/events`;
    const original = await brokerFor(t, startOriginal, { backend: url, log: true });
    await Client.connect(original.url);
    assert.equal((await original.child.exit()).code, 1);
    assert.match(original.child.log, /ReferenceError: err is not defined/);

    const ours = await brokerFor(t, startWsbroker, { backend: url, args: ['-vv'] });
    const client = await Client.connect(ours.url);
    client.say({ type: 'x' });
    assert.equal(await client.ping('there'), 'there');
    const backend = await backendFor(t, port);
    await (await backend.nextOf('session-connect')).answer([]);
    await (await backend.nextOf('client-x')).answer([{ type: 'send', message: 'at last' }]);
    assert.equal(await client.hear(), 'at last');
  });
});

describe('fault 2: events of one connection overtake each other', () => {
  test('a message arrives before the session that the answer to the connect sets', async (t) => {
    for (const start of [startOriginal, startWsbroker]) {
      const backend = await backendFor(t);
      const broker = await brokerFor(t, start, { backend: backend.url });
      const bystander = await enter(broker, backend);
      const client = await Client.connect(broker.url);
      const connect = await backend.nextOf('session-connect');
      client.say({ type: 'x' });

      if (start === startOriginal) {
        assert.equal((await backend.nextOf('client-x')).connection.room, undefined);
      } else {
        await isHeldBack(client, bystander, backend);
        await connect.answer([{ type: 'session', data: { room: 'red' } }]);
        assert.equal((await backend.nextOf('client-x')).connection.room, 'red');
      }
    }
  });

  test('the second message is answered before the first', async (t) => {
    for (const start of [startOriginal, startWsbroker]) {
      const backend = await backendFor(t);
      const broker = await brokerFor(t, start, { backend: backend.url });
      const bystander = await enter(broker, backend);
      const client = await enter(broker, backend);
      for (const n of [1, 2, 3]) client.say({ type: 'count', n });
      const answer = (event) => event.answer([{ type: 'send', message: event.message.n }]);

      if (start === startOriginal) {
        const events = [];
        for (let i = 0; i < 3; i += 1) events.push(await backend.nextOf('client-count'));
        events.sort((a, b) => b.message.n - a.message.n);
        for (const event of events) {
          await answer(event);
          assert.equal(await client.hear(), event.message.n, 'all three were under way at once');
        }
      } else {
        for (const n of [1, 2, 3]) {
          const event = await backend.nextOf('client-count');
          assert.equal(event.message.n, n);
          await isHeldBack(client, bystander, backend);
          await answer(event);
          assert.equal(await client.hear(), n);
        }
      }
    }
  });
});

describe('fault 3: events are lost silently while the backend is down', () => {
  test('what is said meanwhile arrives in order when it is back', async (t) => {
    for (const start of [startOriginal, startWsbroker]) {
      const backend = await backendFor(t);
      const broker = await brokerFor(t, start, { backend: backend.url });
      // Without a connection that is kept open, every try is a new one, which can be counted.
      const client = await enter(broker, backend, { headers: { connection: 'close' } });
      await backend.stop();

      const down = await resetting(t, backend.port);
      client.say({ type: 'm', n: 1 });
      client.say({ type: 'm', n: 2 });
      await client.ping();
      await until(() => down.resets >= 2, 'two tries meet a backend that is down');
      await down.stop();

      await backend.listen(backend.port);
      client.say({ type: 'm', n: 3 });
      const arrived = [];
      do {
        const event = await backend.nextOf('client-m');
        arrived.push(event.message.n);
        await event.answer([]);
      } while (arrived.at(-1) !== 3);
      assert.deepEqual(arrived, start === startOriginal ? [3] : [1, 2, 3]);
    }
  });
});

describe('fault 4: no limits', () => {
  test('unmasked frames are accepted', async (t) => {
    const { original, ours } = await bothRaw(t);
    for (const { raw } of [original, ours]) raw.frame('{"type":"x"}', { masked: false });
    assert.ok(await original.backend.nextOf('client-x'));
    assert.equal((await ours.raw.closeFrame()).code, 1002);
    await ours.backend.nextOf('session-disconnect');
  });

  test('invalid UTF-8 is accepted', async (t) => {
    const { original, ours } = await bothRaw(t);
    const text = Buffer.from([...Buffer.from('{"type":"x","text":"'), 0xc3, 0x28, 0xff, ...Buffer.from('"}')]);
    for (const { raw } of [original, ours]) raw.frame(text);
    assert.ok(await original.backend.nextOf('client-x'));
    assert.equal((await ours.raw.closeFrame()).code, 1007);
    await ours.backend.nextOf('session-disconnect');
  });

  test('messages may have any size', async (t) => {
    const { original, ours } = await bothRaw(t);
    const size = 3 << 20;
    original.raw.frame(`{"type":"x","text":"${'x'.repeat(size)}"}`);
    assert.equal((await original.backend.nextOf('client-x')).message.text.length, size);
    // The header alone says that it is too big; nothing of it needs to come.
    ours.raw.frame('', { claim: 100 << 20 });
    assert.equal((await ours.raw.closeFrame()).code, 1009);
    await ours.backend.nextOf('session-disconnect');
  });

  test('without pings a dead peer stays for ever', async (t) => {
    const { original, ours } = await bothRaw(t, {
      WEBSOCKET__PING_INTERVAL: '100ms', WEBSOCKET__PONG_TIMEOUT: '2s',
    });
    const alive = await enter(ours.broker, ours.backend);
    assert.ok(await ours.raw.frames.next('a ping', ({ opcode }) => opcode === 9));
    assert.equal((await ours.raw.closeFrame()).code, 4102);
    await ours.backend.nextOf('session-disconnect');
    await servesStill(alive, ours.backend);
    // By then the original has not even asked.
    assert.deepEqual(original.raw.frames.waiting, []);
    assert.equal(JSON.parse((await original.broker.post([{ type: 'list' }])).body)[0].length, 1);
  });

  test('without back-pressure the queue of a slow reader grows in memory', async (t) => {
    const { original, ours } = await bothRaw(t);
    const megabytes = 128;
    const message = 'x'.repeat(512 << 10);
    /** By how much its memory grows while one client reads nothing. */
    const growth = async ({ broker, raw }) => {
      raw.stopReading();
      const before = residentKiB(broker.pid);
      for (let sent = 0; sent < megabytes * 2; sent += 1) await broker.post([{ type: 'send', message }]);
      return (residentKiB(broker.pid) - before) / 1024;
    };

    const theirs = await growth(original);
    assert.equal(JSON.parse((await original.broker.post([{ type: 'list' }])).body)[0].length, 1, 'it is still there');
    assert.ok(theirs > megabytes / 2, `the original grew by ${theirs} MiB`);
    const own = await growth(ours);
    assert.equal((await ours.backend.nextOf('session-disconnect')).message.code, 4100);
    assert.ok(own < megabytes / 2, `wsbroker grew by ${own} MiB`);
    t.diagnostic(`${megabytes} MiB were sent: the original grew by ${theirs.toFixed(0)} MiB, wsbroker by ${own.toFixed(0)}`);
  });

  test('request bodies may have any size', async (t) => {
    const { original, ours } = await bothRaw(t);
    const body = `data=[]&padding=${'x'.repeat(3 << 20)}`;
    assert.equal((await original.broker.post(undefined, { body })).status, 200);
    // Ours answers while the body is still being written, so it is the raw client that listens.
    const raw = new RawClient(ours.broker.port);
    raw.write(`POST / HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: ${body.length}\r\n\r\ndata=`);
    assert.match(await raw.head(), /^HTTP\/1\.1 413 /);
    raw.vanish();
    // The same without a length that tells beforehand.
    const chunked = new RawClient(ours.broker.port);
    chunked.write('POST / HTTP/1.1\r\nHost: 127.0.0.1\r\nTransfer-Encoding: chunked\r\n\r\n');
    const chunk = `10000\r\n${'x'.repeat(0x10000)}\r\n`;
    for (let n = 0; n < 32; n += 1) chunked.write(chunk);
    assert.match(await chunked.head(), /^HTTP\/1\.1 413 /);
    chunked.vanish();
  });
});

describe('fault 5: matching scans every connection', () => {
  // How the CPU time of a targeted send grows from few to twenty times as many connections, from the kernel's
  // own account of the process: a scan grows with them, an index does not. The figures are the benchmarks' matter.
  const [few, many] = [200, 4000];

  test(`a send to one of ${many} costs much more than to one of ${few}`, async (t) => {
    const growth = {};
    for (const [start, rounds] of [[startOriginal, 2], [startWsbroker, 40]]) {
      const backend = await backendFor(t);
      backend.onEvent = () => [];
      const broker = await brokerFor(t, start, { backend: backend.url, settings: { WEBSOCKET__PING_INTERVAL: '1h' } });
      const clients = [];
      const costs = [];
      for (const count of [few, many]) {
        while (clients.length < count) {
          clients.push(await RawClient.connect(broker.url, { Cookie: `user=u${clients.length}` }));
        }
        // Everyone's connect event is answered when a list shows them all and the backend is quiet.
        await until(() => backend.requests >= count, () => `${backend.requests} of ${count} connect events`);
        const commands = Array.from({ length: 250 }, () => ({ type: 'send', message: 1, match: { user: 'u7' } }));
        // A just-in-time compiler is done with them by then, so that the few cost what they cost for good.
        for (let round = 0; round < 8; round += 1) await broker.post(commands);
        // Of several measurements the least counts: whatever else the machine does only adds to it.
        const measured = [];
        for (let measurement = 0; measurement < 8; measurement += 1) {
          const before = cpuNanoseconds(broker.pid);
          for (let round = 0; round < rounds; round += 1) await broker.post(commands);
          measured.push(cpuNanoseconds(broker.pid) - before);
        }
        costs.push(Math.min(...measured));
      }
      // It is gone before its clients are: otherwise it tells its backend of the end of each, while this process is to be
      // in time for the handshakes of the next.
      await broker.stop();
      for (const client of clients) client.vanish();
      growth[start.name] = costs[1] / costs[0];
      t.diagnostic(`${start.name}: ${costs.map((cost) => (cost / rounds / 250e3).toFixed(1)).join(' → ')} µs a send`);
    }
    assert.ok(growth.startOriginal > 4, `the original's cost grows ${growth.startOriginal.toFixed(1)} times`);
    assert.ok(growth.startWsbroker < 2, `wsbroker's cost grows ${growth.startWsbroker.toFixed(1)} times`);
  });
});

/** The client's message goes through the backend and its answer comes back. */
async function servesStill(client, backend) {
  client.say({ type: 'ask' });
  await (await backend.nextOf('client-ask')).answer([{ type: 'send', message: 'alive' }]);
  assert.equal(await client.hear(), 'alive');
}

/**
 * No event of the client is with the backend: the broker has read all that it said (the pong tells), and has had
 * time for a whole round trip of somebody else.
 */
async function isHeldBack(client, bystander, backend) {
  await client.ping();
  await servesStill(bystander, backend);
  assert.deepEqual(backend.events.waiting, [], 'nothing may be under way meanwhile');
}

/** A listener that resets every connection, and counts them. */
async function resetting(t, port) {
  const down = { resets: 0 };
  const server = createServer((socket) => {
    socket.on('error', () => {});
    socket.resetAndDestroy();
    down.resets += 1;
  });
  await new Promise((resolve, reject) => server.once('error', reject).listen(port, '127.0.0.1', resolve));
  down.stop = () => new Promise((resolve) => server.close(resolve));
  t.after(down.stop);
  return down;
}

/** Both brokers, each with a backend and a raw client whose connect event is answered. */
async function bothRaw(t, settings) {
  const scene = async (start) => {
    const backend = await backendFor(t);
    const broker = await brokerFor(t, start, { backend: backend.url, settings });
    const raw = await RawClient.connect(broker.url);
    t.after(() => raw.vanish());
    await (await backend.nextOf('session-connect')).answer([]);
    return { backend, broker, raw };
  };
  return { original: await scene(startOriginal), ours: await scene(startWsbroker) };
}
