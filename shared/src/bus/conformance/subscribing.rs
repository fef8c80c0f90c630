//! Subscribing: what is pushed, and to whom.

use super::*;

impl<S: Subject> Fixture<S> {
    pub(super) async fn subscribers_are_pushed_in_order_up_to_the_position(self) {
        self.publish([1]).await;
        let mut first = self.subscribe(&[self.channel()]).await;
        let mut second = self.subscribe(&[self.channel()]).await;
        self.publish(2..=20).await;
        for subscriber in [&mut first, &mut second] {
            let pushed = subscriber.until_position().await;
            let numbers: Vec<u64> = pushed
                .iter()
                .map(|(_, _, entry)| entry.place.seq().get())
                .collect();
            assert_eq!(numbers, (2..=20).collect::<Vec<_>>());
            assert!(
                pushed
                    .windows(2)
                    .all(|pair| pair[0].0.offset < pair[1].0.offset)
            );
            assert!(
                pushed
                    .iter()
                    .all(|(point, _, entry)| point.offset == entry.offset)
            );
            assert_eq!(subscriber.until_position().await.len(), 0);
        }
    }

    pub(super) async fn signals_are_pushed_and_not_kept(self) {
        let mut subscriber = self.subscribe(&[self.channel()]).await;
        self.bus
            .signal(&self.channel(), Bytes::from_static(b"typing"))
            .await
            .expect("the bus is up");
        let push = subscriber.next().await;
        assert!(
            matches!(&push, Push::Signal { channel, payload } if *channel == self.channel() && payload == "typing"),
            "{push:?}"
        );
        assert!(self.log().await.is_empty());
    }

    pub(super) async fn unsubscribing_ends_the_pushes(self) {
        let mut subscriber = self.subscribe(&[self.channel()]).await;
        // A request is carried out in its own time, which the position after it tells.
        subscriber.ask(&[self.channel()], Ask::Unsubscribe);
        assert!(subscriber.until_position().await.is_empty());
        self.publish(1..=3).await;
        assert!(subscriber.until_position().await.is_empty());
        subscriber.ask(&[self.channel()], Ask::Subscribe);
        assert!(subscriber.until_position().await.is_empty());
        self.publish([4]).await;
        assert_eq!(subscriber.until_position().await.len(), 1);
    }

    pub(super) async fn a_subscriber_that_falls_behind_is_told(self) {
        let mut subscriber = self.subscribe(&[self.channel()]).await;
        self.publish(1..=50).await;
        let mut pushed = Vec::new();
        loop {
            match subscriber.next().await {
                Push::Entry { entry, .. } => pushed.push(entry.place.seq().get()),
                Push::Lost(_) => break,
                other => panic!("unexpected {other:?}"),
            }
        }
        assert_eq!(
            pushed,
            (1..=pushed.len() as u64).collect::<Vec<_>>(),
            "no hole before the loss"
        );
        assert!(pushed.len() < 50);
        subscriber.ask(&[self.channel()], Ask::Subscribe);
        assert!(subscriber.until_position().await.is_empty());
        self.publish([51]).await;
        assert_eq!(
            subscriber.until_position().await.len(),
            1,
            "it may subscribe again"
        );
    }
}
