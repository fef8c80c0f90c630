//! Queries, and the error for each thing that can be wrong with one.

use http::Method;
use proptest::prelude::*;

use crate::engine::{RequestError, Transport, handshake::Request};

fn get(query: &str) -> Result<Request<'_>, RequestError> {
    Request::parse(&Method::GET, query, false)
}

fn upgrade(query: &str) -> Result<Request<'_>, RequestError> {
    Request::parse(&Method::GET, query, true)
}

#[test]
fn requests_are_told_apart() {
    let polling = Ok(Request::Open {
        transport: Transport::Polling,
    });
    let websocket = Ok(Request::Open {
        transport: Transport::WebSocket,
    });
    assert_eq!(get("EIO=4&transport=polling"), polling);
    assert_eq!(get("t=abc&transport=polling&j=0&x&EIO=4&sid="), polling);
    assert_eq!(upgrade("EIO=4&transport=websocket"), websocket);
    let query = "EIO=4&transport=polling&sid=a-b_c";
    assert_eq!(get(query), Ok(Request::Poll { sid: "a-b_c" }));
    assert_eq!(
        Request::parse(&Method::POST, query, false),
        Ok(Request::Post { sid: "a-b_c" })
    );
    assert_eq!(
        upgrade("EIO=4&transport=websocket&sid=abc"),
        Ok(Request::Upgrade { sid: "abc" })
    );
}

#[test]
fn what_is_wrong_has_its_error() {
    use RequestError::{
        BadHandshakeMethod, BadRequest, UnknownTransport, UnsupportedProtocolVersion,
    };
    for (method, query, is_upgrade, error) in [
        ("GET", "", false, UnknownTransport),
        ("GET", "EIO=4", false, UnknownTransport),
        ("GET", "EIO=4&transport=", false, UnknownTransport),
        ("GET", "EIO=4&transport=abc", false, UnknownTransport),
        (
            "GET",
            "EIO=4&transport=webtransport",
            false,
            UnknownTransport,
        ),
        ("POST", "EIO=4&transport=abc", false, UnknownTransport),
        ("POST", "EIO=4&transport=polling", false, BadHandshakeMethod),
        ("PUT", "EIO=4&transport=polling", false, BadHandshakeMethod),
        ("POST", "transport=polling", false, BadHandshakeMethod),
        (
            "GET",
            "transport=polling",
            false,
            UnsupportedProtocolVersion,
        ),
        (
            "GET",
            "EIO=3&transport=polling",
            false,
            UnsupportedProtocolVersion,
        ),
        (
            "GET",
            "EIO=abc&transport=polling",
            false,
            UnsupportedProtocolVersion,
        ),
        (
            "GET",
            "transport=websocket",
            true,
            UnsupportedProtocolVersion,
        ),
        ("GET", "EIO=4&transport=websocket", false, BadRequest),
        ("GET", "EIO=4&transport=polling", true, BadRequest),
        ("GET", "EIO=4&transport=websocket&sid=a", false, BadRequest),
        ("POST", "EIO=4&transport=websocket&sid=a", false, BadRequest),
        ("GET", "EIO=4&transport=polling&sid=a", true, BadRequest),
        ("PUT", "EIO=4&transport=polling&sid=a", false, BadRequest),
        ("DELETE", "EIO=4&transport=polling&sid=a", false, BadRequest),
    ] {
        let method = method.parse().expect("a method");
        let request = Request::parse(&method, query, is_upgrade);
        assert_eq!(request, Err(error), "{method} {query}");
    }
}

#[test]
fn errors_are_those_of_the_reference() {
    let errors = [
        RequestError::UnknownTransport,
        RequestError::UnknownSession,
        RequestError::BadHandshakeMethod,
        RequestError::BadRequest,
        RequestError::Forbidden,
        RequestError::UnsupportedProtocolVersion,
    ];
    let bodies = [
        r#"{"code":0,"message":"Transport unknown"}"#,
        r#"{"code":1,"message":"Session ID unknown"}"#,
        r#"{"code":2,"message":"Bad handshake method"}"#,
        r#"{"code":3,"message":"Bad request"}"#,
        r#"{"code":4,"message":"Forbidden"}"#,
        r#"{"code":5,"message":"Unsupported protocol version"}"#,
    ];
    assert_eq!(errors.map(RequestError::body), bodies);
    let statuses = [400, 400, 400, 400, 403, 400];
    assert_eq!(errors.map(RequestError::status), statuses);
}

proptest! {
    #[test]
    fn parsing_does_not_panic(query in "([a-zEIO=&%]|transport=polling|sid=|\\PC)*") {
        let _ = get(&query);
        let _ = upgrade(&query);
    }
}
