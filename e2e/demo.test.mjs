// The demo in a real browser.

import assert from 'node:assert/strict';
import { mkdirSync } from 'node:fs';
import { after, before, test } from 'node:test';
import { accepting, brokerFor, Child, DEADLINE_MS, freePort, fromRoot, startWsbroker } from './harness.mjs';
import { launchChromium } from './harness/browser.mjs';

let browser;
before(async () => { browser = await launchChromium(); });
after(() => browser?.close());

test('two tabs of the demo hear each other, room by room', async (t) => {
  const broker = await brokerFor(t, startWsbroker, { allow: [] });
  const [ann, bob] = [await open(t, broker), await open(t, broker)];

  await ann.say('Hello from the first tab');
  for (const tab of [ann, bob]) await tab.hears('Hello from the first tab');
  const markup = 'And <b>hello</b> back & "quoted" <img src=x onerror=alert(1)> 😀';
  await bob.say(markup);
  for (const tab of [ann, bob]) await tab.hears(markup);

  mkdirSync(fromRoot('target/e2e'), { recursive: true });
  await ann.page.screenshot({ path: fromRoot('target/e2e/demo.png'), animations: 'disabled' });

  await bob.page.getByRole('button', { name: 'Kitchen' }).click();
  await ann.hears(/left\.$/);
  await bob.say('Is anybody in the kitchen?');
  await bob.hears('Is anybody in the kitchen?');
  await ann.say('All alone now');
  await ann.hears('All alone now');
  await bob.page.getByRole('button', { name: 'Lobby' }).click();
  await ann.line(/came in\.$/).nth(1).waitFor();
  assert.equal(await ann.line('Is anybody in the kitchen?').count(), 0);
  assert.equal(await bob.line('All alone now').count(), 0);
  assert.deepEqual([...ann.faults, ...bob.faults], []);
});

test('a tab that is left open comes back by itself, and talks to the backend that is there then', async (t) => {
  const listen = `127.0.0.1:${await freePort()}`;
  const demo = await brokerFor(t, startWsbroker, { listen, allow: [] });
  const ann = await open(t, demo);
  await ann.say('To the demo');
  await ann.hears('To the demo');
  await demo.stop('SIGTERM');

  const port = await freePort();
  const php = Child.start('php', ['-S', `127.0.0.1:${port}`], { cwd: fromRoot('examples/backends') });
  t.after(() => php.stop());
  await accepting(port, php);
  await brokerFor(t, startWsbroker, { listen, backend: `http://127.0.0.1:${port}/chat.php` });
  await ann.hears(/^You are guest-.*, in the lobby\.$/);
  await ann.say('To PHP');
  await ann.hears('To PHP');
});

/** A tab of its own person, connected and greeted. */
async function open(t, broker) {
  const context = await browser.newContext({ viewport: { width: 1100, height: 700 } });
  t.after(() => context.close());
  context.setDefaultTimeout(DEADLINE_MS);
  const page = await context.newPage();
  const faults = [];
  page.on('pageerror', (error) => faults.push(String(error)));
  page.on('console', (message) => message.type() === 'error' && faults.push(message.text()));
  page.on('requestfailed', (request) => faults.push(`${request.url()} ${request.failure()?.errorText}`));

  const line = (text) => page.getByRole('log', { name: 'Conversation' }).getByText(text);
  const hears = (text) => line(text).waitFor();
  const say = async (text) => {
    await page.getByRole('textbox', { name: 'Message' }).fill(text);
    await page.getByRole('button', { name: 'Send' }).click();
  };
  await page.goto(broker.http);
  await hears(/^You are .*, in the lobby\.$/);
  return { page, faults, line, hears, say };
}
