//! What users do.

use callboard_api::{
    store::{ReceiptKind, ReceiptRequest},
    values::{ClientMessageId, Content},
};
use callboard_shared::id::{ConversationId, Seq};
use serde_json::{Value, json};
use tokio::time::{Duration, timeout};

use crate::tab::Tab;

/// How long a user waits for an acknowledgement.
const PATIENCE: Duration = Duration::from_secs(4);

impl Tab {
    /// Does one thing in a conversation.
    pub(crate) async fn one_thing(&self, conversation: ConversationId, number: u64) {
        let dice = &self.world.dice;
        let last = self.last(conversation);
        match dice.below(100) {
            0..40 => self.send(conversation, number, true).await,
            40..55 => self.send(conversation, number, false).await,
            55..68 => {
                let data = json!({"conversationId": conversation, "seq": last});
                let answer = self.ask("mark-delivered", &data).await;
                if answer.is_some_and(|answer| answer["ok"] == true) {
                    self.check_receipt(conversation, last);
                }
            }
            68..78 => {
                let request = ReceiptRequest {
                    user_id: self.user().clone(),
                    conversation_id: conversation,
                    kind: ReceiptKind::ReadAll,
                };
                let apis = &self.world.apis;
                let _ = apis
                    .call(async |operations| operations.record_receipt(request).await)
                    .await;
            }
            78..83 => drop(self.ask("join-conversation", &json!(conversation)).await),
            83..85 => drop(self.ask("leave-conversation", &json!(conversation)).await),
            85..88 => drop(self.ask("typing-start", &json!(conversation)).await),
            88..94 => {
                self.client.set_loud(true);
                self.cut.notify_one();
            }
            _ => {
                self.client.set_loud(false);
                self.cut.notify_one();
            }
        }
    }

    fn last(&self, conversation: ConversationId) -> Seq {
        let known = self.known.borrow();
        known
            .get(&conversation)
            .map_or(Seq::ZERO, |known| known.last)
    }

    async fn ask(&self, event: &str, data: &Value) -> Option<Value> {
        if !self.client.is_connected() {
            return None;
        }
        let answer = timeout(PATIENCE, self.client.send(event, data)).await;
        answer.ok()?.ok()
    }

    /// Sends a message, on the socket or by REST; tries once more if no answer comes.
    async fn send(&self, conversation: ConversationId, number: u64, by_socket: bool) {
        let mark = format!("{}-{number}", self.name);
        let text = format!("number {number} of {}", self.name);
        if by_socket {
            let data =
                json!({"conversationId": conversation, "content": text, "clientMessageId": mark});
            if let Some(answer) = self.ask("send-message", &data).await {
                if answer["ok"] == true {
                    self.check_sent(conversation, &mark);
                }
                return;
            }
            if self.world.dice.percent(40) {
                return;
            }
        }
        let (Ok(content), Ok(client_message_id)) = (
            Content::try_from(text),
            ClientMessageId::try_from(mark.as_str()),
        ) else {
            return;
        };
        for _ in 0..2 {
            let (content, mark) = (content.clone(), Some(client_message_id.clone()));
            let identity = self.identity.clone();
            let sent = self.world.apis.call(async |operations| {
                operations
                    .send_message(&identity, conversation, content, mark)
                    .await
            });
            match timeout(PATIENCE, sent).await {
                Ok(Ok(Ok(_))) => return self.check_sent(conversation, client_message_id.as_str()),
                Ok(Ok(Err(error))) if error.code().as_str() == "not_found" => return,
                _ => {}
            }
        }
    }

    /// What was acknowledged is in the database, once.
    fn check_sent(&self, conversation: ConversationId, mark: &str) {
        let world = &self.world;
        world.trace.note(&self.name, format!("acknowledged {mark}"));
        let database = &world.ground.database;
        let there = database.look(|tables| tables.count_marked(conversation, self.user(), mark));
        if there != 1 {
            let how = format!(
                "{}: {mark} was acknowledged, and is stored {there} times",
                self.name
            );
            world.verdict.broken(how);
        }
    }

    /// What was acknowledged as delivered is recorded, unless the user has left since.
    fn check_receipt(&self, conversation: ConversationId, seq: Seq) {
        let progress = self
            .world
            .ground
            .database
            .look(|tables| tables.progress(conversation));
        let own = progress
            .iter()
            .find(|progress| progress.user == *self.user());
        if own.is_some_and(|own| own.delivered.is_some_and(|delivered| delivered < seq)) {
            let how = format!(
                "{}: {own:?} in {conversation}, and {seq} was acknowledged",
                self.name
            );
            self.world.verdict.broken(how);
        }
    }
}
