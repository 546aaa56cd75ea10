//! moto: a server that answers as AWS KMS and STS do, in a process of its own. `tests/setup/moto.sh` installs it;
//! `SEAL_TEST_MOTO` names its `moto_server`.
//!
//! It lets disabled keys be used, and checks signatures and permissions only when told to. What it always checks: which
//! key and which encryption context a ciphertext was made with, and whose account and region a key belongs to.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use serde_json::{Value, json};

use crate::stand_in::{Request, Response};

/// The account that keys are in unless somebody says otherwise.
pub(crate) const ACCOUNT: &str = "123456789012";

/// Ends when its standard input does, so that none is left behind when a test is killed.
const SERVER: &str = "
import sys
from moto.server import ThreadedMotoServer
server = ThreadedMotoServer(ip_address='127.0.0.1', port=0, verbose=False)
server.start()
print(server.get_host_and_port()[1], flush=True)
sys.stdin.read()
";

/// The server; it ends when this is dropped.
pub(crate) struct Moto {
    process: Child,
    address: String,
}

impl Moto {
    /// Starts a server and waits until it answers; or says why it does not.
    pub(crate) fn start() -> Result<Self, String> {
        let path =
            std::env::var_os("SEAL_TEST_MOTO").ok_or("SEAL_TEST_MOTO names no moto_server")?;
        // Its own Python stands beside it.
        let mut command = Command::new(PathBuf::from(path).with_file_name("python3"));
        command.args(["-c", SERVER]).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut process =
            command.stderr(Stdio::null()).spawn().map_err(|error| format!("moto: {error}"))?;
        let mut port = String::new();
        let stdout = process.stdout.take().unwrap();
        let _ = BufReader::new(stdout).read_line(&mut port);
        let server = Self { process, address: format!("127.0.0.1:{}", port.trim()) };
        match port.trim().parse::<u16>() {
            Ok(_) => Ok(server),
            Err(_) => Err("moto does not start".to_owned()),
        }
    }

    /// `http://127.0.0.1:PORT`
    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Asks for an operation of KMS, as nobody in particular of an account.
    pub(crate) fn kms(&self, account: &str, region: &str, operation: &str, body: &Value) -> Value {
        let headers = [
            ("authorization", signed_by_nobody(region, "kms")),
            ("content-type", "application/x-amz-json-1.1".to_owned()),
            ("x-amz-target", format!("TrentService.{operation}")),
            ("x-moto-account-id", account.to_owned()),
        ];
        let answer = self.post("/", headers, &body.to_string());
        serde_json::from_str(&answer).unwrap_or_default()
    }

    /// Asks for an operation of IAM; the answer is XML.
    pub(crate) fn iam(&self, form: &str) -> String {
        let headers = [
            ("authorization", signed_by_nobody("us-east-1", "iam")),
            ("content-type", "application/x-www-form-urlencoded".to_owned()),
        ];
        self.post("/", headers, form)
    }

    /// From now on signatures and policies are checked.
    pub(crate) fn check_permissions(&self) {
        self.post("/moto-api/reset-auth", [], "0");
    }

    fn post<const N: usize>(&self, path: &str, headers: [(&str, String); N], body: &str) -> String {
        let headers = headers.map(|(name, value)| (name.to_owned(), value));
        let response = self.forward(&Request {
            method: "POST".to_owned(),
            path: path.to_owned(),
            headers: headers.into_iter().collect(),
            body: body.as_bytes().to_vec(),
        });
        let answer = String::from_utf8(response.body).unwrap();
        assert_eq!(response.status, 200, "{answer}");
        answer
    }

    /// Makes a key, and returns its ARN.
    pub(crate) fn key(&self, account: &str, region: &str) -> String {
        let made = self.kms(account, region, "CreateKey", &json!({}));
        made["KeyMetadata"]["Arn"].as_str().unwrap().to_owned()
    }

    /// Passes a request on, as a stand-in does that only counts.
    pub(crate) fn forward(&self, request: &Request) -> Response {
        let mut stream = TcpStream::connect(&self.address).unwrap();
        let mut head = format!("{} {} HTTP/1.1\r\n", request.method, request.path);
        let is_ours = |name: &str| ["host", "connection", "content-length"].contains(&name);
        for (name, value) in request.headers.iter().filter(|(name, _)| !is_ours(name)) {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        let length = request.body.len();
        let host = &self.address;
        head.push_str(&format!(
            "host: {host}\r\nconnection: close\r\ncontent-length: {length}\r\n\r\n"
        ));
        stream.write_all(head.as_bytes()).unwrap();
        stream.write_all(&request.body).unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).unwrap();
        let end = answer.windows(4).position(|bytes| bytes == b"\r\n\r\n").unwrap();
        let head = String::from_utf8_lossy(&answer[..end]).into_owned();
        let status = head.split_whitespace().nth(1).unwrap().parse().unwrap();
        let mut response =
            Response { status, headers: Vec::new(), body: answer[end + 4..].to_vec() };
        for line in head.lines().skip(1) {
            if let Some((name, value)) = line.split_once(": ")
                && !is_ours(&name.to_ascii_lowercase())
            {
                response = response.with(name, value);
            }
        }
        response
    }
}

impl Drop for Moto {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn signed_by_nobody(region: &str, service: &str) -> String {
    let scope = format!("AKIATEST/20260101/{region}/{service}/aws4_request");
    format!("AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=host, Signature=0")
}
