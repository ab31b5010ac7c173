"""Passes listening sockets to a program, as systemd does (sd_listen_fds(3)).

    socket_activation.py NAME… -- PROGRAM ARGUMENT…

Opens one listener on a free loopback port for each name, prints their ports as a JSON object, and becomes the program.
"""

import json
import os
import socket
import sys

split = sys.argv.index("--")
names, command = sys.argv[1:split], sys.argv[split + 1 :]

listeners = []
for _ in names:
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    listener.listen(128)
    listeners.append(listener)
print(json.dumps({name: listener.getsockname()[1] for name, listener in zip(names, listeners)}), flush=True)

# The sockets are the descriptors from 3 on; they are first moved out of the way of each other.
moved = [os.dup2(listener.fileno(), 100 + index) for index, listener in enumerate(listeners)]
for index, descriptor in enumerate(moved):
    os.dup2(descriptor, 3 + index)
    os.close(descriptor)
os.environ.update(LISTEN_FDS=str(len(names)), LISTEN_FDNAMES=":".join(names), LISTEN_PID=str(os.getpid()))
os.execv(command[0], command)
