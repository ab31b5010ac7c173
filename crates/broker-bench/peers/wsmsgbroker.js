// The original broker of messages between clients, as its own command starts it.
//
// node wsmsgbroker.js PORT
'use strict';

const { Server } = require('wsmsgbroker');

// Its `port` is handed to `server.listen`, which also takes an object: so it
// listens on IPv4 loopback alone.
const [port] = process.argv.slice(2);
const server = new Server({ host: '127.0.0.1', port: Number(port) });
server.on('error', (error) => console.error(error.message));
