//! Sessions under random sequences of inputs; most of what must hold is asserted
//! by the harness at every step.

use proptest::prelude::*;

use super::harness::{Harness, as_received};
use crate::engine::{Frame, Transport};

#[derive(Clone, Debug)]
enum Step {
    Get,
    SecondGet,
    Post(&'static str),
    PostConflict,
    PostTooLarge,
    GiveGetBack,
    AbortGet,
    AbortPost,
    OpenProbe,
    Probe(&'static str),
    ProbeBinary,
    CloseProbe,
    Frame(&'static str),
    FrameBinary,
    LoseTransport,
    /// So many frames, and how long each is.
    Send(usize, usize),
    Write(usize),
    Pass(u64),
    Close,
}

/// What a well-behaved client and a busy server do.
fn smooth() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => Just(Step::Get),
        1 => Just(Step::GiveGetBack),
        2 => Just(Step::Post("4up\x1ebAQID")),
        4 => Just(Step::Post("3")),
        1 => Just(Step::OpenProbe),
        2 => Just(Step::Probe("2probe")),
        2 => Just(Step::Probe("5")),
        1 => Just(Step::CloseProbe),
        2 => Just(Step::Frame("4up")),
        4 => Just(Step::Frame("3")),
        1 => Just(Step::FrameBinary),
        6 => (0..4_usize, 0..50_usize).prop_map(|(count, length)| Step::Send(count, length)),
        4 => (0..90_usize).prop_map(Step::Write),
        3 => (0..150_u64).prop_map(Step::Pass),
    ]
}

/// What ends sessions.
fn rough() -> impl Strategy<Value = Step> {
    prop_oneof![
        Just(Step::SecondGet),
        Just(Step::PostConflict),
        Just(Step::PostTooLarge),
        Just(Step::AbortGet),
        Just(Step::AbortPost),
        Just(Step::ProbeBinary),
        Just(Step::LoseTransport),
        Just(Step::Close),
        (0..20_000_u64).prop_map(Step::Pass),
        prop::sample::select(vec!["1", "2", "", "x", "4a\x1e1\x1e4b"]).prop_map(Step::Post),
        prop::sample::select(vec!["4", "", "6", "2"]).prop_map(Step::Probe),
        prop::sample::select(vec!["1", "2", "", "x"]).prop_map(Step::Frame),
    ]
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![30 => smooth().boxed(), 1 => rough().boxed()];
    prop::collection::vec(step, 0..80)
}

/// Carries out one step; sends are numbered, and noted if the session takes them.
fn carry_out(step: &Step, harness: &mut Harness, sent: &mut Vec<Frame>, closing: &mut bool) {
    match *step {
        // A client that has a GET open does not send another.
        Step::Get if harness.get_pending => {}
        Step::SecondGet if !harness.get_pending => {}
        Step::Get | Step::SecondGet => {
            harness.get();
        }
        Step::Post(body) => {
            harness.post(body);
        }
        Step::PostConflict => {
            harness.post_conflict();
        }
        Step::PostTooLarge => {
            harness.post_too_large();
        }
        Step::GiveGetBack => harness.give_get_back(),
        Step::AbortGet => harness.abort_get(),
        Step::AbortPost => harness.abort_post(),
        Step::OpenProbe => {
            harness.open_probe();
        }
        Step::Probe(text) if harness.probe_open => harness.probe(text),
        Step::ProbeBinary if harness.probe_open => harness.probe_binary(),
        Step::CloseProbe if harness.probe_open => harness.close_probe(),
        Step::Probe(_) | Step::ProbeBinary | Step::CloseProbe => {}
        Step::Frame(text) => harness.frame(text),
        Step::FrameBinary => harness.frame_binary(&[1, 2, 3]),
        Step::LoseTransport => harness.lose_transport(),
        Step::Send(count, length) => {
            let frames: Vec<_> = (sent.len()..sent.len() + count)
                .map(|number| match number % 3 {
                    0 => Frame::binary(&[number.to_be_bytes(), [7; 8]].concat()),
                    _ => Frame::message_text(&format!("{number:0length$}")),
                })
                .collect();
            if !*closing && harness.closed.is_none() {
                sent.extend_from_slice(&frames);
            }
            harness.send(frames);
        }
        Step::Write(limit) => {
            if harness.websocket {
                harness.write(limit);
            }
        }
        Step::Pass(milliseconds) => harness.pass(milliseconds),
        Step::Close => {
            *closing = true;
            harness.close();
        }
    }
}

fn run(steps: &[Step], transport: Transport) {
    let mut harness = Harness::open(transport);
    let (mut sent, mut closing) = (Vec::new(), false);
    for step in steps {
        carry_out(step, &mut harness, &mut sent, &mut closing);
    }
    let survived = harness.closed.is_none();
    harness.drain();
    let expected: Vec<_> = sent.iter().map(as_received).collect();
    let received = harness.messages_received();
    if survived {
        assert_eq!(received, expected, "each once and in order");
    } else {
        assert!(expected.starts_with(&received), "a part from the front");
    }
    harness.pass(60_000);
    assert!(
        harness.closed.is_some(),
        "a client that falls silent is let go"
    );
    for step in steps {
        let before = (harness.messages.len(), harness.received.len());
        if !matches!(step, Step::Write(_)) {
            carry_out(step, &mut harness, &mut sent, &mut closing);
        }
        let after = (harness.messages.len(), harness.received.len());
        assert_eq!(before, after, "{step:?} after the end");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn nothing_is_lost_or_doubled(steps in steps(), polling in any::<bool>()) {
        run(&steps, if polling { Transport::Polling } else { Transport::WebSocket });
    }

    #[test]
    fn an_upgrade_loses_and_doubles_nothing(
        before in prop::collection::vec(smooth(), 0..20),
        between in prop::collection::vec(smooth(), 0..20),
        after in prop::collection::vec(smooth(), 0..20),
    ) {
        let calm = |steps: Vec<Step>| {
            steps.into_iter().filter(|step| {
                !matches!(step, Step::OpenProbe | Step::Probe(_) | Step::CloseProbe | Step::Pass(_))
            })
        };
        let steps: Vec<_> = calm(before)
            .chain([Step::OpenProbe, Step::Probe("2probe")])
            .chain(calm(between))
            .chain([Step::Probe("5")])
            .chain(calm(after))
            .collect();
        run(&steps, Transport::Polling);
    }

    #[test]
    fn the_heartbeat_kills_on_time(answered in 0..5_u32, delay in 0..200_u64, polling in any::<bool>()) {
        let transport = if polling { Transport::Polling } else { Transport::WebSocket };
        let mut harness = Harness::open(transport);
        for _ in 0..answered {
            harness.pass(300 + delay);
            if polling {
                harness.post("3");
            } else {
                harness.frame("3");
            }
        }
        harness.pass(499);
        prop_assert!(harness.closed.is_none());
        harness.pass(1);
        prop_assert!(harness.closed.is_some());
        let lived = harness.now - harness.start;
        prop_assert_eq!(lived.as_millis(), u128::from(u64::from(answered) * (300 + delay) + 500));
    }
}
