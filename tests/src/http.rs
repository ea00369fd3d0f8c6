//! A small HTTP/1.1 client that shows what really came over the wire: whether the body ended as its
//! framing promised, when each event arrived, what a connection is still good for.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::time::Duration;

use serde_json::Value;

use crate::event::Event;
use crate::live::Live;

/// How long a read may take before the test gives up.
const PATIENCE: Duration = Duration::from_secs(20);

/// A request to be sent.
#[derive(Clone, Debug)]
pub struct Call {
    method: String,
    target: String,
    headers: Vec<(String, String)>,
    body: Option<Vec<u8>>,
}

impl Call {
    /// A request without a body.
    pub fn new(method: &str, target: &str) -> Call {
        Call {
            method: method.into(),
            target: target.into(),
            headers: Vec::new(),
            body: None,
        }
    }

    /// A GET.
    pub fn get(target: &str) -> Call {
        Call::new("GET", target)
    }

    /// A POST of a JSON text.
    pub fn post(target: &str, body: impl Into<Vec<u8>>) -> Call {
        Call::new("POST", target)
            .header("content-type", "application/json")
            .body(body)
    }

    /// A chat call.
    pub fn chat(body: impl Into<Vec<u8>>) -> Call {
        Call::post("/v1/chat/completions", body)
    }

    /// The same call with one more header.
    pub fn header(mut self, name: &str, value: &str) -> Call {
        self.headers.push((name.into(), value.into()));
        self
    }

    /// The same call with this body.
    pub fn body(mut self, body: impl Into<Vec<u8>>) -> Call {
        self.body = Some(body.into());
        self
    }

    /// The same call with this token as `Authorization: Bearer`.
    pub fn bearer(self, token: &str) -> Call {
        self.header("authorization", &format!("Bearer {token}"))
    }

    /// The method.
    pub fn method(&self) -> &str {
        &self.method
    }

    /// The bytes of the request line, the headers and the body.
    pub fn bytes(&self, host: SocketAddr) -> Vec<u8> {
        let mut out = format!(
            "{} {} HTTP/1.1\r\nhost: {host}\r\n",
            self.method, self.target
        )
        .into_bytes();
        for (name, value) in &self.headers {
            out.extend_from_slice(format!("{name}: {value}\r\n").as_bytes());
        }
        let framed = self
            .headers
            .iter()
            .any(|(name, _)| name == "transfer-encoding" || name == "content-length");
        if let (Some(body), false) = (&self.body, framed) {
            out.extend_from_slice(format!("content-length: {}\r\n", body.len()).as_bytes());
        }
        out.extend_from_slice(b"\r\n");
        out.extend_from_slice(self.body.as_deref().unwrap_or_default());
        out
    }

    /// Sends it over a connection of its own and reads the whole answer.
    pub fn send(&self, to: SocketAddr) -> Answer {
        self.try_send(to)
            .unwrap_or_else(|error| panic!("{} {}: {error}", self.method, self.target))
    }

    /// Like [`Call::send`], for peers that may not answer at all.
    pub fn try_send(&self, to: SocketAddr) -> std::io::Result<Answer> {
        let mut connection = Connection::open(to)?;
        connection.write(&self.bytes(to))?;
        connection.answer(self.method == "HEAD")
    }

    /// Sends it over a connection of its own and reads no further than the head of the answer.
    pub fn open(&self, to: SocketAddr) -> Live {
        let mut connection = Connection::open(to).expect("the peer accepts");
        connection.write(&self.bytes(to)).expect("the peer reads");
        connection.live().expect("the peer answers")
    }
}

/// Status and headers.
#[derive(Clone, Debug)]
pub struct Head {
    /// The status code.
    pub status: u16,
    /// Names in lower case, in order of arrival.
    pub headers: Vec<(String, String)>,
}

impl Head {
    /// The header's value; fails when it came more than once.
    pub fn header(&self, name: &str) -> Option<&str> {
        let mut values = self
            .headers
            .iter()
            .filter(|(known, _)| known == name)
            .map(|(_, value)| value.as_str());
        let value = values.next();
        assert!(
            values.next().is_none(),
            "{name} came more than once: {:?}",
            self.headers
        );
        value
    }

    fn framing(&self) -> Framing {
        if self
            .header("transfer-encoding")
            .is_some_and(|value| value.eq_ignore_ascii_case("chunked"))
        {
            return Framing::Chunked;
        }
        match self
            .header("content-length")
            .and_then(|value| value.parse().ok())
        {
            Some(length) => Framing::Length(length),
            None if matches!(self.status, 204 | 304) => Framing::Length(0),
            None => Framing::ToEnd,
        }
    }
}

/// How long a body says it is.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Framing {
    Length(usize),
    Chunked,
    ToEnd,
}

/// How a body ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// As its framing said it would.
    Whole,
    /// The peer closed or reset before.
    Cut,
}

/// A whole answer.
#[derive(Clone, Debug)]
pub struct Answer {
    /// Status and headers.
    pub head: Head,
    /// What came of the body.
    pub body: Vec<u8>,
    /// Whether that is all of it.
    pub end: End,
}

impl Answer {
    /// The status code.
    pub fn status(&self) -> u16 {
        self.head.status
    }

    /// A header's value.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.head.header(name)
    }

    /// The body as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The body as JSON; fails when it is none.
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body)
            .unwrap_or_else(|error| panic!("{error}: {:?}", self.text()))
    }

    /// The error object's type and code; fails when the body is not an error envelope.
    pub fn error(&self) -> (String, String) {
        let body = self.json();
        let text = |name: &str| match body["error"][name].as_str() {
            Some(text) if !text.is_empty() => text.to_owned(),
            _ => panic!("error.{name} is not a text: {body}"),
        };
        text("message");
        assert_eq!(
            self.header("content-type"),
            Some("application/json"),
            "{body}"
        );
        (text("type"), text("code"))
    }

    /// The events of an event stream.
    pub fn events(&self) -> Vec<Event> {
        Event::all(&self.body)
    }
}

/// A connection that lives for more than one request.
pub struct Connection(BufReader<TcpStream>);

impl Connection {
    /// Connects.
    pub fn open(to: SocketAddr) -> std::io::Result<Connection> {
        let stream = TcpStream::connect_timeout(&to, PATIENCE)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.set_write_timeout(Some(PATIENCE))?;
        stream.set_nodelay(true)?;
        Ok(Connection(BufReader::new(stream)))
    }

    /// Sends bytes as they are.
    pub fn write(&mut self, bytes: &[u8]) -> std::io::Result<()> {
        self.0.get_mut().write_all(bytes)
    }

    /// Tells the peer that nothing more will be sent.
    pub fn finish_writing(&mut self) -> std::io::Result<()> {
        self.0.get_mut().shutdown(Shutdown::Write)
    }

    /// Reads a whole answer.
    pub fn answer(&mut self, to_head: bool) -> std::io::Result<Answer> {
        let head = self.head()?;
        let framing = if to_head {
            Framing::Length(0)
        } else {
            head.framing()
        };
        let mut body = Vec::new();
        let end = read_body(&mut self.0, framing, &mut body);
        Ok(Answer { head, body, end })
    }

    /// Reads the head of an answer and keeps the rest for later.
    pub fn live(mut self) -> std::io::Result<Live> {
        let head = self.head()?;
        let framing = head.framing();
        Ok(Live::new(head, framing, self.0))
    }

    /// Reads whatever comes until the peer closes.
    pub fn drain(&mut self) -> Vec<u8> {
        let mut all = Vec::new();
        // What came before a reset is what counts.
        let _ = self.0.read_to_end(&mut all);
        all
    }

    fn head(&mut self) -> std::io::Result<Head> {
        loop {
            let head = read_head(&mut self.0)?;
            if !(100..200).contains(&head.status) || head.status == 101 {
                return Ok(head);
            }
        }
    }
}

fn bad(what: String) -> std::io::Error {
    std::io::Error::new(std::io::ErrorKind::InvalidData, what)
}

fn read_line(from: &mut impl BufRead) -> std::io::Result<String> {
    let mut line = Vec::new();
    if from.read_until(b'\n', &mut line)? == 0 {
        return Err(std::io::ErrorKind::UnexpectedEof.into());
    }
    String::from_utf8(line)
        .map(|line| line.trim_end().to_owned())
        .map_err(|error| bad(error.to_string()))
}

fn read_head(from: &mut impl BufRead) -> std::io::Result<Head> {
    let line = read_line(from)?;
    let status = line
        .strip_prefix("HTTP/1.1 ")
        .or_else(|| line.strip_prefix("HTTP/1.0 "))
        .and_then(|rest| rest.get(..3)?.parse().ok())
        .ok_or_else(|| bad(format!("not a status line: {line:?}")))?;
    let mut headers = Vec::new();
    loop {
        let line = read_line(from)?;
        if line.is_empty() {
            return Ok(Head { status, headers });
        }
        let (name, value) = line
            .split_once(':')
            .ok_or_else(|| bad(format!("not a header: {line:?}")))?;
        headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
    }
}

fn read_body(from: &mut impl BufRead, framing: Framing, into: &mut Vec<u8>) -> End {
    match framing {
        Framing::Length(length) => {
            let read = from.take(length as u64).read_to_end(into);
            if read.is_ok_and(|read| read == length) {
                End::Whole
            } else {
                End::Cut
            }
        }
        Framing::ToEnd => {
            if from.read_to_end(into).is_ok() {
                End::Whole
            } else {
                End::Cut
            }
        }
        Framing::Chunked => loop {
            match read_chunk(from, into) {
                Ok(true) => {}
                Ok(false) => return End::Whole,
                Err(_) => return End::Cut,
            }
        },
    }
}

/// One chunk; false when it was the last.
pub(crate) fn read_chunk(from: &mut impl BufRead, into: &mut Vec<u8>) -> std::io::Result<bool> {
    let line = read_line(from)?;
    let digits = line.split(';').next().unwrap_or_default();
    let length =
        usize::from_str_radix(digits, 16).map_err(|error| bad(format!("{line:?}: {error}")))?;
    let start = into.len();
    into.resize(start + length, 0);
    from.read_exact(&mut into[start..])?;
    // The line end after the data; after the last chunk, the blank line that stands for no trailers.
    while !read_line(from)?.is_empty() {}
    Ok(length > 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> (Head, Vec<u8>, End) {
        let mut from = BufReader::new(text.as_bytes());
        let head = read_head(&mut from).unwrap();
        let mut body = Vec::new();
        let end = read_body(&mut from, head.framing(), &mut body);
        (head, body, end)
    }

    #[test]
    fn a_body_is_read_as_its_framing_says() {
        for (text, body, end) in [
            (
                "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nabc",
                "ab",
                End::Whole,
            ),
            (
                "HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nabc",
                "abc",
                End::Cut,
            ),
            (
                "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nab\r\n1\r\nc\r\n0\r\n\r\n",
                "abc",
                End::Whole,
            ),
            (
                "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nab\r\n",
                "ab",
                End::Cut,
            ),
            ("HTTP/1.1 200 OK\r\n\r\nabc", "abc", End::Whole),
            ("HTTP/1.1 204 No Content\r\n\r\n", "", End::Whole),
        ] {
            let (_, read, how) = read(text);
            assert_eq!((read.as_slice(), how), (body.as_bytes(), end), "{text:?}");
        }
    }

    #[test]
    fn a_call_states_its_length_unless_told_how_to_frame() {
        let host = "127.0.0.1:80".parse().unwrap();
        let plain = String::from_utf8(Call::post("/x", "{}").bytes(host)).unwrap();
        assert!(plain.ends_with("content-length: 2\r\n\r\n{}"), "{plain}");
        let own = Call::post("/x", "{}")
            .header("transfer-encoding", "chunked")
            .bytes(host);
        assert!(!String::from_utf8(own).unwrap().contains("content-length"));
    }
}
