//! One packet a frame.

use std::{
    collections::VecDeque,
    future::poll_fn,
    task::{Context, Poll, ready},
};

use futures::{SinkExt, StreamExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio_tungstenite::{
    WebSocketStream, client_async_with_config,
    tungstenite::{Message, protocol::WebSocketConfig},
};

use super::Broken;
use crate::{client::packet::Open, rest::Rest};

/// Of reads, for each connection: thousands of them are to fit.
const READ_BUFFER: usize = 1024;

/// A WebSocket that speaks Engine.IO.
pub(crate) struct WebSocket {
    stream: WebSocketStream<TcpStream>,
    outgoing: VecDeque<String>,
}

impl WebSocket {
    /// A connection of its own.
    pub(super) async fn open(
        rest: &Rest,
        receive_buffer: Option<u32>,
    ) -> Result<(Self, Open), Broken> {
        let mut websocket = Self::connect(rest, "", receive_buffer).await?;
        let packet = websocket.next().await?;
        let open = Open::read(&packet).ok_or(Broken::Malformed)?;
        Ok((websocket, open))
    }

    /// One that takes over from polling: asks whether it may, and returns once it may.
    pub(super) async fn probe(
        rest: Rest,
        sid: String,
        receive_buffer: Option<u32>,
    ) -> Result<Self, Broken> {
        let mut websocket = Self::connect(&rest, &format!("&sid={sid}"), receive_buffer).await?;
        websocket.send("2probe".to_owned());
        match websocket.next().await?.as_str() {
            "3probe" => Ok(websocket),
            _ => Err(Broken::Malformed),
        }
    }

    async fn connect(
        rest: &Rest,
        query: &str,
        receive_buffer: Option<u32>,
    ) -> Result<Self, Broken> {
        let socket = TcpSocket::new_v4()?;
        if let Some(size) = receive_buffer {
            socket.set_recv_buffer_size(size)?;
        }
        let stream = socket.connect(rest.address()).await?;
        stream.set_nodelay(true)?;
        let url = format!(
            "ws://{}/socket.io/?EIO=4&transport=websocket{query}",
            rest.address()
        );
        let config = WebSocketConfig::default()
            .read_buffer_size(READ_BUFFER)
            .write_buffer_size(0);
        let connecting = Box::pin(client_async_with_config(url, stream, Some(config)));
        let (stream, _) = connecting.await?;
        Ok(Self {
            stream,
            outgoing: VecDeque::new(),
        })
    }

    /// Queues a packet.
    pub(super) fn send(&mut self, packet: String) {
        self.outgoing.push_back(packet);
    }

    /// The next packet, once everything queued is on its way.
    pub(super) async fn next(&mut self) -> Result<String, Broken> {
        poll_fn(|context| self.poll_next(context)).await
    }

    fn poll_next(&mut self, context: &mut Context<'_>) -> Poll<Result<String, Broken>> {
        while !self.outgoing.is_empty() && self.stream.poll_ready_unpin(context)?.is_ready() {
            if let Some(packet) = self.outgoing.pop_front() {
                self.stream.start_send_unpin(Message::text(packet))?;
            }
        }
        // What cannot be written yet wakes this up again.
        let _ = self.stream.poll_flush_unpin(context)?;
        loop {
            match ready!(self.stream.poll_next_unpin(context)) {
                Some(Ok(Message::Text(text))) => return Poll::Ready(Ok(text.to_string())),
                Some(Ok(Message::Close(frame))) => {
                    let reason = frame.map(|frame| frame.reason.to_string());
                    return Poll::Ready(Err(Broken::Closed(reason.unwrap_or_default())));
                }
                Some(Ok(_)) => {}
                Some(Err(error)) => return Poll::Ready(Err(error.into())),
                None => return Poll::Ready(Err(Broken::Closed(String::new()))),
            }
        }
    }
}
