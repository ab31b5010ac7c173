// Starts nginx and HAProxy with the configurations that docs/operations.md gives to operators.

import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fromRoot } from './broker.mjs';
import { Child } from './child.mjs';
import { accepting, freePort } from './port.mjs';

/** The code in this language under this heading of docs/operations.md, block by block. */
export function documented(heading, language) {
  const text = readFileSync(fromRoot('docs/operations.md'), 'utf8');
  const section = text.split(/^#+ /m).find((part) => part.startsWith(`${heading}\n`));
  const blocks = [...(section ?? '').matchAll(/^```(\w+)\n(.*?)^```$/gms)];
  const wanted = blocks.filter(([, found]) => found === language).map(([, , code]) => code);
  if (wanted.length === 0) throw new Error(`docs/operations.md has no ${language} under "${heading}"`);
  return wanted;
}

/** nginx with this configuration of its `http` block, in front of the broker. */
export async function startNginx(t, config, broker) {
  const port = await freePort();
  return start(t, port, (folder) => {
    const file = join(folder, 'nginx.conf');
    // One process, so that ending it ends everything.
    writeFileSync(file, `
      daemon off;
      master_process off;
      pid ${folder}/pid;
      events {}
      http {
        access_log off;
        ${['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map((name) => `${name}_temp_path ${folder}/${name};`).join('\n')}
        ${placed(config, [/listen 80;/, `listen 127.0.0.1:${port};`], broker)}
      }
    `);
    return ['nginx', ['-e', 'stderr', '-p', folder, '-c', file]];
  });
}

/** HAProxy with this configuration, in front of the broker. */
export async function startHaproxy(t, config, broker) {
  const port = await freePort();
  return start(t, port, (folder) => {
    const file = join(folder, 'haproxy.cfg');
    writeFileSync(file, placed(config, [/bind :80$/m, `bind 127.0.0.1:${port}`], broker));
    return ['haproxy', ['-db', '-f', file]];
  });
}

/** The configuration for ports of our own. */
function placed(config, [documentedListener, listener], broker) {
  if (!documentedListener.test(config)) throw new Error(`nothing listens in\n${config}`);
  return config.replace(documentedListener, listener).replaceAll(/127\.0\.0\.1:4080\b/g, `127.0.0.1:${broker.port}`);
}

async function start(t, port, prepare) {
  const folder = mkdtempSync(join(tmpdir(), 'wsbroker-e2e-proxy-'));
  const [command, args] = prepare(folder);
  // Where Debian puts them, which not everybody's PATH has.
  const env = { ...process.env, PATH: `${process.env.PATH}:/usr/sbin` };
  const child = Child.start(command, args, { env });
  t.after(async () => {
    await child.stop();
    rmSync(folder, { recursive: true, force: true });
  });
  await accepting(port, child);
  return { child, port, url: `ws://127.0.0.1:${port}/`, http: `http://127.0.0.1:${port}/` };
}
