//! The private id of a Socket.IO session, by which it is recovered.

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use callboard_shared::{id::UserId, random::random};
use sha2::{Digest, Sha256};

const RANDOM: usize = 12;
const BOUND: usize = 6;

/// Random, and bound to its user by a hash: another user's id is recognised without asking anybody.
/// It needs no key, because whoever makes one up for themselves gains nothing by it: what a session
/// is sent depends on the token alone.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Pid(Box<str>);

impl Pid {
    pub(crate) fn new(user: &UserId) -> Self {
        Self::bind(random(), user)
    }

    /// Reads one back; `None` if it is not one of this user's.
    pub(crate) fn parse(text: &str, user: &UserId) -> Option<Self> {
        let bytes = BASE64_URL_SAFE_NO_PAD.decode(text).ok()?;
        let random = bytes.get(..RANDOM)?.try_into().ok()?;
        Some(Self::bind(random, user)).filter(|pid| &*pid.0 == text)
    }

    fn bind(random: [u8; RANDOM], user: &UserId) -> Self {
        let hash = Sha256::new()
            .chain_update(random)
            .chain_update(user.as_str())
            .finalize();
        let mut bytes = [0; RANDOM + BOUND];
        bytes[..RANDOM].copy_from_slice(&random);
        bytes[RANDOM..].copy_from_slice(&hash[..BOUND]);
        Self(BASE64_URL_SAFE_NO_PAD.encode(bytes).into())
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pid_belongs_to_its_user() {
        let (alice, bob) = ("alice".parse().unwrap(), "bob".parse().unwrap());
        let pid = Pid::new(&alice);
        assert_eq!(Pid::parse(pid.as_str(), &alice), Some(pid.clone()));
        assert_eq!(Pid::parse(pid.as_str(), &bob), None);
        for nonsense in [
            "",
            "x",
            "AAAA",
            &"A".repeat(24),
            &format!("{}=", pid.as_str()),
        ] {
            assert_eq!(Pid::parse(nonsense, &alice), None, "{nonsense}");
        }
    }
}
