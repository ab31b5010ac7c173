"""A chat with rooms, in Python, with nothing but the standard library.

    python3 chat.py 8000
    wsbroker --backend http://127.0.0.1:8000/ --backend-format json

The broker keeps the WebSocket connections and POSTs every event here: `message` (what happened) and `connection`
(whom it happened to). The answer is a list of commands. What has to be remembered about a user is written into the
connection's session, which comes back with the next event.
"""

import json
import re
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


def commands(message, me):
    """What the broker shall do about an event."""
    kind = message.get("type") if isinstance(message, dict) else None

    if kind == "session-connect":
        name = "guest-" + me["wskey"][:6]
        return [
            {"type": "session", "data": {"name": name, "room": "lobby"}},
            {"type": "send", "message": {"type": "welcome", "name": name, "room": "lobby"}},
        ]

    if kind == "client-join":
        room = message.get("room")
        # A room is matched by its name, and the name "*" would match every room.
        if not isinstance(room, str) or not re.fullmatch(r"\w{1,40}", room):
            return [{"type": "send", "message": {"type": "error", "text": "a room is a word"}}]
        return [
            {"type": "session", "data": {"room": room}},
            tell(me["room"], {"type": "left", "name": me["name"]}),
            tell(room, {"type": "joined", "name": me["name"], "room": room}),
        ]

    if kind == "client-say":
        return [tell(me["room"], {"type": "said", "name": me["name"], "text": message.get("text", "")})]

    if kind == "session-disconnect":
        return [tell(me["room"], {"type": "left", "name": me["name"]})]

    return []


def tell(room, message):
    """Everyone in a room."""
    return {"type": "send", "match": {"room": room}, "message": message}


class Events(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"  # The broker keeps its connections open.
    wbufsize = -1  # Head and body of an answer leave together.

    def do_POST(self):
        event = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        answer = json.dumps(commands(event["message"], event["connection"])).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)


if __name__ == "__main__":
    port = int(sys.argv[1]) if len(sys.argv) > 1 else 8000
    ThreadingHTTPServer(("127.0.0.1", port), Events).serve_forever()
