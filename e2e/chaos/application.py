"""The application of the chaos run, in Python: it writes down every event it takes, and acknowledges messages.

    python3 application.py PORT JOURNAL MOOD SEED

An event is in the journal before it is answered, in one write, so that a kill at any moment leaves whole lines only.
The mood says how many answers of a thousand are slow, trickled or far too long; which ones, the seed decides, so
that `application.php` does the same.
"""

import json
import os
import socketserver
import sys
import threading
import time
import zlib
from http.server import BaseHTTPRequestHandler

WORKERS = 10
HUGE_BYTES = 100 * 1024 * 1024

port, journal_path, mood_path, seed = sys.argv[1:]
journal = os.open(journal_path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)


def manner(key):
    """How this try of this event is answered, and a number for how slowly."""
    with open(mood_path, encoding="utf-8") as file:
        mood = json.load(file)
    number = zlib.crc32(f"{seed} {key}".encode())
    permille = number % 1000
    for name in ("slow", "trickled", "huge"):
        permille -= mood.get(name, 0)
        if permille < 0:
            return name, number
    return "plain", number


class Events(BaseHTTPRequestHandler):
    timeout = 10  # For a request that was cut: a worker must not wait for its rest for ever.

    def do_POST(self):
        length = int(self.headers["Content-Length"] or 0)
        body = self.rfile.read(length)
        if length == 0 or len(body) < length:
            return  # Cut in the middle of its head or its body: not taken.
        event = json.loads(body)
        message, connection = event["message"], event["connection"] or {}
        event_id, attempt = self.headers["webhook-id"], int(self.headers["wsbroker-attempt"])
        how, number = manner(f"{event_id} {attempt}")
        record = {
            "at": time.monotonic_ns() // 1000,  # The clock is the same for all processes.
            "by": "python",
            "id": event_id,
            "wskey": connection.get("wskey"),
            "client": int(connection.get("client", 0)),
            "kind": message["type"],
            "n": message.get("n", 0),
            "attempt": attempt,
            "manner": how,
        }
        os.write(journal, (json.dumps(record) + "\n").encode())
        answer = []
        if message["type"] == "client-say":
            answer = [{"type": "send", "message": {"type": "taken", "n": message["n"]}}]
        self.answer(json.dumps(answer).encode(), how, number)

    def answer(self, body, how, number):
        if how == "slow":
            time.sleep(number % 3000 / 1000)
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        if how == "huge":
            # Without a length: it ends with the connection.
            self.end_headers()
            for _ in range(HUGE_BYTES // 65536):
                self.wfile.write(b"x" * 65536)
            return
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if how == "trickled":
            for byte in body:
                self.wfile.write(bytes([byte]))
                time.sleep(number % 60 / 1000)
        else:
            self.wfile.write(body)

    def log_message(self, *_):
        pass


class Server(socketserver.TCPServer):
    allow_reuse_address = True
    request_queue_size = 1024

    def work(self):
        while True:
            try:
                connection, address = self.get_request()
                try:
                    self.finish_request(connection, address)
                finally:
                    self.shutdown_request(connection)
            except OSError:
                pass  # The connection was cut.


server = Server(("127.0.0.1", int(port)), Events)
workers = [threading.Thread(target=server.work) for _ in range(WORKERS)]
for worker in workers:
    worker.start()
