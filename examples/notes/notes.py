"""Stores notes in Postgres and lists them. No packages: psql talks to the server."""

import html
import json
import os
import subprocess
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs

PAGE = """<!doctype html>
<title>Notes</title>
<form method="post" action="/"><input name="text" autofocus><button>Add</button></form>
<ul>{items}</ul>
"""


def query(sql, **values):
    """Runs one statement; `:'name'` in it is the value of that name, quoted. Returns lines."""
    # The password stays out of the command line: programs of Postgres read it from PGPASSWORD.
    env = dict(
        os.environ,
        PGHOST=os.environ["MOAT_POSTGRES_HOST"],
        PGPORT=os.environ["MOAT_POSTGRES_PORT"],
        PGUSER=os.environ["MOAT_POSTGRES_USER"],
        PGPASSWORD=os.environ["MOAT_POSTGRES_PASSWORD"],
        PGDATABASE=os.environ["MOAT_POSTGRES_DB"],
    )
    variables = [f"--set={name}={value}" for name, value in values.items()]
    done = subprocess.run(
        ["psql", "-qtAX", "-v", "ON_ERROR_STOP=1", *variables],
        input=sql, env=env, capture_output=True, text=True, check=False,
    )
    if done.returncode != 0:
        raise RuntimeError(done.stderr.strip())
    return done.stdout.splitlines()


def notes():
    return [json.loads(line) for line in query("select to_json(body) from notes order by id")]


class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        if self.path == "/notes":
            return self.answer(200, "application/json", json.dumps(notes()))
        if self.path != "/":
            return self.answer(404, "text/plain", "There is no such page\n")
        items = "".join(f"<li>{html.escape(text)}</li>" for text in notes())
        return self.answer(200, "text/html; charset=utf-8", PAGE.format(items=items))

    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0))).decode()
        text = parse_qs(body).get("text", [""])[0].strip()
        if text:
            query("insert into notes (body) values (:'text')", text=text)
        self.send_response(303)
        self.send_header("Location", "/")
        self.send_header("Content-Length", "0")
        self.end_headers()

    def answer(self, status, kind, body):
        data = body.encode()
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)


query("create table if not exists notes (id serial primary key, body text not null)")
print("Notes are served on port 8080", flush=True)
ThreadingHTTPServer(("0.0.0.0", 8080), Handler).serve_forever()
