#!/usr/bin/env python3
"""A plugin of age that hides nothing: the file key stands in the stanza, turned around. It notes each start beside
itself, and asks for a PIN before it opens."""
import base64
import os
import sys


def read():
    """One stanza: its words and its body."""
    words = sys.stdin.readline().rstrip("\n").split(" ")[1:]
    body = ""
    while True:
        line = sys.stdin.readline().rstrip("\n")
        body += line
        if len(line) < 64:
            return words, base64.b64decode(body + "=" * (-len(body) % 4))


def send(*words, body=b""):
    text = base64.b64encode(body).decode().rstrip("=")
    lines = [text[i:i + 64] for i in range(0, len(text), 64)] or [""]
    if len(lines[-1]) == 64:
        lines.append("")
    print("->", *words)
    print("\n".join(lines), flush=True)


def ask(*words, body=b""):
    send(*words, body=body)
    return read()


machine = sys.argv[1].removeprefix("--age-plugin=")
with open(os.path.join(os.path.dirname(os.path.realpath(__file__)), "started"), "a") as started:
    started.write(machine + "\n")

received = []
while True:
    words, body = read()
    if words[0] == "done":
        break
    received.append((words, body))

if machine == "recipient-v1":
    file_key = next(body for words, body in received if words[0] == "wrap-file-key")
    ask("msg", body=b"touch the mirror")
    ask("recipient-stanza", "0", "mirror", body=file_key[::-1])
else:
    for words, body in received:
        if words[0] == "recipient-stanza" and words[2] == "mirror":
            answer, pin = ask("request-secret", body=b"PIN of the mirror?")
            if answer[0] != "ok":
                ask("error", "identity", "0", body=b"the mirror\nneeds a PIN")
            elif ask("file-key", "0", body=body[::-1])[0][0] != "ok":
                sys.exit("not taken")
send("done")
