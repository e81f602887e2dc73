//! A small blocking client.

use std::fmt;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

use crate::{Event, Request, Response};

/// The longest answer that the client reads, in bytes. Answers may be longer than requests: a search, a capability list.
const MAX_ANSWER: u64 = 16 * 1024 * 1024;

/// A connection to an agent.
///
/// ```no_run
/// # fn main() -> Result<(), steward_ipc::ClientError> {
/// let mut client = steward_ipc::Client::connect("/run/user/1000/steward/agent.sock")?;
/// let answer = client.request(&steward_ipc::Request::new("ping", None))?;
/// assert_eq!(answer.message.as_deref(), Some("pong"));
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Client {
    reader: BufReader<UnixStream>,
}

/// Why there is no answer.
#[derive(Debug)]
pub enum ClientError {
    /// The socket could not be reached, or the connection broke.
    Io(io::Error),
    /// The agent closed the connection before it answered.
    Closed,
    /// What came is no answer of this protocol.
    Malformed(String),
}

impl Client {
    /// Connects to the socket at `path`.
    ///
    /// # Errors
    /// What the operating system said.
    pub fn connect(path: impl AsRef<Path>) -> Result<Client, ClientError> {
        Ok(Client::over(UnixStream::connect(path)?))
    }

    /// A client over a stream that is connected already.
    pub fn over(stream: UnixStream) -> Client {
        Client { reader: BufReader::new(stream) }
    }

    /// How long to wait for an answer; `None` waits for ever.
    ///
    /// # Errors
    /// What the operating system said, such as for a duration of zero.
    pub fn set_timeout(&mut self, timeout: Option<Duration>) -> Result<(), ClientError> {
        Ok(self.reader.get_ref().set_read_timeout(timeout)?)
    }

    /// Sends one request and waits for its answer.
    ///
    /// # Errors
    /// When the connection broke or the answer cannot be read.
    pub fn request(&mut self, request: &Request<'_>) -> Result<Response, ClientError> {
        let line = serde_json::to_string(request).map_err(|e| ClientError::Malformed(e.to_string()))?;
        let answer = self.request_line(&line)?;
        serde_json::from_str(&answer).map_err(|e| ClientError::Malformed(format!("{e} in `{}`", answer.trim_end())))
    }

    /// Sends one line as it is and gives the answer's line back as it is, without its newline.
    ///
    /// # Errors
    /// When the connection broke.
    pub fn request_line(&mut self, line: &str) -> Result<String, ClientError> {
        self.send_line(line)?;
        self.read_line()
    }

    /// Sends one line; the newline is added.
    ///
    /// # Errors
    /// When the connection broke.
    pub fn send_line(&mut self, line: &str) -> Result<(), ClientError> {
        let stream = self.reader.get_mut();
        stream.write_all(line.as_bytes())?;
        Ok(stream.write_all(b"\n")?)
    }

    /// The next line without its newline.
    ///
    /// # Errors
    /// When the connection broke or ended.
    pub fn read_line(&mut self) -> Result<String, ClientError> {
        let mut line = String::new();
        (&mut self.reader).take(MAX_ANSWER).read_line(&mut line)?;
        if line.pop() != Some('\n') {
            return Err(ClientError::Closed);
        }
        Ok(line)
    }

    /// The next event, after `subscribe` was answered.
    ///
    /// # Errors
    /// When the connection broke or ended, or when the line is no event.
    pub fn next_event(&mut self) -> Result<Event, ClientError> {
        let line = self.read_line()?;
        serde_json::from_str(&line).map_err(|e| ClientError::Malformed(format!("{e} in `{line}`")))
    }
}

impl From<io::Error> for ClientError {
    fn from(error: io::Error) -> ClientError {
        ClientError::Io(error)
    }
}

impl fmt::Display for ClientError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ClientError::Io(e) => write!(f, "the agent cannot be reached: {e}"),
            ClientError::Closed => f.write_str("the agent closed the connection before it answered"),
            ClientError::Malformed(e) => write!(f, "the answer cannot be read: {e}"),
        }
    }
}

impl std::error::Error for ClientError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            ClientError::Io(e) => Some(e),
            _ => None,
        }
    }
}
