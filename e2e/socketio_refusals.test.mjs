// The dialect of Socket.IO: who is not let in, what is held, and what is refused.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import WebSocket from 'ws';
import { Inbox, backendFor, scene, until, within } from './harness.mjs';
import { ENDPOINT, client, connected, once } from './harness/socketio.mjs';

describe('a backend that decides', () => {
  const started = async (t) => {
    const around = await scene(t, { args: ENDPOINT, settings: { BACKEND__CONNECT: 'wait' } });
    return around;
  };
  const begin = (t, broker, options) => client(t, broker, { transports: ['websocket'], ...options });

  test('lets a client into one namespace and not into another, and says why', async (t) => {
    const { backend, broker } = await started(t);
    const main = begin(t, broker, { auth: { name: 'ann' } });
    const entered = once(main, 'connect');
    const asked = await backend.nextOf('session-connect');
    assert.deepEqual(asked.message.auth, { name: 'ann' });
    assert.ok(!main.connected);
    await asked.answer([
      { type: 'session', data: { name: 'ann' } }, { type: 'send', message: { type: 'welcome', args: ['ann'] } },
    ]);
    await entered;
    assert.deepEqual(await main.inbox.next(), { name: 'welcome', args: ['ann'] });

    for (const [body, message, data] of [
      ['', 'Forbidden', undefined],
      ['not you', 'not you', undefined],
      ['{"message":"no","left":2}', 'no', { message: 'no', left: 2 }],
    ]) {
      const room = main.io.socket('/room', { forceNew: true });
      const refused = once(room, 'connect_error');
      room.connect();
      await (await backend.nextOf('session-connect')).answer(body, { status: 403 });
      const [error] = await refused;
      assert.equal(error.message, message);
      assert.deepEqual(error.data, data);
      room.disconnect();
    }
    assert.ok(main.connected);
    const [answer] = await within(Promise.all([
      main.emitWithAck('still there?'),
      backend.nextOf('client-still there?').then((event) => event.answer(
        [{ type: 'answer', ack: event.message.ack, message: event.connection.name }])),
    ]), 'an answer');
    assert.equal(answer, 'ann');
  });

  test('closes who wants to come in: the client is not let in', async (t) => {
    const { backend, broker } = await started(t);
    const main = begin(t, broker);
    const refused = once(main, 'connect_error');
    await (await backend.nextOf('session-connect')).answer([{ type: 'close' }]);
    const [error] = await refused;
    assert.equal(error.message, 'the backend does not let it in');
  });

  for (const transports of [['websocket'], ['polling']]) {
    test(`is away: a client of ${transports} comes back by itself, and is let in when it is back`, async (t) => {
      const { backend, broker } = await started(t);
      const { port } = backend;
      await backend.stop();
      const main = begin(t, broker, { transports });
      const errors = [];
      main.on('connect_error', ({ message }) => errors.push(message));
      await once(main.io, 'reconnect_attempt');
      const again = await backendFor(t, port);
      again.onEvent = () => [];
      await once(main, 'connect');
      assert.deepEqual(errors, []);
    });
  }

  test('is away: who is in one namespace hears that it cannot enter another', async (t) => {
    const { backend, broker } = await started(t);
    const main = begin(t, broker);
    const entered = once(main, 'connect');
    await (await backend.nextOf('session-connect')).answer([]);
    await entered;
    await backend.stop();
    const room = main.io.socket('/room');
    const [error] = await once(room, 'connect_error');
    assert.equal(error.message, 'the backend is away');
    assert.ok(main.connected);
  });

  test('is not told of the end of a client that went before it was let in', async (t) => {
    const { backend, broker } = await started(t);
    const main = begin(t, broker);
    const asked = await backend.nextOf('session-connect');
    main.disconnect();
    await until(async () => {
      const { body } = await broker.post([{ type: 'list' }]);
      return body === '[[]]';
    }, 'nobody is listed');
    await asked.answer([], { status: 403 });
    const next = begin(t, broker);
    const entered = once(next, 'connect');
    const event = await backend.next();
    assert.equal(event.message.type, 'session-connect');
    await event.answer();
    await entered;
  });
});

for (const transport of ['websocket', 'polling']) {
  test(`while the backend is away a client is held, pinged on, and loses nothing, by ${transport}`, async (t) => {
    const { backend, broker } = await scene(t, {
      args: ENDPOINT,
      settings: { WEBSOCKET__PING_INTERVAL: '200ms', WEBSOCKET__PONG_TIMEOUT: '5s', BACKEND__HOLD__MAX_EVENTS: '5' },
    });
    backend.onEvent = () => [];
    const socket = await connected(t, broker, { transports: [transport] });
    await until(() => backend.requests === 1, 'the connect event');
    const { port } = backend;
    await backend.stop();
    for (let number = 0; number < 50; number += 1) socket.emit('count', number);
    let pings = 0;
    socket.io.on('ping', () => { pings += 1; });
    await until(() => pings >= 8, 'pings while the client is not read');
    assert.ok(socket.connected);
    const heard = new Inbox('what the backend hears');
    backend.onEvent = (event) => { heard.push(event.message); return []; };
    await backend.listen(port);
    for (let number = 0; number < 50; number += 1) {
      assert.deepEqual(await heard.next(), { type: 'client-count', args: [number] });
    }
    const before = pings;
    await until(() => pings >= before + 3, 'pings when it is read again');
    assert.ok(socket.connected);
  });
}

describe('what is no Socket.IO is refused in its own terms, and harms nobody', () => {
  async function raw(t, broker, query = 'EIO=4&transport=websocket') {
    const socket = new WebSocket(`ws://127.0.0.1:${broker.port}/socket.io/?${query}`);
    t.after(() => socket.terminate());
    socket.inbox = new Inbox('a raw client');
    socket.on('message', (data, isBinary) => socket.inbox.push(isBinary ? data : data.toString()));
    socket.ended = new Promise((resolve) => socket.on('close', (code, reason) => resolve([code, reason.toString()])));
    await once(socket, 'open');
    assert.match(await socket.inbox.next('the handshake'), /^0\{/);
    return socket;
  }

  async function inMain(t, broker) {
    const socket = await raw(t, broker);
    socket.send('40');
    assert.match(await socket.inbox.next('to be let in'), /^40\{/);
    return socket;
  }

  test('packets that are none, or out of place', async (t) => {
    const { backend, broker } = await scene(t, { args: ENDPOINT, settings: { LIMITS__MAX_MESSAGE: '64KiB' } });
    backend.onEvent = () => [];
    const bystander = await connected(t, broker, { transports: ['websocket'] });
    for (const [code, why, ...messages] of [
      [1002, /unknown type/, '4x'],
      [1002, /unknown type/, 'x'],
      [1002, /not JSON/, '42["a"'],
      [1002, /not a list/, '42{"a":1}'],
      [1002, /not in/, '42/other,["a"]'],
      [1002, /is in/, '40'],
      [1002, /reserved/, '42["disconnect"]'],
      [1002, /too large/, '4299999999999999999999["a"]'],
      [1002, /only servers send/, '44{"message":"no"}'],
      [1002, /wrong direction/, '2'],
      [1002, /no packet announced/, Buffer.from([1])],
      [1002, /attachment was due/, '451-["a",{"_placeholder":true,"num":0}]', '42["b"]'],
      [1002, /more than 10/, '4511-["a"]'],
      [1009, /over the limit/, '452-["a"]', Buffer.alloc(40_000), Buffer.alloc(40_000)],
      [1009, /./, `42["a","${'x'.repeat(70_000)}"]`],
      [1000, /ended the session/, '1'],
    ]) {
      const socket = await inMain(t, broker);
      for (const message of messages) socket.send(message);
      const [was, reason] = await within(socket.ended, `the end after ${String(messages[0]).slice(0, 40)}`);
      assert.equal(was, code, `${reason} after ${String(messages[0]).slice(0, 40)}`);
      assert.match(reason, why);
    }
    const forger = await inMain(t, broker);
    forger.send('437["forged"]');
    forger.send('42["real"]');
    assert.ok(bystander.connected);
    await broker.post([{ type: 'send', message: { type: 'still', args: [] }, match: {} }]);
    assert.equal(await forger.inbox.next(), '42["still"]');
    assert.deepEqual(await bystander.inbox.next(), { name: 'still', args: [] });
    forger.terminate();
    bystander.disconnect();
    await until(async () => (await broker.post([{ type: 'list' }])).body === '[[]]', 'nothing is left of anybody');
  });

  test('an auth that is too long, and more namespaces than there may be', async (t) => {
    const { backend, broker } = await scene(t, { args: ENDPOINT });
    backend.onEvent = () => [];
    const socket = await raw(t, broker);
    socket.send(`40${JSON.stringify({ token: 'x'.repeat(20_000) })}`);
    assert.equal(await socket.inbox.next(), '44{"message":"auth is over the limit max_session"}');
    for (let number = 0; number < 64; number += 1) {
      socket.send(`40/${number},`);
      assert.match(await socket.inbox.next(), new RegExp(`^40/${number},`));
    }
    socket.send('40/one too many,');
    assert.equal(await socket.inbox.next(), '44/one too many,{"message":"Too many namespaces"}');
    assert.equal(JSON.parse((await broker.post([{ type: 'count' }])).body)[0], 64);
  });

  test('an unknown protocol or transport', async (t) => {
    const { broker } = await scene(t, { args: ENDPOINT });
    for (const [query, body] of [
      ['EIO=3&transport=websocket', { code: 5, message: 'Unsupported protocol version' }],
      ['EIO=5&transport=websocket', { code: 5, message: 'Unsupported protocol version' }],
      ['EIO=4&transport=carrier', { code: 0, message: 'Transport unknown' }],
      ['', { code: 0, message: 'Transport unknown' }],
    ]) {
      const socket = new WebSocket(`ws://127.0.0.1:${broker.port}/socket.io/?${query}`);
      socket.on('error', () => {});
      const [, response] = await once(socket, 'unexpected-response');
      assert.equal(response.statusCode, 400);
      let text = '';
      for await (const chunk of response) text += chunk;
      assert.deepEqual(JSON.parse(text), body);
      socket.terminate();
    }
  });
});
