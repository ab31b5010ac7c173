// Ports of the loopback interface.

import { connect, createServer } from 'node:net';
import { until } from './wait.mjs';

/** A port that was free a moment ago, for programs that can't choose one by themselves. */
export async function freePort() {
  const server = createServer();
  await new Promise((resolve, reject) => server.once('error', reject).listen(0, '127.0.0.1', resolve));
  const { port } = server.address();
  await new Promise((resolve) => server.close(resolve));
  return port;
}

/** Waits until something accepts connections on the port. */
export async function accepting(port, child) {
  const tryOnce = () =>
    new Promise((resolve) => {
      const socket = connect(port, '127.0.0.1');
      socket.once('connect', () => resolve(true)).once('error', () => resolve(false));
      socket.once('connect', () => socket.destroy());
    });
  await until(async () => {
    if (child && !child.alive) throw new Error(`${child.name} ended:\n${child.log}`);
    return tryOnce();
  }, () => `port ${port} accepts connections\n${child?.log ?? ''}`);
}
