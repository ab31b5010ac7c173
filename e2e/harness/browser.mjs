// Chromium, without a window.

import { chromium } from 'playwright-core';
import { DEADLINE_MS } from './wait.mjs';

const FLAGS = [
  '--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run',
  '--disable-background-networking', '--disable-component-update', '--disable-sync',
  // A page that a test makes up comes from nowhere, and would not be let through to loopback.
  '--disable-features=LocalNetworkAccessChecks',
];

/** Starts it; whoever does so closes it. */
export function launchChromium() {
  return chromium.launch({
    executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
    args: FLAGS,
    timeout: 2 * DEADLINE_MS,
  });
}
