CREATE FUNCTION conversation(n BIGINT) RETURNS UUID IMMUTABLE LANGUAGE sql
AS $$ SELECT ('01890000-0000-7000-8000-' || lpad(to_hex(n), 12, '0'))::uuid $$;

CREATE TABLE size AS
SELECT n, CASE n WHEN 0 THEN 100000 ELSE 180 END AS messages FROM generate_series(0, 5000) AS n;

INSERT INTO users SELECT 'user' || n, 'User ' || n, 0 FROM generate_series(0, 19999) AS n;

INSERT INTO conversations (id, kind, created_by, created_at, updated_at, last_seq, last_message_seq, message_count,
    participant_count)
SELECT conversation(n), 'group', 'user' || n, 0, 1700000000000 + n * 1000, messages + 1, messages + 1, messages,
    5 + n % 20
FROM size;

INSERT INTO participants (conversation_id, user_id, joined_seq, nth, joined_at, read_seq, delivered_seq)
SELECT conversation(n), CASE WHEN m = 0 AND n < 1000 THEN 'hub' ELSE 'user' || (n * 31 + m) % 20000 END, 1, m, 0,
    messages / 3, messages / 3
FROM size, LATERAL generate_series(0, 4 + n % 20) AS m;

INSERT INTO participants (conversation_id, user_id, joined_seq, nth, joined_at, read_seq, delivered_seq, left_seq, left_at)
SELECT conversation(n), CASE WHEN n % 50 + m = 0 THEN 'hub' ELSE 'user' || (n * 31 + 100 + m) % 20000 END, 1, 100 + m, 0,
    0, 0, 2 + m, n * 1000
FROM size, LATERAL generate_series(0, n % 3) AS m WHERE n > 1000;

INSERT INTO events SELECT conversation(n), 1, 'updated', 0, 'user' || n, '{}' FROM size;

INSERT INTO events
SELECT conversation(n), m + 1, 'message', m, 'user' || (n * 31 + 1 + m % 4) % 20000
FROM size, LATERAL generate_series(1, messages) AS m;

INSERT INTO messages
SELECT conversation_id, seq, md5(conversation_id::text || seq)::uuid, by_user, NULL, repeat('some words ', 6),
    CASE WHEN seq % 5 = 0 THEN 'mark' || seq END, at, seq - 1,
    row_number() OVER (PARTITION BY conversation_id, by_user ORDER BY seq)
FROM events WHERE kind = 'message';

INSERT INTO outbox (conversation_id, seq, at) SELECT conversation(n), 181, 0 FROM generate_series(1, 2000) AS n;
