//! What a connection is doing: whether it may be ended to make room for another.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::task::{Context, Poll};

use axum::body::{Body, Bytes};
use axum::response::Response;
use http_body::{Frame, SizeHint};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// What a connection is doing.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum State {
    /// A request is being answered, or its answer is still being sent.
    Busy,
    /// A part of a request has arrived; so many were answered before.
    Reading(u64),
    /// Nothing has arrived since so many requests were answered.
    Waiting(u64),
}

/// Observes one connection. Clones observe the same one.
#[derive(Clone, Debug, Default)]
pub(super) struct Activity(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    /// Requests whose answer is not complete.
    answering: AtomicU64,
    answered: AtomicU64,
    has_read: AtomicBool,
    is_writing: AtomicBool,
}

impl Activity {
    pub(super) fn state(&self) -> State {
        let Inner { answering, answered, has_read, is_writing } = &*self.0;
        let answered = answered.load(Ordering::Relaxed);
        if answering.load(Ordering::Relaxed) > 0 || is_writing.load(Ordering::Relaxed) {
            State::Busy
        } else if has_read.load(Ordering::Relaxed) {
            State::Reading(answered)
        } else {
            State::Waiting(answered)
        }
    }

    /// Observes `answer`, and the body of its response until that is sent or given up.
    pub(super) async fn during<E>(
        self,
        answer: impl Future<Output = Result<Response, E>>,
    ) -> Result<Response, E> {
        self.0.has_read.store(false, Ordering::Relaxed);
        let answering = Answering::new(self);
        Ok(answer.await?.map(|body| Body::new(ObservedBody { body, _answering: answering })))
    }

    /// Observes what is read from and written to `stream`.
    pub(super) fn observe<S>(&self, stream: S) -> ObservedStream<S> {
        ObservedStream { stream, activity: self.clone() }
    }
}

/// A request whose answer is not complete until this is dropped.
#[derive(Debug)]
struct Answering(Activity);

impl Answering {
    fn new(activity: Activity) -> Self {
        activity.0.answering.fetch_add(1, Ordering::Relaxed);
        Self(activity)
    }
}

impl Drop for Answering {
    fn drop(&mut self) {
        let inner = &self.0.0;
        inner.answered.fetch_add(1, Ordering::Relaxed);
        inner.answering.fetch_sub(1, Ordering::Relaxed);
    }
}

/// The body of a response.
struct ObservedBody {
    body: Body,
    _answering: Answering,
}

impl http_body::Body for ObservedBody {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// The socket of a connection.
pub(super) struct ObservedStream<S> {
    stream: S,
    activity: Activity,
}

impl<S: AsyncRead + Unpin> AsyncRead for ObservedStream<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let result = Pin::new(&mut self.stream).poll_read(context, buffer);
        if buffer.filled().len() > before {
            self.activity.0.has_read.store(true, Ordering::Relaxed);
        }
        result
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for ObservedStream<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.activity.0.is_writing.store(true, Ordering::Relaxed);
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        parts: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.activity.0.is_writing.store(true, Ordering::Relaxed);
        Pin::new(&mut self.stream).poll_write_vectored(context, parts)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    /// hyper flushes when it has written all that it has, and not sooner.
    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let result = Pin::new(&mut self.stream).poll_flush(context);
        if result.is_ready() {
            self.activity.0.is_writing.store(false, Ordering::Relaxed);
        }
        result
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
