#!/usr/bin/env python3
"""Writes requests.json: what Huawei's own client for Python sends to its KMS, signature and all, at a fixed time.

Needs `pip install huaweicloudsdkcore==3.1.219 huaweicloudsdkkms==3.1.219`. `make.py --check` only compares, and fails
if the file differs. The Rust implementation shares no code with that client.
"""

import datetime
import http.server
import json
import pathlib
import sys
import threading

from huaweicloudsdkcore.auth.credentials import BasicCredentials
from huaweicloudsdkcore.http.http_config import HttpConfig
from huaweicloudsdkcore.signer import signer
from huaweicloudsdkkms.v2 import (
    DecryptDataRequest,
    DecryptDataRequestBody,
    EncryptDataRequest,
    EncryptDataRequestBody,
    KmsClient,
)

OUT = pathlib.Path(__file__).with_name("requests.json")
PORT = 38299
KEY = "0d0466b0-e727-4d9c-b35d-f84bb474a37f"
SEEN = []


class FixedTime(datetime.datetime):
    @classmethod
    def utcnow(cls):
        return cls(2026, 3, 4, 5, 6, 7)


class Server(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["content-length"])).decode()
        headers = {name.lower(): value for name, value in self.headers.items()}
        signed = headers["authorization"].split("SignedHeaders=")[1].split(",")[0].split(";")
        SEEN.append(
            {
                "method": self.command,
                "path": self.path,
                "headers": {name: headers[name] for name in signed},
                "body": body,
                "authorization": headers["authorization"],
            }
        )
        answer = json.dumps({"key_id": KEY, "cipher_text": "AgDoAG", "plain_text": "AAEC"}).encode()
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *_):
        pass


def main():
    signer.datetime = FixedTime
    server = http.server.HTTPServer(("127.0.0.1", PORT), Server)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    for token in (None, "SECURITY-TOKEN"):
        credentials = BasicCredentials("ACCESSKEY", "SECRETKEY", "0123456789abcdef")
        if token:
            credentials = credentials.with_security_token(token)
        builder = KmsClient.new_builder().with_credentials(credentials)
        # Without it, every machine has a name of its own.
        builder = builder.with_http_config(HttpConfig(user_agent="made-for-tests"))
        client = builder.with_endpoints([f"http://127.0.0.1:{PORT}"]).build()
        client.encrypt_data(
            EncryptDataRequest(body=EncryptDataRequestBody(key_id=KEY, plain_text="AAECAw=="))
        )
        client.decrypt_data(
            DecryptDataRequest(body=DecryptDataRequestBody(key_id=KEY, cipher_text="AgDoAG"))
        )
    text = json.dumps({"access_key": "ACCESSKEY", "secret_key": "SECRETKEY", "requests": SEEN}, indent=1)
    if "--check" in sys.argv:
        sys.exit(OUT.read_text() != text + "\n")
    OUT.write_text(text + "\n")


main()
