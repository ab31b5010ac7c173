// Clients of Socket.IO.

import { io } from 'socket.io-client';
import { Inbox, within } from './wait.mjs';

/** Where they look unless they are told otherwise. */
export const ENDPOINT = ['--endpoint', '/socket.io/*=socketio'];

/** A client of its own, which is gone when the test is over. */
export function client(t, broker, { path = '', ...options } = {}) {
  const socket = io(`http://127.0.0.1:${broker.port}${path}`, {
    forceNew: true, reconnectionDelay: 50, reconnectionDelayMax: 100, ...options,
  });
  t.after(() => socket.disconnect());
  socket.inbox = new Inbox('a client');
  socket.onAny((name, ...args) => socket.inbox.push({ name, args }));
  return socket;
}

/** What `event` of an emitter brings next. */
export function once(emitter, event) {
  return within(new Promise((resolve) => emitter.once(event, (...args) => resolve(args))), `the event ${event}`);
}

/** The same, once it is connected. */
export async function connected(t, broker, options) {
  const socket = client(t, broker, options);
  await once(socket, 'connect');
  return socket;
}
