//! A connection that reads at most what its commands allow. Memory is bounded, whatever the server
//! sends.

use std::io::{Error, IoSlice, Result};
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

pub(super) trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

/// How much may still be read. Clones share it.
#[derive(Clone, Default)]
pub(super) struct Allowance(Arc<Mutex<Left>>);

#[derive(Default)]
struct Left {
    commands: u32,
    bytes: usize,
}

/// A command in progress.
pub(super) struct Granted(Allowance);

impl Allowance {
    /// Allows one response, until the command has ended.
    pub(super) fn grant(&self) -> Granted {
        let mut left = self.left();
        if left.commands == 0 {
            left.bytes = 0;
        }
        left.commands = left.commands.saturating_add(1);
        left.bytes = left.bytes.saturating_add(MAX_RESPONSE);
        Granted(self.clone())
    }

    fn left(&self) -> MutexGuard<'_, Left> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Granted {
    fn drop(&mut self) {
        let mut left = self.0.left();
        left.commands = left.commands.saturating_sub(1);
    }
}

pub(super) struct Bounded {
    stream: Box<dyn Stream>,
    allowance: Allowance,
}

impl Bounded {
    pub(super) fn new(stream: Box<dyn Stream>, allowance: Allowance) -> Self {
        Self { stream, allowance }
    }
}

impl AsyncRead for Bounded {
    fn poll_read(mut self: Pin<&mut Self>, context: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<Result<()>> {
        let before = buffer.filled().len();
        let poll = Pin::new(&mut self.stream).poll_read(context, buffer);
        let read = buffer.filled().len().saturating_sub(before);
        let mut left = self.allowance.left();
        match left.bytes.checked_sub(read) {
            Some(bytes) => left.bytes = bytes,
            None => return Poll::Ready(Err(Error::other("the server sent more than was requested"))),
        }
        poll
    }
}

impl AsyncWrite for Bounded {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(context, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}

/// A value, and the overhead of the protocol.
const MAX_RESPONSE: usize = 80 * 1024;
