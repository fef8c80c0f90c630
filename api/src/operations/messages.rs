//! Messages, and the events they are among.

use callboard_shared::{
    auth::Identity,
    id::{ConversationId, MessageId, Seq},
    wire::Message,
};

use super::{Operations, Result};
use crate::{
    store::{Event, NewMessage, Range},
    values::{ClientMessageId, Content, Limit},
};

impl Operations {
    /// Sends a message; tells whether it is new. It is committed and, unless the bus is away,
    /// published when this returns. The same `client_message_id` again is answered with the first
    /// message.
    ///
    /// # Errors
    ///
    /// If the sender does not take part, or it could not be stored; trying again with the same
    /// `client_message_id` is safe.
    pub async fn send_message(
        &self,
        sender: &Identity,
        conversation_id: ConversationId,
        content: Content,
        client_message_id: Option<ClientMessageId>,
    ) -> Result<(Message, bool)> {
        let at = self.now();
        let message = NewMessage {
            id: MessageId::new(at),
            conversation_id,
            sender_id: sender.user_id.clone(),
            sender_name: sender.name.clone(),
            content,
            client_message_id,
            at,
        };
        self.inner.gatherer.send(message).await
    }

    /// A page of messages: newest first, or oldest first after a number.
    ///
    /// # Errors
    ///
    /// If the reader does not take part.
    pub async fn messages(
        &self,
        reader: &Identity,
        id: ConversationId,
        range: Range,
        limit: Limit,
    ) -> Result<Vec<Message>> {
        Ok(self
            .store()
            .messages(&reader.user_id, id, range, limit.get())
            .await??)
    }

    /// The events after a number, in order.
    ///
    /// # Errors
    ///
    /// If the reader does not take part.
    pub async fn events(
        &self,
        reader: &Identity,
        id: ConversationId,
        after: Seq,
        limit: Limit,
    ) -> Result<Vec<Event>> {
        Ok(self
            .store()
            .events(&reader.user_id, id, after, limit.get())
            .await??)
    }
}
