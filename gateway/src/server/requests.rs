//! The requests of sessions that live here, each taken to the worker that owns its session.

use std::time::Duration;

use axum::{
    body::Body,
    extract::Request,
    http::{Response, header},
};
use callboard_shared::auth::bearer;
use http_body_util::{BodyExt, LengthLimitError, Limited};
use tokio::time::timeout;

use super::{Refused, Server, answer_response, guard::Guard, websocket};
use crate::{
    admission::Room,
    engine::{Answer, RequestError, Transport},
    worker::{Command, Handshake, Sid, Stream},
};

/// How long a POST may take to send its body.
const BODY_TIME: Duration = Duration::from_secs(30);

impl Server {
    pub(super) async fn probe(
        &self,
        sid: Sid,
        request: Request,
    ) -> Result<Response<Body>, Refused> {
        let found = self
            .0
            .pool
            .ask(sid.worker(), |answer| Command::Find { sid, answer })
            .await;
        if found != Ok(true) {
            return Err(RequestError::UnknownSession.into());
        }
        self.upgrade(request, sid.worker(), move |stream| Command::Probe {
            sid,
            stream,
        })
    }

    pub(super) async fn open(
        &self,
        transport: Transport,
        room: Room,
        request: Request,
    ) -> Result<Response<Body>, Refused> {
        let authorization = request
            .headers()
            .get(header::AUTHORIZATION)
            .and_then(|value| value.to_str().ok());
        let handshake = Handshake {
            bearer: authorization.and_then(bearer).map(str::to_owned),
        };
        let worker = self.0.pool.next();
        match transport {
            Transport::WebSocket => {
                self.upgrade(request, worker, move |stream| Command::OpenWebSocket {
                    handshake,
                    room,
                    stream,
                })
            }
            Transport::Polling => {
                let opened = self
                    .0
                    .pool
                    .ask(worker, |answer| Command::OpenPolling {
                        handshake,
                        room,
                        answer,
                    })
                    .await;
                opened.map(answer_response).map_err(|_| Refused::Full)
            }
        }
    }

    /// Answers the WebSocket handshake and, once the connection is free, hands it to a worker.
    fn upgrade(
        &self,
        mut request: Request,
        worker: u16,
        command: impl FnOnce(Stream) -> Command + Send + 'static,
    ) -> Result<Response<Body>, Refused> {
        let (response, upgrade) = websocket::switch(&mut request)?;
        let pool = self.0.pool.clone();
        tokio::spawn(async move {
            match websocket::take_over(upgrade).await {
                // A worker that is gone has no use for the connection, which closes here.
                Ok(stream) => drop(pool.send(worker, command(stream)).await),
                Err(error) => tracing::debug!(%error, "a WebSocket handshake was not completed"),
            }
        });
        Ok(response)
    }

    pub(super) async fn poll(&self, sid: Sid) -> Answer {
        let guard = Guard::new(&self.0.pool, sid.worker(), Command::GetAborted { sid });
        let answer = self
            .0
            .pool
            .ask(sid.worker(), |answer| Command::Get { sid, answer })
            .await;
        guard.disarm();
        answer.unwrap_or(Answer::Error(RequestError::UnknownSession))
    }

    pub(super) async fn post(&self, sid: Sid, request: Request) -> Answer {
        let (pool, worker) = (&self.0.pool, sid.worker());
        let gone = Answer::Error(RequestError::UnknownSession);
        let guard = Guard::new(pool, worker, Command::PostAborted { sid });
        match pool
            .ask(worker, |answer| Command::BeginPost { sid, answer })
            .await
        {
            Ok(None) => {}
            refused => {
                guard.disarm();
                return refused.ok().flatten().unwrap_or(gone);
            }
        }
        let body = timeout(
            BODY_TIME,
            Limited::new(request.into_body(), self.0.max_payload).collect(),
        )
        .await;
        let answer = match body {
            Ok(Ok(body)) => {
                let body = body.to_bytes();
                pool.ask(worker, |answer| Command::Post { sid, body, answer })
                    .await
            }
            Ok(Err(error)) if error.is::<LengthLimitError>() => {
                pool.ask(worker, |answer| Command::PostTooLarge { sid, answer })
                    .await
            }
            // The guard tells the session.
            Ok(Err(_)) | Err(_) => return Answer::Error(RequestError::BadRequest),
        };
        guard.disarm();
        answer.unwrap_or(gone)
    }
}
