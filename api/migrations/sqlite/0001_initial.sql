-- The schema of `callboard dev`. Ids are 16 bytes, times are milliseconds since 1970 (UTC).
--
-- A conversation's sequence is kept in `conversations.last_seq` and counted up in the transaction
-- that writes the event, so it has no gaps. Rows of a deleted conversation stay until nobody can
-- ask for its last events any more.

CREATE TABLE users (
    id      TEXT PRIMARY KEY NOT NULL,
    name    TEXT,
    seen_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE conversations (
    id                BLOB PRIMARY KEY NOT NULL,
    kind              TEXT NOT NULL CHECK (kind IN ('group', 'direct')),
    title             TEXT,
    created_by        TEXT NOT NULL,
    created_at        INTEGER NOT NULL,
    updated_at        INTEGER NOT NULL,
    last_seq          INTEGER NOT NULL,
    last_message_seq  INTEGER,
    message_count     INTEGER NOT NULL DEFAULT 0,
    participant_count INTEGER NOT NULL,
    -- The two people of a direct conversation in order, so that there is one for each pair; given
    -- up when it is deleted.
    direct_low        TEXT,
    direct_high       TEXT,
    deleted_at        INTEGER,
    UNIQUE (direct_low, direct_high)
) STRICT, WITHOUT ROWID;

CREATE INDEX conversations_deleted ON conversations (deleted_at) WHERE deleted_at IS NOT NULL;

-- Who takes part, and who took part: one row for each stay.
CREATE TABLE participants (
    conversation_id BLOB NOT NULL REFERENCES conversations (id),
    user_id         TEXT NOT NULL,
    joined_seq      INTEGER NOT NULL,
    -- The place among those who joined by the same event.
    nth             INTEGER NOT NULL,
    joined_at       INTEGER NOT NULL,
    left_seq        INTEGER,
    left_at         INTEGER,
    read_seq        INTEGER NOT NULL,
    delivered_seq   INTEGER NOT NULL,
    PRIMARY KEY (conversation_id, user_id, joined_seq)
) STRICT, WITHOUT ROWID;

CREATE UNIQUE INDEX participants_now ON participants (user_id, conversation_id) WHERE left_seq IS NULL;
CREATE INDEX participants_gone ON participants (user_id, left_at) WHERE left_seq IS NOT NULL;
CREATE UNIQUE INDEX participants_by_joining ON participants (conversation_id, joined_seq, nth);
CREATE INDEX participants_by_leaving ON participants (conversation_id, left_seq) WHERE left_seq IS NOT NULL;

CREATE TABLE events (
    conversation_id BLOB NOT NULL REFERENCES conversations (id),
    seq             INTEGER NOT NULL,
    kind            TEXT NOT NULL CHECK (kind IN ('message', 'updated', 'deleted')),
    at              INTEGER NOT NULL,
    by_user         TEXT NOT NULL,
    -- The data of `conversation-updated`, which no other row can give back.
    data            TEXT,
    PRIMARY KEY (conversation_id, seq)
) STRICT, WITHOUT ROWID;

CREATE TABLE messages (
    conversation_id   BLOB NOT NULL,
    seq               INTEGER NOT NULL,
    id                BLOB NOT NULL UNIQUE,
    sender_id         TEXT NOT NULL,
    sender_name       TEXT,
    content           TEXT NOT NULL,
    client_message_id TEXT,
    created_at        INTEGER NOT NULL,
    -- The how-manieth message of its conversation this is, and of its sender in there: what is
    -- unread can be counted without walking it.
    number            INTEGER NOT NULL,
    sender_number     INTEGER NOT NULL,
    PRIMARY KEY (conversation_id, seq),
    FOREIGN KEY (conversation_id, seq) REFERENCES events (conversation_id, seq)
) STRICT, WITHOUT ROWID;

CREATE INDEX messages_by_sender ON messages (conversation_id, sender_id, seq, sender_number);
CREATE UNIQUE INDEX messages_once ON messages (conversation_id, sender_id, client_message_id)
    WHERE client_message_id IS NOT NULL;

-- What is committed and may not have been published yet. AUTOINCREMENT, because an id that was
-- used again could be removed by a late repetition of the first removal.
CREATE TABLE outbox (
    id              INTEGER PRIMARY KEY AUTOINCREMENT,
    conversation_id BLOB NOT NULL,
    -- The event's number; a receipt's tag.
    seq             INTEGER NOT NULL,
    at              INTEGER NOT NULL,
    -- A receipt has all of these; an event none: it is read from `events`.
    receipt         TEXT CHECK (receipt IN ('messages-read', 'messages-delivered')),
    by_user         TEXT,
    data            TEXT
) STRICT;

CREATE INDEX outbox_by_conversation ON outbox (conversation_id, receipt, seq);
