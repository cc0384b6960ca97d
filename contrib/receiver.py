#!/usr/bin/env python3
"""A small webhook receiver: prints one line for each JSON alert that is posted to it, and for each
heartbeat.

    python3 contrib/receiver.py [FILE]

Listens on 127.0.0.1, on a port that the system picks; its URL is printed, or put into
FILE where one is named. Needs nothing beyond the standard library.
"""
import datetime
import http.server
import json
import os
import signal
import sys

BODY_MOST = 1 << 20


def describe(body):
    """One readable line of the default JSON body, whatever came."""
    try:
        event = json.loads(body)
        words = [str(event[key]) for key in ("event", "job", "text")]
    except (ValueError, KeyError, TypeError):
        words = ["not the default body:", repr(body[:200])]
    return " ".join(word.replace("\n", " ") for word in words)


class Receiver(http.server.BaseHTTPRequestHandler):
    """Answers everything with 204."""

    def do_POST(self):  # noqa: N802 (the name is the library's)
        try:
            length = int(self.headers.get("Content-Length", "0"))
        except ValueError:
            length = -1
        if not 0 <= length <= BODY_MOST:
            self.send_error(413)
            return
        self.taken(describe(self.rfile.read(length)))

    def do_GET(self):  # noqa: N802
        self.taken("asked for " + self.path)

    def taken(self, words):
        """One write for each line: several posts may come at once."""
        now = datetime.datetime.now().strftime("%H:%M:%S")
        sys.stdout.write("webhook %s %s\n" % (now, words))
        sys.stdout.flush()
        self.send_response(204)
        self.end_headers()

    def log_message(self, format, *args):  # noqa: A002
        """The line that do_POST prints is enough."""


def main():
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Receiver)
    url = "http://127.0.0.1:%d/" % server.server_port
    if len(sys.argv) > 1:
        with open(sys.argv[1] + ".new", "w", encoding="ascii") as out:
            out.write(url + "\n")
        os.rename(sys.argv[1] + ".new", sys.argv[1])
    else:
        print("listening on", url, flush=True)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    try:
        server.serve_forever()
    except KeyboardInterrupt:
        pass


if __name__ == "__main__":
    main()
