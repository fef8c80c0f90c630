//! Requests between the parts of a fleet: where they are taken, and the token that guards them.
//!
//! The API takes what gateways ask, a gateway what other gateways pass on. Neither listener is meant
//! to be reached from outside; the token is there for when it is.

use std::{fmt, net::SocketAddr, sync::Arc};

use axum::{
    Router,
    extract::{Request, State},
    middleware::{self, Next},
    response::{IntoResponse, Response},
};
use clap::Args;
use http::{
    HeaderMap, HeaderValue, StatusCode,
    header::{AUTHORIZATION, WWW_AUTHENTICATE},
    uri::Authority,
};
use secrecy::{ExposeSecret, SecretString};
use subtle::ConstantTimeEq;

use crate::{
    auth::bearer,
    config::{ConfigError, address, authority, required},
};

/// The shortest token, in bytes.
const MIN_TOKEN: usize = 16;

/// What is accepted as a token.
const TOKEN_ACCEPTED: &str =
    "at least 16 visible ASCII characters, the same for all parts (openssl rand -hex 32 makes one)";

/// Where a role takes internal requests, and by what it knows them.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Internal requests")]
pub struct InternalSettings {
    /// The listener for internal requests; 127.0.0.1:5011 for the API, any free port of 127.0.0.1
    /// for a gateway.
    #[arg(long, env = "INTERNAL_LISTEN", value_parser = address)]
    pub internal_listen: Option<SocketAddr>,
    /// The address under which other parts reach that listener, if it is not the listener's own.
    #[arg(long, env = "INTERNAL_ADDR", value_parser = authority)]
    pub internal_addr: Option<Authority>,
    /// What internal requests must bring: at least 16 characters, the same for all parts.
    #[arg(long, env = "INTERNAL_TOKEN", hide_env_values = true)]
    pub internal_token: Option<SecretString>,
}

impl InternalSettings {
    /// The token.
    ///
    /// # Errors
    ///
    /// If it is missing, too short, or cannot go into a header.
    pub fn token(&self) -> Result<InternalToken, ConfigError> {
        let token = required(
            "INTERNAL_TOKEN",
            self.internal_token.clone(),
            TOKEN_ACCEPTED,
        )?;
        let refused = |problem: String| ConfigError::new("INTERNAL_TOKEN", problem, TOKEN_ACCEPTED);
        let text = token.expose_secret();
        if text.len() < MIN_TOKEN {
            return Err(refused(format!("it is {} bytes long", text.len())));
        }
        if !text.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(refused("it has other characters".to_owned()));
        }
        Ok(InternalToken(Arc::new(token)))
    }
}

/// What internal requests must bring. Cheap to clone.
#[derive(Clone)]
pub struct InternalToken(Arc<SecretString>);

impl fmt::Debug for InternalToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("InternalToken([REDACTED])")
    }
}

impl InternalToken {
    /// The `Authorization` header of an internal request.
    ///
    /// # Errors
    ///
    /// Never for a token out of [`InternalSettings::token`].
    pub fn header(&self) -> Result<HeaderValue, http::header::InvalidHeaderValue> {
        let mut value = HeaderValue::try_from(format!("Bearer {}", self.0.expose_secret()))?;
        value.set_sensitive(true);
        Ok(value)
    }

    /// Whether a request brings it. How long the answer takes says nothing about the
    /// token, apart from its length.
    #[must_use]
    pub fn is_in(&self, headers: &HeaderMap) -> bool {
        let given = headers.get(AUTHORIZATION).map(HeaderValue::to_str);
        let Some(given) = given.and_then(Result::ok).and_then(bearer) else {
            return false;
        };
        let expected = self.0.expose_secret().as_bytes();
        given.as_bytes().ct_eq(expected).into()
    }

    /// Lets only requests through that bring it; others get 401.
    pub fn guard(&self, router: Router) -> Router {
        router.layer(middleware::from_fn_with_state(self.clone(), check))
    }
}

async fn check(State(token): State<InternalToken>, request: Request, next: Next) -> Response {
    if token.is_in(request.headers()) {
        return next.run(request).await;
    }
    let challenge = [(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"))];
    (StatusCode::UNAUTHORIZED, challenge).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn token(token: Option<&str>) -> Result<InternalToken, ConfigError> {
        let settings = InternalSettings {
            internal_listen: None,
            internal_addr: None,
            internal_token: token.map(SecretString::from),
        };
        settings.token()
    }

    #[test]
    fn a_token_is_long_and_goes_into_a_header() {
        for refused in [
            None,
            Some(""),
            Some("fifteen-letters"),
            Some("with a space in between"),
            Some("with-an-ümlaut-inside"),
        ] {
            let error = token(refused).unwrap_err().to_string();
            assert!(error.starts_with("INTERNAL_TOKEN: "), "{error}");
        }
        assert!(token(Some("sixteen-letters!")).is_ok());
    }

    #[test]
    fn only_the_token_itself_is_let_in() {
        let right = token(Some("0123456789abcdef")).unwrap();
        let with = |header: HeaderValue| HeaderMap::from_iter([(AUTHORIZATION, header)]);
        assert!(right.is_in(&with(right.header().unwrap())));
        assert!(!right.is_in(&HeaderMap::new()));
        for wrong in [
            "Bearer 0123456789abcdeg",
            "Bearer 0123456789abcdef0",
            "Bearer 0123456789abcde",
            "Basic 0123456789abcdef",
            "0123456789abcdef",
        ] {
            assert!(
                !right.is_in(&with(HeaderValue::from_static(wrong))),
                "{wrong}"
            );
        }
        assert!(!format!("{right:?}").contains("0123"));
    }
}
