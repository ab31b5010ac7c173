// Compressed messages (permessage-deflate) with clients that are not ours: npm `ws` and Python's `websockets`, both over
// the original zlib.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Child, Client, fromRoot, python, scene } from './harness.mjs';

const AGREED = 'permessage-deflate; server_no_context_takeover; client_no_context_takeover';
const ECHO = { args: ['--endpoint', '*=echo'] };

test('npm ws: messages come back unchanged, whatever the settings', async (t) => {
  const { broker } = await scene(t, ECHO);
  const letters = Array.from({ length: 20_000 }, (_, index) => String.fromCharCode(97 + ((index * index * 7919) >> 5) % 26)).join('');
  for (const settings of [
    true,
    { threshold: 0 },
    { threshold: 0, clientNoContextTakeover: true, serverNoContextTakeover: true },
    { threshold: 0, serverMaxWindowBits: 9, clientMaxWindowBits: 9 },
    { threshold: 0, serverMaxWindowBits: 15, zlibDeflateOptions: { level: 9, memLevel: 1 } },
  ]) {
    const client = await Client.connect(broker.url, { perMessageDeflate: settings });
    assert.match(client.socket.extensions, /permessage-deflate/);
    for (const message of ['', 'Zürich 😀', letters.repeat(3), JSON.stringify(Array(50_000).fill('same'))]) {
      client.say(message);
      assert.equal(await client.frames.next(), message);
      client.socket.send(message.slice(0, 10), { fin: false });
      client.socket.ping();
      client.socket.send(message.slice(10), { fin: true });
      assert.equal(await client.frames.next(), message);
    }
    const binary = Buffer.from(letters);
    client.say(binary);
    assert.deepEqual(await client.frames.next(), binary);
    assert.equal((await client.leave()).code, 1000);
  }
});

test('npm ws: long messages of the application arrive compressed, short ones and those of others do not', async (t) => {
  const { broker, backend } = await scene(t);
  const received = async (perMessageDeflate) => {
    const client = await Client.connect(broker.url, { perMessageDeflate });
    await (await backend.nextOf('session-connect')).answer([]);
    return client;
  };
  const clients = [await received(true), await received({ serverMaxWindowBits: 10 }), await received(false)];
  const bytes = () => clients.map((client) => client.socket._socket.bytesRead);
  for (const [text, isCompressed] of [['short', false], ['a word and another '.repeat(1000), true]]) {
    const before = bytes();
    await broker.post([{ type: 'send', text, match: {} }]);
    for (const client of clients) assert.equal(await client.frames.next(), text);
    const arrived = bytes().map((now, index) => now - before[index]);
    const limit = isCompressed ? text.length / 10 : Infinity;
    assert.ok(arrived[0] < limit && arrived[1] < limit, `${arrived}`);
    assert.ok(arrived[2] > text.length, `${arrived}`);
  }
});

test('nothing is agreed on with compression off', async (t) => {
  const { broker } = await scene(t, { ...ECHO, settings: { WEBSOCKET__COMPRESSION: 'off' } });
  const client = await Client.connect(broker.url, { perMessageDeflate: true });
  assert.equal(client.socket.extensions, '');
  client.say('x'.repeat(5000));
  assert.equal((await client.frames.next()).length, 5000);
});

test('Python websockets: messages come back unchanged for every window', async (t) => {
  const { broker } = await scene(t, ECHO);
  const peer = Child.start(python(), ['-u', fromRoot('e2e/peers/compressed_client.py'), broker.url]);
  t.after(() => peer.stop());
  const windows = ['', ...[9, 10, 11, 12, 13, 14, 15].map((bits) => `; server_max_window_bits=${bits}`), '', ''];
  for (const window of windows) {
    const told = JSON.parse(await peer.stdout.next('what was agreed on'));
    assert.deepEqual(told, [AGREED + window, 11], peer.log);
  }
  assert.deepEqual(await peer.exit(), { code: 0, signal: null });
});
