//! Typed ids. Each is parsed once, at the edge, and valid from there on.

use std::{fmt, str::FromStr, sync::Arc};

use serde::{Deserialize, Deserializer, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::clock::Timestamp;

/// An id that cannot be parsed; says what is accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct InvalidId(&'static str);

macro_rules! uuid_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema)]
        #[serde(transparent)]
        #[schema(value_type = String, format = "uuid", examples("0199c5a2-9f3e-7cc0-8a34-6d1e1f0b7a55"))]
        pub struct $name(Uuid);

        impl $name {
            /// A new id that sorts by its time of creation, `now`.
            #[must_use]
            pub fn new(now: Timestamp) -> Self {
                let millis = u64::try_from(now.as_millis()).unwrap_or(0);
                Self(uuid::Builder::from_unix_timestamp_millis(millis, &crate::random::random()).into_uuid())
            }

            /// The sixteen bytes, as stored.
            #[must_use]
            pub fn as_bytes(&self) -> &[u8; 16] {
                self.0.as_bytes()
            }

            /// From the sixteen bytes, as stored.
            #[must_use]
            pub fn from_bytes(bytes: [u8; 16]) -> Self {
                Self(Uuid::from_bytes(bytes))
            }
        }

        impl FromStr for $name {
            type Err = InvalidId;

            fn from_str(text: &str) -> Result<Self, InvalidId> {
                Uuid::try_parse(text).map(Self).map_err(|_| InvalidId("must be a UUID"))
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
    };
}

uuid_id! {
    /// A conversation.
    ConversationId
}
uuid_id! {
    /// A message.
    MessageId
}

/// A gateway process, for as long as it runs.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct GatewayId([u8; Self::LENGTH]);

impl GatewayId {
    /// How many bytes it has.
    pub const LENGTH: usize = 6;

    /// A new one, unlike any other.
    #[must_use]
    pub fn random() -> Self {
        Self(crate::random::random())
    }

    /// Its bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8; Self::LENGTH] {
        &self.0
    }

    /// From its bytes.
    #[must_use]
    pub fn from_bytes(bytes: [u8; Self::LENGTH]) -> Self {
        Self(bytes)
    }
}

impl fmt::Display for GatewayId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for GatewayId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// The longest user id, in bytes.
pub const MAX_USER_ID: usize = 128;

/// A user, as the platform's tokens name them: 1–128 bytes, without U+0000. Cheap to clone.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, ToSchema)]
#[serde(transparent)]
#[schema(value_type = String, min_length = 1, max_length = 128, examples("alice"))]
pub struct UserId(Arc<str>);

impl UserId {
    /// The id as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for UserId {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, InvalidId> {
        if text.is_empty() || text.len() > MAX_USER_ID || text.contains('\0') {
            return Err(InvalidId("must be 1 to 128 bytes long, without U+0000"));
        }
        Ok(Self(text.into()))
    }
}

/// A user id arrives as a string or as an integer, which is taken as its decimal text.
impl<'de> Deserialize<'de> for UserId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl serde::de::Visitor<'_> for Visitor {
            type Value = UserId;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a user id: a string of 1 to 128 bytes, or an integer")
            }

            fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<UserId, E> {
                text.parse().map_err(E::custom)
            }

            fn visit_u64<E: serde::de::Error>(self, number: u64) -> Result<UserId, E> {
                self.visit_str(&number.to_string())
            }

            fn visit_i64<E: serde::de::Error>(self, number: i64) -> Result<UserId, E> {
                self.visit_str(&number.to_string())
            }
        }
        deserializer.deserialize_any(Visitor)
    }
}

impl fmt::Display for UserId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for UserId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

/// An event's number in its conversation: 1, 2, 3 … without gaps, below 2^53. Zero stands for
/// "before the first".
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, ToSchema,
)]
#[serde(transparent)]
#[schema(value_type = u64, maximum = 9_007_199_254_740_991_u64)]
pub struct Seq(u64);

impl Seq {
    /// Before the first event.
    pub const ZERO: Self = Self(0);
    /// The largest number that every client can hold exactly: 2^53 − 1.
    pub const MAX: Self = Self((1 << 53) - 1);

    /// A sequence number; above [`Seq::MAX`] it is cut to that.
    #[must_use]
    pub fn new(number: u64) -> Self {
        Self(number.min(Self::MAX.0))
    }

    /// As a plain number.
    #[must_use]
    pub fn get(self) -> u64 {
        self.0
    }

    /// The one after.
    #[must_use]
    pub fn next(self) -> Self {
        Self(self.0 + 1)
    }

    /// The one before; zero stays zero.
    #[must_use]
    pub fn previous(self) -> Self {
        Self(self.0.saturating_sub(1))
    }
}

/// Above [`Seq::MAX`] it is refused.
impl<'de> Deserialize<'de> for Seq {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let number = u64::deserialize(deserializer)?;
        if number > Self::MAX.0 {
            return Err(serde::de::Error::custom("must be below 2^53"));
        }
        Ok(Self(number))
    }
}

impl fmt::Display for Seq {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_user_id_is_a_string_or_an_integer() {
        let parse = |json: &str| serde_json::from_str::<UserId>(json).map(|id| id.to_string());
        assert_eq!(parse(r#""alice""#).unwrap(), "alice");
        assert_eq!(parse("42").unwrap(), "42");
        assert_eq!(parse("-7").unwrap(), "-7");
        for refused in [
            r#""""#,
            r#""a\u0000b""#,
            "1.5",
            "null",
            "[]",
            &format!("{:?}", "x".repeat(129)),
        ] {
            assert!(parse(refused).is_err(), "{refused} was accepted");
        }
    }

    #[test]
    fn sequence_numbers_stay_below_2_to_the_53rd() {
        let parse = serde_json::from_str::<Seq>;
        assert_eq!(parse("9007199254740991").unwrap(), Seq::MAX);
        for refused in ["9007199254740992", "-1", "1.5", "null", r#""1""#] {
            assert!(parse(refused).is_err(), "{refused} was accepted");
        }
    }

    #[test]
    fn ids_sort_by_their_time() {
        let earlier = MessageId::new(Timestamp::from_millis(1_000));
        let later = MessageId::new(Timestamp::from_millis(2_000));
        assert!(earlier < later);
        assert_eq!(later.to_string().parse::<MessageId>().unwrap(), later);
    }
}
