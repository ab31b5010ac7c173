// A chat with rooms, in Node, with nothing to install.
//
//   node chat.mjs 8000
//   wsbroker --backend http://127.0.0.1:8000/ --backend-format json
//
// The broker keeps the WebSocket connections and POSTs every event here: `message` (what happened) and
// `connection` (whom it happened to). The answer is a list of commands. What has to be remembered about a user is
// written into the connection's session, which comes back with the next event.

import { createServer } from 'node:http';

/** What the broker shall do about an event. */
function commands(message, me) {
  switch (message?.type) {
    case 'session-connect': {
      const name = `guest-${me.wskey.slice(0, 6)}`;
      return [
        { type: 'session', data: { name, room: 'lobby' } },
        { type: 'send', message: { type: 'welcome', name, room: 'lobby' } },
      ];
    }
    case 'client-join': {
      const { room } = message;
      // A room is matched by its name, and the name '*' would match every room.
      if (typeof room !== 'string' || !/^\w{1,40}$/.test(room)) {
        return [{ type: 'send', message: { type: 'error', text: 'a room is a word' } }];
      }
      return [
        { type: 'session', data: { room } },
        tell(me.room, { type: 'left', name: me.name }),
        tell(room, { type: 'joined', name: me.name, room }),
      ];
    }
    case 'client-say':
      return [tell(me.room, { type: 'said', name: me.name, text: message.text ?? '' })];
    case 'session-disconnect':
      return [tell(me.room, { type: 'left', name: me.name })];
    default:
      return [];
  }
}

/** Everyone in a room. */
function tell(room, message) {
  return { type: 'send', match: { room }, message };
}

createServer(async (request, response) => {
  // The broker looks whether somebody is here.
  if (request.method !== 'POST') return response.writeHead(405).end();
  let body = '';
  for await (const chunk of request.setEncoding('utf8')) body += chunk;
  const event = JSON.parse(body);
  response.setHeader('content-type', 'application/json');
  response.end(JSON.stringify(commands(event.message, event.connection)));
}).listen(Number(process.argv[2] ?? 8000), '127.0.0.1');
