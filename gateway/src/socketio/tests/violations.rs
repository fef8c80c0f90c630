//! Everything a client must not do, and the error for it.

use super::connection::{connected, harness};
use super::{binary, text};
use crate::socketio::{Packet, ProtocolError};

#[test]
fn packets_that_are_none() {
    use ProtocolError::{
        BadAck, BadAckId, BadAttachmentCount, BadAuth, BadDisconnect, BadEvent, BadJson,
        BadPlaceholder, ConnectError, TooManyAttachments, UnknownPacketType,
    };
    for (packet, error) in [
        ("", UnknownPacketType),
        ("abc", UnknownPacketType),
        ("7", UnknownPacketType),
        ("é", UnknownPacketType),
        // CONNECT
        ("0{", BadJson),
        ("0{} x", BadJson),
        ("0abc", BadJson),
        ("0/custom,{'a':1}", BadJson),
        ("0null", BadAuth),
        ("0[]", BadAuth),
        (r#"0"token""#, BadAuth),
        ("01", BadAuth),
        // DISCONNECT
        ("1{}", BadDisconnect),
        ("11", BadDisconnect),
        ("1/custom,[]", BadDisconnect),
        // EVENT
        ("2", BadEvent),
        ("2/custom", BadEvent),
        ("21", BadEvent),
        ("2{}", BadEvent),
        (r#"2"a""#, BadEvent),
        ("2null", BadEvent),
        ("2[]", BadEvent),
        ("2[null]", BadEvent),
        ("2[true]", BadEvent),
        ("2[{}]", BadEvent),
        (r#"2[["a"]]"#, BadEvent),
        (r#"2["a""#, BadJson),
        (r#"2["a"]]"#, BadJson),
        (r#"2["a",]"#, BadJson),
        (r#"2["a",01]"#, BadJson),
        (r#"2["a",.5]"#, BadJson),
        (r#"2["a",nul]"#, BadJson),
        ("2[\"a\",\"\n\"]", BadJson),
        (r#"2["\x"]"#, BadJson),
        (r#"2["connect"]"#, BadEvent),
        (r#"2["connect_error"]"#, BadEvent),
        (r#"2["disconnect"]"#, BadEvent),
        (r#"2["disconnecting"]"#, BadEvent),
        (r#"2["newListener"]"#, BadEvent),
        (r#"2["removeListener"]"#, BadEvent),
        (r#"2["\u0063onnect"]"#, BadEvent),
        (r#"50-["disconnect"]"#, BadEvent),
        // the ack id
        (r#"2abc["a",1,"2",{"3":[false]}]"#, BadJson),
        (r#"21a["a"]"#, BadJson),
        (r#"2-1["a"]"#, BadEvent),
        (r#"21.5["a"]"#, BadJson),
        (r#"299999999999999999999["a"]"#, BadAckId),
        ("3[]", BadAckId),
        ("3/custom,[]", BadAckId),
        ("399999999999999999999[]", BadAckId),
        // ACK
        ("31", BadAck),
        ("31{}", BadAck),
        ("31null", BadAck),
        ("31[", BadJson),
        // CONNECT_ERROR
        ("4", ConnectError),
        (r#"4{"message":"no"}"#, ConnectError),
        // attachments
        (r#"5["a"]"#, BadAttachmentCount),
        (r#"51["a"]"#, BadAttachmentCount),
        (r#"5-["a"]"#, BadAttachmentCount),
        (r#"5-1-["a"]"#, BadAttachmentCount),
        (r#"51.5-["a"]"#, BadAttachmentCount),
        (r#"5/1-["a"]"#, BadAttachmentCount),
        ("6", BadAttachmentCount),
        ("61", BadAttachmentCount),
        (r#"511-["a"]"#, TooManyAttachments),
        (r#"599999999999999999999999-["a"]"#, TooManyAttachments),
        ("611-1[]", TooManyAttachments),
        // placeholders
        (r#"51-["a",{"_placeholder":true,"num":1}]"#, BadPlaceholder),
        (r#"50-["a",{"_placeholder":true,"num":0}]"#, BadPlaceholder),
        (r#"51-["a",{"_placeholder":true,"num":-1}]"#, BadPlaceholder),
        (
            r#"51-["a",{"_placeholder":true,"num":0.5}]"#,
            BadPlaceholder,
        ),
        (
            r#"51-["a",{"_placeholder":true,"num":"0"}]"#,
            BadPlaceholder,
        ),
        (
            r#"51-["a",{"_placeholder":true,"num":[0]}]"#,
            BadPlaceholder,
        ),
        (
            r#"51-["a",{"_placeholder":true,"num":null}]"#,
            BadPlaceholder,
        ),
        (r#"51-["a",{"_placeholder":true}]"#, BadPlaceholder),
        (
            r#"51-["a",{"_placeholder":true,"num":99999999999999999999999}]"#,
            BadPlaceholder,
        ),
        (
            r#"51-["a",[{"b":{"num":1,"_placeholder":true}}]]"#,
            BadPlaceholder,
        ),
        (
            r#"51-["a",{"\u005fplaceholder":true,"n\u0075m":1}]"#,
            BadPlaceholder,
        ),
        (
            r#"51-["a",{"_placeholder":false,"num":0,"_placeholder":true,"num":1}]"#,
            BadPlaceholder,
        ),
        (
            r#"61-1[{ "_placeholder" : true , "num" : 1 }]"#,
            BadPlaceholder,
        ),
        (r#"61-[]"#, BadAckId),
    ] {
        assert_eq!(
            Packet::decode(&packet.into()).err(),
            Some(error),
            "{packet}"
        );
    }
}

#[test]
fn packets_that_only_look_wrong() {
    for packet in [
        "2[0]",
        r#"2["a",{"_placeholder":true,"num":9}]"#,
        r#"510-["a"]"#,
        r#"51-["a",{"_placeholder":true,"num":0},{"_placeholder":true,"num":0}]"#,
        r#"51-["a",{"_placeholder":false,"num":9}]"#,
        r#"51-["a",{"_placeholder":"true","num":9}]"#,
        r#"51-["a",{"_placeholder":1}]"#,
        r#"51-["a",{"num":9}]"#,
        r#"51-["a","{\"_placeholder\":true,\"num\":9}"]"#,
        r#"51-["a",["_placeholder",true,"num",9]]"#,
        r#"51-["a",{"_placeholder":true,"num":9,"num":0}]"#,
        r#"51-["a",{"_placeholder":true,"_placeholder":[true],"num":9}]"#,
        "60-1[]",
    ] {
        assert!(Packet::decode(&packet.into()).is_ok(), "{packet}");
    }
}

#[test]
fn packets_out_of_turn() {
    use ProtocolError::{
        AlreadyConnected, AttachmentExpected, AttachmentsTooLarge, NotConnected, UnexpectedBinary,
    };
    let event = r#"51-["a",{"_placeholder":true,"num":0}]"#;
    let cases = [
        // before CONNECT, and before its answer
        (harness(), vec![text(r#"2["a"]"#)], NotConnected),
        (harness(), vec![text("31[]")], NotConnected),
        (harness(), vec![text("1")], NotConnected),
        (harness(), vec![text(event)], NotConnected),
        (harness(), vec![text("0"), text(r#"2["a"]"#)], NotConnected),
        (harness(), vec![text("0"), text("31[]")], NotConnected),
        (harness(), vec![text("0"), text("0")], AlreadyConnected),
        (harness(), vec![binary(&[1])], UnexpectedBinary),
        // of namespaces the client is not in
        (connected(), vec![text("0")], AlreadyConnected),
        (connected(), vec![text(r#"2/custom,["a"]"#)], NotConnected),
        (connected(), vec![text(r#"2/random,["a"]"#)], NotConnected),
        (connected(), vec![text("1/random,")], NotConnected),
        (
            connected(),
            vec![text("1"), text(r#"2["a"]"#)],
            NotConnected,
        ),
        (connected(), vec![text("1"), text("1")], NotConnected),
        // attachments
        (connected(), vec![binary(&[1])], UnexpectedBinary),
        (
            connected(),
            vec![text(event), text(r#"2["a"]"#)],
            AttachmentExpected,
        ),
        (
            connected(),
            vec![text(event), text("1")],
            AttachmentExpected,
        ),
        (
            connected(),
            vec![text(event), binary(&[1]), binary(&[2])],
            UnexpectedBinary,
        ),
        (
            connected(),
            vec![text(event), binary(&[0; 101])],
            AttachmentsTooLarge,
        ),
        (
            connected(),
            vec![
                text(r#"53-["a"]"#),
                binary(&[0; 50]),
                binary(&[0; 51]),
                binary(&[]),
            ],
            AttachmentsTooLarge,
        ),
        (
            connected(),
            vec![text(r#"50-["a"]"#), binary(&[1])],
            UnexpectedBinary,
        ),
    ];
    for (mut harness, messages, error) in cases {
        let shown = format!("{messages:?}");
        let found = messages
            .into_iter()
            .find_map(|message| harness.receive(message).err());
        assert_eq!(found, Some(error), "{shown}");
    }
}
