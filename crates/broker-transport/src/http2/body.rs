//! The body of a request on an HTTP/2 stream.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use h2::RecvStream;
use hyper::body::{Body, Frame, SizeHint};

/// A request's body. What is read of it may be sent anew; trailers are passed over.
#[derive(Debug)]
pub struct RequestBody {
    stream: RecvStream,
    /// What the request says, which `h2` holds it to.
    length: Option<u64>,
}

impl RequestBody {
    /// The body of a request that announces this length, if any.
    #[must_use]
    pub fn new(stream: RecvStream, length: Option<u64>) -> RequestBody {
        RequestBody { stream, length }
    }
}

impl Body for RequestBody {
    type Data = Bytes;
    type Error = h2::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, h2::Error>>> {
        let data = ready!(self.stream.poll_data(cx));
        if let Some(Ok(bytes)) = &data {
            // It fails for more than was received, and this was received.
            let _ = self.stream.flow_control().release_capacity(bytes.len());
        }
        Poll::Ready(data.map(|data| data.map(Frame::data)))
    }

    fn is_end_stream(&self) -> bool {
        self.stream.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.length
            .map_or_else(SizeHint::default, SizeHint::with_exact)
    }
}
