//! How far everyone has got.

use futures::future::join_all;

use super::{Error, Operations, Result};
use crate::store::{ReceiptKind, ReceiptRequest, ReceiptState, Receipts};

/// How many messages one request may mark as read.
use callboard_shared::backend::MAX_MESSAGE_IDS;

impl Operations {
    /// Records receipts in one transaction; each has its own outcome, in the order of asking.
    pub async fn record_receipts(
        &self,
        requests: Vec<ReceiptRequest>,
    ) -> Vec<Result<ReceiptState>> {
        let checked: Vec<Result<()>> = requests
            .iter()
            .map(|request| check(&request.kind))
            .collect();
        let valid = requests
            .into_iter()
            .zip(&checked)
            .filter(|(_, check)| check.is_ok());
        let recorded = self
            .record(valid.map(|(request, _)| request).collect())
            .await;
        let mut recorded = recorded.into_iter();
        checked
            .into_iter()
            .map(|check| check.and_then(|()| recorded.next().unwrap_or(Err(Error::Busy))))
            .collect()
    }

    /// Records one receipt.
    ///
    /// # Errors
    ///
    /// If the user does not take part, or a message is not of the conversation.
    pub async fn record_receipt(&self, request: ReceiptRequest) -> Result<ReceiptState> {
        self.record_receipts(vec![request])
            .await
            .pop()
            .unwrap_or(Err(Error::Busy))
    }

    async fn record(&self, requests: Vec<ReceiptRequest>) -> Vec<Result<ReceiptState>> {
        let count = requests.len();
        if count == 0 {
            return Vec::new();
        }
        match self.store().record_receipts(requests, self.now()).await {
            Ok(Receipts { outcomes, entries }) => {
                join_all(
                    entries
                        .into_iter()
                        .map(|entry| self.inner.publisher.announce(entry)),
                )
                .await;
                outcomes
                    .into_iter()
                    .map(|outcome| outcome.map_err(Error::from))
                    .collect()
            }
            Err(error) => vec![Err(error.into()); count],
        }
    }
}

fn check(kind: &ReceiptKind) -> Result<()> {
    match kind {
        ReceiptKind::ReadUpTo(messages) if messages.is_empty() => Err(Error::invalid(
            "messageIds",
            "must name at least one message; leave it out to mark all as read",
        )),
        ReceiptKind::ReadUpTo(messages) if messages.len() > MAX_MESSAGE_IDS => Err(Error::invalid(
            "messageIds",
            format!("must name at most {MAX_MESSAGE_IDS} messages"),
        )),
        ReceiptKind::ReadAll | ReceiptKind::ReadUpTo(_) | ReceiptKind::Delivered(_) => Ok(()),
    }
}
