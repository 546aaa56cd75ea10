#!/usr/bin/env python3
"""A proxy that ends TLS and passes what is inside to stand-ins: for programs whose servers cannot be named otherwise.

`tls_relay.py CERTIFICATE KEY HOST=PORT…` prints its port and goes on until its standard input is closed.
"""

import http.server
import socket
import ssl
import sys
import threading

CONTEXT = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
CONTEXT.load_cert_chain(sys.argv[1], sys.argv[2])
HOSTS = dict(pair.split("=") for pair in sys.argv[3:])


def pump(source, sink):
    try:
        while data := source.recv(65536):
            sink.sendall(data)
    except OSError:
        pass
    for end in (source, sink):
        try:
            end.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass


class Proxy(http.server.BaseHTTPRequestHandler):
    def do_CONNECT(self):
        port = HOSTS.get(self.path.removesuffix(":443"))
        self.send_response(200 if port else 502)
        self.end_headers()
        if not port:
            return
        self.wfile.flush()
        self.close_connection = True
        try:
            inside = CONTEXT.wrap_socket(self.connection, server_side=True)
        except (ssl.SSLError, OSError):
            return
        server = socket.create_connection(("127.0.0.1", int(port)))
        threading.Thread(target=pump, args=(server, inside), daemon=True).start()
        pump(inside, server)

    def log_message(self, *_):
        pass


proxy = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Proxy)
proxy.daemon_threads = True
threading.Thread(target=proxy.serve_forever, daemon=True).start()
print(proxy.server_port, flush=True)
sys.stdin.read()
