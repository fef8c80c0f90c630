//! Keeping: joined conversations and gateways.

use super::*;
use crate::bus::{GATEWAY_LIFE, JOINED_LIFE};

impl<S: Subject> Fixture<S> {
    pub(super) async fn joined_conversations_are_kept_for_a_day(self) {
        let other = ConversationId::new(self.subject.clock().now());
        let joined = || async { self.bus.joined("pid").await.expect("the bus is up") };
        let keep = |joined| async {
            self.bus
                .keep_joined("pid", joined)
                .await
                .expect("the bus is up");
        };
        assert_eq!(joined().await, []);
        keep(vec![self.conversation, other]).await;
        let mut kept = joined().await;
        kept.sort();
        let mut expected = vec![self.conversation, other];
        expected.sort();
        assert_eq!(kept, expected);
        keep(vec![other]).await;
        assert_eq!(joined().await, [other]);
        for _ in 0..2 {
            self.subject.pass(JOINED_LIFE * 2 / 3).await;
            assert_eq!(joined().await, [other], "who comes back is remembered anew");
        }
        self.subject
            .pass(JOINED_LIFE + Duration::from_secs(60))
            .await;
        assert_eq!(joined().await, []);
    }

    pub(super) async fn a_gateway_is_found_until_it_has_not_been_heard_of(self) {
        let (stays, leaves) = (GatewayId::random(), GatewayId::random());
        let locate = |gateway| {
            let found = self.bus.locate(gateway);
            async { found.await.expect("the bus is up") }
        };
        let announce = |gateway, address| {
            let said = self.bus.announce(gateway, address);
            async { said.await.expect("the bus is up") }
        };
        assert_eq!(locate(stays).await, None);
        announce(stays, "10.0.0.7:5012").await;
        announce(leaves, "10.0.0.8:5012").await;
        assert_eq!(locate(stays).await.as_deref(), Some("10.0.0.7:5012"));
        assert_eq!(locate(leaves).await.as_deref(), Some("10.0.0.8:5012"));
        self.bus.withdraw(leaves).await.expect("the bus is up");
        assert_eq!(locate(leaves).await, None);
        self.subject.pass(GATEWAY_LIFE / 2).await;
        announce(stays, "10.0.0.7:5013").await;
        self.subject.pass(GATEWAY_LIFE * 2 / 3).await;
        assert_eq!(locate(stays).await.as_deref(), Some("10.0.0.7:5013"));
        self.subject.pass(GATEWAY_LIFE).await;
        assert_eq!(locate(stays).await, None);
    }
}
