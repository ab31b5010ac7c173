// The backends of `examples/backends`, each under its real interpreter, with the clients of a chat.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { accepting, brokerFor, Child, Client, freePort, fromRoot, python, startWsbroker } from './harness.mjs';

const folder = fromRoot('examples/backends');

const examples = [
  {
    language: 'PHP',
    start: (port) => Child.start('php', ['-S', `127.0.0.1:${port}`], { cwd: folder }),
    path: '/chat.php',
    args: [],
  },
  {
    language: 'Python',
    start: (port) => Child.start(python(), ['-B', 'chat.py', port], { cwd: folder }),
    path: '/',
    args: ['--backend-format', 'json'],
  },
  {
    language: 'Node',
    start: (port) => Child.start(process.execPath, ['chat.mjs', port], { cwd: folder }),
    path: '/',
    args: ['--backend-format', 'json'],
  },
];

for (const example of examples) {
  describe(`the ${example.language} example`, () => {
    test('keeps two clients in two rooms apart', async (t) => {
      const { broker } = await scene(t, example);
      const ann = await enter(broker);
      const bob = await enter(broker);
      assert.notEqual(ann.user, bob.user);

      ann.say({ type: 'join', room: 'kitchen' });
      assert.deepEqual(await bob.hear('that ann left'), { type: 'left', name: ann.user });
      assert.deepEqual(await ann.hear(), { type: 'joined', name: ann.user, room: 'kitchen' });
      bob.say({ type: 'join', room: 'garden' });
      assert.deepEqual(await bob.hear(), { type: 'joined', name: bob.user, room: 'garden' });

      ann.say({ type: 'say', text: 'soup — Suppe 🍲 "hot"' });
      bob.say({ type: 'say', text: 'roses' });
      assert.deepEqual(await ann.hear(), { type: 'said', name: ann.user, text: 'soup — Suppe 🍲 "hot"' });
      assert.deepEqual(await bob.hear(), { type: 'said', name: bob.user, text: 'roses' });

      // A third sees what is said in the kitchen, and nothing of the garden.
      const eve = await enter(broker);
      eve.say({ type: 'join', room: 'kitchen' });
      const eveCame = { type: 'joined', name: eve.user, room: 'kitchen' };
      assert.deepEqual(await eve.hear(), eveCame);
      assert.deepEqual(await ann.hear(), eveCame);
      bob.say({ type: 'say', text: 'thorns' });
      assert.deepEqual(await bob.hear(), { type: 'said', name: bob.user, text: 'thorns' });
      await ann.leave();
      assert.deepEqual(await eve.hear(), { type: 'left', name: ann.user });
      assert.deepEqual(eve.frames.waiting, []);
      assert.deepEqual(bob.frames.waiting, []);
    });

    test('refuses rooms that would match others', async (t) => {
      const { broker } = await scene(t, example);
      const ann = await enter(broker);
      for (const room of ['*', '', 'a room', ['kitchen'], null, 42, 'kitchen\n']) {
        ann.say({ type: 'join', room });
        assert.equal((await ann.hear()).type, 'error', `the room ${JSON.stringify(room)}`);
      }
      // Neither unknown messages nor text that is no JSON disturb it.
      for (const message of ['no JSON', '"text"', '[1]', '42', 'null', { type: 'dance' }, {}]) ann.say(message);
      ann.say({ type: 'say', text: 'still here' });
      assert.deepEqual(await ann.hear(), { type: 'said', name: ann.user, text: 'still here' });
    });

    test('is killed and restarted, and nobody is dropped and nothing is lost', async (t) => {
      const { broker, backend, port } = await scene(t, example);
      const ann = await enter(broker);
      const bob = await enter(broker);
      ann.say({ type: 'say', text: 'before' });
      for (const client of [ann, bob]) assert.equal((await client.hear()).text, 'before');

      await backend.stop('SIGKILL');
      const texts = ['one', 'two', 'three', 'four', 'five'];
      for (const text of texts) ann.say({ type: 'say', text });
      // Both are still there, and the broker has read all five.
      assert.equal(await ann.ping('ann'), 'ann');
      assert.equal(await bob.ping('bob'), 'bob');
      assert.deepEqual(bob.frames.waiting, []);

      await start(t, example, port);
      for (const client of [ann, bob]) {
        for (const text of texts) {
          assert.deepEqual(await client.hear(`"${text}"`), { type: 'said', name: ann.user, text });
        }
      }
      assert.ok(ann.open && bob.open);
    });
  });
}

/** The example's backend, and a broker in front of it. */
async function scene(t, example) {
  const port = await freePort();
  const backend = await start(t, example, port);
  const url = `http://127.0.0.1:${port}${example.path}`;
  const broker = await brokerFor(t, startWsbroker, { backend: url, args: example.args });
  return { broker, backend, port };
}

async function start(t, example, port) {
  const backend = example.start(port);
  t.after(() => backend.stop());
  await accepting(port, backend);
  return backend;
}

/** A client that was greeted; `user` is its name in the chat. */
async function enter(broker) {
  const client = await Client.connect(broker.url);
  const { type, name, room } = await client.hear('the greeting');
  assert.deepEqual({ type, room }, { type: 'welcome', room: 'lobby' });
  client.user = name;
  return client;
}
