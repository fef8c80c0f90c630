//! Several gateways on one bus, driven by real HTTP: any request of a session may come to any of
//! them.

#![expect(
    clippy::unwrap_used,
    reason = "a test fails by panicking, its helpers too"
)]

mod node;

use std::{sync::Arc, time::Duration};

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use callboard_shared::{
    bus::{Bus, GATEWAY_LIFE, LogLimits, local::LocalBus},
    clock::{ManualClock, Timestamp},
    id::GatewayId,
};
use futures::{SinkExt, StreamExt};
use http::{Method, StatusCode};
use node::{Node, PATIENCE, TOKEN, UNKNOWN_SESSION, WINDOW, eventually};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    time::{Instant, timeout},
};
use tokio_tungstenite::tungstenite::{Message, protocol::frame::coding::CloseCode};

/// A dead gateway is to be noticed within this time.
const SOON: Duration = Duration::from_secs(2);

fn bus() -> (LocalBus, Arc<ManualClock>) {
    let clock = Arc::new(ManualClock::new(Timestamp::from_secs(1_800_000_000)));
    (LocalBus::new(LogLimits::default(), clock.clone()), clock)
}

#[tokio::test]
async fn a_session_is_served_by_whichever_gateway_is_asked() {
    let (bus, _) = bus();
    let nodes = [
        Node::start(&bus, TOKEN).await,
        Node::start(&bus, TOKEN).await,
        Node::start(&bus, TOKEN).await,
    ];
    let sid = nodes[0].open().await;
    for turn in 0..12 {
        let (sends, fetches) = (&nodes[turn % 3], &nodes[(turn / 3 + 1) % 3]);
        let text = format!("4turn {turn}");
        assert_eq!(sends.post(&sid, &text).await, (StatusCode::OK, "ok".into()));
        assert_eq!(fetches.poll(&sid).await, (StatusCode::OK, text));
    }
    assert_eq!(nodes[0].forwarded("answered"), 0);
    assert_eq!(
        nodes[1].forwarded("answered") + nodes[2].forwarded("answered"),
        17
    );
    // Sent first, asked for second: the GET waits at the owner.
    let (waiting, sent) = tokio::join!(nodes[1].poll(&sid), nodes[2].post(&sid, "4late"));
    assert_eq!((waiting.1.as_str(), sent.1.as_str()), ("4late", "ok"));
    let too_large = "4".repeat(200_000);
    assert_eq!(
        nodes[1].post(&sid, &too_large).await.0,
        StatusCode::PAYLOAD_TOO_LARGE
    );
    nodes[0].empties().await;
}

/// A connection that is closed with something unread in it is reset, and the answer lost.
#[tokio::test]
async fn whoever_posts_far_too_much_is_told() {
    let (bus, _) = bus();
    let (owner, other) = (
        Node::start(&bus, TOKEN).await,
        Node::start(&bus, TOKEN).await,
    );
    let much = vec![b'4'; 5_000_000];
    for turn in 0..20 {
        let asked = if turn % 4 == 0 { &other } else { &owner };
        let head = format!(
            "POST /engine.io/?EIO=4&transport=polling&sid={} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n\
             Content-Length: {}\r\n\r\n",
            owner.open().await,
            asked.public,
            much.len()
        );
        let mut stream = TcpStream::connect(asked.public).await.unwrap();
        let mut answer = String::new();
        let talk = async {
            stream.write_all(head.as_bytes()).await?;
            stream.write_all(&much).await?;
            stream.read_to_string(&mut answer).await
        };
        timeout(PATIENCE, talk).await.unwrap().unwrap();
        assert!(answer.starts_with("HTTP/1.1 413 "), "{answer}");
    }
    owner.empties().await;
}

#[tokio::test]
async fn an_upgrade_goes_through_another_gateway() {
    let (bus, _) = bus();
    let (owner, other) = (
        Node::start(&bus, TOKEN).await,
        Node::start(&bus, TOKEN).await,
    );
    let sid = owner.open().await;
    let mut socket = other.upgrade(&sid).await;
    let long = format!("4{}", "x".repeat(90_000));
    for text in ["4one", &long] {
        socket.send(Message::text(text)).await.unwrap();
        let echo = timeout(PATIENCE, socket.next())
            .await
            .unwrap()
            .unwrap()
            .unwrap();
        assert_eq!(echo, Message::text(text));
    }
    assert_eq!(
        owner.poll(&sid).await.0,
        StatusCode::BAD_REQUEST,
        "it is a WebSocket now"
    );
    socket.close(None).await.unwrap();
    while let Some(Ok(_)) = timeout(PATIENCE, socket.next()).await.unwrap() {}
    owner.empties().await;

    // A client that goes without a word, and an owner that does.
    let sid = owner.open().await;
    drop(other.upgrade(&sid).await);
    owner.empties().await;
    let sid = owner.open().await;
    let mut socket = other.upgrade(&sid).await;
    owner.kill().await;
    while let Some(Ok(_)) = timeout(PATIENCE, socket.next()).await.unwrap() {}
}

#[tokio::test]
async fn a_dead_owner_is_an_unknown_session_soon() {
    let (bus, _) = bus();
    let (owner, other) = (
        Node::start(&bus, TOKEN).await,
        Node::start(&bus, TOKEN).await,
    );
    let (waits, comes) = (owner.open().await, owner.open().await);
    let waiting = async {
        let answer = other.poll(&waits).await;
        (answer, Instant::now())
    };
    let kill = async {
        eventually(|| async { other.passes_on() == 1 }).await;
        owner.kill().await;
        Instant::now()
    };
    let ((answer, answered), killed) = tokio::join!(waiting, kill);
    assert_eq!(answer, (StatusCode::BAD_REQUEST, UNKNOWN_SESSION.into()));
    assert!(answered.saturating_duration_since(killed) < SOON);
    let asked = Instant::now();
    assert_eq!(other.post(&comes, "4x").await.1, UNKNOWN_SESSION);
    assert_eq!(other.poll(&comes).await.1, UNKNOWN_SESSION);
    assert!(asked.elapsed() < SOON);
    assert!(other.forwarded("unreachable") >= 2);
}

/// A stopped process takes connections and does not answer.
#[tokio::test]
async fn an_owner_that_hangs_is_given_up_when_it_is_not_heard_of_any_more() {
    let (bus, clock) = bus();
    let node = Node::start(&bus, TOKEN).await;
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let gateway = GatewayId::random();
    let sid = [&gateway.as_bytes()[..], &[0; 22]].concat();
    let sid = BASE64_URL_SAFE_NO_PAD.encode(sid);
    assert_eq!(node.poll(&sid).await.1, UNKNOWN_SESSION);
    assert_eq!(node.forwarded("unknown"), 1);

    let address = silent.local_addr().unwrap().to_string();
    bus.announce(gateway, &address).await.unwrap();
    let hangs = async {
        let _connection = silent.accept().await.unwrap();
        clock.advance(GATEWAY_LIFE * 2);
        std::future::pending::<()>().await;
    };
    let answer = tokio::select! {
        answer = node.poll(&sid) => answer,
        () = hangs => unreachable!("it hangs for ever"),
    };
    assert_eq!(answer.1, UNKNOWN_SESSION);
    assert_eq!(node.forwarded("vanished"), 1);
}

#[tokio::test]
async fn the_token_guards_what_is_passed_on() {
    let (bus, _) = bus();
    let owner = Node::start(&bus, TOKEN).await;
    let stranger = Node::start(&bus, "the-token-of-another-fleet").await;
    let sid = owner.open().await;
    assert_eq!(stranger.poll(&sid).await.1, UNKNOWN_SESSION);
    assert_eq!(stranger.forwarded("unauthorized"), 1);

    // What a client says in the header of internal requests does not get through.
    let internal = format!(
        "http://{}/engine.io/?EIO=4&transport=polling&sid={sid}",
        owner.internal
    );
    let bare = node::request(Method::GET, &internal, "", None).await;
    assert_eq!(bare.0, StatusCode::UNAUTHORIZED);
    let wrong = node::request(Method::GET, &internal, "", Some("Bearer wrong")).await;
    assert_eq!(wrong.0, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn nothing_is_passed_on_twice_and_no_session_begins_inside() {
    let (bus, _) = bus();
    let (owner, other) = (
        Node::start(&bus, TOKEN).await,
        Node::start(&bus, TOKEN).await,
    );
    let sid = owner.open().await;
    let token = format!("Bearer {TOKEN}");
    let ask = async |query: String| {
        let url = format!(
            "http://{}/engine.io/?EIO=4&transport=polling{query}",
            other.internal
        );
        node::request(Method::GET, &url, "", Some(&token)).await
    };
    assert_eq!(ask(format!("&sid={sid}")).await.1, UNKNOWN_SESSION);
    assert_eq!(ask(String::new()).await.0, StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn a_request_given_up_elsewhere_ends_the_session() {
    let (bus, _) = bus();
    let (owner, other) = (
        Node::start(&bus, TOKEN).await,
        Node::start(&bus, TOKEN).await,
    );
    let sid = owner.open().await;
    let given_up = async {
        eventually(|| async { other.passes_on() == 1 }).await;
    };
    tokio::select! {
        answer = other.poll(&sid) => panic!("nothing was sent: {answer:?}"),
        () = given_up => {}
    }
    owner.empties().await;
    assert_eq!(other.poll(&sid).await.1, UNKNOWN_SESSION);
    assert_eq!(other.passes_on(), 0);
}

#[tokio::test]
async fn a_gateway_that_leaves_gives_back_what_it_passes_on() {
    let (bus, _) = bus();
    let (owner, other) = (
        Node::start(&bus, TOKEN).await,
        Node::start(&bus, TOKEN).await,
    );
    let (polls, upgraded) = (owner.open().await, owner.open().await);
    let mut socket = other.upgrade(&upgraded).await;
    let left = async {
        eventually(|| async { other.passes_on() == 2 }).await;
        let began = Instant::now();
        other.server.leave(WINDOW).await;
        assert!(began.elapsed() < WINDOW, "it had to be cut off");
    };
    let ends = async move {
        let mut code = None;
        while let Some(Ok(packet)) = timeout(PATIENCE, socket.next()).await.unwrap() {
            if let Message::Close(frame) = packet {
                code = frame.map(|frame| frame.code);
            }
        }
        code
    };
    let (answer, code, ()) = tokio::join!(other.poll(&polls), ends, left);
    assert_eq!(answer, (StatusCode::OK, "6".into()), "it is asked anew");
    assert_eq!(code, Some(CloseCode::Away));
    assert_eq!(other.begin().await.0, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(bus.locate(other.gateway).await.unwrap(), None);

    // The session that polls has not noticed.
    assert!(bus.locate(owner.gateway).await.unwrap().is_some());
    let (waiting, sent) = tokio::join!(owner.poll(&polls), owner.post(&polls, "4still here"));
    assert_eq!((waiting.1.as_str(), sent.1.as_str()), ("4still here", "ok"));
}

#[tokio::test]
async fn what_is_passed_on_by_a_gateway_that_is_leaving_is_given_back_too() {
    let (bus, _) = bus();
    let (owner, other) = (
        Node::start(&bus, TOKEN).await,
        Node::start(&bus, TOKEN).await,
    );
    let (first, late) = (owner.open().await, owner.open().await);
    let comes_late = async {
        assert_eq!(other.poll(&first).await.1, "6");
        other.poll(&late).await.1
    };
    let leaves = async {
        eventually(|| async { other.passes_on() == 1 }).await;
        other.server.leave(WINDOW).await;
    };
    let (answer, ()) = tokio::join!(comes_late, leaves);
    assert_eq!(answer, "6");
    assert_eq!(other.passes_on(), 0);
}

#[tokio::test]
async fn only_a_gateway_may_say_that_it_does_not_carry_a_session_any_longer() {
    let (bus, _) = bus();
    let owner = Node::start(&bus, TOKEN).await;
    let sid = owner.open().await;
    let token = format!("Bearer {TOKEN}");
    let release = async |address, query: &str| {
        let url = format!("http://{address}/engine.io/?EIO=4&{query}");
        node::request(Method::DELETE, &url, "", Some(&token))
            .await
            .0
    };
    let polling = format!("transport=polling&sid={sid}");
    assert_eq!(
        release(owner.public, &polling).await,
        StatusCode::BAD_REQUEST
    );
    for (query, status) in [
        // Nothing is pending, and there is no WebSocket.
        (polling, StatusCode::NO_CONTENT),
        (
            format!("transport=websocket&sid={sid}"),
            StatusCode::NO_CONTENT,
        ),
        ("transport=polling".into(), StatusCode::BAD_REQUEST),
        ("transport=polling&sid=x".into(), StatusCode::BAD_REQUEST),
    ] {
        assert_eq!(release(owner.internal, &query).await, status, "{query}");
    }
    assert_eq!(owner.post(&sid, "4a").await.1, "ok");
    assert_eq!(owner.poll(&sid).await.1, "4a");
}

#[tokio::test]
async fn who_comes_too_fast_is_told_when_to_come_back() {
    let (bus, _) = bus();
    let node = Node::with_rate(&bus, TOKEN, 1).await;
    node.open().await;
    let mut refused = 0;
    for _ in 0..5 {
        refused += u32::from(node.begin().await.0 == StatusCode::SERVICE_UNAVAILABLE);
    }
    assert!(refused > 0);
}
