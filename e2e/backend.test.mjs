// What a backend sees besides the two fields: the headers of an event, its retries, the credentials of its URL.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { backendFor, brokerFor, Client, enter, scene, startWsbroker, until } from './harness.mjs';

for (const format of ['multipart', 'form', 'json']) {
  test(`events in the format ${format} carry the headers of the contract`, async (t) => {
    const { broker, backend } = await scene(t, { args: ['--backend-format', format] });
    const client = await Client.connect(`${broker.url}some/where?token=1`);
    const connect = await backend.nextOf('session-connect');
    const { wskey } = connect.connection;
    const headers = (event) => Object.fromEntries(
      ['wsbroker-event', 'wsbroker-connection', 'wsbroker-attempt', 'wsbroker-path'].map((name) => [name, event.headers[name]]),
    );
    assert.deepEqual(headers(connect), {
      'wsbroker-event': 'session-connect', 'wsbroker-connection': wskey, 'wsbroker-attempt': '1',
      'wsbroker-path': '/some/where?token=1',
    });
    assert.match(wskey, /^[A-Za-z0-9_-]{22}$/);
    assert.match(connect.headers['webhook-id'], /^[A-Za-z0-9_-]+$/);
    assert.match(connect.headers['webhook-timestamp'], /^\d+$/);
    await connect.answer([]);

    // It was told first, once, and only where there is room for it.
    const starts = backend.starts.map(({ headers }) => [headers['wsbroker-event'], headers['wsbroker-connection']]);
    assert.deepEqual(starts, format === 'json' ? [['broker-start', undefined]] : []);

    client.say({ type: 'x', text: 'Zürich & 50% + "more"' });
    const first = await backend.nextOf('client-x');
    assert.deepEqual(first.message, { type: 'client-x', text: 'Zürich & 50% + "more"' });
    assert.equal(first.headers['wsbroker-event'], 'client');
    assert.notEqual(first.headers['webhook-id'], connect.headers['webhook-id']);
    first.reset();
    const again = await backend.nextOf('client-x');
    assert.equal(again.headers['webhook-id'], first.headers['webhook-id'], 'a retry has the id of the event');
    assert.ok(Number(again.headers['wsbroker-attempt']) >= 1);
    await again.answer([{ type: 'send', message: 'ok' }]);
    assert.equal(await client.hear(), 'ok');
  });
}

test('503, 429 and 500 are tried again with the same id and a growing attempt', async (t) => {
  const { broker, backend } = await scene(t);
  const client = await enter(broker, backend);
  client.say({ type: 'x' });
  const ids = new Set();
  for (const [index, status] of [503, 429, 500, 200].entries()) {
    const event = await backend.nextOf('client-x');
    ids.add(event.headers['webhook-id']);
    assert.equal(event.headers['wsbroker-attempt'], String(index + 1));
    await event.answer([{ type: 'send', message: status }], { status });
  }
  assert.equal(ids.size, 1);
  assert.equal(await client.hear(), 200, 'only the answer of the 200 is executed');
});

test('the user and password of the URL are sent and not logged', async (t) => {
  const backend = await backendFor(t);
  const broker = await brokerFor(t, startWsbroker, { backend: backend.url.replace('//', '//user:pa%20ss@'), args: ['-vv'] });
  const client = await Client.connect(broker.url, { headers: { Cookie: 'sid=very-secret' } });
  const event = await backend.nextOf('session-connect');
  assert.equal(event.headers.authorization, `Basic ${Buffer.from('user:pa ss').toString('base64')}`);
  await event.answer([{ type: 'send', message: 1 }]);
  await client.hear();
  await until(() => broker.child.log.includes('"from_backend"'), 'the log has the answer, and what went before it');
  assert.match(broker.child.log, /session-connect/);
  assert.doesNotMatch(broker.child.log, /pa%20ss|pa ss/);
  assert.doesNotMatch(broker.child.log, /very-secret/);
});
