//! Frames, packets and payloads, there and back.

use bytes::Bytes;
use proptest::prelude::*;

use super::harness::decode_frame;
use crate::engine::{
    Frame, FrameKind, Message, Packet, PacketError, Text, decode_payload, packet::append_polled,
};

fn decode(text: &str) -> Result<Packet, PacketError> {
    Packet::decode(&text.into())
}

fn decode_body(body: impl Into<Vec<u8>>) -> Vec<Result<Packet, PacketError>> {
    decode_payload(Bytes::from(body.into())).collect()
}

fn encode_body(frames: &[Frame]) -> Bytes {
    let mut body = Vec::new();
    for frame in frames {
        append_polled(&mut body, frame);
    }
    body.into()
}

fn text(text: &str) -> Packet {
    Packet::Message(Message::Text(text.into()))
}

fn binary(data: &[u8]) -> Packet {
    Packet::Message(Message::Binary(Bytes::copy_from_slice(data)))
}

#[test]
fn a_frame_has_the_shortest_header() {
    for (length, header) in [
        (0, 2),
        (1, 2),
        (125, 2),
        (126, 4),
        (127, 4),
        (65_535, 4),
        (65_536, 10),
        (100_000, 10),
    ] {
        for (frame, opcode) in [
            (
                Frame::text("é".repeat(length / 2) + &"x".repeat(length % 2)),
                1,
            ),
            (Frame::binary(&vec![7; length]), 2),
        ] {
            assert_eq!(frame.len(), header + length);
            let (found, payload, whole) = decode_frame(frame.wire()).expect("a whole frame");
            assert_eq!((found, whole), (opcode, frame.len()));
            assert_eq!(payload, frame.packet());
        }
    }
}

#[test]
fn constant_frames_are_frames() {
    for (frame, packet) in [
        (Frame::CLOSE, "1"),
        (Frame::PING, "2"),
        (Frame::NOOP, "6"),
        (Frame::PROBE_PONG, "3probe"),
    ] {
        assert_eq!(frame.wire(), Frame::text(packet).wire());
        assert_eq!(frame.packet(), packet.as_bytes());
    }
}

#[test]
fn a_control_frame_is_not_for_polling() {
    let control = Frame::control(Bytes::from_static(&[0x8a, 0]));
    assert_eq!(control.wire(), [0x8a, 0]);
    assert_eq!(control.kind(), FrameKind::Control);
    let frames = [Frame::text("4a"), control, Frame::text("4b")];
    assert_eq!(encode_body(&frames), "4a\x1e4b");
}

#[test]
fn packets_decode() {
    assert_eq!(decode("0{}"), Ok(Packet::Open));
    assert_eq!(decode("1"), Ok(Packet::Close));
    assert_eq!(decode("2probe"), Ok(Packet::Ping("probe".into())));
    assert_eq!(decode("3"), Ok(Packet::Pong));
    assert_eq!(decode("4"), Ok(text("")));
    assert_eq!(decode("4hé"), Ok(text("hé")));
    assert_eq!(decode("5"), Ok(Packet::Upgrade));
    assert_eq!(decode("6"), Ok(Packet::Noop));
    assert_eq!(decode(""), Err(PacketError::Empty));
    for unknown in ["7", "abc", "é", "\0", "bAQID", " 4"] {
        assert_eq!(decode(unknown), Err(PacketError::UnknownType), "{unknown}");
    }
}

#[test]
fn payloads_decode() {
    assert_eq!(
        decode_body("4hello\x1ebAQIDBA==\x1e2"),
        [
            Ok(text("hello")),
            Ok(binary(&[1, 2, 3, 4])),
            Ok(Packet::Ping("".into()))
        ]
    );
    assert_eq!(
        decode_body("bAQIDBA"),
        [Ok(binary(&[1, 2, 3, 4]))],
        "no padding"
    );
    assert_eq!(decode_body("b"), [Ok(binary(&[]))]);
    assert_eq!(decode_body(""), [Err(PacketError::Empty)]);
    assert_eq!(
        decode_body("4a\x1e"),
        [Ok(text("a")), Err(PacketError::Empty)]
    );
    assert_eq!(decode_body("b*"), [Err(PacketError::Base64)]);
    assert_eq!(decode_body([0x34, 0xff]), [Err(PacketError::Utf8)]);
}

#[test]
fn decoding_does_not_copy() {
    let body = Bytes::from("4hello\x1e4world");
    let range = body.as_ptr_range();
    for packet in decode_payload(body) {
        let Ok(Packet::Message(Message::Text(text))) = packet else {
            panic!("two messages");
        };
        assert!(range.contains(&text.as_ptr()));
    }
}

#[test]
fn texts_slice_within_slices() {
    let whole = Text::from("0123456789");
    let part = whole.slice(2..8).slice(1..4);
    assert_eq!(&*part, "345");
    assert_eq!(format!("{part:?}"), "Text(3 bytes)");
}

fn any_message() -> impl Strategy<Value = Result<String, Vec<u8>>> {
    prop_oneof![
        "[^\x1e]{0,40}".prop_map(Ok),
        prop::collection::vec(any::<u8>(), 0..200).prop_map(Err),
    ]
}

proptest! {
    #[test]
    fn frames_round_trip(message in any_message(), fill in 0..70_000_usize) {
        let (frame, opcode, packet) = match message {
            Ok(mut text) => {
                text.extend(std::iter::repeat_n('x', fill));
                (Frame::message_text(&text), 1, format!("4{text}").into_bytes())
            }
            Err(mut data) => {
                data.extend(std::iter::repeat_n(0, fill));
                (Frame::binary(&data), 2, data)
            }
        };
        let length = frame.len();
        prop_assert_eq!(decode_frame(frame.wire()), Some((opcode, &*packet, length)));
        prop_assert_eq!(frame.packet(), packet);
        prop_assert_eq!(decode_frame(&frame.wire()[..length - 1]), None);
    }

    #[test]
    fn payloads_round_trip(messages in prop::collection::vec(any_message(), 1..8)) {
        let frames: Vec<_> = messages
            .iter()
            .map(|message| match message {
                Ok(text) => Frame::message_text(text),
                Err(data) => Frame::binary(data),
            })
            .collect();
        let expected: Vec<_> = messages
            .iter()
            .map(|message| match message {
                Ok(message) => Ok(text(message)),
                Err(data) => Ok(binary(data)),
            })
            .collect();
        let decoded: Vec<_> = decode_payload(encode_body(&frames)).collect();
        prop_assert_eq!(decoded, expected);
    }

    #[test]
    fn decoders_do_not_panic(bytes in prop::collection::vec(any::<u8>(), 0..300), text in ".*") {
        let _ = decode_body(bytes);
        let _ = decode_body(text.clone());
        let _ = decode(&text);
    }
}
