// nginx between the broker and the applications, whose configuration is changed while it runs.

import { writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { accepting, Child, freePort, until } from '../harness.mjs';

export class Nginx {
  /** Events go to the ports in turn; nothing is tried a second time here, since that is the broker's work. */
  static async start(folder, ports) {
    const nginx = new Nginx(folder, ports, await freePort());
    await new Promise((resolve, reject) => nginx.silent.once('error', reject).listen(nginx.silentPath, resolve));
    nginx.#write();
    await nginx.resume();
    return nginx;
  }

  #folder;
  #ports;
  #fault = null;

  constructor(folder, ports, port) {
    this.#folder = folder;
    this.#ports = ports;
    this.port = port;
    this.file = join(folder, 'nginx.conf');
    /** An application that takes connections and never says anything. */
    this.silentPath = join(folder, 'silent');
    this.silent = createServer((socket) => socket.on('error', () => {}).resume());
  }

  async resume() {
    // Where Debian puts it, which not everybody's PATH has.
    const env = { ...process.env, PATH: `${process.env.PATH}:/usr/sbin` };
    await until(async () => {
      this.child = Child.start('nginx', ['-e', 'stderr', '-p', this.#folder, '-c', this.file], { env, group: true });
      return accepting(this.port, this.child).then(() => true, () => false);
    }, () => `nginx listens\n${this.child.log}`);
  }

  async kill() {
    await this.child.stop('SIGKILL');
  }

  /**
   * From now on some events (`share` is `some`) or all are answered with 502, since the application refuses
   * connections, or with 504, since it does not answer; with `null` none.
   */
  answers(fault) {
    this.#fault = fault;
    this.#write();
    // To the first process alone: it starts workers with the new configuration, and those there were end with their work.
    if (this.child.alive) process.kill(this.child.pid, 'SIGHUP');
  }

  async stop() {
    await this.kill();
    await new Promise((resolve) => this.silent.close(resolve));
  }

  #write() {
    const { status, share } = this.#fault ?? {};
    const healthy = this.#ports.map((port) => `127.0.0.1:${port}`);
    const faulty = { 502: join(this.#folder, 'nobody'), 504: this.silentPath }[status];
    const servers = faulty === undefined ? healthy : [`unix:${faulty}`, ...(share === 'all' ? [] : healthy)];
    writeFileSync(this.file, `
      daemon off;
      worker_processes 1;
      worker_shutdown_timeout 5s;
      error_log stderr crit;
      pid ${this.#folder}/nginx.pid;
      events { worker_connections 2048; }
      http {
        access_log off;
        ${['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map((name) => `${name}_temp_path ${this.#folder}/${name};`).join('\n')}
        upstream applications { ${servers.map((server) => `server ${server} max_fails=0;`).join(' ')} }
        server {
          listen 127.0.0.1:${this.port};
          location / {
            proxy_pass http://applications;
            proxy_next_upstream off;
            proxy_buffering off;
            proxy_read_timeout ${status === 504 ? '300ms' : '10s'};
          }
        }
      }
    `);
  }
}
