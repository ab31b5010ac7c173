// The dialect of Socket.IO, with the real client: what it does, by each of its transports.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import WebSocket from 'ws';
import { scene, until, within } from './harness.mjs';
import { ENDPOINT, client, connected, once } from './harness/socketio.mjs';

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
        // A client hears that it is in before the application has answered.
        const inAdmin = { type: 'count', match: { namespace: '/admin' } };
        await until(async () => (await broker.post([inAdmin])).body === '[1]', 'the session says so');
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
          settings: { WEBSOCKET__PING_INTERVAL: '200ms', WEBSOCKET__PONG_TIMEOUT: '1500ms' },
        });
        backend.onEvent = (event) => (event.message.type === 'session-disconnect' ? undefined : []);
        const socket = await join(t, broker);
        let pings = 0;
        socket.io.on('ping', () => { pings += 1; });
        // A client that hears pings and does not answer, beside the one that does.
        const deaf = new WebSocket(`ws://127.0.0.1:${broker.port}/socket.io/?EIO=4&transport=websocket`);
        t.after(() => deaf.terminate());
        deaf.once('open', () => deaf.send('40'));
        const [code] = await once(deaf, 'close');
        assert.equal(code, 4102);
        await until(() => pings >= 3, 'three pings');
        assert.ok(socket.connected);
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
