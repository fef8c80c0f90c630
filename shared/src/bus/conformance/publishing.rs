//! Publishing: order, holes, absences and epochs.

use super::*;

impl<S: Subject> Fixture<S> {
    pub(super) async fn a_conversation_is_published_in_order(self) {
        self.publish(1..=5).await;
        let log = self.log().await;
        assert_eq!(
            log.iter()
                .map(|entry| entry.place.seq().get())
                .collect::<Vec<_>>(),
            [1, 2, 3, 4, 5]
        );
        assert_eq!(
            log.iter()
                .map(|entry| entry.payload.clone())
                .collect::<Vec<_>>(),
            (1..=5).map(text).collect::<Vec<_>>()
        );
        assert!(
            log.windows(2)
                .all(|pair| pair[0].offset < pair[1].offset && pair[1].previous == pair[0].offset)
        );
        assert_eq!(log[0].previous, 0);
    }

    pub(super) async fn what_was_published_is_a_duplicate(self) {
        self.publish(1..=3).await;
        for number in 1..=3 {
            assert_eq!(self.offer(&self.event(number), None).await, DUPLICATE);
        }
        assert_eq!(self.log().await.len(), 3);
    }

    pub(super) async fn a_hole_is_refused_and_named(self) {
        self.publish(1..=2).await;
        assert_eq!(self.offer(&self.event(5), None).await, Reply::Next(seq(3)));
        self.publish(3..=5).await;
        assert_eq!(self.log().await.len(), 5);
    }

    pub(super) async fn an_absent_conversation_needs_a_floor(self) {
        self.is_absent().await;
        let floor = seq(7);
        assert_eq!(
            self.offer(&self.event(9), Some(floor)).await,
            Reply::Next(seq(7)),
            "a hole above the floor"
        );
        assert_eq!(
            self.offer(&self.event(6), Some(floor)).await,
            DUPLICATE,
            "below the floor"
        );
        assert_eq!(self.offer(&self.event(7), Some(floor)).await, PUBLISHED);
        self.publish([8, 9]).await;
        assert_eq!(self.log().await[0].previous, 0);
    }

    pub(super) async fn an_old_event_of_an_absent_conversation_starts_an_epoch(self) {
        let (event, other) = (self.event(1), self.elsewhere(1));
        self.epoch().await;
        self.subject
            .pass(ABSENT_TOO_OLD + Duration::from_secs(60))
            .await;
        let before = self.epoch().await;
        assert_eq!(self.offer(&event, Some(seq(1))).await, PUBLISHED);
        let epoch = self.epoch().await;
        assert_ne!(epoch, before);
        assert_eq!(self.read(&self.channel(), 0).await.epoch, epoch);

        // The next one that is old finds an epoch that has forgotten nothing.
        assert_eq!(self.offer(&other, Some(seq(1))).await, PUBLISHED);
        assert_eq!(self.epoch().await, epoch);
    }

    pub(super) async fn an_old_event_that_is_not_appended_starts_no_epoch(self) {
        let [first, third] = [self.event(1), self.event(3)];
        self.subject
            .pass(ABSENT_TOO_OLD + Duration::from_secs(60))
            .await;
        let epoch = self.epoch().await;
        let wanted = self.offer(&third, Some(seq(1))).await;
        assert_eq!(wanted, Reply::Next(seq(1)));
        assert_eq!(self.offer(&first, Some(seq(3))).await, DUPLICATE);
        assert_eq!(self.epoch().await, epoch);
    }

    pub(super) async fn receipts_take_a_place_but_no_number(self) {
        self.publish(1..=2).await;
        let receipt = self.publication(Place::Tagged(seq(2)), Bytes::from_static(b"receipt"));
        assert_eq!(self.offer(&receipt, None).await, PUBLISHED);
        assert_eq!(self.offer(&receipt, None).await, PUBLISHED, "at least once");
        self.publish([3]).await;
        let places: Vec<Place> = self.log().await.iter().map(|entry| entry.place).collect();
        let (event, tag) = (|n| Place::Sequenced(seq(n)), |n| Place::Tagged(seq(n)));
        assert_eq!(places, [event(1), event(2), tag(2), tag(2), event(3)]);
        assert_eq!(self.offer(&receipt, None).await, PUBLISHED);
        let last = self.log().await.last().map(|entry| entry.place);
        assert_eq!(last, Some(tag(3)), "it is placed where it comes");
        let early = self.publication(Place::Tagged(seq(5)), Bytes::from_static(b"receipt"));
        let wanted = self.offer(&early, None).await;
        assert_eq!(
            wanted,
            Reply::Next(seq(4)),
            "what it was written after goes first"
        );
    }

    /// Or its head would hide that they are too old for this epoch.
    pub(super) async fn a_receipt_does_not_go_before_its_events(self) {
        let receipt = self.publication(Place::Tagged(seq(2)), Bytes::from_static(b"receipt"));
        let wanted = self.offer(&receipt, Some(seq(2))).await;
        assert_eq!(wanted, Reply::Next(seq(2)));
    }

    pub(super) async fn notices_go_before_their_event(self) {
        let user: UserId = "alice".parse().expect("valid");
        let channel = Channel::User(user.clone());
        let mut subscriber = self.subscribe(&[channel.clone(), self.channel()]).await;
        let notices = vec![(user, Bytes::from_static(b"notice"))];
        let event = Publication {
            notices,
            ..self.event(1)
        };
        assert_eq!(self.offer(&event, Some(seq(1))).await, PUBLISHED);
        let pushed = subscriber.until_position().await;
        let order: Vec<&Channel> = pushed.iter().map(|(_, channel, _)| channel).collect();
        assert_eq!(order, [&channel, &self.channel()]);
        assert!(pushed[0].0.offset < pushed[1].0.offset);
        assert_eq!(pushed[0].2.place, Place::Notice);
        assert_eq!(
            self.read(&channel, 0).await.entries.len(),
            1,
            "notices are logged too"
        );
        assert_eq!(self.offer(&event, None).await, DUPLICATE);
        assert_eq!(
            self.read(&channel, 0).await.entries.len(),
            1,
            "and not repeated"
        );
    }

    pub(super) async fn concurrent_publishers_leave_no_hole(self) {
        let fixture = Arc::new(self);
        let mut subscriber = fixture.subscribe(&[fixture.channel()]).await;
        fixture.publish([1]).await;
        let publisher = |fixture: Arc<Self>| async move {
            for number in 2..=50 {
                // Each asks for the event until the bus has it, as publishers do.
                while let Reply::Next(wanted) = fixture.offer(&fixture.event(number), None).await {
                    let reply = fixture.offer(&fixture.event(wanted.get()), None).await;
                    assert!(matches!(reply, PUBLISHED | DUPLICATE), "{reply:?}");
                }
            }
        };
        futures::future::join_all((0..4).map(|_| publisher(Arc::clone(&fixture)))).await;
        let numbers: Vec<u64> = subscriber
            .until_position()
            .await
            .iter()
            .map(|(_, _, entry)| entry.place.seq().get())
            .collect();
        assert_eq!(numbers, (1..=50).collect::<Vec<_>>());
    }
}
