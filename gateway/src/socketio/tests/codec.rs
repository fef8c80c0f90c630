//! Packets there and back, and the texts of what goes out.

use proptest::prelude::*;
use serde_json::Value;

use super::{packet_text, text};
use crate::engine::{Frame, FrameKind, Message, Text};
use crate::socketio::{Arguments, Body, Packet, ProtocolError, encode};

fn decode(packet: &str) -> Result<Packet, ProtocolError> {
    Packet::decode(&packet.into())
}

#[derive(Debug, PartialEq)]
struct Event {
    namespace: String,
    id: Option<u64>,
    name: String,
    arguments: Vec<String>,
    attachments: usize,
}

fn owned(arguments: &Arguments) -> Vec<String> {
    arguments.iter().map(str::to_owned).collect()
}

fn decode_event(packet: &str) -> Event {
    let Ok(Packet {
        namespace,
        body: Body::Event {
            id,
            name,
            arguments,
        },
        attachments,
    }) = decode(packet)
    else {
        panic!("{packet} is an event");
    };
    Event {
        namespace: namespace.to_string(),
        id,
        name: name.to_string(),
        arguments: owned(&arguments),
        attachments,
    }
}

const NO_ARGUMENTS: [&str; 0] = [];

#[test]
fn outgoing_packets_read_like_this() {
    let frames = [
        encode::connect("/", "an-id", None),
        encode::connect("/", "an-id", Some("a-pid")),
        encode::connect("/custom", "an-id", None),
        encode::connect_error("/x", "Invalid namespace", None),
        encode::connect_error("/", "a \"b\" \\ \n", Some(r#"{"code":"c"}"#)),
        encode::disconnect("/"),
        encode::disconnect("/custom"),
        encode::event("/", "ready", &NO_ARGUMENTS),
        encode::event("/custom", "say", &["1", r#"{"a":[]}"#]),
        encode::ack("/", 0, &NO_ARGUMENTS),
        encode::ack("/custom", u64::MAX, &["true", "null"]),
    ];
    assert_eq!(
        frames.each_ref().map(packet_text),
        [
            r#"40{"sid":"an-id"}"#,
            r#"40{"sid":"an-id","pid":"a-pid"}"#,
            r#"40/custom,{"sid":"an-id"}"#,
            r#"44/x,{"message":"Invalid namespace"}"#,
            r#"44{"message":"a \"b\" \\ \u000a","data":{"code":"c"}}"#,
            "41",
            "41/custom,",
            r#"42["ready"]"#,
            r#"42/custom,["say",1,{"a":[]}]"#,
            "430[]",
            "43/custom,18446744073709551615[true,null]",
        ]
    );
}

#[test]
fn binary_packets_carry_their_attachments_behind_them() {
    let arguments = [
        "1".to_owned(),
        encode::placeholder(0),
        encode::placeholder(1),
    ];
    let frames = encode::binary_event("/", "say", &arguments, &[&[1, 2][..], &[]]);
    assert_eq!(
        packet_text(&frames[0]),
        r#"452-["say",1,{"_placeholder":true,"num":0},{"_placeholder":true,"num":1}]"#
    );
    assert_eq!(
        frames[1..].iter().map(Frame::packet).collect::<Vec<_>>(),
        [&[1, 2][..], &[]]
    );
    assert!(
        frames[1..]
            .iter()
            .all(|frame| frame.kind() == FrameKind::Binary)
    );

    let frames = encode::binary_ack("/custom", 7, &[encode::placeholder(0)], &[[9]]);
    assert_eq!(
        packet_text(&frames[0]),
        r#"461-/custom,7[{"_placeholder":true,"num":0}]"#
    );
    assert_eq!(frames.len(), 2);

    let plain = encode::binary_event("/", "say", &["1"], &[[0; 0]; 0]);
    assert_eq!(
        plain.iter().map(packet_text).collect::<Vec<_>>(),
        [r#"42["say",1]"#]
    );
    let plain = encode::binary_ack("/", 1, &["1"], &[[0; 0]; 0]);
    assert_eq!(
        plain.iter().map(packet_text).collect::<Vec<_>>(),
        ["431[1]"]
    );
}

#[test]
fn incoming_connects_are_read() {
    for (packet, namespace, expected) in [
        ("0", "/", None),
        ("0/", "/", None),
        ("0/,", "/", None),
        ("0/custom", "/custom", None),
        ("0/custom,", "/custom", None),
        ("0{}", "/", Some("{}")),
        (r#"0{"token":"123"}"#, "/", Some(r#"{"token":"123"}"#)),
        (
            r#"0/custom,{"a":{"b":"}"}}"#,
            "/custom",
            Some(r#"{"a":{"b":"}"}}"#),
        ),
    ] {
        let Ok(Packet {
            namespace: found,
            body: Body::Connect { auth },
            ..
        }) = decode(packet)
        else {
            panic!("{packet} is a CONNECT");
        };
        assert_eq!(found.as_str(), namespace, "{packet}");
        assert_eq!(auth.as_ref().map(Text::as_str), expected, "{packet}");
    }
}

#[test]
fn incoming_events_are_read() {
    let event = |namespace: &str, id, name: &str, arguments: &[&str], attachments| Event {
        namespace: namespace.into(),
        id,
        name: name.into(),
        arguments: arguments.iter().map(|json| (*json).to_owned()).collect(),
        attachments,
    };
    assert_eq!(decode_event(r#"2["a"]"#), event("/", None, "a", &[], 0));
    assert_eq!(
        decode_event(r#"2/custom,007["a",1, "é" ,{"3":[true]}]"#),
        event(
            "/custom",
            Some(7),
            "a",
            &["1", "\"é\"", r#"{"3":[true]}"#],
            0
        )
    );
    assert_eq!(
        decode_event(r#"52-/custom,1["a",{"_placeholder":true,"num":1}]"#),
        event(
            "/custom",
            Some(1),
            "a",
            &[r#"{"_placeholder":true,"num":1}"#],
            2
        )
    );
    assert_eq!(decode_event(r#"50-["a"]"#), event("/", None, "a", &[], 0));
    assert_eq!(decode_event("2[1,2]"), event("/", None, "1", &["2"], 0));
    assert_eq!(decode_event("2[-1.50]"), event("/", None, "-1.50", &[], 0));
    assert_eq!(
        decode_event(r#"2["\u0061\n"]"#),
        event("/", None, "a\n", &[], 0)
    );
    assert_eq!(decode_event(r#"2[""]"#), event("/", None, "", &[], 0));
    assert_eq!(
        decode_event(r#"2["Connect"]"#),
        event("/", None, "Connect", &[], 0)
    );
}

#[test]
fn numbers_keep_every_digit() {
    let number = "12345678901234567890.123456789";
    for number in [number, "-0", "1e400", "9007199254740993", "1.0"] {
        let event = decode_event(&format!(r#"2["a",{number},[{number}]]"#));
        assert_eq!(event.arguments, [number.to_owned(), format!("[{number}]")]);
        let again = encode::event("/", &event.name, &event.arguments);
        assert_eq!(
            packet_text(&again),
            format!(r#"42["a",{number},[{number}]]"#)
        );
        let binary = format!(r#"51-["a",{number},{{"_placeholder":true,"num":0}}]"#);
        assert_eq!(decode_event(&binary).arguments[0], number);
    }
}

#[test]
fn depth_does_not_overflow_the_stack() {
    let depth = 200_000;
    let json = "[".repeat(depth) + &"]".repeat(depth);
    for packet in [format!(r#"2["a",{json}]"#), format!(r#"50-["a",{json}]"#)] {
        assert_eq!(decode_event(&packet).arguments.concat(), json);
    }
    let open = "[".repeat(depth);
    assert_eq!(
        decode(&format!(r#"2["a",{open}"#)).err(),
        Some(ProtocolError::BadJson)
    );
    let objects = r#"{"a":"#.repeat(depth) + "1" + &"}".repeat(depth);
    assert!(decode(&format!("0{objects}")).is_ok());
}

#[test]
fn decoding_does_not_copy() {
    let packet = Text::from(r#"2/custom,["say","hello"]"#);
    let range = packet.as_bytes().as_ptr_range();
    let Ok(Packet {
        namespace,
        body: Body::Event {
            name, arguments, ..
        },
        ..
    }) = Packet::decode(&packet)
    else {
        panic!("an event");
    };
    let argument = arguments.get(0).expect("an argument");
    for part in [&*namespace, &*name, argument] {
        assert!(range.contains(&part.as_ptr()), "{part}");
    }
    assert_eq!(
        format!("{arguments:?}"),
        "Arguments(1 values, 0 attachments)"
    );
}

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        ".*".prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 24, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::vec((".*", inner), 0..4).prop_map(Value::from_iter),
        ]
    })
}

fn any_namespace() -> impl Strategy<Value = String> {
    "/[^,]{0,10}"
}

proptest! {
    #[test]
    fn events_round_trip(
        namespace in any_namespace(),
        name in ".*",
        arguments in prop::collection::vec(any_json(), 0..5),
        attachments in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..20), 0..=10),
    ) {
        prop_assume!(!name.contains("connect") && !name.ends_with("Listener"));
        let mut arguments: Vec<_> = arguments.iter().map(Value::to_string).collect();
        arguments.extend((0..attachments.len()).map(encode::placeholder));
        let frames = encode::binary_event(&namespace, &name, &arguments, &attachments);
        let event = decode_event(&packet_text(&frames[0])[1..]);
        let expected = Event { namespace, id: None, name, arguments, attachments: attachments.len() };
        prop_assert_eq!(event, expected);
        let data: Vec<_> = frames[1..].iter().map(|frame| frame.packet().to_vec()).collect();
        prop_assert_eq!(data, attachments);
    }

    #[test]
    fn acks_round_trip(
        namespace in any_namespace(),
        id in any::<u64>(),
        arguments in prop::collection::vec(any_json(), 0..5),
    ) {
        let arguments: Vec<_> = arguments.iter().map(Value::to_string).collect();
        let frame = encode::ack(&namespace, id, &arguments);
        let packet = decode(&packet_text(&frame)[1..]).expect("an ACK");
        prop_assert_eq!(packet.namespace.as_str(), namespace);
        let Body::Ack { id: found, arguments: values } = packet.body else {
            panic!("an ACK");
        };
        prop_assert_eq!(found, id);
        prop_assert_eq!(owned(&values), arguments);
    }

    #[test]
    fn strings_are_json(message in any::<String>(), sid in any::<String>()) {
        let frame = encode::connect_error("/", &message, None);
        let json: Value = serde_json::from_str(&packet_text(&frame)[2..]).expect("JSON");
        prop_assert_eq!(&json["message"], &Value::from(message));
        let frame = encode::connect("/", &sid, None);
        let json: Value = serde_json::from_str(&packet_text(&frame)[2..]).expect("JSON");
        prop_assert_eq!(&json["sid"], &Value::from(sid));
    }

    #[test]
    fn decoding_does_not_panic(
        garbage in any::<String>(),
        plausible in r#"[0-7]([0-9]{0,3}-)?(/[a-z]{0,3},?)?[0-9]{0,3}([\[\]{},:"\\ ]|"_placeholder"|"num"|true|[0-9é])*"#,
    ) {
        for packet in [garbage, plausible] {
            let Message::Text(packet) = text(&packet) else {
                panic!("text");
            };
            let _ = Packet::decode(&packet);
        }
    }

    #[test]
    fn placeholders_are_found_wherever_they_are(
        json in any_json(),
        numbers in prop::collection::vec(0..12_usize, 1..4),
        attachments in 0..=10_usize,
    ) {
        // Random JSON around, behind and inside; only the numbers decide.
        let hidden: Vec<_> = numbers
            .iter()
            .map(|number| format!(r#"[{{"x":[{json},{}]}}]"#, encode::placeholder(*number)))
            .collect();
        let packet = format!(r#"5{attachments}-["a",{json},{}]"#, hidden.join(","));
        let fits = numbers.iter().all(|number| *number < attachments);
        prop_assert_eq!(decode(&packet).is_ok(), fits, "{}", packet);
    }
}
