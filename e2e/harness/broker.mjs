// Starts a broker, ours or the original, and says where it listens.

import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { request as httpRequest } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Child } from './child.mjs';
import { within } from './wait.mjs';

/** A path in the repository. */
export function fromRoot(path) {
  return fileURLToPath(new URL(`../../${path}`, import.meta.url));
}

/** The release binary. */
export function wsbrokerPath() {
  const path = process.env.WSBROKER ?? fromRoot('target/release/wsbroker');
  if (!existsSync(path)) throw new Error(`${path} is missing: cargo build --release, or set WSBROKER`);
  return path;
}

/** A process for the original, which can run several brokers: `startOriginal({ process })`. */
export function originalProcess() {
  return Child.start(process.execPath, [fromRoot('e2e/original.cjs')]);
}

/** The original, with what its `backend` option takes, in a process of its own unless one is given. */
export async function startOriginal({ backend, allow = ['127.0.0.1'], log = false, process: given } = {}) {
  const child = given ?? originalProcess();
  child.write(JSON.stringify({ log, ...(backend && { backend: { type: 'http', url: backend, allow } }) }));
  const line = await child.stdout.next('its port', (text) => text.startsWith('listening '));
  return broker(child, Number(line.split(' ')[1]), null);
}

/**
 * wsbroker, on free ports unless `listen` says otherwise. `settings` are configuration keys as in the environment
 * (`LIMITS__MAX_MESSAGE`), `config` is the text of its configuration file, `args` are more arguments.
 */
export async function startWsbroker({
  backend, listen = '127.0.0.1:0', allow = ['127.0.0.1'], args = [], ...options
} = {}) {
  const child = runWsbroker(
    [
      'serve',
      ...['--listen', listen, '--admin', '127.0.0.1:0'],
      ...(backend ? ['--backend', backend] : []),
      ...allow.flatMap((address) => ['--allow', address]),
      ...args,
    ],
    options,
  );
  const listening = await listensOn(child);
  return broker(child, portOf(listening.public), portOf(listening.admin));
}

/** wsbroker with just these arguments; `launcher` is a command that starts it. */
export function runWsbroker(args, { settings, config, launcher = [] } = {}) {
  // A folder of its own, so that it finds no other file than this one.
  const cwd = mkdtempSync(join(tmpdir(), 'wsbroker-e2e-'));
  if (config) writeFileSync(join(cwd, 'wsbroker.toml'), config);
  const [command, ...rest] = [...launcher, wsbrokerPath(), ...args];
  const child = Child.start(command, rest, { cwd, env: environment(settings) });
  const remove = () => rmSync(cwd, { recursive: true, force: true });
  child.ended.then(remove, remove);
  child.cwd = cwd;
  return child;
}

/** The addresses in the record that wsbroker logs as soon as it listens. */
export async function listensOn(child) {
  const line = await child.stderr.next('the record that says where it listens', (text) => {
    return text.startsWith('{') && JSON.parse(text).event === 'listening';
  });
  return JSON.parse(line);
}

/** The environment for wsbroker: ours, without what it would read as configuration, plus `settings`. */
function environment(settings = {}) {
  const env = Object.fromEntries(
    Object.entries(process.env).filter(([name]) => !name.startsWith('WSBROKER') && name !== 'PORT'),
  );
  for (const [key, value] of Object.entries(settings)) env[`WSBROKER_${key}`] = String(value);
  return env;
}

/** The port of an address; none for `off` and for Unix sockets. */
function portOf(address) {
  return /:(\d+)$/.exec(address)?.[1] ?? null;
}

function broker(child, port, adminPort) {
  return {
    child,
    pid: child.pid,
    port,
    url: `ws://127.0.0.1:${port}/`,
    http: `http://127.0.0.1:${port}/`,
    admin: adminPort === null ? null : `http://127.0.0.1:${adminPort}`,
    /** A command POST as existing backends send it. */
    post: (commands, init = {}) => post(port, commands, init),
    stop: (signal) => child.stop(signal),
  };
}

async function post(port, commands, { path = '/', headers = {}, body, method = 'POST' } = {}) {
  body ??= commands === undefined ? '' : `data=${encodeURIComponent(JSON.stringify(commands))}`;
  return ask(`http://127.0.0.1:${port}${path}`, {
    method,
    body,
    headers: { 'content-type': 'application/x-www-form-urlencoded', ...headers },
  });
}

/** One HTTP request with just these headers (`fetch` would add a browser's), on a connection of its own. */
export async function ask(url, { method = 'GET', headers = {}, body = '', socketPath } = {}) {
  const answered = new Promise((resolve, reject) => {
    const request = httpRequest(url, {
      method,
      socketPath,
      agent: false,
      headers: { ...headers, ...(body.length > 0 || method === 'POST' ? { 'content-length': Buffer.byteLength(body) } : {}) },
    });
    request.on('error', reject);
    request.on('response', async (response) => {
      try {
        const chunks = [];
        for await (const chunk of response) chunks.push(chunk);
        const type = response.headers['content-type'] ?? '';
        resolve({ status: response.statusCode, type, headers: response.headers, body: Buffer.concat(chunks).toString() });
      } catch (error) {
        reject(error);
      }
    });
    request.end(body);
  });
  return within(answered, `an answer to ${method} ${url}`);
}
