//! A server on the loopback that answers as a test says, counts what it is asked, and can be told to fail.

use std::collections::BTreeMap;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::TcpListener;
use std::sync::{Arc, Condvar, Mutex};
use std::thread;
use std::time::Duration;

/// A request as it arrived.
#[derive(Clone, Debug)]
pub(crate) struct Request {
    pub(crate) method: String,
    /// With the query, if there is one.
    pub(crate) path: String,
    /// Names in lower case.
    pub(crate) headers: BTreeMap<String, String>,
    pub(crate) body: Vec<u8>,
}

impl Request {
    /// A header; empty where there is none.
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", String::as_str)
    }

    /// The body, as JSON; null where it is none.
    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }
}

/// What is answered.
#[derive(Clone, Debug)]
pub(crate) struct Response {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Response {
    pub(crate) fn json(status: u16, body: &serde_json::Value) -> Self {
        Self::text(status, &body.to_string()).with("content-type", "application/json")
    }

    pub(crate) fn text(status: u16, body: &str) -> Self {
        Self { status, headers: Vec::new(), body: body.as_bytes().to_vec() }
    }

    pub(crate) fn with(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }
}

/// How the server misbehaves.
#[derive(Clone, Debug)]
pub(crate) enum Fault {
    /// The next so many requests get this answer.
    Answers(usize, Response),
    /// Every request gets this answer.
    Always(Response),
    /// No request gets any answer.
    Hangs,
    /// Every answer takes this long.
    Slow(Duration),
}

type Handler = dyn Fn(&Request) -> Response + Send + Sync;

struct Shared {
    handler: Box<Handler>,
    fault: Mutex<Option<Fault>>,
    requests: Mutex<Vec<Request>>,
    arrived: Condvar,
}

/// The server; it goes on until the test's process ends.
#[derive(Clone)]
pub(crate) struct StandIn {
    address: String,
    shared: Arc<Shared>,
}

impl StandIn {
    /// Starts a server that answers by `handler`, which may be called by several threads.
    pub(crate) fn start(handler: impl Fn(&Request) -> Response + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let shared = Arc::new(Shared {
            handler: Box::new(handler),
            fault: Mutex::default(),
            requests: Mutex::default(),
            arrived: Condvar::new(),
        });
        let accepting = Arc::clone(&shared);
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let shared = Arc::clone(&accepting);
                thread::spawn(move || serve(stream, &shared));
            }
        });
        Self { address, shared }
    }

    /// Answers what comes over another connection, such as one with TLS around it, until that ends.
    pub(crate) fn serve(&self, stream: impl Read + Write) {
        serve(stream, &self.shared);
    }

    /// What it answers to a request that does not arrive over the network, faults aside.
    pub(crate) fn answer(&self, request: &Request) -> Response {
        (self.shared.handler)(request)
    }

    /// `http://127.0.0.1:PORT`
    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// From now on it misbehaves so.
    pub(crate) fn inject(&self, fault: Fault) {
        *self.shared.fault.lock().unwrap() = Some(fault);
    }

    /// What arrived so far.
    pub(crate) fn requests(&self) -> Vec<Request> {
        self.shared.requests.lock().unwrap().clone()
    }

    /// How many requests arrived so far whose path contains this.
    pub(crate) fn count(&self, path: &str) -> usize {
        self.requests().iter().filter(|request| request.path.contains(path)).count()
    }

    /// Waits until a request has arrived, at most ten seconds.
    pub(crate) fn wait_for_a_request(&self) {
        let requests = self.shared.requests.lock().unwrap();
        let limit = Duration::from_secs(10);
        let waited = self.shared.arrived.wait_timeout_while(requests, limit, |r| r.is_empty());
        assert!(!waited.unwrap().1.timed_out(), "no request arrived");
    }
}

fn serve(stream: impl Read + Write, shared: &Shared) {
    let mut reader = BufReader::new(stream);
    while let Ok(Some(request)) = read(&mut reader) {
        shared.requests.lock().unwrap().push(request.clone());
        shared.arrived.notify_all();
        let answer = answer(&request, shared);
        let Some(response) = answer else {
            // Until the client gives up.
            let _ = reader.read(&mut [0]);
            return;
        };
        if write(reader.get_mut(), &response).is_err() {
            return;
        }
    }
}

/// `None` for no answer at all.
fn answer(request: &Request, shared: &Shared) -> Option<Response> {
    let mut fault = shared.fault.lock().unwrap();
    match fault.take() {
        Some(Fault::Answers(left, response)) if left > 0 => {
            *fault = Some(Fault::Answers(left - 1, response.clone()));
            return Some(response);
        }
        Some(Fault::Always(response)) => {
            *fault = Some(Fault::Always(response.clone()));
            return Some(response);
        }
        Some(Fault::Hangs) => {
            *fault = Some(Fault::Hangs);
            return None;
        }
        Some(Fault::Slow(time)) => {
            *fault = Some(Fault::Slow(time));
            drop(fault);
            thread::sleep(time);
        }
        Some(Fault::Answers(..)) | None => drop(fault),
    }
    Some((shared.handler)(request))
}

fn read(reader: &mut impl BufRead) -> io::Result<Option<Request>> {
    let mut line = String::new();
    if reader.read_line(&mut line)? == 0 {
        return Ok(None);
    }
    let mut words = line.split_whitespace().map(str::to_owned);
    let (method, path) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    let mut headers = BTreeMap::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line)?;
        match line.trim_end().split_once(':') {
            Some((name, value)) => {
                headers.insert(name.to_ascii_lowercase(), value.trim().to_owned());
            }
            None => break,
        }
    }
    let length = headers.get("content-length").and_then(|length| length.parse().ok()).unwrap_or(0);
    let mut body = vec![0; length];
    reader.read_exact(&mut body)?;
    Ok(Some(Request { method, path, headers, body }))
}

fn write(writer: &mut impl Write, response: &Response) -> io::Result<()> {
    let mut head =
        format!("HTTP/1.1 {} -\r\ncontent-length: {}\r\n", response.status, response.body.len());
    for (name, value) in &response.headers {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    head.push_str("\r\n");
    // In one piece: a second one would wait for the client to acknowledge the first, 40 ms later.
    writer.write_all(&[head.as_bytes(), &response.body].concat())?;
    writer.flush()
}
