//! Adds, removes and renames while messages are sent: nobody may hear of a conversation from before
//! they were added or from after they were removed.

use std::{sync::Arc, time::Duration};

use http::Method;
use rand::{Rng, SeedableRng, rngs::StdRng, seq::IndexedRandom};
use serde_json::json;
use tokio::{sync::watch, time::timeout};

use crate::world::World;

/// Between two changes.
const PACE: Duration = Duration::from_millis(100);

/// Changes things until `stop`; returns how many changes were answered. What became of the others,
/// the events tell.
pub async fn direct(world: Arc<World>, seed: u64, mut stop: watch::Receiver<bool>) -> usize {
    let mut random = StdRng::seed_from_u64(seed);
    let mut changes = 0;
    while timeout(PACE, stop.wait_for(|stopped| *stopped))
        .await
        .is_err()
    {
        let Some(room) = world.rooms.choose(&mut random) else {
            break;
        };
        let Some(user) = room.members.choose(&mut random) else {
            continue;
        };
        let path = format!("conversations/{}", room.id);
        let (method, path, body) = match random.random_range(0..8) {
            0..3 => (Method::DELETE, format!("{path}/participants/{user}"), None),
            3..7 => {
                let body = json!({"userIds": room.members});
                (Method::POST, format!("{path}/participants"), Some(body))
            }
            _ => {
                let title = format!("title {}", random.random::<u16>());
                (Method::PATCH, path, Some(json!({"title": title})))
            }
        };
        let token = world.token(&world.director);
        let answer = world.network.rest.call(token, method, &path, body.as_ref());
        changes += usize::from(answer.await.is_ok_and(|(status, _)| status.is_success()));
    }
    changes
}
