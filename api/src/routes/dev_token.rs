//! `/dev/token`: in `callboard dev`, whoever says a name is let in under it.

use std::{net::IpAddr, sync::Arc, time::Duration};

use axum::{Json, extract::State};
use callboard_shared::{
    auth::{AuthSettings, mint},
    clock::Clock,
    config::Origin,
    id::UserId,
};
use http::{HeaderMap, StatusCode, header::HOST, uri::Authority};
use serde::{Deserialize, Serialize};

use crate::{error::Problem, extract::Body, operations::Error};

/// The longest that a token is good for.
const TOKEN_LIFE: Duration = Duration::from_secs(24 * 3600);

/// What tokens are signed with, and when; and whose pages may ask for them.
#[derive(Clone)]
pub(crate) struct Minter {
    pub(crate) auth: AuthSettings,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) origins: Vec<Origin>,
}

/// Who wants to come in.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Entry {
    user_id: UserId,
    name: Option<String>,
    /// A day, if absent or longer than that.
    ttl_seconds: Option<u64>,
}

/// What lets them in.
#[derive(Serialize)]
pub(crate) struct Minted {
    token: String,
}

/// Tells a page that a name is enough here.
pub(crate) async fn is_open() -> StatusCode {
    StatusCode::NO_CONTENT
}

pub(crate) async fn mint_token(
    State(minter): State<Minter>,
    headers: HeaderMap,
    Body(entry): Body<Entry>,
) -> Result<Json<Minted>, Problem> {
    let host = headers.get(HOST).and_then(|host| host.to_str().ok());
    if host.is_some_and(|host| !is_own(host, &minter.origins)) {
        return Err(Error::Forbidden(
            "This server does not know itself by the name in the address. Name it in CLIENT_URL.",
        )
        .into());
    }
    let life = entry.ttl_seconds.map_or(TOKEN_LIFE, Duration::from_secs);
    let token = mint(
        &minter.auth,
        &entry.user_id,
        entry.name.as_deref(),
        life.min(TOKEN_LIFE),
        minter.clock.now(),
    );
    // The secret has been good enough to verify tokens with since the start.
    let token = token.map_err(|_| Problem::internal())?;
    Ok(Json(Minted { token }))
}

/// Whether a `Host` header names this server by its address, as `localhost`, or as an allowed origin
/// does. Any other name may be one that a stranger's page has made to lead here.
fn is_own(host: &str, origins: &[Origin]) -> bool {
    let Some(name) = name_of(host) else {
        return false;
    };
    let literal = name.trim_start_matches('[').trim_end_matches(']');
    let named = |origin: &Origin| {
        let (_, host) = origin.as_str().split_once("://").unwrap_or_default();
        name_of(host).as_ref() == Some(&name)
    };
    literal.parse::<IpAddr>().is_ok() || name == "localhost" || origins.iter().any(named)
}

/// What is before the port.
fn name_of(host: &str) -> Option<String> {
    let authority = host.parse::<Authority>().ok()?;
    Some(authority.host().to_ascii_lowercase())
}

#[cfg(test)]
mod tests {
    use callboard_shared::config::origin;

    use super::*;

    #[test]
    fn names_that_may_be_anybodys_are_not_its_own() {
        let origins = [origin("http://chat.test:5001").unwrap()];
        let own = |host| is_own(host, &origins);
        assert!(own("127.0.0.1:5001"));
        assert!(own("[::1]:5001"));
        assert!(own("192.168.1.5"));
        assert!(own("LocalHost:5001"));
        assert!(own("chat.test"));
        assert!(!own("stranger.example:5001"));
        assert!(!own("localhost.stranger.example"));
        assert!(!own("127.0.0.1.stranger.example:5001"));
        assert!(!own(""));
    }
}
