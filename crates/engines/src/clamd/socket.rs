//! Where clamd listens, and a connection to it: bytes out, one answer that ends with a NUL in.

use std::io;
use std::path::PathBuf;
use std::str::FromStr;

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::{TcpStream, UnixStream};

/// `unix:/run/clamav/clamd.ctl` or `tcp:localhost:3310`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Address {
    Unix(PathBuf),
    Tcp(String),
}

impl FromStr for Address {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if let Some(path) = text.strip_prefix("unix:")
            && !path.is_empty()
        {
            return Ok(Self::Unix(path.into()));
        }
        if let Some(host) = text.strip_prefix("tcp:")
            && let Some((name, port)) = host.rsplit_once(':')
            && !name.is_empty()
            && port.parse::<u16>().is_ok()
        {
            return Ok(Self::Tcp(host.to_owned()));
        }
        Err(format!("`{text}` is neither `unix:PATH` nor `tcp:HOST:PORT`"))
    }
}

impl Address {
    /// Connects. How long that may take is the caller's to bound.
    pub(super) async fn connect(&self) -> io::Result<Connection> {
        Ok(match self {
            Self::Unix(path) => {
                let (reading, writing) = UnixStream::connect(path).await?.into_split();
                Connection { reading: Reading(Box::new(reading)), writing: Writing(Box::new(writing)) }
            }
            Self::Tcp(host) => {
                let (reading, writing) = TcpStream::connect(host).await?.into_split();
                Connection { reading: Reading(Box::new(reading)), writing: Writing(Box::new(writing)) }
            }
        })
    }
}

/// A connection for one question.
pub(super) struct Connection {
    reading: Reading,
    writing: Writing,
}

impl Connection {
    pub(super) fn split(self) -> (Reading, Writing) {
        (self.reading, self.writing)
    }

    pub(super) async fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.writing.send(bytes).await
    }

    pub(super) async fn receive(&mut self, limit: usize) -> io::Result<String> {
        self.reading.receive(limit).await
    }
}

/// The half that listens.
pub(super) struct Reading(Box<dyn AsyncRead + Send + Unpin>);

impl Reading {
    /// The answer up to its NUL or the end of the connection, at most `limit` bytes.
    pub(super) async fn receive(&mut self, limit: usize) -> io::Result<String> {
        let mut answer = Vec::new();
        let mut piece = [0; 1024];
        while answer.len() < limit {
            let length = self.0.read(&mut piece).await?;
            let piece = &piece[..length];
            let end = piece.iter().position(|byte| *byte == 0);
            answer.extend_from_slice(&piece[..end.unwrap_or(length)]);
            if length == 0 || end.is_some() {
                break;
            }
        }
        Ok(String::from_utf8_lossy(&answer).trim().to_owned())
    }
}

/// The half that speaks.
pub(super) struct Writing(Box<dyn AsyncWrite + Send + Unpin>);

impl Writing {
    pub(super) async fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.0.write_all(bytes).await
    }
}
