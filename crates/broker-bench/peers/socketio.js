// A small server on `socket.io`, as its guide has it, that sends to all by the
// command POST of the brokers.
//
// node socketio.js PORT
'use strict';

const http = require('http');
const { Server } = require('socket.io');

const [port] = process.argv.slice(2);
const server = http.createServer((request, response) => {
  let body = '';
  request.setEncoding('utf8');
  request.on('data', (part) => { body += part; });
  request.on('end', () => {
    const commands = JSON.parse(new URLSearchParams(body).get('data'));
    for (const { message } of commands) io.emit('message', message);
    response.setHeader('content-type', 'application/json');
    response.end(JSON.stringify(commands.map(() => null)));
  });
});
const io = new Server(server);
server.listen(Number(port), '127.0.0.1');
