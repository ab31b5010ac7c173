"""Switches the loopback interface of the network that it is in, and then becomes a program, if one is named.

    loopback.py up|down [PROGRAM ARGUMENT…]

Packets to an interface that is down are lost, and nobody is told: to TCP the peer has vanished.
"""

import fcntl
import os
import socket
import struct
import sys

# From <linux/sockios.h> and <linux/if.h>.
SIOCGIFFLAGS, SIOCSIFFLAGS, IFF_UP = 0x8913, 0x8914, 0x1

state, *command = sys.argv[1:]
with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as control:
    request = struct.pack("16sh", b"lo", 0).ljust(40, b"\0")
    flags = struct.unpack_from("16sh", fcntl.ioctl(control, SIOCGIFFLAGS, request))[1]
    flags = flags | IFF_UP if state == "up" else flags & ~IFF_UP
    fcntl.ioctl(control, SIOCSIFFLAGS, struct.pack("16sh", b"lo", flags).ljust(40, b"\0"))

if command:
    os.execvp(command[0], command)
