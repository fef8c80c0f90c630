//! Tokens: who is asking, and until when.
//!
//! A token is a JWT signed with HS256 and the shared secret; the algorithm is pinned here and never
//! taken from the token. Both services verify with a [`Verifier`]; `callboard token` and tests sign
//! with [`mint`].

use std::{collections::HashMap, sync::Arc, time::Duration};

use clap::Args;
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use serde_json::{json, value::RawValue};

use crate::{
    clock::Timestamp,
    config::{ConfigError, filled, required},
    error::{ErrorCode, Refusal},
    id::UserId,
};

/// The shortest secret, in bytes: as long as the hash it keys (RFC 7518, section 3.2).
const MIN_SECRET: usize = 32;

/// Where user ids are looked for when no claim is pinned.
const USER_CLAIMS: [&str; 3] = ["sub", "userId", "id"];

/// The longest display name, in Unicode scalars; longer ones are cut.
const MAX_NAME: usize = 200;

/// How tokens are checked.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Authentication")]
pub struct AuthSettings {
    /// HS256 secret, at least 32 bytes.
    #[arg(long, env = "JWT_SECRET", hide_env_values = true)]
    pub jwt_secret: Option<SecretString>,
    /// The claim that names the user; without it the first of `sub`, `userId` and `id`.
    #[arg(long, env = "JWT_USER_CLAIM", value_parser = filled)]
    pub jwt_user_claim: Option<String>,
    /// What `iss` must be; without it `iss` is not looked at.
    #[arg(long, env = "JWT_ISSUER", value_parser = filled)]
    pub jwt_issuer: Option<String>,
    /// What `aud` must contain; without it `aud` is not looked at.
    #[arg(long, env = "JWT_AUDIENCE", value_parser = filled)]
    pub jwt_audience: Option<String>,
}

/// Who is asking.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Identity {
    /// The user.
    pub user_id: UserId,
    /// Their display name, at most 200 Unicode scalars.
    pub name: Option<Arc<str>>,
    /// When the token stops counting.
    pub expires_at: Timestamp,
}

impl Identity {
    /// Whether the token still counts; there is no leeway.
    #[must_use]
    pub fn valid_at(&self, now: Timestamp) -> bool {
        now < self.expires_at
    }
}

/// Why a token is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum AuthError {
    /// Malformed, wrongly signed, or not for this service.
    #[error("Invalid token")]
    Invalid,
    /// Its `exp` has passed.
    #[error("Token expired")]
    Expired,
    /// There is none.
    #[error("Token missing")]
    Missing,
}

impl AuthError {
    /// The code on the wire.
    #[must_use]
    pub fn code(self) -> ErrorCode {
        match self {
            Self::Invalid => ErrorCode::InvalidToken,
            Self::Expired => ErrorCode::TokenExpired,
            Self::Missing => ErrorCode::TokenMissing,
        }
    }
}

impl From<AuthError> for Refusal {
    fn from(error: AuthError) -> Self {
        Self::new(error.code(), error.to_string())
    }
}

/// Verifies tokens.
pub struct Verifier {
    key: DecodingKey,
    validation: Validation,
    user_claim: Option<String>,
}

/// As they are written: an integer may be longer than any of ours.
type Claims = HashMap<String, Box<RawValue>>;

/// A claim, if it is there and of this form.
fn claim<'a, T: Deserialize<'a>>(claims: &'a Claims, name: &str) -> Option<T> {
    serde_json::from_str(claims.get(name)?.get()).ok()
}

impl Verifier {
    /// A verifier for these settings.
    ///
    /// # Errors
    ///
    /// If the secret is missing or too short.
    pub fn new(settings: &AuthSettings) -> Result<Self, ConfigError> {
        let secret = checked_secret(settings)?;
        let mut validation = Validation::new(Algorithm::HS256);
        // Time is checked below, against the clock that the caller passes.
        validation.validate_exp = false;
        validation.required_spec_claims.clear();
        validation.validate_aud = false;
        if let Some(issuer) = &settings.jwt_issuer {
            validation.set_issuer(&[issuer]);
            validation.required_spec_claims.insert("iss".to_owned());
        }
        if let Some(audience) = &settings.jwt_audience {
            validation.set_audience(&[audience]);
            validation.validate_aud = true;
            validation.required_spec_claims.insert("aud".to_owned());
        }
        Ok(Self {
            key: DecodingKey::from_secret(secret.expose_secret().as_bytes()),
            validation,
            user_claim: settings.jwt_user_claim.clone(),
        })
    }

    /// Who the token says is asking.
    ///
    /// # Errors
    ///
    /// If the token does not count at `now`.
    pub fn verify(&self, token: &str, now: Timestamp) -> Result<Identity, AuthError> {
        let claims = jsonwebtoken::decode::<Claims>(token, &self.key, &self.validation)
            .map_err(|_| AuthError::Invalid)?
            .claims;
        let expires_at = claim(&claims, "exp").and_then(seconds);
        let expires_at = expires_at.ok_or(AuthError::Invalid)?;
        let not_before = match claims.get("nbf") {
            Some(date) => serde_json::from_str(date.get()).map_err(|_| AuthError::Invalid)?,
            None => None,
        };
        if not_before.is_some_and(|date| seconds(date).is_none_or(|at| now < at)) {
            return Err(AuthError::Invalid);
        }
        let name: Option<String> = claim(&claims, "name");
        let identity = Identity {
            user_id: self.user(&claims).ok_or(AuthError::Invalid)?,
            name: name.as_deref().and_then(display_name),
            expires_at,
        };
        if identity.valid_at(now) {
            Ok(identity)
        } else {
            Err(AuthError::Expired)
        }
    }

    fn user(&self, claims: &Claims) -> Option<UserId> {
        let claim = match &self.user_claim {
            Some(pinned) => claims.get(pinned),
            None => USER_CLAIMS
                .iter()
                .find_map(|name| claims.get(*name).filter(|claim| claim.get() != "null")),
        };
        let claim = claim?.get();
        let digits = claim.strip_prefix('-').unwrap_or(claim);
        if digits.bytes().all(|byte| byte.is_ascii_digit()) {
            return claim.parse().ok();
        }
        serde_json::from_str(claim).ok()
    }
}

/// A `NumericDate`: seconds since 1970, possibly with a fraction (RFC 7519, section 2).
fn seconds(date: f64) -> Option<Timestamp> {
    #[expect(clippy::cast_possible_truncation, reason = "floats saturate")]
    let millis = (date * 1000.0).floor() as i64;
    date.is_finite()
        .then(|| Timestamp::from_millis(millis).min(Timestamp::LAST))
}

fn display_name(name: &str) -> Option<Arc<str>> {
    let end = name
        .char_indices()
        .nth(MAX_NAME)
        .map_or(name.len(), |(index, _)| index);
    let name = name[..end].replace('\0', "");
    (!name.trim().is_empty()).then(|| name.into())
}

fn checked_secret(settings: &AuthSettings) -> Result<&SecretString, ConfigError> {
    let secret = required(
        "JWT_SECRET",
        settings.jwt_secret.as_ref(),
        "an HS256 secret of at least 32 bytes",
    )?;
    let length = secret.expose_secret().len();
    if length < MIN_SECRET {
        return Err(ConfigError::new(
            "JWT_SECRET",
            format!("it has {length} bytes"),
            "an HS256 secret of at least 32 bytes, such as the output of `openssl rand -hex 32`",
        ));
    }
    Ok(secret)
}

/// A token's bearer part: `Bearer <token>`, the scheme in any case.
#[must_use]
pub fn bearer(authorization: &str) -> Option<&str> {
    let (scheme, token) = authorization.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

/// Signs a token for a user, good for `ttl` from `now`.
///
/// # Errors
///
/// If the secret is missing or too short.
pub fn mint(
    settings: &AuthSettings,
    user: &UserId,
    name: Option<&str>,
    ttl: Duration,
    now: Timestamp,
) -> Result<String, ConfigError> {
    let secret = checked_secret(settings)?;
    let claim = settings.jwt_user_claim.as_deref().unwrap_or("sub");
    let mut claims = json!({
        claim: user,
        "iat": now.as_millis() / 1000,
        "exp": now.plus(ttl).as_millis() / 1000,
    });
    for (key, value) in [
        ("name", name),
        ("iss", settings.jwt_issuer.as_deref()),
        ("aud", settings.jwt_audience.as_deref()),
    ] {
        if let Some(value) = value {
            claims[key] = value.into();
        }
    }
    let key = EncodingKey::from_secret(secret.expose_secret().as_bytes());
    jsonwebtoken::encode(&Header::new(Algorithm::HS256), &claims, &key).map_err(|error| {
        ConfigError::new(
            "JWT_SECRET",
            error.to_string(),
            "a secret that can sign with HS256",
        )
    })
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    const NOW: Timestamp = Timestamp::from_secs(1_000_000);

    fn settings() -> AuthSettings {
        AuthSettings {
            jwt_secret: Some("0123456789abcdef0123456789abcdef".into()),
            jwt_user_claim: None,
            jwt_issuer: None,
            jwt_audience: None,
        }
    }

    fn sign(claims: &Value, algorithm: Algorithm) -> String {
        let key = EncodingKey::from_secret(b"0123456789abcdef0123456789abcdef");
        jsonwebtoken::encode(&Header::new(algorithm), claims, &key).unwrap()
    }

    fn verify(claims: &Value) -> Result<Identity, AuthError> {
        Verifier::new(&settings())
            .unwrap()
            .verify(&sign(claims, Algorithm::HS256), NOW)
    }

    #[test]
    fn a_minted_token_verifies() {
        let token = mint(
            &settings(),
            &"alice".parse().unwrap(),
            Some("Alice"),
            Duration::from_secs(60),
            NOW,
        )
        .unwrap();
        let identity = Verifier::new(&settings())
            .unwrap()
            .verify(&token, NOW)
            .unwrap();
        assert_eq!(identity.user_id.as_str(), "alice");
        assert_eq!(identity.name.as_deref(), Some("Alice"));
        assert_eq!(identity.expires_at, NOW.plus(Duration::from_secs(60)));
    }

    #[test]
    fn the_user_is_the_first_claim_there_is() {
        let user = |claims: Value| verify(&claims).map(|identity| identity.user_id.to_string());
        assert_eq!(
            user(json!({"exp": 1_000_001, "sub": "a", "userId": "b", "id": "c"})).unwrap(),
            "a"
        );
        assert_eq!(
            user(json!({"exp": 1_000_001, "userId": 17, "id": "c"})).unwrap(),
            "17"
        );
        assert_eq!(user(json!({"exp": 1_000_001, "id": "c"})).unwrap(), "c");
        for integer in ["-17", "123456789012345678901234567890"] {
            let id: &RawValue = serde_json::from_str(integer).unwrap();
            let claims = RawValue::from_string(format!(r#"{{"exp": 1000001, "sub": {id}}}"#));
            let key = EncodingKey::from_secret(b"0123456789abcdef0123456789abcdef");
            let token =
                jsonwebtoken::encode(&Header::new(Algorithm::HS256), &claims.unwrap(), &key);
            let verifier = Verifier::new(&settings()).unwrap();
            let identity = verifier.verify(&token.unwrap(), NOW).unwrap();
            assert_eq!(identity.user_id.as_str(), integer);
        }
        assert_eq!(
            user(json!({"exp": 1_000_001, "sub": 1.5})),
            Err(AuthError::Invalid)
        );
        assert_eq!(user(json!({"exp": 1_000_001})), Err(AuthError::Invalid));
        assert_eq!(
            user(json!({"exp": 1_000_001, "sub": {"a": 1}})),
            Err(AuthError::Invalid)
        );
    }

    #[test]
    fn time_is_checked_without_leeway() {
        assert_eq!(verify(&json!({"sub": "a"})), Err(AuthError::Invalid));
        assert_eq!(
            verify(&json!({"sub": "a", "exp": "soon"})),
            Err(AuthError::Invalid)
        );
        assert_eq!(
            verify(&json!({"sub": "a", "exp": 1_000_000})),
            Err(AuthError::Expired)
        );
        assert_eq!(
            verify(&json!({"sub": "a", "exp": 1_000_001, "nbf": 1_000_001})),
            Err(AuthError::Invalid)
        );
        assert!(verify(&json!({"sub": "a", "exp": 1_000_000.5, "nbf": 1_000_000})).is_ok());
    }

    #[test]
    fn the_algorithm_is_pinned() {
        let verifier = Verifier::new(&settings()).unwrap();
        let claims = json!({"sub": "a", "exp": 2_000_000});
        assert_eq!(
            verifier.verify(&sign(&claims, Algorithm::HS512), NOW),
            Err(AuthError::Invalid)
        );
        let unsigned = "eyJhbGciOiJub25lIn0.eyJzdWIiOiJhIiwiZXhwIjoyMDAwMDAwfQ.";
        assert_eq!(verifier.verify(unsigned, NOW), Err(AuthError::Invalid));
        assert_eq!(
            verifier.verify("invalid-token", NOW),
            Err(AuthError::Invalid)
        );
    }

    #[test]
    fn issuer_and_audience_are_checked_when_set() {
        let mut settings = settings();
        settings.jwt_issuer = Some("casting".into());
        settings.jwt_audience = Some("chat".into());
        let verifier = Verifier::new(&settings).unwrap();
        let verify = |claims: &Value| verifier.verify(&sign(claims, Algorithm::HS256), NOW);
        assert!(
            verify(&json!({"sub": "a", "exp": 2_000_000, "iss": "casting", "aud": ["x", "chat"]}))
                .is_ok()
        );
        for claims in [
            json!({"sub": "a", "exp": 2_000_000}),
            json!({"sub": "a", "exp": 2_000_000, "iss": "casting"}),
            json!({"sub": "a", "exp": 2_000_000, "iss": "other", "aud": "chat"}),
        ] {
            assert_eq!(verify(&claims), Err(AuthError::Invalid), "{claims}");
        }
    }

    #[test]
    fn a_short_secret_is_refused_with_what_is_accepted() {
        let mut settings = settings();
        settings.jwt_secret = Some("short".into());
        let error = Verifier::new(&settings).err().unwrap().to_string();
        assert!(error.starts_with("JWT_SECRET: it has 5 bytes"), "{error}");
        assert!(!error.contains("short"), "{error}");
    }

    #[test]
    fn names_are_cut_and_never_empty() {
        assert_eq!(display_name("  "), None);
        assert_eq!(
            display_name(&"é".repeat(300)).unwrap().chars().count(),
            MAX_NAME
        );
    }
}
