-- Times are milliseconds since 1970 (UTC). User ids compare by their bytes.
--
-- A conversation's sequence is kept in `conversations.last_seq` and counted up in the transaction
-- that writes the event, so it has no gaps. Whoever writes an event, or changes who takes part,
-- holds the lock on the conversation's row until the commit: what happens in a conversation happens
-- one after the other, and becomes visible in that order.
--
-- Rows of a deleted conversation stay until nobody can ask for its last events any more.

-- The lowest version of the schema that a build must know to work with this one. A migration that
-- takes away what older builds use raises it; no other one does.
CREATE TABLE compatibility (
    oldest BIGINT NOT NULL
);
INSERT INTO compatibility VALUES (1);

CREATE TABLE users (
    id      TEXT COLLATE "C" PRIMARY KEY,
    name    TEXT,
    seen_at BIGINT NOT NULL
);

-- Each send updates the conversation, each receipt a participant: room on the page and no index on
-- what changes let the new version stay beside the old one.
CREATE TABLE conversations (
    id                UUID PRIMARY KEY,
    kind              TEXT NOT NULL CHECK (kind IN ('group', 'direct')),
    title             TEXT,
    created_by        TEXT COLLATE "C" NOT NULL,
    created_at        BIGINT NOT NULL,
    updated_at        BIGINT NOT NULL,
    last_seq          BIGINT NOT NULL,
    last_message_seq  BIGINT,
    message_count     BIGINT NOT NULL DEFAULT 0,
    participant_count BIGINT NOT NULL,
    -- The two people of a direct conversation in order, so that there is one for each pair; given
    -- up when it is deleted.
    direct_low        TEXT COLLATE "C",
    direct_high       TEXT COLLATE "C",
    deleted_at        BIGINT
) WITH (fillfactor = 75);

CREATE UNIQUE INDEX conversations_direct ON conversations (direct_low, direct_high) WHERE direct_low IS NOT NULL;
CREATE INDEX conversations_deleted ON conversations (deleted_at) WHERE deleted_at IS NOT NULL;

-- Who takes part, and who took part: one row for each stay.
CREATE TABLE participants (
    conversation_id UUID NOT NULL REFERENCES conversations (id),
    user_id         TEXT COLLATE "C" NOT NULL,
    joined_seq      BIGINT NOT NULL,
    -- The place among those who joined by the same event.
    nth             BIGINT NOT NULL,
    joined_at       BIGINT NOT NULL,
    left_seq        BIGINT,
    left_at         BIGINT,
    read_seq        BIGINT NOT NULL,
    delivered_seq   BIGINT NOT NULL,
    PRIMARY KEY (conversation_id, user_id, joined_seq)
) WITH (fillfactor = 75);

CREATE UNIQUE INDEX participants_now ON participants (user_id, conversation_id) WHERE left_seq IS NULL;
CREATE INDEX participants_gone ON participants (user_id, left_at) WHERE left_seq IS NOT NULL;
CREATE UNIQUE INDEX participants_by_joining ON participants (conversation_id, joined_seq, nth);
CREATE INDEX participants_by_leaving ON participants (conversation_id, left_seq) WHERE left_seq IS NOT NULL;

-- Events and messages have no foreign keys: they are written under the lock of their conversation,
-- by one statement each, and a check of every row would cost more than it could find.
CREATE TABLE events (
    conversation_id UUID NOT NULL,
    seq             BIGINT NOT NULL,
    kind            TEXT NOT NULL CHECK (kind IN ('message', 'updated', 'deleted')),
    at              BIGINT NOT NULL,
    by_user         TEXT COLLATE "C" NOT NULL,
    -- The data of `conversation-updated`, which no other row can give back.
    data            TEXT,
    PRIMARY KEY (conversation_id, seq)
);

CREATE TABLE messages (
    conversation_id   UUID NOT NULL,
    seq               BIGINT NOT NULL,
    id                UUID NOT NULL UNIQUE,
    sender_id         TEXT COLLATE "C" NOT NULL,
    sender_name       TEXT,
    content           TEXT NOT NULL,
    client_message_id TEXT COLLATE "C",
    created_at        BIGINT NOT NULL,
    -- The how-manieth message of its conversation this is, and of its sender in there: what is
    -- unread can be counted without walking it.
    number            BIGINT NOT NULL,
    sender_number     BIGINT NOT NULL,
    PRIMARY KEY (conversation_id, seq)
);

CREATE INDEX messages_by_sender ON messages (conversation_id, sender_id, seq) INCLUDE (sender_number);
CREATE UNIQUE INDEX messages_once ON messages (conversation_id, sender_id, client_message_id)
    WHERE client_message_id IS NOT NULL;

-- What is committed and may not have been published yet. Rows live for milliseconds, so it is
-- cleaned by their number, not by their share.
CREATE TABLE outbox (
    id              BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    conversation_id UUID NOT NULL,
    -- The event's number; a receipt's tag.
    seq             BIGINT NOT NULL,
    at              BIGINT NOT NULL,
    -- A receipt has all of these; an event none: it is read from `events`.
    receipt         TEXT CHECK (receipt IN ('messages-read', 'messages-delivered')),
    by_user         TEXT COLLATE "C",
    data            TEXT
) WITH (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 10000);

CREATE INDEX outbox_by_conversation ON outbox (conversation_id, seq);

-- Sends messages, of any conversations, and answers each that its sender may send: with itself and
-- its outbox entry, or, for a repetition, with the first message and none.
--
-- It is a function so that a send is one round trip, and the lock is not held for a second one. The
-- lock is a statement of its own: a statement that waits for a row reads that row anew and nothing
-- else, but the next one sees all that was committed before the lock was granted. Nobody joins,
-- leaves or sends meanwhile, so a participant's row needs no lock, and a repetition is found by
-- looking: it breaks no unique index, and burns no number.
--
-- The lateral LIMITs keep the planner at one look into an index for each message, however large or
-- small it believes the tables to be.
CREATE FUNCTION send_messages(
    ids UUID[], conversation_ids UUID[], sender_ids TEXT[], sender_names TEXT[], contents TEXT[],
    client_message_ids TEXT[], times BIGINT[]
) RETURNS TABLE (
    nth BIGINT, outbox_id BIGINT, conversation_id UUID, message_id UUID, seq BIGINT, sender_id TEXT,
    sender_name TEXT, content TEXT, client_message_id TEXT, created_at BIGINT
) LANGUAGE plpgsql AS $$
#variable_conflict use_column
BEGIN
    -- In the order of ids, so that senders never wait for each other in a circle.
    PERFORM FROM conversations WHERE id = ANY (conversation_ids) ORDER BY id FOR UPDATE;

    RETURN QUERY
    WITH asked AS MATERIALIZED (
        SELECT a.*, stored.id AS stored_id, stored.seq AS stored_seq, stored.sender_name AS stored_name,
            stored.content AS stored_content, stored.created_at AS stored_at,
            min(a.nth) OVER (PARTITION BY a.conversation_id, a.sender_id, a.client_message_id,
                CASE WHEN a.client_message_id IS NULL THEN a.nth END) AS first
        FROM unnest(ids, conversation_ids, sender_ids, sender_names, contents, client_message_ids, times)
            WITH ORDINALITY AS a (id, conversation_id, sender_id, sender_name, content, client_message_id, at, nth)
        CROSS JOIN LATERAL (
            SELECT FROM participants p
            WHERE p.conversation_id = a.conversation_id AND p.user_id = a.sender_id AND p.left_seq IS NULL LIMIT 1
        ) AS taking_part
        LEFT JOIN LATERAL (
            SELECT * FROM messages m
            WHERE m.conversation_id = a.conversation_id AND m.sender_id = a.sender_id
                AND m.client_message_id = a.client_message_id LIMIT 1
        ) AS stored ON TRUE
    ), fresh AS MATERIALIZED (
        SELECT a.*, c.last_seq + row_number() OVER conversation AS seq,
            c.message_count + row_number() OVER conversation AS number,
            coalesce(own.sender_number, 0) + row_number() OVER sender AS sender_number
        FROM asked a
        CROSS JOIN LATERAL (
            SELECT last_seq, message_count FROM conversations WHERE id = a.conversation_id LIMIT 1
        ) AS c
        LEFT JOIN LATERAL (
            SELECT m.sender_number FROM messages m
            WHERE m.conversation_id = a.conversation_id AND m.sender_id = a.sender_id ORDER BY m.seq DESC LIMIT 1
        ) AS own ON TRUE
        WHERE a.stored_id IS NULL AND a.nth = a.first
        WINDOW conversation AS (PARTITION BY a.conversation_id ORDER BY a.nth),
            sender AS (PARTITION BY a.conversation_id, a.sender_id ORDER BY a.nth)
    ), counted AS (
        UPDATE conversations c SET last_seq = last.seq, last_message_seq = last.seq, message_count = last.number,
            updated_at = last.at
        FROM (SELECT DISTINCT ON (conversation_id) * FROM fresh ORDER BY conversation_id, seq DESC) AS last
        WHERE c.id = last.conversation_id AND c.id = ANY (conversation_ids)
    ), logged AS (
        INSERT INTO events (conversation_id, seq, kind, at, by_user)
        SELECT conversation_id, seq, 'message', at, sender_id FROM fresh
    ), stored AS (
        INSERT INTO messages (conversation_id, seq, id, sender_id, sender_name, content, client_message_id,
            created_at, number, sender_number)
        SELECT conversation_id, seq, id, sender_id, sender_name, content, client_message_id, at, number,
            sender_number
        FROM fresh
    ), announced AS (
        INSERT INTO outbox (conversation_id, seq, at)
        SELECT conversation_id, seq, at FROM fresh ORDER BY nth
        RETURNING id, conversation_id, seq
    )
    SELECT a.nth, o.id, a.conversation_id, coalesce(a.stored_id, f.id), coalesce(a.stored_seq, f.seq), a.sender_id,
        CASE WHEN a.stored_id IS NULL THEN f.sender_name ELSE a.stored_name END,
        coalesce(a.stored_content, f.content), a.client_message_id, coalesce(a.stored_at, f.at)
    FROM asked a
    LEFT JOIN fresh f ON f.nth = a.first
    LEFT JOIN announced o ON o.conversation_id = f.conversation_id AND o.seq = f.seq AND f.nth = a.nth;
END
$$;
