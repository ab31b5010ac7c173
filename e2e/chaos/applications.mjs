// The two applications as processes that can be killed, stopped and started again on the same port.

import { join } from 'node:path';
import { accepting, Child, freePort, fromRoot, python, until } from '../harness.mjs';

const PHP_WORKERS = '10';

/** `command` gives what to start: `{command, args, env}`. */
export class Application {
  static async start(name, command) {
    const application = new Application(name, await freePort(), command);
    await application.resume();
    return application;
  }

  constructor(name, port, command) {
    this.name = name;
    this.port = port;
    this.command = command;
  }

  /** Starts it, again and again while what was killed before still has the port. */
  async resume() {
    const { command, args, env, stderr = 'pipe' } = this.command(this.port);
    await until(async () => {
      // A group, since PHP's workers are processes that outlive a killed parent.
      this.child = Child.start(command, args, { env, group: true, stdio: ['ignore', 'pipe', stderr] });
      return accepting(this.port, this.child).then(() => true, () => false);
    }, `${this.name} listens`);
  }

  signal(signal) {
    this.child.kill(signal);
  }

  /** What is wrong with it, if anything. */
  get complaint() {
    if (!this.child.alive) return `${this.name} has ended: ${this.child.log}`;
    return this.child.log.includes('Traceback') ? `${this.name} has failed: ${this.child.log}` : null;
  }

  async kill() {
    await this.child.stop('SIGKILL');
  }
}

/** The applications, with their journals in `folder`. */
export async function startApplications({ folder, mood, seed }) {
  const journal = (name) => join(folder, `${name}.journal`);
  const script = (name) => fromRoot(`e2e/chaos/${name}`);
  const commands = {
    python: (port) => ({
      command: python(), args: ['-B', script('application.py'), port, journal('python'), mood, seed],
    }),
    php: (port) => ({
      command: 'php',
      args: ['-d', 'display_errors=0', '-d', `error_log=${join(folder, 'php-errors')}`, '-S', `127.0.0.1:${port}`,
        script('application.php')],
      stderr: 'ignore', // It notes each request there.
      env: { ...process.env, JOURNAL: journal('php'), MOOD: mood, SEED: seed, PHP_CLI_SERVER_WORKERS: PHP_WORKERS },
    }),
  };
  return Promise.all(Object.entries(commands).map(async ([name, command]) => {
    return Object.assign(await Application.start(name, command), { journal: journal(name) });
  }));
}
