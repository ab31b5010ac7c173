// The demo in a real browser: two tabs of the page talk to each other.

import assert from 'node:assert/strict';
import { mkdirSync } from 'node:fs';
import { test } from 'node:test';
import { chromium } from 'playwright-core';
import { brokerFor, DEADLINE_MS, fromRoot, listensOn, runWsbroker, startWsbroker } from './harness.mjs';

const FLAGS = [
  '--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run',
  '--disable-background-networking', '--disable-component-update', '--disable-sync',
];

test('two tabs of the demo see what each other says, also after the broker was killed', async (t) => {
  const broker = await brokerFor(t, startWsbroker, { allow: [] });
  const browser = await chromium.launch({
    executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
    args: FLAGS,
    timeout: 2 * DEADLINE_MS,
  });
  t.after(() => browser.close());

  const faults = [];
  const open = async () => {
    // Each its own context: two people, not two tabs of one.
    const context = await browser.newContext({ viewport: { width: 900, height: 640 } });
    context.setDefaultTimeout(DEADLINE_MS);
    const page = await context.newPage();
    page.on('pageerror', (error) => faults.push(String(error)));
    page.on('console', (message) => message.type() === 'error' && faults.push(message.text()));
    page.on('requestfailed', (request) => faults.push(`${request.url()} ${request.failure()?.errorText}`));
    await page.goto(broker.http);
    return page;
  };
  const say = async (page, text) => {
    await page.getByRole('textbox').last().fill(text);
    await page.getByRole('button', { name: /send/i }).click();
  };
  // The page shows it a second time, in what the backend was told.
  const heard = (page, text) => page.getByRole('log').getByText(text).waitFor();

  const [ann, bob] = [await open(), await open()];
  await say(ann, 'Hello from the first tab');
  for (const page of [ann, bob]) await heard(page, 'Hello from the first tab');
  const markup = 'And <b>hello</b> back & "quoted" <img src=x onerror=alert(1)>';
  await say(bob, markup);
  for (const page of [ann, bob]) await heard(page, markup);

  mkdirSync(fromRoot('target/e2e'), { recursive: true });
  await ann.screenshot({ path: fromRoot('target/e2e/demo.png') });

  assert.deepEqual(faults, []);

  // From here on the browser itself logs that nobody listens.
  broker.child.kill('SIGKILL');
  for (const page of [ann, bob]) await page.getByRole('button', { name: 'Try now' }).waitFor();
  const again = runWsbroker(['serve', '--listen', `127.0.0.1:${broker.port}`, '--admin', 'off']);
  t.after(() => again.stop());
  await listensOn(again);
  for (const page of [ann, bob]) await page.getByRole('status').getByText('Connected').waitFor();
  await say(bob, 'We came back by ourselves');
  for (const page of [ann, bob]) await heard(page, 'We came back by ourselves');
});
