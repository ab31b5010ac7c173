// Those who keep a connection and give nothing, in every phase of it, and a peer that has vanished.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import {
  brokerFor, Child, Client, fromRoot, listensOn, openFiles, python, RawClient, runWsbroker, scene, startWsbroker, until,
} from './harness.mjs';

const SLOW = 300;

/** A broker with short patience, whose clients are sent back what they say. */
function impatient(t, settings = {}) {
  return brokerFor(t, startWsbroker, {
    args: ['--endpoint', '*=echo'],
    settings: {
      LIMITS__FIRST_BYTE_TIMEOUT: '2s',
      LIMITS__HANDSHAKE_TIMEOUT: '3s',
      LIMITS__BODY_TIMEOUT: '2s',
      LIMITS__MESSAGE_TIMEOUT: '2s',
      LIMITS__CLOSE_TIMEOUT: '1s',
      ...settings,
    },
  });
}

/** Runs `attack` while a good client talks, which is answered all the time; then nothing of it is left. */
async function whileServing(broker, attack) {
  const good = await Client.connect(broker.url);
  const before = openFiles(broker.pid);
  let ended = false;
  const attacked = attack().finally(() => {
    ended = true;
  });
  let said = 0;
  do {
    said += 1;
    good.say(String(said));
    assert.equal(await good.frames.next(`the echo of ${said}`), String(said));
  } while (!ended);
  await attacked;
  await until(() => openFiles(broker.pid) <= before, () => `${openFiles(broker.pid)} files become ${before}`);
  assert.ok(good.open);
  await good.leave();
}

describe('slow connections are dropped while others are served', () => {
  for (const [phase, args] of [['head', ['-H']], ['body', ['-B']]]) {
    test(`${SLOW} that send a request's ${phase} drop by drop, by slowhttptest`, async (t) => {
      const broker = await impatient(t);
      const folder = mkdtempSync(join(tmpdir(), 'wsbroker-slow-'));
      t.after(() => rmSync(folder, { recursive: true, force: true }));
      await whileServing(broker, async () => {
        const load = ['-c', SLOW, '-r', SLOW, '-i', 1, '-l', 60, '-p', 20].map(String);
        const report = join(folder, 'slow');
        const child = Child.start('slowhttptest', [...args, ...load, '-g', '-o', report, '-u', broker.http]);
        t.after(() => child.stop());
        assert.equal((await child.ended).code, 0, child.log);
        assert.match(child.log, /No open connections left/);
        // The columns of its last line: seconds, closed, pending, connected.
        const last = readFileSync(`${report}.csv`, 'utf8').trim().split('\n').at(-1).split(',').map(Number);
        assert.equal(last[1] + last[2] + last[3], SLOW, 'it opened all of them');
      });
    });
  }

  /** Opens so many connections at once, and waits until the broker has ended each. */
  async function allDropped(t, open) {
    const clients = await Promise.all(Array.from({ length: SLOW }, open));
    t.after(() => clients.forEach((client) => client.vanish()));
    return Promise.all(clients.map(async (client) => {
      await client.rest();
      return client;
    }));
  }

  test(`${SLOW} that say nothing at all`, async (t) => {
    const broker = await impatient(t);
    await whileServing(broker, () => allDropped(t, () => new RawClient(broker.port)));
  });

  test(`${SLOW} that begin a second request on a connection and never end it`, async (t) => {
    const broker = await impatient(t);
    await whileServing(broker, () => allDropped(t, async () => {
      const client = new RawClient(broker.port);
      client.write('GET / HTTP/1.1\r\nHost: x\r\n\r\n');
      assert.match(await client.head(), /^HTTP\/1\.1 426 /);
      client.write('GET / HTTP/1.1\r\n');
      return client;
    }));
  });

  for (const [what, send] of [
    ['half the header of a frame', (client) => client.write('\x81')],
    ['half a frame', (client) => client.frame('half', { claim: 1000 })],
    ['half a message', (client) => client.frame('half', { fin: false })],
  ]) {
    test(`${SLOW} that send ${what}`, async (t) => {
      const broker = await impatient(t);
      await whileServing(broker, async () => {
        const dropped = await allDropped(t, async () => {
          const client = await RawClient.connect(broker.url);
          send(client);
          return client;
        });
        for (const client of dropped) assert.equal((await client.closeFrame()).code, 1008);
      });
    });
  }
});

const PINGS = { WEBSOCKET__PING_INTERVAL: '500ms', WEBSOCKET__PONG_TIMEOUT: '2s' };

// They wait at the same time.
describe('a peer that has vanished is found by ping', { concurrency: 2 }, () => {
  test('one whose process stands still', async (t) => {
    const { broker, backend } = await scene(t, { settings: PINGS });
    backend.onEvent = (event) => (event.message.type === 'session-disconnect' ? undefined : []);
    const child = Child.start(python(), [fromRoot('e2e/peers/waiting_client.py'), broker.url]);
    t.after(() => child.stop());
    await child.stdout.next('its handshake');
    child.kill('SIGSTOP');
    const told = await backend.nextOf('session-disconnect');
    assert.deepEqual([told.message.code, told.message.reason], [4102, 'did not answer a ping']);
    await told.answer([]);
    child.kill('SIGCONT');
    assert.deepEqual(JSON.parse(await child.stdout.next('its end')), [4102, 'did not answer a ping']);
  });

  test('one whose network has gone, so that its TCP is half open', async (t) => {
    const inside = ['unshare', '--map-root-user', '--net'];
    if (spawnSync(inside[0], [...inside.slice(1), 'true']).status !== 0) {
      t.skip('this machine lets nobody make a network of their own; the test before this one holds without');
      return;
    }
    // In a network of its own, which the broker shares with its client alone; the backend's socket is a file.
    const folder = mkdtempSync(join(tmpdir(), 'wsbroker-vanished-'));
    t.after(() => rmSync(folder, { recursive: true, force: true }));
    const bodies = [];
    const backend = createServer(async (request, response) => {
      let body = '';
      for await (const part of request) body += part;
      bodies.push(body);
      response.end();
    });
    await new Promise((resolve) => backend.listen(join(folder, 'backend'), resolve));
    t.after(() => backend.close());
    const loopback = [python(), fromRoot('e2e/peers/loopback.py')];
    const broker = runWsbroker(
      ['--listen', '127.0.0.1:0', '--admin', 'off', '--backend', `unix:${join(folder, 'backend')}:/`],
      { settings: PINGS, launcher: [...inside, ...loopback, 'up'] },
    );
    t.after(() => broker.stop());
    const { public: address } = await listensOn(broker);
    const there = ['nsenter', '--target', String(broker.pid), '--user', '--net', '--preserve-credentials'];
    const client = Child.start(
      there[0], [...there.slice(1), python(), fromRoot('e2e/peers/waiting_client.py'), `ws://${address}/`],
    );
    t.after(() => client.stop());
    await client.stdout.next('its handshake');
    const down = spawnSync(there[0], [...there.slice(1), ...loopback, 'down']);
    assert.equal(down.status, 0, String(down.stderr));
    await until(() => bodies.some((body) => body.includes('session-disconnect')), () => `the disconnect is told\n${broker.log}`);
    assert.match(bodies.find((body) => body.includes('session-disconnect')), /"code":4102,"reason":"did not answer a ping"/);
    assert.ok(client.alive, 'nothing has told the client');
    broker.kill('SIGTERM');
    assert.deepEqual(await broker.exit(), { code: 0, signal: null }, 'it does not wait for the one that has gone');
  });
});
