// The dialect of npm `wsmsgbroker`, with its own test suite and its own client.

import assert from 'node:assert/strict';
import { cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import WebSocket from 'ws';
import { Child, DEADLINE_MS, Inbox, ask, fromRoot, scene, until } from './harness.mjs';

const NpmClient = createRequire(import.meta.url)('wsmsgbroker');

/** What the suite takes for its package: the client as it is, and no server, since there is one. */
const STAND_IN = `
const Client = require('wsmsgbroker/lib/Client');
module.exports = function (id, host, port, path) {
  return new Client(id, host, process.env.SERVER_PORT, path);
};
module.exports.Server = class extends require('node:events') {};
`;

/** A client that says and hears JSON. */
class Peer {
  static async connect(t, broker, path = '') {
    const socket = new WebSocket(`${broker.url}${path}`);
    t.after(() => socket.terminate());
    const peer = new Peer(socket);
    await new Promise((resolve, reject) => { socket.once('open', resolve); socket.once('error', reject); });
    return peer;
  }

  constructor(socket) {
    this.socket = socket;
    this.inbox = new Inbox('a peer');
    socket.on('message', (data) => this.inbox.push(JSON.parse(data)));
  }

  say(frame) {
    this.socket.send(typeof frame === 'string' ? frame : JSON.stringify(frame));
  }

  hear(action) {
    return this.inbox.next(action, (frame) => frame.action === action);
  }

  async register(id) {
    this.say({ action: 'register', id });
    assert.deepEqual(await this.hear('registered'), { action: 'registered', id });
    return this;
  }
}

/** Peers with the names 0, 1, …; connections are dealt out to shards in turn. */
async function registered(t, broker, count) {
  const names = Array.from({ length: count }, (_, number) => `peer ${number}`);
  return Promise.all(names.map(async (name) => (await Peer.connect(t, broker)).register(name)));
}

for (const shards of [1, 2]) {
  const options = { args: ['--endpoint', '*=wsmsgbroker', '--shards', String(shards)] };
  const started = async (t, more) => {
    const around = await scene(t, { ...options, ...more });
    around.backend.onEvent = () => [];
    return around;
  };

  describe(`with ${shards} shard${shards > 1 ? 's' : ''}`, () => {
    test("npm wsmsgbroker's own suite passes with its unmodified client", async (t) => {
      const { broker } = await started(t);
      const folder = mkdtempSync(join(tmpdir(), 'wsbroker-e2e-'));
      t.after(() => rmSync(folder, { recursive: true, force: true }));
      mkdirSync(join(folder, 'test'));
      cpSync(fromRoot('e2e/node_modules/wsmsgbroker/test/test_client.js'), join(folder, 'test/test_client.js'));
      writeFileSync(join(folder, 'index.js'), STAND_IN);
      symlinkSync(fromRoot('e2e/node_modules'), join(folder, 'node_modules'));
      const mocha = fromRoot('e2e/node_modules/mocha/bin/mocha.js');
      const suite = Child.start(process.execPath, [mocha, '--exit', '--timeout', String(DEADLINE_MS), 'test/test_client.js'], {
        cwd: folder, env: { ...process.env, SERVER_PORT: broker.port },
      });
      const { code } = await suite.exit();
      assert.equal(code, 0, suite.log);
      assert.match(suite.log, /6 passing/);
    });

    test("npm wsmsgbroker: its README's example", async (t) => {
      const { broker } = await started(t);
      const [ann, bob] = ['ann', 'bob'].map((id) => new NpmClient(id, '127.0.0.1', broker.port, 'foo'));
      t.after(() => { ann.close(); bob.close(); });
      const said = new Inbox('what was said');
      for (const client of [ann, bob]) client.on('error', (error) => said.push(error));
      await Promise.all([ann, bob].map((client) => new Promise((resolve) => client.once('registered', resolve))));
      bob.on('message', (message, response) => {
        said.push({ message, asks: Boolean(response) });
        response?.send('Hi to you too, sir.');
      });
      ann.send('Hi there', 'bob', (from, answer) => {
        said.push({ from, answer });
        ann.send({ complex: 'thing' }, 'bob');
      });
      assert.deepEqual(await said.next(), { message: 'Hi there', asks: true });
      assert.deepEqual(await said.next(), { from: 'bob', answer: 'Hi to you too, sir.' });
      assert.deepEqual(await said.next(), { message: { complex: 'thing' }, asks: false });
      ann.unregister();
      assert.equal(await new Promise((resolve) => ann.once('unregistered', resolve)), 'ann');
    });

    test('everybody reaches everybody, in the order in which they say things, and hears one answer', async (t) => {
      const { broker } = await started(t);
      const peers = await registered(t, broker, 6);
      const everybody = peers.map((_, number) => `peer ${number}`);
      for (const [number, peer] of peers.entries()) {
        for (let count = 0; count < 20; count += 1) {
          peer.say({ action: 'send', dest: everybody, message: count });
        }
        peer.say({ action: 'send', dest: everybody, message: 'anybody?', ack: `mine ${number}` });
      }
      for (const peer of peers) {
        const next = new Map(everybody.map((name) => [name, 0]));
        for (let heard = 0; heard < 6 * 21; heard += 1) {
          const { message, from, ack } = await peer.hear('message');
          if (message === 'anybody?') {
            assert.equal(next.get(from), 20, 'the question comes last');
            peer.say({ action: 'answer', ack, message: 'me' });
          } else {
            assert.equal(message, next.get(from));
            next.set(from, message + 1);
          }
        }
      }
      for (const [number, peer] of peers.entries()) {
        const answer = await peer.hear('answer');
        assert.equal(answer.ack, `mine ${number}`);
        assert.equal(answer.message, 'me');
        assert.ok(everybody.includes(answer.from));
        // Whatever was answered later has arrived by now.
        await peer.register(`again ${number}`);
        assert.deepEqual(peer.inbox.waiting.filter(({ action }) => action === 'answer'), []);
      }
    });

    test('the last one to register an id has it, and the one before cannot take it away', async (t) => {
      const { broker } = await started(t);
      const [before, now, other] = await registered(t, broker, 3);
      await before.register('shared');
      await now.register('shared');
      before.say({ action: 'unregister' });
      before.socket.close();
      await new Promise((resolve) => before.socket.once('close', resolve));
      other.say({ action: 'send', dest: ['shared', 'peer 0'], message: 'still there?' });
      assert.equal((await now.hear('message')).message, 'still there?');
    });

    test('only who was asked can answer, and askers with the same ack are told apart', async (t) => {
      const { broker } = await started(t);
      const [ann, bob, cleo, dan] = await registered(t, broker, 4);
      ann.say({ action: 'send', dest: 'peer 2', message: 'from ann', ack: 'same' });
      bob.say({ action: 'send', dest: 'peer 2', message: 'from bob', ack: 'same' });
      const questions = [await cleo.hear('message'), await cleo.hear('message')];
      for (const { ack } of questions) dan.say({ action: 'answer', ack, message: 'forged' });
      dan.say({ action: 'answer', ack: 'same', message: 'forged' });
      await dan.register('dan is done');
      for (const { ack, message } of questions) cleo.say({ action: 'answer', ack, message: `to ${message}` });
      for (const [asker, name] of [[ann, 'ann'], [bob, 'bob']]) {
        assert.deepEqual(await asker.hear('answer'), {
          action: 'answer', ack: 'same', from: 'peer 2', message: `to from ${name}`,
        });
      }
    });

    test('the backend is told of names and aims at them, and answers where it is told of messages', async (t) => {
      const { broker, backend } = await started(t, {
        config: '[[endpoint]]\npath = "*"\ndialect = "wsmsgbroker"\nrelay_events = true\n', args: ['--shards', String(shards)],
      });
      const seen = new Inbox('events');
      backend.onEvent = (event) => {
        seen.push(event);
        const { ack, dest } = event.message;
        return ack ? [{ type: 'answer', ack, message: `${dest} is out` }] : [];
      };
      const [ann] = await registered(t, broker, 1);
      const register = await seen.next('register', ({ message }) => message.type === 'session-register');
      assert.deepEqual([register.message.id, register.connection.id], ['peer 0', 'peer 0']);
      await broker.post([{ type: 'send', match: { id: 'peer 0' }, message: { hello: 1 } }]);
      assert.deepEqual(await ann.hear('message'), { action: 'message', message: { hello: 1 } });
      ann.say({ action: 'send', dest: 'bob', message: 'there?', ack: [1] });
      assert.deepEqual(await ann.hear('answer'), { action: 'answer', ack: [1], from: null, message: 'bob is out' });
      const told = await seen.next('send', ({ message }) => message.type === 'client-send');
      assert.deepEqual([told.message.dest, told.message.message], ['bob', 'there?']);
    });

    test('what makes no sense harms nobody and leaves nothing behind', async (t) => {
      const { broker } = await started(t);
      const [ann, bob] = await registered(t, broker, 2);
      const senseless = [
        'no JSON', 'null', '[]', '{}', '{"action":"__proto__"}', '{"action":{"send":1}}', '{"action":"register"}',
        '{"action":"send","dest":{},"message":1}', '{"action":"send","dest":"a"}', '{"action":"answer","ack":{}}',
        '{"action":"answer","ack":"0-1-0000000000000000"}', `{"action":"register","id":"${'x'.repeat(2000)}"}`,
      ];
      for (const frame of senseless) ann.say(frame);
      ann.socket.send(Buffer.from('{"action":"unregister"}'));
      ann.say({ action: 'send', dest: 'peer 1', message: 'still here' });
      assert.equal((await bob.hear('message')).message, 'still here');
      assert.deepEqual(ann.inbox.waiting, []);
      for (const peer of [ann, bob]) peer.socket.close();
      await until(() => {
        broker.child.kill('SIGUSR1');
        return /\b0 connections, 0 sessions, 0 events held/.test(broker.child.log);
      }, () => `nothing is left: ${broker.child.log}`);
      assert.match(broker.child.log, /passed over 13/);
    });
  });
}

test('a wrong path is answered with 404', async (t) => {
  const { broker } = await scene(t, { args: ['--endpoint', '/foo=wsmsgbroker'] });
  const headers = {
    connection: 'Upgrade', upgrade: 'websocket', 'sec-websocket-version': '13', 'sec-websocket-key': 'dGhlIHNhbXBsZSBub25jZQ==',
  };
  assert.equal((await ask(`${broker.http}bar`, { headers })).status, 404);
  const client = new NpmClient('ann', '127.0.0.1', broker.port, '/foo?x=1');
  t.after(() => client.close());
  await new Promise((resolve) => client.once('registered', resolve));
});
