// Clients that are not ours: npm `ws` and Python's `websockets`.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Child, Client, enter, fromRoot, python, scene } from './harness.mjs';

test('npm ws: the first offered subprotocol is chosen', async (t) => {
  const { broker, backend } = await scene(t);
  const client = await Client.connect(broker.url, { protocols: ['chat', 'other'] });
  assert.equal(client.socket.protocol, 'chat');
  await (await backend.nextOf('session-connect')).answer([]);
  const without = await Client.connect(broker.url);
  assert.equal(without.socket.protocol, '');
});

test('npm ws: a ping is answered with its payload, also between the fragments of a message', async (t) => {
  const { client, backend } = await entered(t);
  assert.equal(await client.ping('some payload'), 'some payload');
  assert.equal(await client.ping('x'.repeat(125)), 'x'.repeat(125));
  client.socket.send('{"type":"a",', { fin: false });
  assert.equal(await client.ping('between'), 'between');
  client.socket.send('"text":"', { fin: false });
  client.socket.send('', { fin: false });
  client.socket.send('b"}', { fin: true });
  const event = await backend.next();
  assert.deepEqual(event.message, { type: 'client-a', text: 'b' });
  await event.answer([]);
});

test('npm ws: large messages pass both ways, up to the limit', async (t) => {
  const { client, backend } = await entered(t);
  const frame = (size) => `{"type":"x","text":"${'x'.repeat(size - 22)}"}`;
  const limit = 1 << 20;
  assert.equal(frame(limit).length, limit);
  client.say(frame(limit));
  const event = await backend.nextOf('client-x');
  assert.equal(event.message.text.length, limit - 22);
  await event.answer([{ type: 'send', message: 'y'.repeat(3 << 20) }]);
  assert.equal((await client.hear()).length, 3 << 20);
  client.say(frame(limit + 1));
  assert.equal((await client.closed()).code, 1009);
  assert.equal((await backend.nextOf('session-disconnect')).message.code, 1009);
});

test('npm ws: the code and reason of a close are told both ways', async (t) => {
  const { client, broker, backend } = await entered(t);
  assert.equal((await client.leave(3001, 'zum Abschied')).code, 3001, 'the code is answered with itself');
  const left = await backend.nextOf('session-disconnect');
  assert.deepEqual(left.message, { type: 'session-disconnect', code: 3001, reason: 'zum Abschied' });
  await left.answer([]);

  const other = await enter(broker, backend);
  await broker.post([{ type: 'close', code: 4001, reason: 'kicked — fort' }]);
  assert.deepEqual(await other.closed(), { code: 4001, reason: 'kicked — fort' });
  assert.equal((await backend.nextOf('session-disconnect')).message.code, 4001);
});

test('npm ws: a close without a code is answered without one', async (t) => {
  const { client, backend } = await entered(t);
  client.socket.close();
  assert.equal((await client.closed()).code, 1005);
  assert.equal((await backend.nextOf('session-disconnect')).message.code, 1005);
});

test('npm ws: a client that vanishes is a disconnect with 1006', async (t) => {
  const { client, backend } = await entered(t);
  client.vanish();
  assert.deepEqual((await backend.nextOf('session-disconnect')).message, {
    type: 'session-disconnect', code: 1006, reason: '',
  });
});

test('npm ws: binary frames go both ways, and text as it is', async (t) => {
  const { client, broker, backend } = await entered(t);
  client.say(Buffer.from([0, 1, 0xfe, 0xff]));
  const event = await backend.next();
  assert.deepEqual(event.message, { type: 'client-binary', data: 'AAH+/w==' });
  await event.answer([{ type: 'send', binary: 'AAH+/w==' }, { type: 'send', text: 'not JSON' }]);
  assert.deepEqual(await client.frames.next(), Buffer.from([0, 1, 0xfe, 0xff]));
  assert.equal(await client.frames.next(), 'not JSON');
  const sent = await broker.post([{ type: 'send', binary: '!' }, { type: 'send', text: 'still' }]);
  assert.equal(JSON.parse(sent.body)[0].ok, false);
  assert.equal(await client.frames.next(), 'still');
});

test('npm ws: a client that offers compression is served', async (t) => {
  const { broker, backend } = await scene(t);
  const client = await Client.connect(broker.url, { perMessageDeflate: true });
  await (await backend.nextOf('session-connect')).answer([{ type: 'send', message: 'x'.repeat(100_000) }]);
  assert.equal((await client.hear()).length, 100_000);
  client.say({ type: 'x', text: 'y'.repeat(100_000) });
  assert.equal((await backend.nextOf('client-x')).message.text.length, 100_000);
});

test('Python websockets: subprotocol, text, ping, fragments, large and binary messages, and closing', async (t) => {
  const { broker, backend } = await scene(t);
  const script = fromRoot('e2e/peers/websockets_client.py');
  const peer = Child.start(python(), ['-u', script, broker.url]);
  t.after(() => peer.stop());
  const told = async (what) => {
    const [name, value] = JSON.parse(await peer.stdout.next(what));
    assert.equal(name, what, peer.log);
    return value;
  };

  const connect = await backend.nextOf('session-connect');
  assert.equal(connect.connection.user, 'py');
  await connect.answer([]);
  assert.equal(await told('subprotocol'), 'chat');

  const echo = async (type) => {
    const event = await backend.nextOf(`client-${type}`);
    await event.answer([{ type: 'send', message: event.message }]);
  };
  await echo('text');
  assert.deepEqual(JSON.parse(await told('text')), { type: 'client-text', text: 'Zürich 😀' });
  await told('pong');
  await echo('fragments');
  assert.deepEqual(JSON.parse(await told('fragments')), { type: 'client-fragments', list: [1, 2, 3] });
  await echo('large');
  assert.ok((await told('large')) > 900_000);
  const binary = await backend.nextOf('client-binary');
  assert.equal(binary.message.data, 'AAH+/w==');
  await binary.answer([{ type: 'send', binary: binary.message.data }]);
  assert.deepEqual(await told('binary'), ['bytes', [0, 1, 254, 255]]);
  assert.equal(await told('closed'), 3001);
  const left = await backend.nextOf('session-disconnect');
  assert.deepEqual([left.message.code, left.message.reason], [3001, 'see you']);
  await left.answer([]);

  await (await backend.nextOf('session-connect')).answer([
    { type: 'send', message: 'no room' },
    { type: 'close', code: 4003, reason: 'go away' },
  ]);
  assert.equal(await told('again'), null);
  assert.equal(await told('heard'), '"no room"');
  assert.deepEqual(await told('told'), [4003, 'go away']);
  await (await backend.nextOf('session-disconnect')).answer([]);

  await (await backend.nextOf('session-connect')).answer([]);
  await told('here');
  peer.write('');
  await told('gone');
  assert.equal((await backend.nextOf('session-disconnect')).message.code, 1006);
  assert.deepEqual(await peer.exit(), { code: 0, signal: null });
});

async function entered(t) {
  const { backend, broker } = await scene(t);
  return { backend, broker, client: await enter(broker, backend) };
}
