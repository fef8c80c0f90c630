//! The API over HTTP.
//!
//! Whatever a worker asks is asked on the process's own runtime, where the connections to the API
//! live; a worker's thread only waits for the answer. A caller that goes away stops nothing.

use std::sync::Arc;

use async_trait::async_trait;
use callboard_shared::{
    auth::Identity,
    backend::{
        Backend, MAX_QUESTIONS, MEMBERSHIP, MEMBERSHIPS, MESSAGES, Membership, MembershipAnswer,
        MembershipRequest, MembershipsAnswer, MembershipsRequest, RECEIPTS, Receipt,
        ReceiptRequest, ReceiptState, ReceiptsAnswer, ReceiptsRequest, SendMessage, SendRequest,
    },
    config::{authority, required},
    error::Refusal,
    id::{ConversationId, Seq, UserId},
    internal::InternalToken,
    lifecycle::Lifecycle,
};
use clap::Args;
use futures::future::join_all;
use http::uri::Authority;
use prometheus::IntCounterVec;
use serde_json::value::RawValue;
use tokio::{runtime::Handle, sync::oneshot};

use super::{
    client::{Client, Repeat},
    gather::Gather,
};
use crate::error;

/// The most message ids in one request, unless a single receipt has more.
const MAX_MESSAGE_IDS: usize = 10_000;

/// What is accepted as the API's address.
const API_URL_ACCEPTED: &str =
    "the address of the API's internal listener (such as http://127.0.0.1:5011)";

/// Where the API is.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "API")]
pub struct BackendSettings {
    /// The API's internal listener, such as http://127.0.0.1:5011.
    #[arg(long, env = "API_URL", hide_env_values = true, value_parser = api_url)]
    pub api_url: Option<Authority>,
}

fn api_url(text: &str) -> Result<Authority, &'static str> {
    text.strip_prefix("http://")
        .and_then(|rest| authority(rest.strip_suffix('/').unwrap_or(rest)).ok())
        .ok_or(API_URL_ACCEPTED)
}

/// The API over HTTP.
pub struct HttpBackend {
    client: Arc<Client>,
    memberships: Gather<(UserId, usize), (Identity, usize), Vec<Membership>>,
    membership: Gather<Asked, Asked, Option<(Membership, Seq)>>,
    lifecycle: Lifecycle,
    runtime: Handle,
}

type Asked = (UserId, ConversationId);

impl HttpBackend {
    /// The API at the address that the settings name. Its connections live on the runtime that this
    /// is called on. It does not wait for the API: one that is away is told in the log.
    ///
    /// # Errors
    ///
    /// If the address is missing.
    pub fn new(
        settings: &BackendSettings,
        token: &InternalToken,
        errors: IntCounterVec,
        lifecycle: &Lifecycle,
    ) -> anyhow::Result<Self> {
        let api = required::<Authority>("API_URL", settings.api_url.clone(), API_URL_ACCEPTED)?;
        let runtime = Handle::current();
        let client = Client::start(api, token, errors, lifecycle, &runtime)?;
        let asking = Arc::clone(&client);
        let memberships = move |users| ask_memberships(Arc::clone(&asking), users);
        let asking = Arc::clone(&client);
        let membership = move |questions| ask_membership(Arc::clone(&asking), questions);
        Ok(Self {
            memberships: Gather::start(memberships, lifecycle, &runtime),
            membership: Gather::start(membership, lifecycle, &runtime),
            client,
            lifecycle: lifecycle.clone(),
            runtime,
        })
    }

    /// Done once the API has answered for the first time.
    pub async fn found(&self) {
        self.client.found().await;
    }

    /// Lets a request run where the connections live. `None`: the process is stopping.
    async fn run<A: Send + 'static>(
        &self,
        request: impl Future<Output = A> + Send + 'static,
    ) -> Option<A> {
        let (sender, answer) = oneshot::channel();
        self.lifecycle.spawn_on(&self.runtime, async move {
            // Whoever asked may have gone away.
            let _ = sender.send(request.await);
        });
        answer.await.ok()
    }
}

#[async_trait]
impl Backend for HttpBackend {
    async fn memberships(
        &self,
        identity: &Identity,
        limit: usize,
    ) -> Result<Vec<Membership>, Refusal> {
        let (key, question) = ((identity.user_id.clone(), limit), (identity.clone(), limit));
        let mut memberships = self.memberships.ask(key, question).await?;
        // They may have been asked for together with somebody who wanted more.
        let mut current = 0;
        memberships.retain(|membership| {
            current += usize::from(membership.left_seq.is_none());
            membership.left_seq.is_some() || current <= limit
        });
        Ok(memberships)
    }

    async fn membership(
        &self,
        user: &UserId,
        conversation: ConversationId,
    ) -> Result<Option<(Membership, Seq)>, Refusal> {
        let question = (user.clone(), conversation);
        self.membership.ask(question.clone(), question).await
    }

    async fn send_message(
        &self,
        identity: &Identity,
        message: SendMessage,
    ) -> Result<Box<RawValue>, Refusal> {
        let client = Arc::clone(&self.client);
        let repeat = match message.client_message_id {
            Some(_) => Repeat::Safe,
            None => Repeat::Unsafe,
        };
        let request = SendRequest {
            sender: identity.clone(),
            message,
        };
        self.run(async move { client.ask(MESSAGES, &request, repeat).await })
            .await
            .unwrap_or_else(|| Err(error::unavailable()))
    }

    async fn record_receipts(
        &self,
        receipts: Vec<ReceiptRequest>,
    ) -> Vec<Result<ReceiptState, Refusal>> {
        let count = receipts.len();
        let requests = in_requests(receipts).into_iter().map(|receipts| {
            let client = Arc::clone(&self.client);
            async move { record(&client, receipts).await }
        });
        let outcomes = self.run(join_all(requests.collect::<Vec<_>>())).await;
        let mut outcomes = outcomes
            .map(|outcomes| outcomes.concat())
            .unwrap_or_default();
        outcomes.resize_with(count, || Err(error::unavailable()));
        outcomes
    }

    fn is_away(&self) -> bool {
        self.client.is_away()
    }
}

async fn ask_memberships(
    client: Arc<Client>,
    questions: Vec<(Identity, usize)>,
) -> Result<Vec<Vec<Membership>>, Refusal> {
    let limit = questions.iter().map(|(_, limit)| *limit).max();
    let request = MembershipsRequest {
        users: questions.into_iter().map(|(user, _)| user).collect(),
        limit: limit.unwrap_or(0),
    };
    let answer: MembershipsAnswer = client.ask(MEMBERSHIPS, &request, Repeat::Safe).await?;
    Ok(answer.memberships)
}

async fn ask_membership(
    client: Arc<Client>,
    questions: Vec<Asked>,
) -> Result<Vec<Option<(Membership, Seq)>>, Refusal> {
    let request = MembershipRequest { questions };
    let answer: MembershipAnswer = client.ask(MEMBERSHIP, &request, Repeat::Safe).await?;
    Ok(answer.memberships)
}

/// Receipts only move forward, so recording them twice is recording them once.
async fn record(
    client: &Client,
    receipts: Vec<ReceiptRequest>,
) -> Vec<Result<ReceiptState, Refusal>> {
    let count = receipts.len();
    let request = ReceiptsRequest { receipts };
    match client
        .ask::<ReceiptsAnswer>(RECEIPTS, &request, Repeat::Safe)
        .await
    {
        Ok(mut answer) => {
            answer
                .outcomes
                .resize_with(count, || Err(error::unavailable()));
            answer.outcomes
        }
        Err(refusal) => vec![Err(refusal); count],
    }
}

/// Receipts, cut into requests that are not too large.
fn in_requests(receipts: Vec<ReceiptRequest>) -> Vec<Vec<ReceiptRequest>> {
    let (mut requests, mut ids) = (Vec::<Vec<_>>::new(), 0);
    for receipt in receipts {
        let named = match &receipt.receipt {
            Receipt::Read(messages) => messages.len(),
            Receipt::ReadAll | Receipt::Delivered(_) => 0,
        };
        match requests.last_mut() {
            Some(request) if request.len() < MAX_QUESTIONS && ids + named <= MAX_MESSAGE_IDS => {
                ids += named;
                request.push(receipt);
            }
            _ => {
                ids = named;
                requests.push(vec![receipt]);
            }
        }
    }
    requests
}

#[cfg(test)]
mod tests {
    use callboard_shared::{clock::Timestamp, id::MessageId};

    use super::*;

    #[test]
    fn the_apis_address_is_a_host_and_a_port() {
        assert_eq!(api_url("http://127.0.0.1:5011").unwrap(), "127.0.0.1:5011");
        assert_eq!(api_url("http://api:5011/").unwrap(), "api:5011");
        for refused in [
            "",
            "api:5011",
            "https://api:5011",
            "http://api",
            "http://api:5011/v1",
        ] {
            assert!(api_url(refused).is_err(), "{refused} was accepted");
        }
    }

    #[test]
    fn requests_of_receipts_are_not_too_large() {
        let (at, user) = (
            Timestamp::from_millis(0),
            "alice".parse::<UserId>().unwrap(),
        );
        let receipt = |receipt| ReceiptRequest {
            user_id: user.clone(),
            conversation_id: ConversationId::new(at),
            receipt,
        };
        let read = |ids| receipt(Receipt::Read(vec![MessageId::new(at); ids]));
        let mut receipts = vec![receipt(Receipt::Delivered(Seq::ZERO)); 300];
        receipts.extend([read(6_000), read(4_000), read(1), read(20_000), read(1)]);
        let lengths: Vec<_> = in_requests(receipts).iter().map(Vec::len).collect();
        assert_eq!(lengths, [256, 46, 1, 1, 1]);
    }
}
