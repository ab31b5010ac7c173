// Handshakes that the backend decides on, with clients that are not ours.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import WebSocket from 'ws';
import { Child, Client, scene, until, within } from './harness.mjs';

const settings = { BACKEND__CONNECT: 'wait', BACKEND__FORMAT: 'form' };

/** What a client hears first, and with what its handshake was answered. */
function opened(url, options) {
  const socket = new WebSocket(url, ['chat', 'news'], options);
  const head = new Promise((resolve) => socket.once('upgrade', (response) => resolve(response.headers)));
  const first = new Promise((resolve) => socket.once('message', (data) => resolve(JSON.parse(data))));
  const refused = new Promise((resolve) => socket.once('unexpected-response', (_, response) => resolve(response)));
  socket.on('error', () => {});
  return {
    socket,
    head: () => within(head, 'the handshake is answered'),
    first: () => within(first, 'a first message'),
    refused: () => within(refused, 'the handshake is refused'),
  };
}

test('a client is let in after the backend has said yes, as what it was told to be, with cookie and subprotocol', async (t) => {
  const { broker, backend } = await scene(t, { settings });
  const { socket, head, first } = opened(broker.url, { headers: { cookie: 'user=ann' } });
  t.after(() => socket.terminate());
  const connect = await backend.nextOf('session-connect');
  assert.equal(connect.connection.user, 'ann');
  assert.equal(socket.readyState, WebSocket.CONNECTING);
  const commands = [{ type: 'session', data: { role: 'guest' } }, { type: 'send', message: 'welcome' }];
  await connect.answer(commands, { headers: { 'sec-websocket-protocol': 'news', 'set-cookie': ['a=1; HttpOnly', 'b=2'] } });
  const headers = await head();
  assert.equal(headers['sec-websocket-protocol'], 'news');
  assert.deepEqual(headers['set-cookie'], ['a=1; HttpOnly', 'b=2']);
  assert.equal(await first(), 'welcome');
  assert.equal(socket.protocol, 'news');
  socket.send('{"type":"hi"}');
  assert.equal((await backend.nextOf('client-hi')).connection.role, 'guest');
});

test('whom the backend does not let in gets its status and its words; curl sees the same', async (t) => {
  const { broker, backend } = await scene(t, { settings });
  backend.onEvent = async (event) => {
    await event.answer('{"error":"no ticket"}', { status: 402, headers: { 'content-type': 'application/json' } });
    return undefined;
  };
  const { refused } = opened(broker.url);
  const response = await refused();
  assert.equal(response.statusCode, 402);
  assert.equal(response.headers['content-type'], 'application/json');
  const chunks = [];
  for await (const chunk of response) chunks.push(chunk);
  assert.equal(Buffer.concat(chunks).toString(), '{"error":"no ticket"}');

  const curl = Child.start('curl', [
    '-s', '-i', '-H', 'Connection: Upgrade', '-H', 'Upgrade: websocket', '-H', 'Sec-WebSocket-Version: 13',
    '-H', 'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==', broker.url.replace('ws:', 'http:'),
  ]);
  await curl.exit();
  assert.match(curl.log, /^HTTP\/1\.1 402 /);
  assert.match(curl.log, /no ticket/);
});

test('while the backend is away clients are told when to come back, and come in when it is back', async (t) => {
  const { broker, backend } = await scene(t, { settings });
  await backend.stop();
  // The first finds out that it is away.
  const responses = [];
  for (const _ of [1, 2, 3]) responses.push(await opened(broker.url).refused());
  assert.deepEqual(responses.map(({ statusCode }) => statusCode), [503, 503, 503]);
  assert.ok(responses.every(({ headers }) => Number(headers['retry-after']) >= 1));
  for (const response of responses) response.destroy();
  backend.onEvent = () => [];
  await backend.listen(backend.port);
  const client = await until(() => Client.connect(broker.url).catch(() => undefined), 'a client comes in');
  assert.ok(client.open);
});

test('a client that gives up while it waits is told of as gone if it was let in, and leaves nothing behind', async (t) => {
  const { broker, backend } = await scene(t, { settings });
  const { socket } = opened(broker.url);
  const connect = await backend.nextOf('session-connect');
  socket.terminate();
  await connect.answer([{ type: 'session', data: { role: 'guest' } }]);
  const gone = await backend.nextOf('session-disconnect');
  assert.equal(gone.connection.wskey, connect.connection.wskey);
  assert.equal(gone.message.code, 1006);
  await gone.answer([]);
  const nothingLeft = () => {
    // Asked anew each time: the answer is on its way when the first is told.
    broker.child.kill('SIGUSR1');
    return /\b0 connections, 0 sessions, 0 events held/.test(broker.child.log);
  };
  await until(nothingLeft, () => `nothing is left: ${broker.child.log}`);
});
