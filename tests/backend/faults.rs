//! Asking an API that is away, slow, busy, or dies in between.

use std::{net::SocketAddr, sync::Arc};

use callboard_shared::{
    backend::{
        Backend, MEMBERSHIP, MEMBERSHIPS, MESSAGES, READY, Receipt, ReceiptRequest, SendMessage,
    },
    error::ErrorCode,
    id::{ConversationId, Seq},
};
use futures::future::join_all;
use tokio::{
    net::TcpSocket,
    time::{Instant, timeout},
};

use super::service::{Fault, Service, anywhere, eventually, identity, token};

fn message(conversation_id: ConversationId, client_message_id: Option<&str>) -> SendMessage {
    SendMessage {
        conversation_id,
        content: "Hello".to_owned(),
        client_message_id: client_message_id.map(str::to_owned),
    }
}

/// An address that refuses connections, and is nobody else's until the socket is dropped.
fn nobody_there() -> (TcpSocket, SocketAddr) {
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_reuseaddr(true).unwrap();
    socket.bind(anywhere()).unwrap();
    let address = socket.local_addr().unwrap();
    (socket, address)
}

#[tokio::test]
async fn an_api_that_is_away_is_noticed_and_so_is_its_return() {
    let service = Service::start().await;
    let (_kept, address) = nobody_there();
    let backend = service.backend_at(address, &service.token);
    let asked = Instant::now();
    let refusal = backend
        .memberships(&identity("alice"), 10)
        .await
        .unwrap_err();
    assert_eq!(refusal.code, ErrorCode::Unavailable);
    assert!(asked.elapsed().as_secs() < 7, "{:?}", asked.elapsed());
    assert!(backend.is_away());

    service.listen(address);
    eventually(|| !backend.is_away()).await;
    backend.memberships(&identity("alice"), 10).await.unwrap();
}

#[tokio::test]
async fn what_waits_while_the_api_restarts_is_answered() {
    let service = Service::start().await;
    let (_kept, address) = nobody_there();
    let backend = Arc::new(service.backend_at(address, &service.token));
    let asking = Arc::clone(&backend);
    let group = service.group(&["alice", "bob"]).await;
    // Without an id of its own, it may be repeated only because nothing was ever connected.
    let sending = tokio::spawn(async move {
        asking
            .send_message(&identity("alice"), message(group, None))
            .await
    });
    eventually(|| backend.is_away()).await;
    service.listen(address);
    sending.await.unwrap().unwrap();
    assert_eq!(service.messages("bob", group).await, 1);
}

#[tokio::test]
async fn a_request_that_hangs_is_made_again() {
    let service = Service::start().await;
    let backend = service.backend();
    eventually(|| service.faults.requests(READY) == 1).await;
    service.faults.set(Fault::Hangs, 1);
    backend.memberships(&identity("alice"), 10).await.unwrap();
    assert!(service.faults.requests(MEMBERSHIPS) >= 2);
}

#[tokio::test]
async fn an_api_that_hangs_is_away() {
    let service = Service::start().await;
    let backend = service.backend();
    eventually(|| service.faults.requests(READY) == 1).await;
    service.faults.set(Fault::Hangs, usize::MAX);
    let asked = Instant::now();
    let user = "alice".parse().unwrap();
    let unknown = ConversationId::from_bytes([7; 16]);
    let refusal = backend.membership(&user, unknown).await.unwrap_err();
    assert_eq!(refusal.code, ErrorCode::Unavailable);
    assert!(asked.elapsed().as_secs() < 7, "{:?}", asked.elapsed());
    assert!(backend.is_away());
    service.faults.clear();
    eventually(|| !backend.is_away()).await;
    assert_eq!(backend.membership(&user, unknown).await.unwrap(), None);
}

#[tokio::test]
async fn a_busy_api_is_asked_again() {
    let service = Service::start().await;
    let backend = service.backend();
    let (alice, group) = (identity("alice"), service.group(&["alice", "bob"]).await);
    eventually(|| service.faults.requests(READY) == 1).await;
    service.faults.set(Fault::Busy, 3);
    let sent = backend.send_message(&alice, message(group, Some("m-1")));
    sent.await.unwrap();
    assert_eq!(service.messages("bob", group).await, 1);
}

#[tokio::test]
async fn a_lost_answer_doubles_nothing() {
    let service = Service::start().await;
    let backend = service.backend();
    let (alice, group) = (identity("alice"), service.group(&["alice", "bob"]).await);
    eventually(|| service.faults.requests(READY) == 1).await;

    service.faults.set(Fault::LosesAnswer, 1);
    let sent = backend.send_message(&alice, message(group, Some("m-1")));
    let sent = sent.await.unwrap();
    assert!(sent.get().contains(r#""clientMessageId":"m-1""#), "{sent}");
    assert_eq!(service.faults.requests(MESSAGES), 2);
    assert_eq!(service.messages("bob", group).await, 1);

    // Whoever sends without an id has to look for themselves whether it was sent.
    service.faults.set(Fault::LosesAnswer, 1);
    let sent = backend.send_message(&alice, message(group, None));
    assert_eq!(sent.await.unwrap_err().code, ErrorCode::Unavailable);
    assert_eq!(service.faults.requests(MESSAGES), 3);
    assert_eq!(service.messages("bob", group).await, 2);

    service.faults.set(Fault::LosesAnswer, 1);
    let receipt = ReceiptRequest {
        user_id: "bob".parse().unwrap(),
        conversation_id: group,
        receipt: Receipt::Delivered(Seq::new(3)),
    };
    let outcomes = backend.record_receipts(vec![receipt]).await;
    assert_eq!(outcomes[0].as_ref().unwrap().delivered_seq, Seq::new(3));
}

#[tokio::test]
async fn without_the_token_nothing_is_answered() {
    let service = Service::start().await;
    let address = service.listen(anywhere());
    let backend = service.backend_at(address, &token("the token of another fleet"));
    let asked = Instant::now();
    let refusal = backend
        .memberships(&identity("alice"), 10)
        .await
        .unwrap_err();
    assert_eq!(refusal.code, ErrorCode::Unavailable);
    // That does not get better by asking again.
    assert!(asked.elapsed().as_secs() < 2, "{:?}", asked.elapsed());
    eventually(|| backend.is_away()).await;

    let http = reqwest::Client::new();
    let url = format!("http://{address}{MEMBERSHIPS}");
    for authorization in ["", "Bearer", "Bearer the-token-of-this-tes"] {
        let request = http.post(&url).header("authorization", authorization);
        let response = request.body("{}").send().await.unwrap();
        assert_eq!(response.status(), 401, "{authorization:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_crowd_asks_in_few_requests() {
    let service = Service::start().await;
    let backend = service.backend();
    let group = service.group(&["alice", "bob"]).await;
    let users: Vec<_> = (0..500)
        .map(|user| identity(&format!("user-{user}")))
        .collect();
    // Two tabs each.
    let asks = users
        .iter()
        .chain(&users)
        .map(|user| backend.memberships(user, 10));
    for answer in join_all(asks).await {
        assert_eq!(answer.unwrap(), []);
    }
    let requests = service.faults.requests(MEMBERSHIPS);
    assert!(requests <= 16, "{requests} requests");

    let asks = users
        .iter()
        .chain(&users)
        .map(|user| backend.membership(&user.user_id, group));
    for answer in join_all(asks).await {
        assert_eq!(answer.unwrap(), None);
    }
    let requests = service.faults.requests(MEMBERSHIP);
    assert!(requests <= 16, "{requests} requests");
}

#[tokio::test]
async fn those_who_ask_together_get_what_they_asked_for() {
    let service = Service::start().await;
    let backend = service.backend();
    for _ in 0..5 {
        service.group(&["alice", "bob"]).await;
    }
    let alice = identity("alice");
    let asks = (0..30).map(|ask| backend.memberships(&alice, ask % 6));
    for (index, answer) in join_all(asks).await.into_iter().enumerate() {
        assert_eq!(answer.unwrap().len(), index % 6);
    }
}

#[tokio::test]
async fn a_process_that_stops_leaves_nobody_waiting() {
    let service = Service::start().await;
    let backend = service.backend();
    eventually(|| service.faults.requests(READY) == 1).await;
    service.faults.set(Fault::Hangs, usize::MAX);
    let alice = identity("alice");
    let ask = backend.memberships(&alice, 10);
    let stop = async {
        eventually(|| service.faults.requests(MEMBERSHIPS) == 1).await;
        service.lifecycle.stop();
    };
    let (answer, ()) = futures::join!(ask, stop);
    assert_eq!(answer.unwrap_err().code, ErrorCode::Unavailable);
    let ended = timeout(std::time::Duration::from_secs(5), service.lifecycle.ended());
    ended.await.unwrap();
}
