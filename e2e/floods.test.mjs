// Very many at once, and an end in the middle of everything.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { brokerFor, Client, enter, openFiles, RawClient, scene, startWsbroker, until } from './harness.mjs';

const REQUEST = 'GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n'
  + 'Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Version: 13\r\n';

test('5000 that connect at once: those beyond the limit get 503, and no file stays open', async (t) => {
  const limit = 200;
  const broker = await brokerFor(t, startWsbroker, {
    args: ['--endpoint', '*=echo'],
    settings: { LIMITS__MAX_CONNECTIONS: limit, LIMITS__FIRST_BYTE_TIMEOUT: '20s', LIMITS__HANDSHAKE_TIMEOUT: '20s' },
  });
  const one = await Client.connect(broker.url);
  const during = openFiles(broker.pid);
  await one.leave();
  // Only then is its place free.
  await until(() => openFiles(broker.pid) < during, 'the broker has seen that it is gone');
  const before = openFiles(broker.pid);
  const clients = Array.from({ length: 5000 }, () => {
    const client = new RawClient(broker.port);
    client.write(`${REQUEST}\r\n`);
    return client;
  });
  const heads = await Promise.all(clients.map((client) => client.head()));
  const answered = (status) => heads.filter((head) => head.startsWith(`HTTP/1.1 ${status} `)).length;
  assert.deepEqual([answered(101), answered(503)], [limit, 5000 - limit]);
  for (const client of clients) client.vanish();
  await until(() => openFiles(broker.pid) <= before, () => `${openFiles(broker.pid)} files become ${before}`);
  const again = await Promise.all(Array.from({ length: limit }, () => Client.connect(broker.url)));
  await assert.rejects(Client.connect(broker.url), { status: 503 });
  for (const client of again) client.vanish();
});

test('SIGTERM in the middle of everything: all are closed, all is told, and it ends with 0', async (t) => {
  const { broker, backend } = await scene(t, { settings: { LIMITS__BODY_TIMEOUT: '1h', LIMITS__HANDSHAKE_TIMEOUT: '1h' } });
  const clients = await Promise.all(Array.from({ length: 20 }, () => enter(broker, backend)));
  // Messages: some with the backend, which does not answer, the others held behind them; and half a message.
  for (const client of clients) {
    for (const n of [1, 2, 3]) client.say({ type: 'message', n });
  }
  const first = await backend.nextOf('client-message');
  const raws = [];
  const raw = (bytes) => {
    const client = new RawClient(broker.port);
    client.write(bytes);
    raws.push(client);
    return client;
  };
  for (let n = 0; n < 20; n += 1) {
    raw('');
    raw(REQUEST);
    raw('POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\ndata=[');
    raws.push(await RawClient.connect(broker.url));
    raws.at(-1).frame('{"half":', { fin: false });
  }
  t.after(() => raws.forEach((client) => client.vanish()));
  let talks = true;
  const talking = (async () => {
    while (talks) await broker.post([{ type: 'send', message: 'more' }]).catch(() => { talks = false; });
  })();
  broker.child.kill('SIGTERM');
  for (const client of clients) assert.equal((await client.closed()).code, 1012);
  // Only now does the backend answer; what was held still comes, in order, and then each goodbye.
  const heard = new Map();
  const hear = (event) => {
    const of = event.connection.wskey;
    heard.set(of, [...(heard.get(of) ?? []), event.message.n ?? event.message.type]);
    return [];
  };
  backend.onEvent = hear;
  for (const event of [first, ...backend.events.waiting]) await event.answer(hear(event));
  assert.deepEqual(await broker.child.exit(), { code: 0, signal: null });
  await talking;
  const histories = [...heard.values()].map((events) => events.join(' '));
  assert.equal(histories.filter((history) => history === '1 2 3 session-disconnect').length, 20, histories.join('\n'));
});
