// The chat of `examples/express-socketio`: Express as the backend, a stock page of Socket.IO in a browser.

import assert from 'node:assert/strict';
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { accepting, ask, brokerFor, Child, freePort, fromRoot, startWsbroker } from './harness.mjs';
import { launchChromium } from './harness/browser.mjs';

const CLIENT = fromRoot('e2e/node_modules/socket.io-client/dist/socket.io.min.js');

/** A copy of the example, beside the packages that it needs. */
function example(t) {
  const folder = mkdtempSync(join(tmpdir(), 'wsbroker-e2e-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  for (const file of ['app.mjs', 'index.html']) {
    cpSync(fromRoot(`examples/express-socketio/${file}`), join(folder, file));
  }
  symlinkSync(fromRoot('e2e/node_modules'), join(folder, 'node_modules'));
  return folder;
}

async function startApplication(t, cwd, port, broker) {
  const application = Child.start(process.execPath, ['app.mjs', String(port), broker], { cwd });
  t.after(() => application.stop('SIGKILL'));
  await accepting(port, application);
  return application;
}

test('the Express tutorial: a page of Socket.IO is greeted, counted, and hears broadcasts, also of an application that was away', async (t) => {
  const folder = example(t);
  const [port, brokerPort] = [await freePort(), await freePort()];
  const [home, broker] = [`http://127.0.0.1:${port}`, `http://127.0.0.1:${brokerPort}`];
  let application = await startApplication(t, folder, port, broker);
  await brokerFor(t, startWsbroker, {
    listen: `127.0.0.1:${brokerPort}`,
    backend: `${home}/events`,
    args: ['--backend-format', 'json', '--endpoint', '/socket.io/*=socketio'],
    settings: { ACCESS__ORIGINS: home },
  });
  const browser = await launchChromium();
  t.after(() => browser.close());
  const pages = [];
  for (const _ of [1, 2]) {
    const page = await browser.newPage();
    await page.route('https://cdn.socket.io/**', (route) => {
      return route.fulfill({ contentType: 'text/javascript', body: readFileSync(CLIENT, 'utf8') });
    });
    await page.goto(`${home}/?broker=${broker}`);
    await page.waitForFunction(() => document.querySelector('#greeting').textContent === `Hello, ${socket.id}!`);
    pages.push(page);
  }
  const heard = (text) => Promise.all(pages.map((page) => page.waitForFunction((text) => {
    return [...document.querySelectorAll('#messages li')].at(-1)?.textContent === text;
  }, text)));
  assert.deepEqual(JSON.parse((await ask(`${home}/count`)).body), { count: 2 });
  assert.deepEqual(JSON.parse((await ask(`${home}/broadcast/good%20morning%2C%20%E4%B8%96%E7%95%8C`)).body), { message: 'good morning, 世界' });
  await heard('good morning, 世界');

  await application.stop('SIGKILL');
  await pages[0].fill('#input', 'is anybody there?');
  await pages[0].click('button');
  application = await startApplication(t, folder, port, broker);
  await heard('is anybody there?');
  for (const page of pages) assert.equal(await page.evaluate(() => socket.connected), true);
});
