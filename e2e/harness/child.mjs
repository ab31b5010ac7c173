// A child process: its output line by line, its end, and a stop that is sure to work.

import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { Inbox, within } from './wait.mjs';

const living = new Set();
process.on('exit', () => {
  for (const child of living) child.kill('SIGKILL');
});

export class Child {
  /** Starts `command`; `env` is the whole environment. As a `group`, it is signalled with all processes that it starts. */
  static start(command, args = [], { env = process.env, cwd, stdio, group = false } = {}) {
    return new Child(command, args, { env, cwd, stdio: stdio ?? ['pipe', 'pipe', 'pipe'], detached: group });
  }

  #isGroup;

  constructor(command, args, options) {
    this.#isGroup = options.detached;
    this.name = `${command} ${args.join(' ')}`;
    /** Lines of standard output, and of standard error, as they come. */
    this.stdout = new Inbox(`stdout of ${this.name}`);
    this.stderr = new Inbox(`stderr of ${this.name}`);
    /** Everything it wrote so far, for messages about failures. */
    this.log = '';
    this.process = spawn(command, args, options);
    living.add(this);
    for (const stream of ['stdout', 'stderr']) {
      if (!this.process[stream]) continue;
      const lines = createInterface({ input: this.process[stream] });
      lines.on('line', (line) => {
        this.log += `${line}\n`;
        this[stream].push(line);
      });
    }
    /** `{code, signal}` when it has ended. */
    this.ended = new Promise((resolve, reject) => {
      this.process.once('error', reject);
      this.process.once('close', (code, signal) => {
        living.delete(this);
        this.end = { code, signal };
        const how = `ended with ${signal ?? code}:\n${this.log.slice(-2000)}`;
        this.stdout.end(how);
        this.stderr.end(how);
        resolve(this.end);
      });
    });
    // A child that can't be started is reported to who waits for it, not as an unhandled rejection.
    this.ended.catch((error) => {
      living.delete(this);
      this.stdout.end(String(error));
      this.stderr.end(String(error));
    });
  }

  get pid() {
    return this.process.pid;
  }

  get alive() {
    return this.end === undefined && this.process.pid !== undefined;
  }

  write(line) {
    this.process.stdin.write(`${line}\n`);
  }

  kill(signal) {
    if (!this.alive) return;
    if (!this.#isGroup) {
      this.process.kill(signal);
      return;
    }
    try {
      // The first process of a group has the group's number.
      process.kill(-this.pid, signal);
    } catch (error) {
      if (error.code !== 'ESRCH') throw error; // It has just ended.
    }
  }

  /** Its end, which must come by itself. */
  async exit() {
    return within(this.ended, () => `the end of ${this.name}\n${this.log.slice(-2000)}`);
  }

  /** Ends it by its id and waits until it is gone. */
  async stop(signal = 'SIGKILL') {
    this.kill(signal);
    return this.exit();
  }
}

/** The Python that has the packages of `requirements.txt`. */
export function python() {
  const venv = fileURLToPath(new URL('../.venv/bin/python', import.meta.url));
  return process.env.PYTHON ?? (existsSync(venv) ? venv : 'python3');
}
