//! HTTP long-polling: always one GET, never two; one POST at a time.

use std::{collections::VecDeque, future::pending, mem};

use futures::{FutureExt, future::BoxFuture};
use http::{Method, Request};
use http_body_util::Full;

use super::{Broken, WebSocket};
use crate::{
    client::packet::{Open, SEPARATOR},
    rest::Rest,
};

type Running<T> = Option<BoxFuture<'static, Result<T, Broken>>>;

/// A polling connection, and the upgrade under way.
pub(crate) struct Polling {
    rest: Rest,
    sid: String,
    arrived: VecDeque<String>,
    outgoing: Vec<String>,
    get: Running<String>,
    post: Running<String>,
    probe: Running<WebSocket>,
    /// Has been let in. Takes over once the requests in flight are answered.
    successor: Option<WebSocket>,
}

/// What came of waiting.
pub(super) enum Step {
    Packet(String),
    Upgraded(Box<WebSocket>),
}

impl Polling {
    /// Shakes hands; with `upgrade` it begins to look for a WebSocket at once, as browsers do.
    pub(super) async fn open(
        rest: Rest,
        upgrade: bool,
        receive_buffer: Option<u32>,
    ) -> Result<(Self, Open), Broken> {
        let body = request(rest.clone(), Method::GET, "", String::new()).await?;
        let mut arrived: VecDeque<String> = body.split(SEPARATOR).map(str::to_owned).collect();
        let first = arrived.pop_front().unwrap_or_default();
        let open = Open::read(&first).ok_or(Broken::Malformed)?;
        let sid = open.sid.clone();
        let probe = upgrade
            .then(|| WebSocket::probe(rest.clone(), sid.clone(), receive_buffer))
            .map(FutureExt::boxed);
        let polling = Self {
            rest,
            sid,
            arrived,
            outgoing: Vec::new(),
            get: None,
            post: None,
            probe,
            successor: None,
        };
        Ok((polling, open))
    }

    /// Queues a packet.
    pub(super) fn send(&mut self, packet: String) {
        self.outgoing.push(packet);
    }

    /// The next packet, or what took over.
    pub(super) async fn next(&mut self) -> Result<Step, Broken> {
        loop {
            if let Some(packet) = self.arrived.pop_front() {
                return Ok(Step::Packet(packet));
            }
            if self.get.is_none()
                && self.post.is_none()
                && let Some(mut successor) = self.successor.take()
            {
                successor.send("5".to_owned());
                for packet in mem::take(&mut self.outgoing) {
                    successor.send(packet);
                }
                return Ok(Step::Upgraded(Box::new(successor)));
            }
            self.start_requests();
            tokio::select! {
                body = running(&mut self.get) => {
                    self.get = None;
                    self.arrived.extend(body?.split(SEPARATOR).map(str::to_owned));
                }
                answer = running(&mut self.post) => {
                    self.post = None;
                    answer?;
                }
                websocket = running(&mut self.probe) => {
                    self.probe = None;
                    // Without one, polling goes on.
                    self.successor = websocket.ok();
                }
            }
        }
    }

    /// Whatever should be under way, is; before an upgrade nothing new is begun.
    fn start_requests(&mut self) {
        if self.successor.is_some() {
            return;
        }
        if self.get.is_none() {
            let get = request(self.rest.clone(), Method::GET, &self.sid, String::new());
            self.get = Some(get.boxed());
        }
        if self.post.is_none() && !self.outgoing.is_empty() {
            let body = mem::take(&mut self.outgoing).join("\u{1e}");
            let post = request(self.rest.clone(), Method::POST, &self.sid, body);
            self.post = Some(post.boxed());
        }
    }
}

/// What a request comes to, if there is one.
async fn running<T>(request: &mut Running<T>) -> Result<T, Broken> {
    match request {
        Some(request) => request.await,
        None => pending().await,
    }
}

fn request(
    rest: Rest,
    method: Method,
    sid: &str,
    body: String,
) -> impl Future<Output = Result<String, Broken>> + Send + use<> {
    let mut uri = format!(
        "http://{}/socket.io/?EIO=4&transport=polling",
        rest.address()
    );
    if !sid.is_empty() {
        uri.push_str("&sid=");
        uri.push_str(sid);
    }
    async move {
        let request = Request::builder()
            .method(method)
            .uri(uri)
            .header("content-type", "text/plain;charset=UTF-8")
            .body(Full::from(body))
            .map_err(|error| Broken::Http(error.into()))?;
        let (status, body) = rest.send(request).await?;
        if !status.is_success() {
            return Err(Broken::Status(status.as_u16()));
        }
        String::from_utf8(body.into()).map_err(|_| Broken::Malformed)
    }
}
