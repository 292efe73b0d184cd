//! Closing a connection so that the last answer arrives. A socket that is closed while the client still sends is reset,
//! and the reset overtakes the answer: the client sees a broken connection in place of "431, too many headers". So the
//! sending side is shut first, and what still comes is read and thrown away, bounded in bytes and time.

use std::future::{Ready, ready};
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use axum_server::accept::Accept;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::Sleep;

/// What is read of a connection that is being closed.
const BYTES: usize = 1 << 20;
/// And for how long.
const TIME: Duration = Duration::from_millis(500);

/// Makes connections say farewell.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Farewell;

impl<S> Accept<TcpStream, S> for Farewell {
    type Stream = Connection;
    type Service = S;
    type Future = Ready<io::Result<(Connection, S)>>;

    fn accept(&self, stream: TcpStream, service: S) -> Self::Future {
        // Answers are small and whole: waiting for more to send would only delay them.
        ready(stream.set_nodelay(true).map(|()| (Connection { stream, leaving: None }, service)))
    }
}

/// A connection that closes politely.
pub(crate) struct Connection {
    stream: TcpStream,
    /// Set when the sending side is shut: until when, and how many bytes, are still read.
    leaving: Option<(Pin<Box<Sleep>>, usize)>,
}

impl AsyncRead for Connection {
    fn poll_read(mut self: Pin<&mut Self>, context: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, into)
    }
}

impl AsyncWrite for Connection {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = &mut *self;
        if this.leaving.is_none() {
            ready!(Pin::new(&mut this.stream).poll_shutdown(context))?;
        }
        let (deadline, left) = this.leaving.get_or_insert_with(|| (Box::pin(tokio::time::sleep(TIME)), BYTES));
        let mut thrown_away = [0; 4096];
        loop {
            let mut into = ReadBuf::new(&mut thrown_away);
            match Pin::new(&mut this.stream).poll_read(context, &mut into) {
                Poll::Ready(Ok(())) if !into.filled().is_empty() && *left > 0 => {
                    *left = left.saturating_sub(into.filled().len());
                }
                Poll::Ready(_) => return Poll::Ready(Ok(())),
                Poll::Pending => return deadline.as_mut().poll(context).map(Ok),
            }
        }
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        pieces: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(context, pieces)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}
