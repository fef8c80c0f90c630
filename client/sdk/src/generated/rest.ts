// Generated from the server's /openapi.json by `npm run generate`. Not to be edited.

export interface paths {
    "/messages/conversations": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Lists the caller's conversations, latest activity first. */
        get: operations["listConversations"];
        put?: never;
        /**
         * Creates a conversation.
         * The creator always takes part. Between two people there is one direct conversation: creating it
         *     again answers 200 with the same one.
         */
        post: operations["createConversation"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/messages/conversations/{id}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Shows a conversation. */
        get: operations["getConversation"];
        put?: never;
        post?: never;
        /** Deletes a conversation, for everybody. Only its creator may. */
        delete: operations["deleteConversation"];
        options?: never;
        head?: never;
        /** Gives a conversation another title. Any participant may. */
        patch: operations["renameConversation"];
        trace?: never;
    };
    "/messages/conversations/{id}/events": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Lists the sequenced events after a number, in order. */
        get: operations["listEvents"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/messages/conversations/{id}/messages": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Lists messages: newest first, or oldest first after a number. */
        get: operations["listMessages"];
        put?: never;
        /**
         * Sends a message.
         * When this answers, the message is stored for good.
         */
        post: operations["sendMessage"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/messages/conversations/{id}/participants": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Lists the participants, in the order of their joining. */
        get: operations["listParticipants"];
        put?: never;
        /** Adds people to a group. Any participant may. */
        post: operations["addParticipants"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/messages/conversations/{id}/participants/{userId}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        post?: never;
        /** Removes someone from a group: the creator anyone, everyone themselves. */
        delete: operations["removeParticipant"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/messages/conversations/{id}/read": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        /** Marks messages as read: up to the newest of those named, or all. Never moves back. */
        patch: operations["markRead"];
        trace?: never;
    };
    "/messages/sync": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Tells what the caller has missed since it knew these conversations up to these numbers. */
        post: operations["sync"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
}
export type webhooks = Record<string, never>;
export interface components {
    schemas: {
        /** People to add. */
        AddParticipants: {
            /** Who. Those who take part already are passed over. */
            userIds: components["schemas"]["UserId"][];
        };
        /** The sender's own id for a message: 1–64 Unicode scalars, without U+0000. */
        ClientMessageId: string;
        /** What a message says: 1–8,000 Unicode scalars, without U+0000. */
        Content: string;
        /**
         * A conversation. In events it lacks what differs by reader or by the moment: `unreadCount`,
         *     `lastMessage`, and the participants' `readSeq` and `deliveredSeq`.
         */
        Conversation: {
            /** When it was created. */
            createdAt: components["schemas"]["Timestamp"];
            /** Who created it. */
            createdBy: components["schemas"]["UserId"];
            /** The conversation's id. */
            id: components["schemas"]["ConversationId"];
            /** Group or direct. */
            kind: components["schemas"]["ConversationKind"];
            lastMessage?: components["schemas"]["Message"] | null;
            /** The number of its last event. */
            lastSeq: components["schemas"]["Seq"];
            /**
             * Format: int32
             * How many take part.
             */
            participantCount: number;
            /** The first 100 participants, in the order of their joining. */
            participants: components["schemas"]["Participant"][];
            /** 1–200 Unicode scalars, or null. */
            title: string | null;
            /**
             * Format: int64
             * Others' messages past the reader's `readSeq`; absent in events.
             */
            unreadCount?: number | null;
            /** When something sequenced last happened in it. */
            updatedAt: components["schemas"]["Timestamp"];
        };
        /** `conversation-deleted`: it is gone, or the reader is no longer a participant. */
        ConversationDeleted: {
            /** The conversation. */
            conversationId: components["schemas"]["ConversationId"];
        };
        /**
         * Format: uuid
         * A conversation.
         * @example 0199c5a2-9f3e-7cc0-8a34-6d1e1f0b7a55
         */
        ConversationId: string;
        /**
         * What a conversation is.
         * @enum {string}
         */
        ConversationKind: "group" | "direct";
        /** A page of conversations. */
        ConversationPage: {
            /** The conversations, latest activity first. */
            items: components["schemas"]["Conversation"][];
            /** Where the next page begins, if there is one. */
            nextCursor?: string | null;
        };
        /** `conversation-updated`: created, renamed, or its participants changed. */
        ConversationUpdated: {
            /** The conversation as it is after the change. */
            conversation: components["schemas"]["Conversation"];
            /** The conversation. */
            conversationId: components["schemas"]["ConversationId"];
            /** The event's place. */
            seq: components["schemas"]["Seq"];
        };
        /** A conversation to create. */
        CreateConversation: {
            /** @default group */
            kind: components["schemas"]["ConversationKind"] | null;
            /** Who takes part besides the creator. */
            participantIds: components["schemas"]["UserId"][];
            title?: components["schemas"]["Title"] | null;
        };
        /**
         * A stable error code. Its meaning never changes; new ones may be added.
         * @enum {string}
         */
        ErrorCode: "invalid_data" | "invalid_token" | "token_expired" | "token_missing" | "forbidden" | "not_found" | "too_large" | "rate_limited" | "unavailable" | "internal" | "unknown_event";
        /** Some events. */
        EventList: {
            /** The events, in order and without gaps. */
            items: components["schemas"]["SequencedEvent"][];
        };
        /**
         * The events of a conversation, by the names they have on the socket.
         * @enum {string}
         */
        EventName: "new-message" | "conversation-updated" | "conversation-deleted" | "messages-read" | "messages-delivered";
        /** What is wrong with a field. */
        FieldError: {
            /** The field's name on the wire. */
            field: string;
            /** What is accepted. */
            message: string;
        };
        /** What was read. */
        MarkRead: {
            /** Everything up to the newest of these; without it, everything. */
            messageIds?: components["schemas"]["MessageId"][] | null;
        };
        /** A message. */
        Message: {
            /** The sender's own id for it, by which a repeated send is recognised. */
            clientMessageId: string | null;
            /** The text, 1–8,000 Unicode scalars. */
            content: string;
            /** The conversation it belongs to. */
            conversationId: components["schemas"]["ConversationId"];
            /** When it was accepted. */
            createdAt: components["schemas"]["Timestamp"];
            /** The message's id. */
            id: components["schemas"]["MessageId"];
            /** Who sent it. */
            senderId: components["schemas"]["UserId"];
            /** The sender's display name when it was sent, if their token had one. */
            senderName: string | null;
            /** Its place in the conversation's sequence. */
            seq: components["schemas"]["Seq"];
        };
        /**
         * Format: uuid
         * A message.
         * @example 0199c5a2-9f3e-7cc0-8a34-6d1e1f0b7a55
         */
        MessageId: string;
        /** Some messages. */
        MessageList: {
            /** The messages: newest first, oldest first after a number. */
            items: components["schemas"]["Message"][];
        };
        /** `messages-delivered`. */
        MessagesDelivered: {
            /** The conversation. */
            conversationId: components["schemas"]["ConversationId"];
            /** Up to where. */
            deliveredSeq: components["schemas"]["Seq"];
            /** To whom. */
            deliveredTo: components["schemas"]["UserId"];
        };
        /** `messages-read`. */
        MessagesRead: {
            /** The conversation. */
            conversationId: components["schemas"]["ConversationId"];
            /** The newly read messages; of more than 100 the newest 100. */
            messageIds: components["schemas"]["MessageId"][];
            /** When. */
            readAt: components["schemas"]["Timestamp"];
            /** Who read them. */
            readBy: components["schemas"]["UserId"];
            /** Up to where they have read. */
            readSeq: components["schemas"]["Seq"];
        };
        /** What the caller has missed of a conversation. */
        MissedEvents: {
            /** The conversation. */
            conversationId: components["schemas"]["ConversationId"];
            /** The next events, at most 100, in order. */
            events: components["schemas"]["SequencedEvent"][];
            /** The number of its last event. */
            lastSeq: components["schemas"]["Seq"];
            /** Whether there are more, to be had from the conversation's events. */
            more: boolean;
        };
        /** `new-message`. */
        NewMessage: {
            /** The conversation. */
            conversationId: components["schemas"]["ConversationId"];
            /** The message. */
            message: components["schemas"]["Message"];
            /** The event's place, the same as the message's. */
            seq: components["schemas"]["Seq"];
        };
        /** `notification`. */
        Notification: {
            /** The conversation. */
            conversationId: components["schemas"]["ConversationId"];
            /** The message. */
            messageId: components["schemas"]["MessageId"];
            /** The beginning of the text, at most 140 Unicode scalars. */
            preview: string;
            /** Who sent it. */
            senderId: components["schemas"]["UserId"];
            /** Their display name. */
            senderName: string | null;
            /** What it is about: `new-message`. */
            type: string;
        };
        /** A participant of a conversation. */
        Participant: {
            deliveredSeq?: components["schemas"]["Seq"] | null;
            /** Since when they take part. */
            joinedAt: components["schemas"]["Timestamp"];
            /** The display name of their last token, null before their first. */
            name: string | null;
            readSeq?: components["schemas"]["Seq"] | null;
            /** Who it is. */
            userId: components["schemas"]["UserId"];
        };
        /** A page of participants. */
        ParticipantPage: {
            /** The participants, in the order of their joining. */
            items: components["schemas"]["Participant"][];
            /** Where the next page begins, if there is one. */
            nextCursor?: string | null;
        };
        /** Why a request was not carried out (RFC 9457). */
        Problem: {
            /** What is wrong, for programs. */
            code: components["schemas"]["ErrorCode"];
            /** What is wrong and what to do, for people. */
            detail: string;
            /** Which fields are malformed or out of bounds. */
            errors?: components["schemas"]["FieldError"][];
            /**
             * Format: int32
             * The HTTP status.
             */
            status: number;
            /** The status in words. */
            title: string;
            /** `about:blank`: the code tells problems apart. */
            type: string;
        };
        /** How far one has read. */
        ReadState: {
            /** The conversation. */
            conversationId: components["schemas"]["ConversationId"];
            /** Everything up to this number is read. */
            readSeq: components["schemas"]["Seq"];
            /**
             * Format: int64
             * Others' messages after it.
             */
            unreadCount: number;
        };
        /** `ready`. */
        Ready: {
            /** This connection, as in the logs. */
            connectionId: string;
            /** The server's time. */
            serverTime: components["schemas"]["Timestamp"];
            /** Who is connected. */
            userId: components["schemas"]["UserId"];
        };
        /** A conversation's new title. */
        RenameConversation: {
            /** The title. */
            title: components["schemas"]["Title"];
        };
        /** A message to send. */
        SendMessage: {
            clientMessageId?: components["schemas"]["ClientMessageId"] | null;
            /** What it says. */
            content: components["schemas"]["Content"];
        };
        /**
         * Format: int64
         * An event's number in its conversation: 1, 2, 3 … without gaps, below 2^53. Zero stands for
         *     "before the first".
         */
        Seq: number;
        /** A sequenced event. */
        SequencedEvent: {
            /** Its data, as on the socket. */
            data: components["schemas"]["NewMessage"] | components["schemas"]["ConversationUpdated"] | components["schemas"]["ConversationDeleted"];
            /** Its name on the socket. */
            event: components["schemas"]["EventName"];
            /** Its number in the conversation. */
            seq: components["schemas"]["Seq"];
        };
        /** What the caller has missed. */
        SyncAnswer: {
            /** The conversations it knows and takes part in. */
            conversations: components["schemas"]["MissedEvents"][];
            /** The conversations it does not know yet; of more than 1,000 the most recently active. */
            joined: components["schemas"]["Conversation"][];
            /** The conversations it knows and does not take part in. */
            left: components["schemas"]["ConversationId"][];
        };
        /** What the caller has. */
        SyncRequest: {
            /** The conversations that the caller knows, and the number of the last event it has of each. */
            cursors: {
                [key: string]: components["schemas"]["Seq"];
            };
        };
        /**
         * Format: date-time
         * A point in time, to the millisecond; on the wire RFC 3339 in UTC (`2026-11-23T13:41:07.250Z`).
         * @example 2026-11-23T13:41:07.250Z
         */
        Timestamp: string;
        /** A conversation's title: 1–200 Unicode scalars, without U+0000. */
        Title: string;
        /** `user-typing` and `user-stop-typing` (which has no name). */
        Typing: {
            /** The conversation. */
            conversationId: components["schemas"]["ConversationId"];
            /** Who is typing. */
            userId: components["schemas"]["UserId"];
            /** Their display name, null if their token has none; absent in `user-stop-typing`. */
            userName?: string | null;
        };
        /**
         * A user, as the platform's tokens name them: 1–128 bytes, without U+0000. Cheap to clone.
         * @example alice
         */
        UserId: string;
    };
    responses: never;
    parameters: never;
    requestBodies: never;
    headers: never;
    pathItems: never;
}
export type $defs = Record<string, never>;
export interface operations {
    listConversations: {
        parameters: {
            query?: {
                /** The `nextCursor` of the page before. */
                cursor?: string;
                /** How many. */
                limit?: number;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** A page. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ConversationPage"];
                };
            };
            /** `invalid_data`: something in the request is malformed or out of bounds; `errors` names the fields. */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** `token_missing`, `invalid_token` or `token_expired`. */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** `forbidden`: the caller may not do this. */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** `not_found`: there is no such thing, or the caller does not take part in it. */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** `too_large`: the body is larger than accepted. */
            413: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** `rate_limited`: too many requests; see `Retry-After`. */
            429: {
                headers: {
                    /** Seconds to wait. */
                    "Retry-After"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** `internal`: a defect. */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** `unavailable`: a part is away; see `Retry-After`. Sending again with the same `clientMessageId` is safe. */
            503: {
                headers: {
                    /** Seconds to wait. */
                    "Retry-After"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    createConversation: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["CreateConversation"];
            };
        };
        responses: {
            /** The direct conversation that these two have already. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Conversation"];
                };
            };
            /** It was created. */
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Conversation"];
                };
            };
            /** `invalid_data`: something in the request is malformed or out of bounds; `errors` names the fields. */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** `token_missing`, `invalid_token` or `token_expired`. */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** `forbidden`: the caller may not do this. */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** `not_found`: there is no such thing, or the caller does not take part in it. */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** `too_large`: the body is larger than accepted. */
            413: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** `rate_limited`: too many requests; see `Retry-After`. */
            429: {
                headers: {
                    /** Seconds to wait. */
                    "Retry-After"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** `internal`: a defect. */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** `unavailable`: a part is away; see `Retry-After`. Sending again with the same `clientMessageId` is safe. */
            503: {
                headers: {
                    /** Seconds to wait. */
                    "Retry-After"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    getConversation: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** The conversation. */
                id: components["schemas"]["ConversationId"];
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** The conversation. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Conversation"];
                };
            };
            /** `invalid_data`: something in the request is malformed or out of bounds; `errors` names the fields. */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** `token_missing`, `invalid_token` or `token_expired`. */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** `forbidden`: the caller may not do this. */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** `not_found`: there is no such thing, or the caller does not take part in it. */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** `too_large`: the body is larger than accepted. */
            413: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** `rate_limited`: too many requests; see `Retry-After`. */
            429: {
                headers: {
                    /** Seconds to wait. */
                    "Retry-After"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** `internal`: a defect. */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** `unavailable`: a part is away; see `Retry-After`. Sending again with the same `clientMessageId` is safe. */
            503: {
                headers: {
                    /** Seconds to wait. */
                    "Retry-After"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    deleteConversation: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** The conversation. */
                id: components["schemas"]["ConversationId"];
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** It is gone. */
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            /** `invalid_data`: something in the request is malformed or out of bounds; `errors` names the fields. */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** `token_missing`, `invalid_token` or `token_expired`. */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** `forbidden`: the caller may not do this. */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** `not_found`: there is no such thing, or the caller does not take part in it. */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** `too_large`: the body is larger than accepted. */
            413: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** `rate_limited`: too many requests; see `Retry-After`. */
            429: {
                headers: {
                    /** Seconds to wait. */
                    "Retry-After"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** `internal`: a defect. */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** `unavailable`: a part is away; see `Retry-After`. Sending again with the same `clientMessageId` is safe. */
            503: {
                headers: {
                    /** Seconds to wait. */
                    "Retry-After"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    renameConversation: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** The conversation. */
                id: components["schemas"]["ConversationId"];
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["RenameConversation"];
            };
        };
        responses: {
            /** The conversation. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Conversation"];
                };
            };
            /** `invalid_data`: something in the request is malformed or out of bounds; `errors` names the fields. */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** `token_missing`, `invalid_token` or `token_expired`. */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** `forbidden`: the caller may not do this. */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** `not_found`: there is no such thing, or the caller does not take part in it. */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** `too_large`: the body is larger than accepted. */
            413: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** `rate_limited`: too many requests; see `Retry-After`. */
            429: {
                headers: {
                    /** Seconds to wait. */
                    "Retry-After"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** `internal`: a defect. */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** `unavailable`: a part is away; see `Retry-After`. Sending again with the same `clientMessageId` is safe. */
            503: {
                headers: {
                    /** Seconds to wait. */
                    "Retry-After"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    listEvents: {
        parameters: {
            query?: {
                /** Only those with a higher number. */
                after?: components["schemas"]["Seq"];
                /** How many. */
                limit?: number;
            };
            header?: never;
            path: {
                /** The conversation. */
                id: components["schemas"]["ConversationId"];
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** Some events. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["EventList"];
                };
            };
            /** `invalid_data`: something in the request is malformed or out of bounds; `errors` names the fields. */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** `token_missing`, `invalid_token` or `token_expired`. */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** `forbidden`: the caller may not do this. */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** `not_found`: there is no such thing, or the caller does not take part in it. */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** `too_large`: the body is larger than accepted. */
            413: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** `rate_limited`: too many requests; see `Retry-After`. */
            429: {
                headers: {
                    /** Seconds to wait. */
                    "Retry-After"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** `internal`: a defect. */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** `unavailable`: a part is away; see `Retry-After`. Sending again with the same `clientMessageId` is safe. */
            503: {
                headers: {
                    /** Seconds to wait. */
                    "Retry-After"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    listMessages: {
        parameters: {
            query?: {
                /** Only those with a higher number, oldest first. */
                after?: components["schemas"]["Seq"];
                /** Only those with a lower number. */
                before?: components["schemas"]["Seq"];
                /** How many. */
                limit?: number;
            };
            header?: never;
            path: {
                /** The conversation. */
                id: components["schemas"]["ConversationId"];
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** Some messages. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["MessageList"];
                };
            };
            /** `invalid_data`: something in the request is malformed or out of bounds; `errors` names the fields. */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** `token_missing`, `invalid_token` or `token_expired`. */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** `forbidden`: the caller may not do this. */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** `not_found`: there is no such thing, or the caller does not take part in it. */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** `too_large`: the body is larger than accepted. */
            413: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** `rate_limited`: too many requests; see `Retry-After`. */
            429: {
                headers: {
                    /** Seconds to wait. */
                    "Retry-After"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** `internal`: a defect. */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** `unavailable`: a part is away; see `Retry-After`. Sending again with the same `clientMessageId` is safe. */
            503: {
                headers: {
                    /** Seconds to wait. */
                    "Retry-After"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    sendMessage: {
        parameters: {
            query?: never;
            header?: {
                /** The same as `clientMessageId`, where the body has none. */
                "Idempotency-Key"?: components["schemas"]["ClientMessageId"] | null;
            };
            path: {
                /** The conversation. */
                id: components["schemas"]["ConversationId"];
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["SendMessage"];
            };
        };
        responses: {
            /** It was sent before: the first message of this `clientMessageId`. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Message"];
                };
            };
            /** It was sent. */
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Message"];
                };
            };
            /** `invalid_data`: something in the request is malformed or out of bounds; `errors` names the fields. */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** `token_missing`, `invalid_token` or `token_expired`. */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** `forbidden`: the caller may not do this. */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** `not_found`: there is no such thing, or the caller does not take part in it. */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** `too_large`: the body is larger than accepted. */
            413: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** `rate_limited`: too many requests; see `Retry-After`. */
            429: {
                headers: {
                    /** Seconds to wait. */
                    "Retry-After"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** `internal`: a defect. */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** `unavailable`: a part is away; see `Retry-After`. Sending again with the same `clientMessageId` is safe. */
            503: {
                headers: {
                    /** Seconds to wait. */
                    "Retry-After"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    listParticipants: {
        parameters: {
            query?: {
                /** The `nextCursor` of the page before. */
                cursor?: string;
                /** How many. */
                limit?: number;
            };
            header?: never;
            path: {
                /** The conversation. */
                id: components["schemas"]["ConversationId"];
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** A page. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ParticipantPage"];
                };
            };
            /** `invalid_data`: something in the request is malformed or out of bounds; `errors` names the fields. */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** `token_missing`, `invalid_token` or `token_expired`. */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** `forbidden`: the caller may not do this. */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** `not_found`: there is no such thing, or the caller does not take part in it. */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** `too_large`: the body is larger than accepted. */
            413: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** `rate_limited`: too many requests; see `Retry-After`. */
            429: {
                headers: {
                    /** Seconds to wait. */
                    "Retry-After"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** `internal`: a defect. */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** `unavailable`: a part is away; see `Retry-After`. Sending again with the same `clientMessageId` is safe. */
            503: {
                headers: {
                    /** Seconds to wait. */
                    "Retry-After"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    addParticipants: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** The conversation. */
                id: components["schemas"]["ConversationId"];
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["AddParticipants"];
            };
        };
        responses: {
            /** The conversation. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Conversation"];
                };
            };
            /** `invalid_data`: something in the request is malformed or out of bounds; `errors` names the fields. */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** `token_missing`, `invalid_token` or `token_expired`. */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** `forbidden`: the caller may not do this. */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** `not_found`: there is no such thing, or the caller does not take part in it. */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** `too_large`: the body is larger than accepted. */
            413: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** `rate_limited`: too many requests; see `Retry-After`. */
            429: {
                headers: {
                    /** Seconds to wait. */
                    "Retry-After"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** `internal`: a defect. */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** `unavailable`: a part is away; see `Retry-After`. Sending again with the same `clientMessageId` is safe. */
            503: {
                headers: {
                    /** Seconds to wait. */
                    "Retry-After"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    removeParticipant: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** The conversation. */
                id: components["schemas"]["ConversationId"];
                /** Who is to be removed; oneself, to leave. */
                userId: components["schemas"]["UserId"];
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** They no longer take part. */
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            /** `invalid_data`: something in the request is malformed or out of bounds; `errors` names the fields. */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** `token_missing`, `invalid_token` or `token_expired`. */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** `forbidden`: the caller may not do this. */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** `not_found`: there is no such thing, or the caller does not take part in it. */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** `too_large`: the body is larger than accepted. */
            413: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** `rate_limited`: too many requests; see `Retry-After`. */
            429: {
                headers: {
                    /** Seconds to wait. */
                    "Retry-After"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** `internal`: a defect. */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** `unavailable`: a part is away; see `Retry-After`. Sending again with the same `clientMessageId` is safe. */
            503: {
                headers: {
                    /** Seconds to wait. */
                    "Retry-After"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    markRead: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** The conversation. */
                id: components["schemas"]["ConversationId"];
            };
            cookie?: never;
        };
        requestBody?: {
            content: {
                "application/json": components["schemas"]["MarkRead"] | null;
            };
        };
        responses: {
            /** How far the caller has read. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ReadState"];
                };
            };
            /** `invalid_data`: something in the request is malformed or out of bounds; `errors` names the fields. */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** `token_missing`, `invalid_token` or `token_expired`. */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** `forbidden`: the caller may not do this. */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** `not_found`: there is no such thing, or the caller does not take part in it. */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** `too_large`: the body is larger than accepted. */
            413: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** `rate_limited`: too many requests; see `Retry-After`. */
            429: {
                headers: {
                    /** Seconds to wait. */
                    "Retry-After"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** `internal`: a defect. */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** `unavailable`: a part is away; see `Retry-After`. Sending again with the same `clientMessageId` is safe. */
            503: {
                headers: {
                    /** Seconds to wait. */
                    "Retry-After"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    sync: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["SyncRequest"];
            };
        };
        responses: {
            /** What was missed. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["SyncAnswer"];
                };
            };
            /** `invalid_data`: something in the request is malformed or out of bounds; `errors` names the fields. */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** `token_missing`, `invalid_token` or `token_expired`. */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** `forbidden`: the caller may not do this. */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** `not_found`: there is no such thing, or the caller does not take part in it. */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** `too_large`: the body is larger than accepted. */
            413: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** `rate_limited`: too many requests; see `Retry-After`. */
            429: {
                headers: {
                    /** Seconds to wait. */
                    "Retry-After"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** `internal`: a defect. */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** `unavailable`: a part is away; see `Retry-After`. Sending again with the same `clientMessageId` is safe. */
            503: {
                headers: {
                    /** Seconds to wait. */
                    "Retry-After"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
}
