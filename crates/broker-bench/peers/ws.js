// What one writes with the `ws` package when there is no broker: a server that
// sends to all or to a room, and asks an HTTP backend about client messages.
//
// node ws.js PORT [BACKEND_URL]
//
// A connection to /control is the trigger: its text "* PAYLOAD" sends PAYLOAD
// to every other connection, "ROOM PAYLOAD" to those whose cookie `room` says so.
'use strict';

const http = require('http');
const { WebSocket, WebSocketServer } = require('ws');

const [port, backendUrl] = process.argv.slice(2);
const agent = new http.Agent({ keepAlive: true });
const server = new WebSocketServer({ host: '127.0.0.1', port: Number(port) });

server.on('connection', (socket, request) => {
  socket.on('error', () => {});
  if (request.url === '/control') {
    socket.control = true;
    socket.on('message', (data) => deliver(data.toString()));
    return;
  }
  socket.session = cookies(request.headers.cookie);
  if (backendUrl) {
    socket.on('message', (data) => ask(socket, data.toString()));
  }
});

function deliver(text) {
  const space = text.indexOf(' ');
  const room = text.slice(0, space);
  const payload = text.slice(space + 1);
  server.clients.forEach((client) => {
    if (client.control || client.readyState !== WebSocket.OPEN) return;
    if (room === '*' || client.session.room === room) client.send(payload);
  });
}

function ask(socket, text) {
  const message = JSON.parse(text);
  message.type = 'client-' + message.type;
  const body = JSON.stringify({ message, connection: socket.session });
  const request = http.request(backendUrl, {
    agent,
    method: 'POST',
    headers: { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) },
  });
  request.on('response', (response) => {
    let answer = '';
    response.setEncoding('utf8');
    response.on('data', (part) => { answer += part; });
    response.on('end', () => {
      for (const command of JSON.parse(answer)) {
        if (command.type === 'send') socket.send(JSON.stringify(command.message));
      }
    });
  });
  request.end(body);
}

function cookies(header = '') {
  const session = {};
  for (const pair of header.split(';')) {
    const [name, value] = pair.split('=');
    session[name.trim()] = value;
  }
  return session;
}
