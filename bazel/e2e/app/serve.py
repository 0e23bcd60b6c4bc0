#!/usr/bin/env python3
"""Pages for usecases: / says what is in MOTD_FILE, /echo what it is sent, /crash ends the server."""

import http.server
import os
import signal
import sys


def motd():
    if "MOTD_FILE" not in os.environ:
        return "nothing new"
    with open(os.environ["MOTD_FILE"]) as file:
        return file.read().strip()


class Pages(http.server.BaseHTTPRequestHandler):
    def answer(self, status, text, headers=()):
        body = text.encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        for name, value in headers:
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self):
        if self.path == "/crash":
            os._exit(3)
        if self.path == "/":
            self.answer(200, motd())
        else:
            self.answer(404, "no page")

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        if self.path == "/echo":
            self.answer(200, body)
        else:
            self.answer(302, "", [("Location", "/")])

    def log_message(self, format, *arguments):
        print("served", self.command, self.path, flush=True)


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
    http.server.ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Pages).serve_forever()
