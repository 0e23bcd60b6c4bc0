"""Notes behind a login: a Flask app with a session, forms, uploads and an SQLite database in the working directory."""

import sqlite3

from flask import Flask, abort, g, jsonify, redirect, request, session

app = Flask(__name__)
app.secret_key = "for tests only"


def db():
    if "db" not in g:
        g.db = sqlite3.connect("notes.db")
        g.db.execute("create table if not exists notes (id integer primary key, owner text, text text)")
    return g.db


@app.get("/")
def index():
    return "notes\n"


@app.post("/login")
def login():
    session["user"] = request.form["user"]
    return redirect("/notes")


@app.get("/notes")
def notes():
    user = session.get("user") or abort(401)
    rows = db().execute("select id, text from notes where owner = ? order by id", [user])
    return jsonify(user=user, notes=[{"id": id, "text": text} for id, text in rows])


@app.post("/notes")
def add():
    user = session.get("user") or abort(401)
    text = request.files["file"].read().decode() if request.files else request.get_json()["text"]
    cursor = db().execute("insert into notes (owner, text) values (?, ?)", [user, text])
    db().commit()
    return {"id": cursor.lastrowid}, 201, {"Location": f"/notes/{cursor.lastrowid}"}


@app.delete("/notes/<int:id>")
def delete(id):
    db().execute("delete from notes where id = ?", [id])
    db().commit()
    return "", 204
