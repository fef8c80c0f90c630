//! Values that are valid once they exist: parsed at the edge, by serde or by hand, and not checked
//! again inside.

use std::{fmt, sync::Arc};

use serde::{Deserialize, Deserializer, de::Error};
use utoipa::ToSchema;

/// A value that was refused: which one, and what is accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{accepted}")]
pub struct Refused {
    /// The field's name on the wire.
    pub field: &'static str,
    /// What is accepted.
    pub accepted: &'static str,
}

macro_rules! text {
    ($(#[$doc:meta])* $name:ident, $field:literal, $max:tt, $accepted:literal) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, Hash, Deserialize, ToSchema)]
        #[serde(try_from = "String")]
        #[schema(value_type = String, min_length = 1, max_length = $max)]
        pub struct $name(Arc<str>);

        impl $name {
            /// The text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl TryFrom<&str> for $name {
            type Error = Refused;

            fn try_from(text: &str) -> Result<Self, Refused> {
                if text.is_empty() || text.chars().nth($max).is_some() || text.contains('\0') {
                    return Err(Refused { field: $field, accepted: $accepted });
                }
                Ok(Self(text.into()))
            }
        }

        impl TryFrom<String> for $name {
            type Error = Refused;

            fn try_from(text: String) -> Result<Self, Refused> {
                text.as_str().try_into()
            }
        }

        /// Tells the length only: what people write does not belong in logs.
        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({} bytes)"), self.0.len())
            }
        }
    };
}

text! {
    /// What a message says: 1–8,000 Unicode scalars, without U+0000.
    Content, "content", 8_000, "must be 1 to 8,000 characters long, without U+0000"
}
text! {
    /// A conversation's title: 1–200 Unicode scalars, without U+0000.
    Title, "title", 200, "must be 1 to 200 characters long, without U+0000"
}
text! {
    /// The sender's own id for a message: 1–64 Unicode scalars, without U+0000.
    ClientMessageId, "clientMessageId", 64, "must be 1 to 64 characters long, without U+0000"
}

/// How many items a list answers at most: 1–100.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limit(u8);

impl Limit {
    /// The most that can be asked for.
    pub const MAX: Self = Self(100);

    /// As a number.
    #[must_use]
    pub fn get(self) -> usize {
        usize::from(self.0)
    }
}

impl Default for Limit {
    fn default() -> Self {
        Self(50)
    }
}

impl TryFrom<&str> for Limit {
    type Error = Refused;

    fn try_from(text: &str) -> Result<Self, Refused> {
        let limit = text
            .parse()
            .ok()
            .filter(|limit| (1..=Self::MAX.0).contains(limit));
        limit.map(Self).ok_or(Refused {
            field: "limit",
            accepted: "must be a whole number from 1 to 100",
        })
    }
}

impl<'de> Deserialize<'de> for Limit {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.as_str().try_into().map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn lengths_count_unicode_scalars() {
        assert!(Content::try_from("é".repeat(8_000)).is_ok());
        assert!(Content::try_from("é".repeat(8_001)).is_err());
        assert!(Title::try_from("🎬".repeat(200)).is_ok());
        assert!(Title::try_from("").is_err());
        assert!(ClientMessageId::try_from("a\0b").is_err());
        assert!(Content::try_from(" ").is_ok());
    }

    #[test]
    fn text_stays_out_of_the_log() {
        let content = Content::try_from("secret").unwrap();
        assert_eq!(format!("{content:?}"), "Content(6 bytes)");
    }

    #[test]
    fn limits_are_from_1_to_100() {
        assert_eq!(Limit::try_from("100").map(Limit::get), Ok(100));
        for refused in ["", "0", "101", "-1", "1.5", "ten"] {
            assert!(Limit::try_from(refused).is_err(), "{refused} was accepted");
        }
    }

    proptest! {
        #[test]
        fn a_title_is_accepted_exactly_when_it_is_1_to_200_scalars_without_nul(text in "\\PC{0,210}|[\\x00a]{0,5}") {
            let valid = (1..=200).contains(&text.chars().count()) && !text.contains('\0');
            prop_assert_eq!(Title::try_from(text.as_str()).is_ok(), valid);
        }
    }
}
