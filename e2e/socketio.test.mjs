// The dialect of Socket.IO, with the real client.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { io } from 'socket.io-client';
import WebSocket from 'ws';
import { Inbox, scene, until, within } from './harness.mjs';

const ENDPOINT = ['--endpoint', '/socket.io/*=socketio'];

/** A client of its own, which is gone when the test is over. */
function client(t, broker, { path = '', ...options } = {}) {
  const socket = io(`http://127.0.0.1:${broker.port}${path}`, {
    forceNew: true, reconnectionDelay: 50, reconnectionDelayMax: 100, ...options,
  });
  t.after(() => socket.disconnect());
  socket.inbox = new Inbox('a client');
  socket.onAny((name, ...args) => socket.inbox.push({ name, args }));
  return socket;
}

/** What `event` of an emitter brings next. */
function once(emitter, event) {
  return within(new Promise((resolve) => emitter.once(event, (...args) => resolve(args))), `the event ${event}`);
}

async function connected(t, broker, options) {
  const socket = client(t, broker, options);
  await once(socket, 'connect');
  return socket;
}

const transports = {
  'by WebSocket': ['websocket'],
  'by polling': ['polling'],
  'by default, which is polling and then a WebSocket': undefined,
};

for (const shards of [1, 2]) {
  for (const [how, allowed] of Object.entries(transports)) {
    describe(`${how}, with ${shards} shard${shards > 1 ? 's' : ''}`, () => {
      const started = (t, more = {}) => scene(t, {
        ...more, args: [...ENDPOINT, '--shards', String(shards), ...(more.args ?? [])],
      });
      const join = (t, broker, options) => connected(t, broker, { ...(allowed && { transports: allowed }), ...options });
      const begin = (t, broker, options) => client(t, broker, { ...(allowed && { transports: allowed }), ...options });

      test('a client enters a namespace, by a session of its own', async (t) => {
        const { backend, broker } = await started(t);
        const socket = begin(t, broker, { path: '/admin', auth: { token: 'x' }, query: { a: 1 } });
        const entered = once(socket, 'connect');
        const event = await backend.nextOf('session-connect');
        await event.answer();
        await entered;
        assert.deepEqual(event.message, { type: 'session-connect', namespace: '/admin', auth: { token: 'x' } });
        assert.equal(socket.id, event.connection.wskey);
        assert.equal(event.connection.ip, '127.0.0.1');
        assert.match(event.headers['wsbroker-path'], /^\/socket\.io\/\?.*a=1/);
        socket.disconnect();
        const gone = await backend.nextOf('session-disconnect');
        await gone.answer();
        assert.equal(gone.connection.wskey, event.connection.wskey);
      });

      test('events go both ways, with arguments and with bytes', async (t) => {
        const { backend, broker } = await started(t);
        backend.onEvent = (event) => {
          if (event.message.type === 'client-say') {
            return [{ type: 'send', message: { type: 'said', args: event.message.args } }];
          }
          return [];
        };
        const socket = await join(t, broker);
        const bytes = Buffer.from([0, 1, 255]);
        socket.emit('say', 'hi', { n: 1.5, list: [null, true] }, bytes, { deep: [bytes] });
        assert.deepEqual(await socket.inbox.next(), {
          name: 'said', args: ['hi', { n: 1.5, list: [null, true] }, bytes, { deep: [bytes] }],
        });
        socket.emit('say');
        assert.deepEqual(await socket.inbox.next(), { name: 'said', args: [] });
      });

      test('what an application sends, in every form, reaches whom it is for', async (t) => {
        const { backend, broker } = await started(t);
        backend.onEvent = (event) => {
          const { namespace } = event.message;
          return namespace ? [{ type: 'session', data: { namespace } }] : [];
        };
        const [one, two, admin] = [await join(t, broker), await join(t, broker), await join(t, broker, { path: '/admin' })];
        await broker.post([
          { type: 'send', message: { type: 'news', args: [1, 'two'] }, match: {} },
          { type: 'send', message: { type: 'note', text: 'whole' }, match: { namespace: '/admin' } },
          { type: 'send', message: [1, 2], match: { wskey: one.id } },
          { type: 'send', text: 'plain', match: { wskey: two.id } },
          { type: 'send', binary: 'AQI=', match: { wskey: two.id } },
        ]);
        for (const socket of [one, two, admin]) {
          assert.deepEqual(await socket.inbox.next(), { name: 'news', args: [1, 'two'] });
        }
        assert.deepEqual(await admin.inbox.next(), { name: 'note', args: [{ type: 'note', text: 'whole' }] });
        assert.deepEqual(await one.inbox.next(), { name: 'message', args: [[1, 2]] });
        assert.deepEqual(await two.inbox.next(), { name: 'message', args: ['plain'] });
        assert.deepEqual(await two.inbox.next(), { name: 'message', args: [Buffer.from([1, 2])] });
      });

      test('acknowledgements go both ways', async (t) => {
        const { backend, broker } = await started(t);
        backend.onEvent = ({ message: { type, ack, args } }) => {
          switch (type) {
            case 'client-add': return [{ type: 'answer', ack, message: args[0] + args[1] }];
            case 'client-several': return [{ type: 'answer', ack, message: { args: [1, { $binary: 'AQI=' }] } }];
            case 'client-none': return [{ type: 'answer', ack }];
            case 'client-ask me': return [{ type: 'send', message: { type: 'question', args: ['why?'], ack: 7 } }];
            default: return type === 'session-ack' ? undefined : [];
          }
        };
        const socket = await join(t, broker);
        assert.equal(await socket.timeout(20_000).emitWithAck('add', 2, 3), 5);
        const several = within(new Promise((resolve) => socket.emit('several', (...args) => resolve(args))), 'an answer');
        assert.deepEqual(await several, [1, Buffer.from([1, 2])]);
        const none = within(new Promise((resolve) => socket.emit('none', (...args) => resolve(args))), 'an answer');
        assert.deepEqual(await none, []);
        socket.on('question', (why, answer) => answer('because', why));
        socket.emit('ask me');
        const event = await backend.nextOf('session-ack');
        await event.answer();
        assert.deepEqual(event.message, { type: 'session-ack', ack: 7, args: ['because', 'why?'] });
        assert.equal(event.connection.wskey, socket.id);
      });

      test('one connection is in several namespaces, and leaves one without the others', async (t) => {
        const { backend, broker } = await started(t);
        backend.onEvent = (event) => (event.message.type === 'session-disconnect' ? undefined : []);
        const main = await join(t, broker);
        const room = main.io.socket('/room');
        t.after(() => room.disconnect());
        await once(room, 'connect');
        assert.notEqual(room.id, main.id);
        const { id } = room;
        room.disconnect();
        const gone = await backend.nextOf('session-disconnect');
        await gone.answer();
        assert.equal(gone.connection.wskey, id);
        assert.equal(gone.message.code, 1000);
        await broker.post([{ type: 'send', message: { type: 'still', args: ['here'] }, match: {} }]);
        assert.deepEqual(await main.inbox.next('still', ({ name }) => name === 'still'), { name: 'still', args: ['here'] });
      });

      test('close puts a client out of its namespace, and out of no other', async (t) => {
        const { backend, broker } = await started(t);
        backend.onEvent = (event) => (event.message.type === 'session-disconnect' ? undefined : []);
        const main = await join(t, broker);
        const room = main.io.socket('/room');
        t.after(() => room.disconnect());
        await once(room, 'connect');
        const { id } = room;
        const [[reason]] = await Promise.all([
          once(room, 'disconnect'),
          broker.post([{ type: 'close', code: 4001, reason: 'enough', match: { wskey: id } }]),
        ]);
        assert.equal(reason, 'io server disconnect');
        const gone = await backend.nextOf('session-disconnect');
        await gone.answer();
        assert.deepEqual(gone.message, { type: 'session-disconnect', code: 4001, reason: 'enough' });
        assert.ok(main.connected);
        room.connect();
        await once(room, 'connect');
        assert.notEqual(room.id, id);
      });

      test('the heartbeat keeps a silent client, and finds one that has gone', async (t) => {
        const { backend, broker } = await started(t, {
          settings: { WEBSOCKET__PING_INTERVAL: '200ms', WEBSOCKET__PONG_TIMEOUT: '300ms' },
        });
        backend.onEvent = (event) => (event.message.type === 'session-disconnect' ? undefined : []);
        const socket = await join(t, broker);
        let pings = 0;
        socket.io.on('ping', () => { pings += 1; });
        await until(() => pings >= 3, 'three pings');
        assert.ok(socket.connected);
        // A client that hears pings and does not answer.
        const deaf = new WebSocket(`ws://127.0.0.1:${broker.port}/socket.io/?EIO=4&transport=websocket`);
        t.after(() => deaf.terminate());
        deaf.once('open', () => deaf.send('40'));
        const [code] = await once(deaf, 'close');
        assert.equal(code, 4102);
        const gone = await backend.nextOf('session-disconnect');
        await gone.answer();
        assert.equal(gone.message.code, 4102);
        assert.ok(socket.connected);
      });

      test('a client comes back by itself when the broker is there again', async (t) => {
        const { backend, broker } = await started(t);
        backend.onEvent = () => [];
        const socket = await join(t, broker);
        const former = socket.id;
        const lost = once(socket, 'disconnect');
        const back = once(socket, 'connect');
        await broker.stop();
        assert.match((await lost)[0], /transport (close|error)/);
        const second = await scene(t, { args: ENDPOINT, listen: `127.0.0.1:${broker.port}` })
          .catch(() => null);
        assert.ok(second, 'it starts on the port of the first');
        second.backend.onEvent = () => [];
        await back;
        assert.notEqual(socket.id, former);
      });
    });
  }
}

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

test('while the backend is away a client is held, pinged on, and loses nothing', async (t) => {
  const { backend, broker } = await scene(t, {
    args: ENDPOINT,
    settings: {
      WEBSOCKET__PING_INTERVAL: '200ms', WEBSOCKET__PONG_TIMEOUT: '200ms', BACKEND__HOLD__MAX_EVENTS: '5',
    },
  });
  backend.onEvent = () => [];
  const socket = await connected(t, broker, { transports: ['websocket'] });
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
