//! The REST interface, as a client of the product uses it.

use std::{net::SocketAddr, time::Duration};

use http::{Method, Request, StatusCode, header};
use http_body_util::{BodyExt, Full};
use hyper::body::Bytes;
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::{TokioExecutor, TokioTimer},
};
use serde_json::Value;
use tokio::time::timeout;

/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// How long connections are kept for the next request: shorter than proxies and servers keep them.
const IDLE: Duration = Duration::from_secs(5);

/// No answer that can be made sense of: what was asked for may have happened.
#[derive(Debug, thiserror::Error)]
pub enum Unanswered {
    /// The connection could not be made, or broke.
    #[error("the connection failed")]
    Connection(#[from] hyper_util::client::legacy::Error),
    /// The connection broke within the answer.
    #[error("the connection broke")]
    Broken(#[from] hyper::Error),
    /// None came in time.
    #[error("no answer in time")]
    Late(#[from] tokio::time::error::Elapsed),
    /// It cannot be read.
    #[error("the answer is not JSON")]
    Unreadable(#[from] serde_json::Error),
    /// The request could not be written.
    #[error("not a request")]
    Request(#[from] http::Error),
}

/// Everybody's way to the API. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Rest {
    address: SocketAddr,
    client: Client<HttpConnector, Full<Bytes>>,
}

impl Rest {
    /// The API at this address.
    #[must_use]
    pub fn new(address: SocketAddr) -> Self {
        let mut connector = HttpConnector::new();
        connector.set_nodelay(true);
        Self {
            address,
            client: Client::builder(TokioExecutor::new())
                .pool_timer(TokioTimer::new())
                .pool_idle_timeout(IDLE)
                .build(connector),
        }
    }

    /// Where it is.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Asks for something below `/messages`.
    ///
    /// # Errors
    ///
    /// If there is no answer; what was asked for may have happened all the same.
    pub async fn call(
        &self,
        token: &str,
        method: Method,
        path: &str,
        body: Option<&Value>,
    ) -> Result<(StatusCode, Value), Unanswered> {
        let uri = format!("http://{}/messages/{path}", self.address);
        let request = Request::builder()
            .method(method)
            .uri(uri)
            .header(header::AUTHORIZATION, format!("Bearer {token}"))
            .header(header::CONTENT_TYPE, "application/json")
            .body(Full::from(body.map(Value::to_string).unwrap_or_default()))?;
        let (status, body) = timeout(PATIENCE, self.send(request)).await??;
        let body = if body.is_empty() {
            Value::Null
        } else {
            serde_json::from_slice(&body)?
        };
        Ok((status, body))
    }

    /// Sends a request and reads the answer whole; waits for as long as it takes.
    pub(crate) async fn send(
        &self,
        request: Request<Full<Bytes>>,
    ) -> Result<(StatusCode, Bytes), Unanswered> {
        let response = self.client.request(request).await?;
        let status = response.status();
        let body = response.into_body().collect().await?.to_bytes();
        Ok((status, body))
    }
}
