// Signed events, verified by the libraries of Standard Webhooks and by PHP: those that the broker sends, and forged ones.

import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { Webhook } from 'standardwebhooks';
import {
  accepting, ask, authorityFor, Backend, brokerFor, Child, Client, enter, freePort, fromRoot, python, runWsbroker,
  scene, startWsbroker, until,
} from './harness.mjs';

const secret = newSecret();

for (const format of ['form', 'json']) {
  test(`every try of an event in the format ${format} is signed anew, as JavaScript and Python verify`, async (t) => {
    const inPython = verifierInPython(t);
    const { broker, backend } = await signedScene(t, format);
    const client = await enter(broker, backend);
    client.say({ type: 'x', text: 'Zürich & 50% + "more" 🍲' });
    const first = await backend.nextOf('client-x');
    // The seconds are over before the second try, so that its time is another one.
    const { 'webhook-timestamp': second } = first.headers;
    await until(() => Math.floor(Date.now() / 1000) > Number(second), 'the next second');
    await first.answer([], { status: 503 });
    const again = await backend.nextOf('client-x');
    await again.answer([]);

    assert.equal(again.headers['webhook-id'], first.headers['webhook-id']);
    assert.notEqual(again.headers['webhook-timestamp'], second);
    assert.notEqual(again.headers['webhook-signature'], first.headers['webhook-signature']);
    for (const event of [first, again]) {
      const { body, headers } = event;
      assert.equal(inJavaScript(secret, headers, body), 'signed');
      assert.equal(await inPython(secret, headers, body), 'signed');

      const altered = Buffer.from(body);
      altered[altered.indexOf('x')] += 1;
      for (const verify of [inJavaScript, inPython]) {
        assert.equal(await verify(newSecret(), headers, body), 'No matching signature found');
        assert.equal(await verify(secret, headers, altered), 'No matching signature found');
        const id = `${headers['webhook-id']}0`;
        assert.equal(await verify(secret, { ...headers, 'webhook-id': id }, body), 'No matching signature found');
        const { 'webhook-signature': _, ...unsigned } = headers;
        assert.equal(await verify(secret, unsigned, body), 'Missing required headers');
      }
    }
  });
}

test('without a secret nothing is signed', async (t) => {
  const { broker, backend } = await scene(t, { args: ['--backend-format', 'json'] });
  await Client.connect(broker.url);
  const event = await backend.nextOf('session-connect');
  assert.equal(event.headers['webhook-signature'], undefined);
  await event.answer([]);
});

test('a secret is in no line of the log, however much is logged', async (t) => {
  const { broker, backend } = await signedScene(t, 'json', { args: ['-vv'] });
  await enter(broker, backend);
  await until(() => broker.child.log.includes('"from_backend"'), 'the log has the answer, and what went before it');
  assert.match(broker.child.log, /session-connect/);
  assert.ok(!broker.child.log.includes(secret.slice('whsec_'.length)));
});

test('a secret with multipart is refused by check and serve with exit 78', async () => {
  for (const command of ['check', 'serve']) {
    const child = runWsbroker([command], { config: `[backend]\nsecret = '${secret}'\n` });
    assert.deepEqual(await child.exit(), { code: 78, signal: null });
    assert.match(child.log, /wsbroker\.toml:2:10: `backend\.secret` signs the raw body, which PHP cannot read/);
    assert.match(child.log, /format = "form"/);
    assert.ok(!child.log.includes(secret));
  }
});

test('headers that are asked for come with the connect event, and none that a client could forge', async (t) => {
  const settings = { BACKEND__HEADERS: 'Cookie,X-Tenant', BACKEND__FORMAT: 'json' };
  const { broker, backend } = await scene(t, { settings });
  const forged = { 'Wsbroker-Event': 'session-disconnect', webhook_id: '1', 'X-Forwarded-For': '6.6.6.6' };
  const client = await Client.connect(broker.url, { headers: { Cookie: 'sid=7', 'X-Tenant': 'blue', ...forged } });
  const event = await backend.nextOf('session-connect');
  assert.deepEqual(JSON.parse(event.body).headers, { cookie: 'sid=7', 'x-tenant': 'blue' });
  assert.equal(event.headers['wsbroker-event'], 'session-connect');
  assert.ok(!event.body.includes('6.6.6.6') && event.headers['x-forwarded-for'] === undefined);
  await event.answer([]);
  client.say({ type: 'x' });
  const message = await backend.nextOf('client-x');
  assert.equal(JSON.parse(message.body).headers, undefined);
  await message.answer([]);
});

test('the start says in one line whether the backend answers', async (t) => {
  const { broker, backend } = await scene(t);
  const line = (child) => child.stderr.next('the line about the backend', (text) => JSON.parse(text).event === 'backend');
  const { level, msg } = JSON.parse(await line(broker.child));
  assert.deepEqual([level, msg], ['info', 'backend answers (405)']);
  assert.equal(backend.requests, 0, 'it is no event');
  const alone = await brokerFor(t, startWsbroker, { backend: `http://127.0.0.1:${await freePort()}/` });
  const warning = JSON.parse(await line(alone.child));
  assert.equal(warning.level, 'warn');
  assert.match(warning.msg, /^backend cannot be reached: .*refused.*; events are held until it can be/);
});

test('a backend behind https:// is told if its authority is trusted, and else nothing', async (t) => {
  const [{ ca, ...tls }, other] = [authorityFor(t), authorityFor(t)];
  const backend = await Backend.start({ tls });
  t.after(() => backend.stop());
  const broker = await brokerFor(t, startWsbroker, { backend: backend.url, settings: { BACKEND__CA: ca } });
  const client = await enter(broker, backend);
  for (let count = 0; count < 3; count += 1) {
    client.say({ type: 'x' });
    await (await backend.nextOf('client-x')).answer([{ type: 'send', message: count }]);
    assert.equal(await client.hear(), count);
  }
  assert.ok(backend.sockets.size >= 1, 'connections are kept');

  const requests = backend.requests;
  const distrusting = { backend: backend.url, settings: { BACKEND__CA: other.ca } };
  const doubting = await brokerFor(t, startWsbroker, distrusting);
  const patient = await Client.connect(doubting.url);
  patient.say({ type: 'x' });
  await doubting.child.stderr.next('why nothing is told', (text) => text.includes('from no authority that is trusted'));
  await patient.ping();
  assert.equal(backend.requests, requests);
});

test('the PHP example takes what is signed, and refuses everything else', async (t) => {
  const { url } = await applause(t);
  const clap = `message=${encodeURIComponent('{"type":"client-clap"}')}&connection=%7B%7D`;
  const now = new Date();
  const post = (headers, body = clap) => ask(url, {
    method: 'POST', body, headers: { 'content-type': 'application/x-www-form-urlencoded', ...headers },
  });
  const right = signed('one', now, clap);
  const first = await post(right);
  assert.equal(first.status, 200, first.body);
  assert.equal(JSON.parse(first.body)[0].message.claps, 1);

  const minutesAgo = (count) => new Date(now.getTime() - count * 60_000);
  const { 'webhook-signature': signature, ...unsigned } = right;
  const refused = {
    'without a signature': [unsigned],
    'without any header of a webhook': [{}],
    'with an empty signature': [{ ...unsigned, 'webhook-signature': '' }],
    'with an altered body': [right, clap.replace('clap', 'slap')],
    'with another id': [{ ...right, 'webhook-id': 'two' }],
    'with another time': [{ ...right, 'webhook-timestamp': String(Math.floor(now / 1000) + 1) }],
    'with a time that is no number': [{ ...right, 'webhook-timestamp': 'now' }],
    'with the wrong secret': [signed('two', now, clap, newSecret())],
    'of another version': [{ ...right, 'webhook-signature': signature.replace('v1', 'v2') }],
    'that is too old': [signed('two', minutesAgo(6), clap)],
    'that is too new': [signed('two', minutesAgo(-6), clap)],
  };
  for (const [what, request] of Object.entries(refused)) {
    assert.equal((await post(...request)).status, 401, `a request ${what}`);
  }

  // Of several signatures one must be right; and the same event again is answered as before and not counted.
  const rotated = { ...right, 'webhook-signature': `v1,${Buffer.alloc(32).toString('base64')} ${signature}` };
  for (const headers of [right, rotated]) {
    const again = await post(headers);
    assert.deepEqual([again.status, again.body], [200, first.body]);
  }
  assert.equal(JSON.parse((await post(signed('two', now, clap))).body)[0].message.claps, 2);
  assert.equal((await ask(url)).status, 405);
});

test('with the PHP example a clap is counted once, also when its answer is lost', async (t) => {
  const { url } = await applause(t);
  // Stands between broker and PHP, and loses what it is told to lose.
  const { broker, backend } = await signedScene(t, 'form');
  let isLost = false;
  backend.onEvent = async (event) => {
    const { host, ...headers } = event.headers;
    const { status, body } = await ask(url, { method: 'POST', headers, body: event.body });
    assert.equal(status, 200, body);
    if (!isLost || event.message.type !== 'client-clap') return body;
    isLost = false;
    event.reset();
    return undefined;
  };
  const [ann, bob] = [await Client.connect(broker.url), await Client.connect(broker.url)];
  for (const client of [ann, bob]) assert.deepEqual(await client.hear(), { type: 'applause', claps: 0 });
  ann.say({ type: 'clap' });
  for (const client of [ann, bob]) assert.deepEqual(await client.hear(), { type: 'applause', claps: 1 });
  isLost = true;
  bob.say({ type: 'clap' });
  ann.say({ type: 'unknown' });
  for (const client of [ann, bob]) assert.deepEqual(await client.hear(), { type: 'applause', claps: 2 });
  assert.equal(isLost, false, 'an answer was lost');
});

function newSecret() {
  return `whsec_${randomBytes(32).toString('base64')}`;
}

/** wsbroker, which signs in this format, in front of a backend. */
function signedScene(t, format, options) {
  return scene(t, { settings: { BACKEND__SECRET: secret, BACKEND__FORMAT: format }, ...options });
}

/** The headers of an event as the JavaScript library signs it. */
function signed(id, time, body, by = secret) {
  return {
    'webhook-id': id,
    'webhook-timestamp': String(Math.floor(time / 1000)),
    'webhook-signature': new Webhook(by).sign(id, time, body),
  };
}

function inJavaScript(by, headers, body) {
  try {
    new Webhook(by).verify(body, headers, { jsonParse: false });
    return 'signed';
  } catch (error) {
    return error.message;
  }
}

function verifierInPython(t) {
  const child = Child.start(python(), [fromRoot('e2e/peers/verify_webhook.py')]);
  t.after(() => child.stop());
  return (by, headers, body) => {
    child.write(JSON.stringify({ secret: by, headers, body: body.toString() }));
    return child.stdout.next('the verdict');
  };
}

/** The example under PHP's own server, with a count of its own. */
async function applause(t) {
  const folder = mkdtempSync(join(tmpdir(), 'wsbroker-e2e-applause-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const port = await freePort();
  const php = Child.start('php', ['-S', `127.0.0.1:${port}`], {
    cwd: fromRoot('examples/backends'),
    env: { ...process.env, APPLAUSE_SECRET: secret, APPLAUSE_FILE: join(folder, 'applause.json') },
  });
  t.after(() => php.stop());
  await accepting(port, php);
  return { url: `http://127.0.0.1:${port}/applause.php` };
}
