//! `/dev/token`: in `callboard dev`, whoever says a name is let in under it.

use std::{sync::Arc, time::Duration};

use axum::{Json, extract::State};
use callboard_shared::{
    auth::{AuthSettings, mint},
    clock::Clock,
    id::UserId,
};
use serde::{Deserialize, Serialize};

use crate::{error::Problem, extract::Body};

/// The longest that a token is good for.
const TOKEN_LIFE: Duration = Duration::from_secs(24 * 3600);

/// What tokens are signed with, and when.
#[derive(Clone)]
pub(crate) struct Minter {
    pub(crate) auth: AuthSettings,
    pub(crate) clock: Arc<dyn Clock>,
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

pub(crate) async fn mint_token(
    State(minter): State<Minter>,
    Body(entry): Body<Entry>,
) -> Result<Json<Minted>, Problem> {
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
