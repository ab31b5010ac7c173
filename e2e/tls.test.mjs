// TLS on the public port: Python on OpenSSL, `openssl s_client` itself, and Chromium.

import assert from 'node:assert/strict';
import { copyFileSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { after, before, test } from 'node:test';
import {
  brokerFor, certificateFor, Child, fromRoot, issue, python, runWsbroker, sClient, serial, startWsbroker,
} from './harness.mjs';
import { launchChromium } from './harness/browser.mjs';

let browser;
before(async () => { browser = await launchChromium(); });
after(() => browser?.close());

/** A broker that speaks TLS and sends back what it is sent. */
async function echoing(t) {
  const certificate = certificateFor(t);
  const broker = await brokerFor(t, startWsbroker, { args: ['--endpoint', '*=echo'], config: certificate.config });
  return { broker, certificate };
}

test('Python is served over TLS 1.3 and 1.2, and believes only the certificate that it knows', async (t) => {
  const { broker, certificate } = await echoing(t);
  const script = fromRoot('e2e/peers/tls_client.py');
  const client = Child.start(python(), [script, `wss://127.0.0.1:${broker.port}/`, certificate.cert]);
  t.after(() => client.stop());
  const hear = async () => JSON.parse(await client.stdout.next());
  for (const version of ['TLSv1.3', 'TLSv1.2']) {
    assert.deepEqual(await hear(), ['version', version]);
    for (const size of [1, 5000, 900_000]) assert.deepEqual(await hear(), ['echo', size]);
    assert.deepEqual(await hear(), ['closed', 3001]);
  }
  assert.equal((await hear())[0], 'distrusted');
  assert.deepEqual(await client.exit(), { code: 0, signal: null });
});

test('openssl agrees on versions, and a session is resumed', async (t) => {
  const { broker, certificate } = await echoing(t);
  const say = (...args) => sClient(broker.port, certificate.cert, ...args);
  assert.match(say('-tls1_3'), /New, TLSv1\.3/);
  assert.match(say('-tls1_2'), /New, TLSv1\.2/);
  assert.match(say('-alpn', 'http/1.1'), /ALPN protocol: http\/1\.1/);
  for (const old of ['-tls1', '-tls1_1']) assert.throws(() => say(old, '-cipher', 'ALL@SECLEVEL=0'), old);
  assert.match(say('-tls1_2', '-reconnect'), /Reused, TLSv1\.2/);
});

test('HUP brings a new certificate to new connections, and a bad one changes nothing', async (t) => {
  const { broker, certificate } = await echoing(t);
  const { child, port } = broker;
  const trusted = `${certificate.cert}.trusted`;
  const served = () => {
    copyFileSync(certificate.cert, trusted);
    return serial(sClient(port, trusted, '-showcerts'));
  };
  const first = served();

  const second = issue(certificate);
  assert.notEqual(second, first);
  child.kill('SIGHUP');
  await record(child, 'reloaded');
  assert.equal(served(), second);

  writeFileSync(certificate.cert, 'nonsense');
  child.kill('SIGHUP');
  const line = await record(child, 'trouble');
  assert.match(line.msg, /certificate stays as it is: `tls\.cert`: .*there is no certificate in it/);
  assert.equal(serial(sClient(port, trusted, '-showcerts')), second);
});

test('Chromium talks over wss, and outlives a new certificate', async (t) => {
  const { broker, certificate } = await echoing(t);
  const context = await browser.newContext({ ignoreHTTPSErrors: true });
  t.after(() => context.close());
  const page = await context.newPage();
  await page.goto(`https://localhost:${broker.port}/`);
  const echo = (text) => page.evaluate(async (text) => {
    globalThis.socket ??= await new Promise((resolve, reject) => {
      const socket = new WebSocket(location.href.replace('https', 'wss'));
      socket.onopen = () => resolve(socket);
      socket.onerror = () => reject(new Error('no connection'));
    });
    const heard = new Promise((resolve, reject) => {
      socket.onmessage = ({ data }) => resolve(data);
      socket.onclose = ({ code }) => reject(new Error(`closed: ${code}`));
    });
    socket.send(text);
    return heard;
  }, text);
  for (const text of ['hello', 'x'.repeat(300_000)]) assert.equal(await echo(text), text);
  issue(certificate);
  broker.child.kill('SIGHUP');
  await record(broker.child, 'reloaded');
  assert.equal(await echo('still here'), 'still here');
});

test('whoever takes the port for the other kind is told, and so is the log', async (t) => {
  const { broker } = await echoing(t);
  const plain = await new Promise((resolve, reject) => {
    const socket = connect(broker.port, '127.0.0.1', () => socket.write('GET / HTTP/1.1\r\nHost: x\r\n\r\n'));
    let answer = '';
    socket.on('data', (chunk) => { answer += chunk; });
    socket.on('end', () => resolve(answer));
    socket.on('error', reject);
  });
  assert.match(plain, /^HTTP\/1\.1 400 .*this port speaks TLS/s);
  assert.match((await record(broker.child, 'refused')).msg, /plain HTTP to the TLS port/);

  const without = await brokerFor(t, startWsbroker, {});
  const { cert } = certificateFor(t);
  assert.throws(() => sClient(without.port, cert));
  assert.match((await record(without.child, 'refused')).msg, /a TLS hello to a port that does not speak TLS/);
});

test('check names the file that cannot be used', async (t) => {
  const certificate = certificateFor(t);
  const ok = runWsbroker(['check'], { config: certificate.config });
  assert.equal((await ok.exit()).code, 0);
  writeFileSync(certificate.key, 'nonsense');
  const bad = runWsbroker(['check'], { config: certificate.config });
  assert.equal((await bad.exit()).code, 78);
  assert.ok(bad.log.includes(`wsbroker.toml:3:7: \`tls.key\`: ${certificate.key}: there is no private key`), bad.log);
});

/** The next record of this event in a broker's log. */
async function record(child, event) {
  const isOf = (line) => line.startsWith('{') && JSON.parse(line).event === event;
  return JSON.parse(await child.stderr.next(`a record of ${event}`, isOf));
}
