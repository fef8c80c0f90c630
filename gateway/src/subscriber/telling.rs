//! What was said on the bus, read and handed to the workers that want it.

use std::sync::Arc;

use bytes::Bytes;
use callboard_shared::{
    bus::{Channel, LogEntry, Point},
    event::{DecodeError, MembershipNotice, Signal, SignalName, Takeover},
    id::{ConversationId, UserId},
};
use tokio::time::Instant;

use super::{Subscriber, Told};
use crate::messaging::{Delivery, Typing};

impl Subscriber {
    /// Makes the frames of a log entry and hands them to the workers that want them.
    pub(super) async fn entry(&mut self, point: Point, channel: Channel, entry: LogEntry) {
        self.position.advance(point.partition, point.offset);
        let workers = self.audience.of(&channel);
        if workers == 0 {
            return;
        }
        let position = self.position.clone();
        let told = match channel {
            Channel::Conversation(conversation) => Delivery::new(conversation, &entry, position)
                .map(|delivery| Told::Delivery(Arc::new(delivery))),
            Channel::User(user) => {
                MembershipNotice::decode(&entry.payload).map(|notice| Told::Notice {
                    user,
                    notice,
                    point,
                    position,
                })
            }
        };
        match told {
            Ok(told) => {
                self.audience.tell(workers, &told).await;
                if let Told::Delivery(delivery) = told
                    && let Some(sender) = delivery.sender()
                {
                    self.stop_typist(delivery.conversation, sender.clone())
                        .await;
                }
            }
            Err(error) => self.unreadable(&error),
        }
    }

    pub(super) async fn signal(&mut self, channel: Channel, payload: &Bytes) {
        let conversation = match channel {
            Channel::Conversation(conversation) => conversation,
            Channel::User(user) => return self.takeover(user, payload).await,
        };
        match Signal::decode(payload) {
            Ok(Signal {
                signal: SignalName::TypingStart,
                user_id,
                user_name,
                ..
            }) => {
                let now = Instant::now().into_std();
                self.typists
                    .start(conversation, &user_id, user_name.as_deref(), now);
                self.tell_typing(Typing::start(conversation, user_id, user_name))
                    .await;
            }
            Ok(Signal {
                signal: SignalName::TypingStop,
                user_id,
                ..
            }) => {
                self.stop_typist(conversation, user_id).await;
            }
            Err(error) => self.unreadable(&error),
        }
    }

    async fn takeover(&mut self, user: UserId, payload: &Bytes) {
        let workers = self.audience.of(&Channel::User(user.clone()));
        match Takeover::decode(payload) {
            Ok(takeover) => {
                self.audience
                    .tell(workers, &Told::Takeover { user, takeover })
                    .await;
            }
            Err(error) => self.unreadable(&error),
        }
    }

    /// A typist has stopped: those who know that they typed are told.
    pub(super) async fn stop_typist(&mut self, conversation: ConversationId, user: UserId) {
        if self.typists.stop(conversation, &user) {
            self.tell_typing(Typing::stop(conversation, user)).await;
        }
    }

    async fn tell_typing(&mut self, typing: serde_json::Result<Typing>) {
        match typing {
            Ok(typing) => {
                let workers = self
                    .audience
                    .of(&Channel::Conversation(typing.conversation));
                self.audience
                    .tell(workers, &Told::Typing(Arc::new(typing)))
                    .await;
            }
            Err(error) => self.unreadable(&error.into()),
        }
    }

    fn unreadable(&self, error: &DecodeError) {
        tracing::error!(%error, "a payload on the bus cannot be read; it is left out");
        self.metrics.error("unreadable_payload");
    }
}
