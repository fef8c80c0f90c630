//! The HTTP side of a WebSocket: asked for, agreed to, and taken out of the HTTP server.

use axum::{
    body::Body,
    extract::Request,
    http::{HeaderMap, HeaderValue, Response, StatusCode, header},
};
use hyper::upgrade::OnUpgrade;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;

use crate::{engine::RequestError, worker::Stream};

/// Whether a request asks for a WebSocket.
pub(super) fn is_asked_for(headers: &HeaderMap) -> bool {
    let has = |name, token: &str| {
        headers
            .get_all(name)
            .iter()
            .filter_map(|value| value.to_str().ok())
            .any(|value| {
                value
                    .split(',')
                    .any(|part| part.trim().eq_ignore_ascii_case(token))
            })
    };
    has(header::UPGRADE, "websocket") && has(header::CONNECTION, "upgrade")
}

/// The answer to the handshake, and the connection once that has gone out.
pub(super) fn switch(request: &mut Request) -> Result<(Response<Body>, OnUpgrade), RequestError> {
    let key = request.headers().get(header::SEC_WEBSOCKET_KEY);
    let version = request.headers().get(header::SEC_WEBSOCKET_VERSION);
    let accept = match (key, version) {
        (Some(key), Some(version)) if version == "13" => derive_accept_key(key.as_bytes()),
        _ => return Err(RequestError::BadRequest),
    };
    let upgrade = request.extensions_mut().remove::<OnUpgrade>();
    let upgrade = upgrade.ok_or(RequestError::BadRequest)?;
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
    let headers = response.headers_mut();
    headers.insert(header::CONNECTION, HeaderValue::from_static("Upgrade"));
    headers.insert(header::UPGRADE, HeaderValue::from_static("websocket"));
    if let Ok(accept) = HeaderValue::try_from(accept) {
        headers.insert(header::SEC_WEBSOCKET_ACCEPT, accept);
    }
    Ok((response, upgrade))
}

/// Takes the bare TCP connection out of the HTTP server.
pub(super) async fn take_over(upgrade: OnUpgrade) -> anyhow::Result<Stream> {
    let upgraded = upgrade.await?;
    let parts = upgraded
        .downcast::<TokioIo<TcpStream>>()
        .map_err(|_| anyhow::anyhow!("the connection is not a TCP stream"))?;
    Ok(Stream {
        tcp: parts.io.into_inner().into_std()?,
        read: parts.read_buf,
    })
}
