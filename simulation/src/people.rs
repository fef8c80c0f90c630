//! What happens to conversations: they are created, people come and go.

use callboard_api::{
    operations::CreateConversation,
    values::{Content, Title},
};
use callboard_shared::{
    auth::Identity,
    id::{ConversationId, Seq, UserId},
    wire::ConversationKind,
};
use tokio::time::sleep;

use crate::world::World;

/// Creates the first conversations.
pub(crate) async fn settle_in(world: &World) {
    for _ in 0..world.plan.conversations {
        while !create(world).await {}
    }
}

async fn create(world: &World) -> bool {
    let Some(creator) = world.dice.pick(&world.users) else {
        return true;
    };
    let participants = world.users.iter().filter(|_| world.dice.percent(75));
    let create = CreateConversation {
        participants: participants.map(|user| user.user_id.clone()).collect(),
        title: None,
        kind: ConversationKind::Group,
    };
    let apis = &world.apis;
    let created =
        apis.call(async |operations| operations.create_conversation(creator, create).await);
    matches!(created.await, Ok(Ok(_)))
}

/// Changes conversations at random, until it is dropped.
pub(crate) async fn direct(world: World) {
    let dice = &world.dice;
    loop {
        sleep(dice.millis(50, 2_500)).await;
        if !world.is_busy() {
            continue;
        }
        let rooms = world.ground.database.look(crate::store::Tables::rooms);
        let Some((conversation, people)) = dice.pick(&rooms) else {
            continue;
        };
        let by = world
            .users
            .iter()
            .filter(|user| people.contains(&user.user_id));
        let by: Vec<&Identity> = by.collect();
        let (Some(by), Some(user)) = (dice.pick(&by), dice.pick(&world.users)) else {
            create(&world).await;
            continue;
        };
        let done = change(&world, by, *conversation, user.user_id.clone()).await;
        world.trace.note("people", done);
    }
}

async fn change(
    world: &World,
    by: &Identity,
    conversation: ConversationId,
    user: UserId,
) -> String {
    let apis = &world.apis;
    let kind = world.dice.below(100);
    let done = apis.call(async |operations| match kind {
        0..40 => {
            let users = vec![user.clone()];
            operations
                .add_participants(by, conversation, users)
                .await
                .map(drop)
        }
        40..80 => {
            operations
                .remove_participant(by, conversation, user.clone())
                .await
        }
        80..95 => {
            let title = Title::try_from(format!("title {kind}"))?;
            operations
                .rename_conversation(by, conversation, title)
                .await
                .map(drop)
        }
        95..98 => operations.delete_conversation(by, conversation).await,
        _ => Ok(()),
    });
    let done = done.await;
    let what = match kind {
        0..40 => "adds",
        40..80 => "removes",
        80..95 => "renames",
        95..98 => "deletes",
        _ => "leaves alone",
    };
    let id = conversation.to_string();
    format!(
        "{} {what} {user} {}: {done:?}",
        by.user_id,
        &id[id.len() - 4..]
    )
}

/// One more message in each conversation that somebody takes part in.
pub(crate) async fn probe(world: &World) -> Vec<(ConversationId, Seq, Vec<UserId>)> {
    let mut probes = Vec::new();
    for (conversation, people) in world.ground.database.look(crate::store::Tables::rooms) {
        let by = world
            .users
            .iter()
            .find(|user| people.contains(&user.user_id));
        let Some(by) = by else { continue };
        let Ok(content) = Content::try_from("one more") else {
            continue;
        };
        let sent = world.apis.call(async |operations| {
            operations
                .send_message(by, conversation, content, None)
                .await
        });
        match sent.await {
            Ok(Ok((message, _))) => probes.push((conversation, message.seq, people)),
            other => world.verdict.broken(format!(
                "nothing is wrong any more, and a message was not sent: {other:?}"
            )),
        }
    }
    probes
}
