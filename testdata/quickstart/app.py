"""A notebook: pages that can be read and added. Its state is a database in the working directory."""

import sqlite3
import sys
from html import escape
from http.server import BaseHTTPRequestHandler, HTTPServer
from urllib.parse import parse_qs

db = sqlite3.connect("pages.db")
db.execute("create table if not exists pages (text)")


class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        if self.path == "/":
            rows = db.execute("select text from pages order by rowid")
            items = "".join(f"<li>{escape(text)}</li>" for (text,) in rows)
            self.answer(200, f"<h1>Pages</h1><ul>{items}</ul>\n")
        elif self.path == "/new":
            self.answer(200, '<form method="post"><input name="text"></form>\n')
        else:
            self.answer(404, "no such page\n")

    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        text = parse_qs(body.decode()).get("text", [""])[0]
        db.execute("insert into pages values (?)", [text])
        db.commit()
        self.answer(302, "", ("Location", "/"))

    def answer(self, status, body, *headers):
        self.send_response(status)
        for header in headers:
            self.send_header(*header)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.send_header("Content-Length", str(len(body.encode())))
        self.end_headers()
        self.wfile.write(body.encode())


HTTPServer(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
