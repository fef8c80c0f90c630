//! What becomes of a body that its request's handler has not read to the end.
//!
//! A connection that is closed while something unread is in it is reset, and a reset takes the answer
//! that is on its way to the client with it: whoever sends too much would never hear so. The rest is
//! read and thrown away, in bounded measure; the answer goes out meanwhile.

use std::{
    future::poll_fn,
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};

use bytes::Bytes;
use http::{Request, header::EXPECT};
use hyper::body::{Body, Frame, Incoming, SizeHint};
use tokio::{runtime::Handle, time::timeout};

use crate::lifecycle::Lifecycle;

/// How much is thrown away at most, in bytes and in time.
const MOST: usize = 16 << 20;
const LONGEST: Duration = Duration::from_secs(5);

/// The body of a request.
pub(super) struct Unread {
    /// Until its end has come.
    body: Option<Incoming>,
    /// The client sends it only when asked to, and has not been.
    is_awaited: bool,
    lifecycle: Lifecycle,
}

impl Unread {
    /// Puts itself in the place of a request's body.
    pub(super) fn within(request: Request<Incoming>, lifecycle: &Lifecycle) -> Request<Self> {
        let is_awaited = request.headers().contains_key(EXPECT);
        request.map(|body| Self {
            body: Some(body),
            is_awaited,
            lifecycle: lifecycle.clone(),
        })
    }
}

impl Body for Unread {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<hyper::Result<Frame<Bytes>>>> {
        self.is_awaited = false;
        let Some(body) = &mut self.body else {
            return Poll::Ready(None);
        };
        let frame = ready!(Pin::new(body).poll_frame(cx));
        if !matches!(frame, Some(Ok(_))) {
            self.body = None;
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.body.as_ref().is_none_or(Body::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        self.body
            .as_ref()
            .map_or(SizeHint::with_exact(0), Body::size_hint)
    }
}

impl Drop for Unread {
    fn drop(&mut self) {
        let is_coming = !self.is_awaited && !self.is_end_stream();
        let body = self.body.take().filter(|_| is_coming);
        // Without a runtime the process is ending.
        if let (Some(body), Ok(runtime)) = (body, Handle::try_current()) {
            self.lifecycle.spawn_on(&runtime, async move {
                let _ = timeout(LONGEST, throw_away(body)).await;
            });
        }
    }
}

async fn throw_away(mut body: Incoming) {
    let mut left = MOST;
    while let Some(Ok(frame)) = poll_fn(|cx| Pin::new(&mut body).poll_frame(cx)).await {
        let length = frame.data_ref().map_or(0, Bytes::len);
        match left.checked_sub(length) {
            Some(rest) => left = rest,
            None => return,
        }
    }
}
