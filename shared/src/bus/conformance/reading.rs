//! Reading: what the logs hold, and for how long.

use super::*;

impl<S: Subject> Fixture<S> {
    pub(super) async fn a_log_replays_what_came_after(self) {
        self.publish(1..=10).await;
        let log = self.log().await;
        let slice = self.read(&self.channel(), log[3].offset).await;
        assert_eq!(slice.entries[0].place, Place::Sequenced(seq(5)));
        assert_eq!(slice.entries.len(), 6);
        assert_eq!(
            slice.head.map(|head| (head.seq, head.last)),
            Some((seq(10), log[9].offset))
        );
        let partition = self.bus.partition_of(self.conversation);
        let page = self
            .bus
            .read(partition, &self.channel(), log[3].offset, 2)
            .await
            .expect("the bus is up");
        assert_eq!(page.entries.len(), 2);
    }

    pub(super) async fn a_slice_tells_whether_it_is_complete(self) {
        let nothing = self.read(&self.channel(), 0).await;
        assert!(
            nothing.head.is_none() && nothing.covers(0, seq(1)),
            "nothing happened"
        );
        self.publish(1..=5).await;
        let log = self.log().await;
        let caught_up = self.read(&self.channel(), log[4].offset).await;
        assert!(caught_up.entries.is_empty() && caught_up.covers(log[4].offset, seq(1)));
        assert!(
            self.read(&self.channel(), log[1].offset)
                .await
                .covers(log[1].offset, seq(1))
        );
    }

    pub(super) async fn a_trimmed_log_is_known_to_be_incomplete(self) {
        self.publish(1..=6).await;
        let slice = self.read(&self.channel(), 0).await;
        assert_eq!(slice.entries.len(), 3);
        assert!(!slice.covers(0, seq(1)), "events 1 to 3 are gone");
        assert!(
            slice.covers(0, seq(4)),
            "who joined with event 4 misses nothing"
        );
        let after_three = slice.entries[0].previous;
        assert!(
            slice.covers(after_three, seq(1)),
            "nor who has seen event 3"
        );
    }

    pub(super) async fn logs_and_heads_expire(self) {
        self.publish(1..=2).await;
        let last = self.log().await[1].offset;
        self.subject.pass(Duration::from_secs(61)).await;
        let slice = self.read(&self.channel(), 0).await;
        assert!(slice.entries.is_empty() && slice.head.is_some());
        assert!(!slice.covers(0, seq(1)) && slice.covers(last, seq(1)));
        assert_eq!(
            self.offer(&self.event(2), None).await,
            DUPLICATE,
            "the head remembers"
        );
        self.publish([3]).await;
        let log = self.log().await;
        assert_eq!(
            (log.len(), log[0].previous),
            (1, last),
            "the new log knows what came before it"
        );
        self.subject.pass(HEAD_LIFE + Duration::from_secs(60)).await;
        assert!(self.read(&self.channel(), 0).await.head.is_none());
        self.is_absent().await;
    }
}
