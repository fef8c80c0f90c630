//! The text of a list's cursor: opaque to clients, who get it as `nextCursor` and send it back.

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use callboard_shared::{
    clock::Timestamp,
    id::{ConversationId, Seq},
};
use serde::{Deserialize, Deserializer, de::Error};

use crate::store::{ListKey, ParticipantKey};

/// A place in a list that can be written as bytes.
pub(crate) trait Key: Sized {
    fn to_bytes(&self) -> Vec<u8>;
    fn from_bytes(bytes: &[u8]) -> Option<Self>;
}

/// A place in a list, as text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Cursor<K>(pub(crate) K);

impl<K: Key> Cursor<K> {
    pub(crate) fn text(key: &K) -> String {
        BASE64_URL_SAFE_NO_PAD.encode(key.to_bytes())
    }
}

impl<'de, K: Key> Deserialize<'de> for Cursor<K> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let bytes = BASE64_URL_SAFE_NO_PAD.decode(text).ok();
        let key = bytes.as_deref().and_then(K::from_bytes);
        key.map(Self)
            .ok_or_else(|| D::Error::custom("must be the nextCursor of an earlier answer"))
    }
}

impl Key for ListKey {
    fn to_bytes(&self) -> Vec<u8> {
        [
            self.updated_at.as_millis().to_be_bytes().as_slice(),
            self.id.as_bytes(),
        ]
        .concat()
    }

    fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (millis, id) = bytes.split_first_chunk()?;
        Some(Self {
            updated_at: Timestamp::from_millis(i64::from_be_bytes(*millis)),
            id: ConversationId::from_bytes(id.try_into().ok()?),
        })
    }
}

impl Key for ParticipantKey {
    fn to_bytes(&self) -> Vec<u8> {
        [
            self.joined_seq.get().to_be_bytes().as_slice(),
            &self.nth.to_be_bytes(),
        ]
        .concat()
    }

    fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (seq, nth) = bytes.split_first_chunk()?;
        Some(Self {
            joined_seq: Seq::new(u64::from_be_bytes(*seq)),
            nth: u32::from_be_bytes(nth.try_into().ok()?),
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    proptest! {
        #[test]
        fn a_list_cursor_comes_back(millis: i64, id: [u8; 16]) {
            let key = ListKey { updated_at: Timestamp::from_millis(millis), id: ConversationId::from_bytes(id) };
            let back: Cursor<ListKey> = serde_json::from_value(json!(Cursor::text(&key))).unwrap();
            prop_assert_eq!(back.0, key);
        }

        #[test]
        fn a_participant_cursor_comes_back(seq in 0..1_u64 << 53, nth: u32) {
            let key = ParticipantKey { joined_seq: Seq::new(seq), nth };
            let back: Cursor<ParticipantKey> = serde_json::from_value(json!(Cursor::text(&key))).unwrap();
            prop_assert_eq!(back.0, key);
        }

        #[test]
        fn anything_else_is_refused(text in "\\PC{0,40}") {
            let parsed = serde_json::from_value::<Cursor<ListKey>>(json!(text));
            prop_assert!(parsed.is_err() || text.len() == 32);
        }
    }
}
