// The admin listener: health, and commands whose results are objects.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ask, brokerFor, Client, enter, freePort, scene, startWsbroker } from './harness.mjs';

test('the admin listener is alive and ready', async (t) => {
  const { broker } = await scene(t);
  assert.equal((await ask(`${broker.admin}/livez`)).status, 200);
  assert.equal((await ask(`${broker.admin}/readyz`)).status, 200);
});

test('the broker is ready although the backend is away', async (t) => {
  const broker = await brokerFor(t, startWsbroker, { backend: `http://127.0.0.1:${await freePort()}/` });
  await Client.connect(broker.url);
  assert.equal((await ask(`${broker.admin}/readyz`)).status, 200);
});

test('each command is answered with an object', async (t) => {
  const { broker, backend } = await scene(t);
  const clients = [];
  for (const room of ['red', 'red', 'blue']) clients.push(await enter(broker, backend, { data: { room } }));
  const results = await command(broker, [
    { type: 'send', message: { hi: 1 }, match: { room: 'red' } },
    { type: 'list', match: { room: 'blue' } },
    { type: 'count' },
    { type: 'count', by: 'room' },
    { type: 'session', data: { seen: true }, match: { room: 'red' } },
    { type: 'list', match: { seen: 'true' } },
    { type: 'send', message: 'nobody', match: { room: 'green' } },
    { type: 'log', text: 'done' },
    { type: 'close', match: { room: 'blue' }, code: 3000 },
  ]);
  assert.deepEqual(results[0], { ok: true, type: 'send', matched: 2, queued: 2, dropped: 0 });
  const { connections, ...list } = results[1];
  assert.deepEqual(list, { ok: true, type: 'list', matched: 1, cursor: null });
  assert.deepEqual(connections.map(({ room, ip }) => [room, ip]), [['blue', '127.0.0.1']]);
  assert.equal(results[2].matched, 3);
  assert.deepEqual(results[3], { ok: true, type: 'count', matched: 3, by: { red: 2, blue: 1 } });
  assert.equal(results[4].matched, 2);
  assert.equal(results[5].connections.length, 2);
  assert.deepEqual(results[6], { ok: true, type: 'send', matched: 0, queued: 0, dropped: 0 });
  for (const [index, type] of ['send', 'list', 'count', 'count', 'session', 'list', 'send', 'log', 'close'].entries()) {
    assert.equal(results[index].ok, true, `${type} ${JSON.stringify(results[index])}`);
    assert.equal(results[index].type, type);
  }
  assert.deepEqual(await clients[0].hear(), { hi: 1 });
  assert.equal((await clients[2].closed()).code, 3000);
});

test('a wrong command is marked in its place and the rest runs', async (t) => {
  const { broker, backend } = await scene(t);
  const client = await enter(broker, backend);
  const results = await command(broker, [
    { type: 'sned', message: 1 },
    { type: 'send', message: 1, mach: {} },
    { type: 'send' },
    { type: 'close', code: 1005 },
    { type: 'close', code: 3000, reason: 'x'.repeat(124) },
    { type: 'list', match: { age: { $gt: 1, $near: 2 } } },
    { type: 'list', match: 'room' },
    { type: 'session', data: 'x' },
    42,
    { type: 'send', message: 'right' },
  ]);
  assert.equal(results.length, 10);
  for (const result of results.slice(0, 9)) {
    assert.equal(result.ok, false);
    assert.ok(result.error.length > 0);
  }
  assert.deepEqual({ ...results[0], error: '' }, { ok: false, type: 'sned', error: '', hint: 'did you mean send?' });
  assert.match(results[1].error + (results[1].hint ?? ''), /mach/);
  assert.match(results[5].error, /\$near/);
  assert.equal(results[9].ok, true);
  assert.equal(await client.hear(), 'right');
});

test('one command object will do as well, and except leaves sessions out', async (t) => {
  const { broker, backend } = await scene(t);
  const red = await enter(broker, backend, { data: { room: 'red' } });
  const blue = await enter(broker, backend, { data: { room: 'blue' } });
  const { status, body } = await post(broker, '{"type":"send","message":1,"except":{"room":"red"}}');
  assert.equal(status, 200);
  const result = [JSON.parse(body)].flat();
  assert.deepEqual(result, [{ ok: true, type: 'send', matched: 1, queued: 1, dropped: 0 }]);
  assert.equal(await blue.hear(), 1);
  await red.ping();
  assert.deepEqual(red.frames.waiting, []);
});

test('a list comes in pages', async (t) => {
  const { broker, backend } = await scene(t);
  for (let n = 0; n < 5; n += 1) await enter(broker, backend, { data: { n } });
  const seen = [];
  let cursor;
  do {
    const [page] = await command(broker, [{ type: 'list', limit: 2, fields: ['n'], ...(cursor && { cursor }) }]);
    assert.ok(page.connections.length <= 2);
    assert.equal(page.matched, 5);
    seen.push(...page.connections.map(({ n }) => n));
    cursor = page.cursor;
  } while (cursor !== null);
  assert.deepEqual(seen, [0, 1, 2, 3, 4]);
});

test('an envelope that can not be read is refused with a problem document', async (t) => {
  const { broker } = await scene(t);
  for (const body of ['[{"type":"list"}', '"text"', '42', '\ufeff[]', '[] trailing', '['.repeat(10_000)]) {
    const { status, type } = await post(broker, body);
    assert.equal(status, 400, body.slice(0, 40));
    assert.match(type, /^application\/problem\+json/);
  }
  const big = await post(broker, `[{"type":"send","message":"${'x'.repeat(2 << 20)}"}]`).catch((error) => error);
  assert.ok(big.status === 413 || big.code === 'ECONNRESET' || big.code === 'EPIPE', String(big.status ?? big));
  const many = await post(broker, JSON.stringify(Array(10_001).fill({ type: 'count' })));
  assert.equal(many.status, 413);
});

test('the admin listener asks for its token', async (t) => {
  const { broker } = await scene(t, { settings: { ACCESS__TOKENS: 'secret-token,other' } });
  const list = '[{"type":"list"}]';
  assert.equal((await post(broker, list)).status, 401);
  assert.equal((await post(broker, list, { authorization: 'Bearer secret-tokeN' })).status, 401);
  assert.equal((await post(broker, list, { authorization: 'Bearer secret-token' })).status, 200);
  assert.equal((await ask(`${broker.admin}/livez`)).status, 200);
  assert.equal((await ask(`${broker.admin}/readyz`)).status, 200);
});

function post(broker, body, headers = {}) {
  return ask(`${broker.admin}/api/v1/commands`, {
    method: 'POST', body, headers: { 'content-type': 'application/json', ...headers },
  });
}

async function command(broker, commands) {
  const { status, type, body } = await post(broker, JSON.stringify(commands));
  assert.equal(status, 200, body);
  assert.match(type, /^application\/json/);
  return JSON.parse(body);
}
