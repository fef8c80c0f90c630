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
         * @description The creator always takes part. Between two people there is one direct conversation: creating it
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
         * @description When this answers, the message is stored for good.
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
        /** @description People to add. */
        AddParticipants: {
            /** @description Who. Those who take part already are passed over. */
            userIds: components["schemas"]["UserId"][];
        };
        /** @description The sender's own id for a message: 1–64 Unicode scalars, without U+0000. */
        ClientMessageId: string;
        /** @description What a message says: 1–8,000 Unicode scalars, without U+0000. */
        Content: string;
        /**
         * @description A conversation. In events it lacks what differs by reader or by the moment: `unreadCount`,
         *     `lastMessage`, and the participants' `readSeq` and `deliveredSeq`.
         */
        Conversation: {
            /** @description When it was created. */
            createdAt: components["schemas"]["Timestamp"];
            /** @description Who created it. */
            createdBy: components["schemas"]["UserId"];
            /** @description The conversation's id. */
            id: components["schemas"]["ConversationId"];
            /** @description Group or direct. */
            kind: components["schemas"]["ConversationKind"];
            lastMessage?: components["schemas"]["Message"] | null;
            /** @description The number of its last event. */
            lastSeq: components["schemas"]["Seq"];
            /**
             * Format: int32
             * @description How many take part.
             */
            participantCount: number;
            /** @description The first 100 participants, in the order of their joining. */
            participants: components["schemas"]["Participant"][];
            /** @description 1–200 Unicode scalars, or null. */
            title: string | null;
            /**
             * Format: int64
             * @description Others' messages past the reader's `readSeq`; absent in events.
             */
            unreadCount?: number | null;
            /** @description When something sequenced last happened in it. */
            updatedAt: components["schemas"]["Timestamp"];
        };
        /** @description `conversation-deleted`: it is gone, or the reader is no longer a participant. */
        ConversationDeleted: {
            /** @description The conversation. */
            conversationId: components["schemas"]["ConversationId"];
        };
        /**
         * Format: uuid
         * @description A conversation.
         * @example 0199c5a2-9f3e-7cc0-8a34-6d1e1f0b7a55
         */
        ConversationId: string;
        /**
         * @description What a conversation is.
         * @enum {string}
         */
        ConversationKind: "group" | "direct";
        /** @description A page of conversations. */
        ConversationPage: {
            /** @description The conversations, latest activity first. */
            items: components["schemas"]["Conversation"][];
            /** @description Where the next page begins, if there is one. */
            nextCursor?: string | null;
        };
        /** @description `conversation-updated`: created, renamed, or its participants changed. */
        ConversationUpdated: {
            /** @description The conversation as it is after the change. */
            conversation: components["schemas"]["Conversation"];
            /** @description The conversation. */
            conversationId: components["schemas"]["ConversationId"];
            /** @description The event's place. */
            seq: components["schemas"]["Seq"];
        };
        /** @description A conversation to create. */
        CreateConversation: {
            /** @default group */
            kind: components["schemas"]["ConversationKind"] | null;
            /** @description Who takes part besides the creator. */
            participantIds: components["schemas"]["UserId"][];
            title?: components["schemas"]["Title"] | null;
        };
        /**
         * @description A stable error code. Its meaning never changes; new ones may be added.
         * @enum {string}
         */
        ErrorCode: "invalid_data" | "invalid_token" | "token_expired" | "token_missing" | "forbidden" | "not_found" | "too_large" | "rate_limited" | "unavailable" | "internal" | "unknown_event";
        /** @description Some events. */
        EventList: {
            /** @description The events, in order and without gaps. */
            items: components["schemas"]["SequencedEvent"][];
        };
        /**
         * @description The events of a conversation, by the names they have on the socket.
         * @enum {string}
         */
        EventName: "new-message" | "conversation-updated" | "conversation-deleted" | "messages-read" | "messages-delivered";
        /** @description What is wrong with a field. */
        FieldError: {
            /** @description The field's name on the wire. */
            field: string;
            /** @description What is accepted. */
            message: string;
        };
        /** @description What was read. */
        MarkRead: {
            /** @description Everything up to the newest of these; without it, everything. */
            messageIds?: components["schemas"]["MessageId"][] | null;
        };
        /** @description A message. */
        Message: {
            /** @description The sender's own id for it, by which a repeated send is recognised. */
            clientMessageId: string | null;
            /** @description The text, 1–8,000 Unicode scalars. */
            content: string;
            /** @description The conversation it belongs to. */
            conversationId: components["schemas"]["ConversationId"];
            /** @description When it was accepted. */
            createdAt: components["schemas"]["Timestamp"];
            /** @description The message's id. */
            id: components["schemas"]["MessageId"];
            /** @description Who sent it. */
            senderId: components["schemas"]["UserId"];
            /** @description The sender's display name when it was sent, if their token had one. */
            senderName: string | null;
            /** @description Its place in the conversation's sequence. */
            seq: components["schemas"]["Seq"];
        };
        /**
         * Format: uuid
         * @description A message.
         * @example 0199c5a2-9f3e-7cc0-8a34-6d1e1f0b7a55
         */
        MessageId: string;
        /** @description Some messages. */
        MessageList: {
            /** @description The messages: newest first, oldest first after a number. */
            items: components["schemas"]["Message"][];
        };
        /** @description `messages-delivered`. */
        MessagesDelivered: {
            /** @description The conversation. */
            conversationId: components["schemas"]["ConversationId"];
            /** @description Up to where. */
            deliveredSeq: components["schemas"]["Seq"];
            /** @description To whom. */
            deliveredTo: components["schemas"]["UserId"];
        };
        /** @description `messages-read`. */
        MessagesRead: {
            /** @description The conversation. */
            conversationId: components["schemas"]["ConversationId"];
            /** @description The newly read messages; of more than 100 the newest 100. */
            messageIds: components["schemas"]["MessageId"][];
            /** @description When. */
            readAt: components["schemas"]["Timestamp"];
            /** @description Who read them. */
            readBy: components["schemas"]["UserId"];
            /** @description Up to where they have read. */
            readSeq: components["schemas"]["Seq"];
        };
        /** @description What the caller has missed of a conversation. */
        MissedEvents: {
            /** @description The conversation. */
            conversationId: components["schemas"]["ConversationId"];
            /** @description The next events, at most 100, in order. */
            events: components["schemas"]["SequencedEvent"][];
            /** @description The number of its last event. */
            lastSeq: components["schemas"]["Seq"];
            /** @description Whether there are more, to be had from the conversation's events. */
            more: boolean;
        };
        /** @description `new-message`. */
        NewMessage: {
            /** @description The conversation. */
            conversationId: components["schemas"]["ConversationId"];
            /** @description The message. */
            message: components["schemas"]["Message"];
            /** @description The event's place, the same as the message's. */
            seq: components["schemas"]["Seq"];
        };
        /** @description `notification`. */
        Notification: {
            /** @description The conversation. */
            conversationId: components["schemas"]["ConversationId"];
            /** @description The message. */
            messageId: components["schemas"]["MessageId"];
            /** @description The beginning of the text, at most 140 Unicode scalars. */
            preview: string;
            /** @description Who sent it. */
            senderId: components["schemas"]["UserId"];
            /** @description Their display name. */
            senderName: string | null;
            /** @description What it is about: `new-message`. */
            type: string;
        };
        /** @description A participant of a conversation. */
        Participant: {
            deliveredSeq?: components["schemas"]["Seq"] | null;
            /** @description Since when they take part. */
            joinedAt: components["schemas"]["Timestamp"];
            /** @description The display name of their last token, null before their first. */
            name: string | null;
            readSeq?: components["schemas"]["Seq"] | null;
            /** @description Who it is. */
            userId: components["schemas"]["UserId"];
        };
        /** @description A page of participants. */
        ParticipantPage: {
            /** @description The participants, in the order of their joining. */
            items: components["schemas"]["Participant"][];
            /** @description Where the next page begins, if there is one. */
            nextCursor?: string | null;
        };
        /** @description Why a request was not carried out (RFC 9457). */
        Problem: {
            /** @description What is wrong, for programs. */
            code: components["schemas"]["ErrorCode"];
            /** @description What is wrong and what to do, for people. */
            detail: string;
            /** @description Which fields are malformed or out of bounds. */
            errors?: components["schemas"]["FieldError"][];
            /**
             * Format: int32
             * @description The HTTP status.
             */
            status: number;
            /** @description The status in words. */
            title: string;
            /** @description `about:blank`: the code tells problems apart. */
            type: string;
        };
        /** @description How far one has read. */
        ReadState: {
            /** @description The conversation. */
            conversationId: components["schemas"]["ConversationId"];
            /** @description Everything up to this number is read. */
            readSeq: components["schemas"]["Seq"];
            /**
             * Format: int64
             * @description Others' messages after it.
             */
            unreadCount: number;
        };
        /** @description `ready`. */
        Ready: {
            /** @description This connection, as in the logs. */
            connectionId: string;
            /** @description The server's time. */
            serverTime: components["schemas"]["Timestamp"];
            /** @description Who is connected. */
            userId: components["schemas"]["UserId"];
        };
        /** @description A conversation's new title. */
        RenameConversation: {
            /** @description The title. */
            title: components["schemas"]["Title"];
        };
        /** @description A message to send. */
        SendMessage: {
            clientMessageId?: components["schemas"]["ClientMessageId"] | null;
            /** @description What it says. */
            content: components["schemas"]["Content"];
        };
        /**
         * Format: int64
         * @description An event's number in its conversation: 1, 2, 3 … without gaps, below 2^53. Zero stands for
         *     "before the first".
         */
        Seq: number;
        /** @description A sequenced event. */
        SequencedEvent: {
            /** @description Its data, as on the socket. */
            data: components["schemas"]["NewMessage"] | components["schemas"]["ConversationUpdated"] | components["schemas"]["ConversationDeleted"];
            /** @description Its name on the socket. */
            event: components["schemas"]["EventName"];
            /** @description Its number in the conversation. */
            seq: components["schemas"]["Seq"];
        };
        /** @description What the caller has missed. */
        SyncAnswer: {
            /** @description The conversations it knows and takes part in. */
            conversations: components["schemas"]["MissedEvents"][];
            /** @description The conversations it does not know yet; of more than 1,000 the most recently active. */
            joined: components["schemas"]["Conversation"][];
            /** @description The conversations it knows and does not take part in. */
            left: components["schemas"]["ConversationId"][];
        };
        /** @description What the caller has. */
        SyncRequest: {
            /** @description The conversations that the caller knows, and the number of the last event it has of each. */
            cursors: {
                [key: string]: components["schemas"]["Seq"];
            };
        };
        /**
         * Format: date-time
         * @description A point in time, to the millisecond; on the wire RFC 3339 in UTC (`2026-11-23T13:41:07.250Z`).
         * @example 2026-11-23T13:41:07.250Z
         */
        Timestamp: string;
        /** @description A conversation's title: 1–200 Unicode scalars, without U+0000. */
        Title: string;
        /** @description `user-typing` and `user-stop-typing` (which has no name). */
        Typing: {
            /** @description The conversation. */
            conversationId: components["schemas"]["ConversationId"];
            /** @description Who is typing. */
            userId: components["schemas"]["UserId"];
            /** @description Their display name, null if their token has none; absent in `user-stop-typing`. */
            userName?: string | null;
        };
        /**
         * @description A user, as the platform's tokens name them: 1–128 bytes, without U+0000. Cheap to clone.
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
                /** @description The `nextCursor` of the page before. */
                cursor?: string;
                /** @description How many. */
                limit?: number;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description A page. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ConversationPage"];
                };
            };
            /** @description `invalid_data`: something in the request is malformed or out of bounds; `errors` names the fields. */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `token_missing`, `invalid_token` or `token_expired`. */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `forbidden`: the caller may not do this. */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `not_found`: there is no such thing, or the caller does not take part in it. */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `too_large`: the body is larger than accepted. */
            413: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `rate_limited`: too many requests; see `Retry-After`. */
            429: {
                headers: {
                    /** @description Seconds to wait. */
                    "Retry-After"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `internal`: a defect. */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `unavailable`: a part is away; see `Retry-After`. Sending again with the same `clientMessageId` is safe. */
            503: {
                headers: {
                    /** @description Seconds to wait. */
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
            /** @description The direct conversation that these two have already. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Conversation"];
                };
            };
            /** @description It was created. */
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Conversation"];
                };
            };
            /** @description `invalid_data`: something in the request is malformed or out of bounds; `errors` names the fields. */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `token_missing`, `invalid_token` or `token_expired`. */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `forbidden`: the caller may not do this. */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `not_found`: there is no such thing, or the caller does not take part in it. */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `too_large`: the body is larger than accepted. */
            413: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `rate_limited`: too many requests; see `Retry-After`. */
            429: {
                headers: {
                    /** @description Seconds to wait. */
                    "Retry-After"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `internal`: a defect. */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `unavailable`: a part is away; see `Retry-After`. Sending again with the same `clientMessageId` is safe. */
            503: {
                headers: {
                    /** @description Seconds to wait. */
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
                /** @description The conversation. */
                id: components["schemas"]["ConversationId"];
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The conversation. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Conversation"];
                };
            };
            /** @description `invalid_data`: something in the request is malformed or out of bounds; `errors` names the fields. */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `token_missing`, `invalid_token` or `token_expired`. */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `forbidden`: the caller may not do this. */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `not_found`: there is no such thing, or the caller does not take part in it. */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `too_large`: the body is larger than accepted. */
            413: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `rate_limited`: too many requests; see `Retry-After`. */
            429: {
                headers: {
                    /** @description Seconds to wait. */
                    "Retry-After"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `internal`: a defect. */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `unavailable`: a part is away; see `Retry-After`. Sending again with the same `clientMessageId` is safe. */
            503: {
                headers: {
                    /** @description Seconds to wait. */
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
                /** @description The conversation. */
                id: components["schemas"]["ConversationId"];
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description It is gone. */
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            /** @description `invalid_data`: something in the request is malformed or out of bounds; `errors` names the fields. */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `token_missing`, `invalid_token` or `token_expired`. */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `forbidden`: the caller may not do this. */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `not_found`: there is no such thing, or the caller does not take part in it. */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `too_large`: the body is larger than accepted. */
            413: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `rate_limited`: too many requests; see `Retry-After`. */
            429: {
                headers: {
                    /** @description Seconds to wait. */
                    "Retry-After"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `internal`: a defect. */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `unavailable`: a part is away; see `Retry-After`. Sending again with the same `clientMessageId` is safe. */
            503: {
                headers: {
                    /** @description Seconds to wait. */
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
                /** @description The conversation. */
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
            /** @description The conversation. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Conversation"];
                };
            };
            /** @description `invalid_data`: something in the request is malformed or out of bounds; `errors` names the fields. */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `token_missing`, `invalid_token` or `token_expired`. */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `forbidden`: the caller may not do this. */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `not_found`: there is no such thing, or the caller does not take part in it. */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `too_large`: the body is larger than accepted. */
            413: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `rate_limited`: too many requests; see `Retry-After`. */
            429: {
                headers: {
                    /** @description Seconds to wait. */
                    "Retry-After"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `internal`: a defect. */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `unavailable`: a part is away; see `Retry-After`. Sending again with the same `clientMessageId` is safe. */
            503: {
                headers: {
                    /** @description Seconds to wait. */
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
                /** @description Only those with a higher number. */
                after?: components["schemas"]["Seq"];
                /** @description How many. */
                limit?: number;
            };
            header?: never;
            path: {
                /** @description The conversation. */
                id: components["schemas"]["ConversationId"];
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Some events. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["EventList"];
                };
            };
            /** @description `invalid_data`: something in the request is malformed or out of bounds; `errors` names the fields. */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `token_missing`, `invalid_token` or `token_expired`. */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `forbidden`: the caller may not do this. */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `not_found`: there is no such thing, or the caller does not take part in it. */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `too_large`: the body is larger than accepted. */
            413: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `rate_limited`: too many requests; see `Retry-After`. */
            429: {
                headers: {
                    /** @description Seconds to wait. */
                    "Retry-After"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `internal`: a defect. */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `unavailable`: a part is away; see `Retry-After`. Sending again with the same `clientMessageId` is safe. */
            503: {
                headers: {
                    /** @description Seconds to wait. */
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
                /** @description Only those with a higher number, oldest first. */
                after?: components["schemas"]["Seq"];
                /** @description Only those with a lower number. */
                before?: components["schemas"]["Seq"];
                /** @description How many. */
                limit?: number;
            };
            header?: never;
            path: {
                /** @description The conversation. */
                id: components["schemas"]["ConversationId"];
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Some messages. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["MessageList"];
                };
            };
            /** @description `invalid_data`: something in the request is malformed or out of bounds; `errors` names the fields. */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `token_missing`, `invalid_token` or `token_expired`. */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `forbidden`: the caller may not do this. */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `not_found`: there is no such thing, or the caller does not take part in it. */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `too_large`: the body is larger than accepted. */
            413: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `rate_limited`: too many requests; see `Retry-After`. */
            429: {
                headers: {
                    /** @description Seconds to wait. */
                    "Retry-After"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `internal`: a defect. */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `unavailable`: a part is away; see `Retry-After`. Sending again with the same `clientMessageId` is safe. */
            503: {
                headers: {
                    /** @description Seconds to wait. */
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
                /** @description The same as `clientMessageId`, where the body has none. */
                "Idempotency-Key"?: components["schemas"]["ClientMessageId"] | null;
            };
            path: {
                /** @description The conversation. */
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
            /** @description It was sent before: the first message of this `clientMessageId`. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Message"];
                };
            };
            /** @description It was sent. */
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Message"];
                };
            };
            /** @description `invalid_data`: something in the request is malformed or out of bounds; `errors` names the fields. */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `token_missing`, `invalid_token` or `token_expired`. */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `forbidden`: the caller may not do this. */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `not_found`: there is no such thing, or the caller does not take part in it. */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `too_large`: the body is larger than accepted. */
            413: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `rate_limited`: too many requests; see `Retry-After`. */
            429: {
                headers: {
                    /** @description Seconds to wait. */
                    "Retry-After"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `internal`: a defect. */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `unavailable`: a part is away; see `Retry-After`. Sending again with the same `clientMessageId` is safe. */
            503: {
                headers: {
                    /** @description Seconds to wait. */
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
                /** @description The `nextCursor` of the page before. */
                cursor?: string;
                /** @description How many. */
                limit?: number;
            };
            header?: never;
            path: {
                /** @description The conversation. */
                id: components["schemas"]["ConversationId"];
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description A page. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ParticipantPage"];
                };
            };
            /** @description `invalid_data`: something in the request is malformed or out of bounds; `errors` names the fields. */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `token_missing`, `invalid_token` or `token_expired`. */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `forbidden`: the caller may not do this. */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `not_found`: there is no such thing, or the caller does not take part in it. */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `too_large`: the body is larger than accepted. */
            413: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `rate_limited`: too many requests; see `Retry-After`. */
            429: {
                headers: {
                    /** @description Seconds to wait. */
                    "Retry-After"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `internal`: a defect. */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `unavailable`: a part is away; see `Retry-After`. Sending again with the same `clientMessageId` is safe. */
            503: {
                headers: {
                    /** @description Seconds to wait. */
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
                /** @description The conversation. */
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
            /** @description The conversation. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Conversation"];
                };
            };
            /** @description `invalid_data`: something in the request is malformed or out of bounds; `errors` names the fields. */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `token_missing`, `invalid_token` or `token_expired`. */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `forbidden`: the caller may not do this. */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `not_found`: there is no such thing, or the caller does not take part in it. */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `too_large`: the body is larger than accepted. */
            413: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `rate_limited`: too many requests; see `Retry-After`. */
            429: {
                headers: {
                    /** @description Seconds to wait. */
                    "Retry-After"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `internal`: a defect. */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `unavailable`: a part is away; see `Retry-After`. Sending again with the same `clientMessageId` is safe. */
            503: {
                headers: {
                    /** @description Seconds to wait. */
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
                /** @description The conversation. */
                id: components["schemas"]["ConversationId"];
                /** @description Who is to be removed; oneself, to leave. */
                userId: components["schemas"]["UserId"];
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description They no longer take part. */
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            /** @description `invalid_data`: something in the request is malformed or out of bounds; `errors` names the fields. */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `token_missing`, `invalid_token` or `token_expired`. */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `forbidden`: the caller may not do this. */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `not_found`: there is no such thing, or the caller does not take part in it. */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `too_large`: the body is larger than accepted. */
            413: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `rate_limited`: too many requests; see `Retry-After`. */
            429: {
                headers: {
                    /** @description Seconds to wait. */
                    "Retry-After"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `internal`: a defect. */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `unavailable`: a part is away; see `Retry-After`. Sending again with the same `clientMessageId` is safe. */
            503: {
                headers: {
                    /** @description Seconds to wait. */
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
                /** @description The conversation. */
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
            /** @description How far the caller has read. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ReadState"];
                };
            };
            /** @description `invalid_data`: something in the request is malformed or out of bounds; `errors` names the fields. */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `token_missing`, `invalid_token` or `token_expired`. */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `forbidden`: the caller may not do this. */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `not_found`: there is no such thing, or the caller does not take part in it. */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `too_large`: the body is larger than accepted. */
            413: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `rate_limited`: too many requests; see `Retry-After`. */
            429: {
                headers: {
                    /** @description Seconds to wait. */
                    "Retry-After"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `internal`: a defect. */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `unavailable`: a part is away; see `Retry-After`. Sending again with the same `clientMessageId` is safe. */
            503: {
                headers: {
                    /** @description Seconds to wait. */
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
            /** @description What was missed. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["SyncAnswer"];
                };
            };
            /** @description `invalid_data`: something in the request is malformed or out of bounds; `errors` names the fields. */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `token_missing`, `invalid_token` or `token_expired`. */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `forbidden`: the caller may not do this. */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `not_found`: there is no such thing, or the caller does not take part in it. */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `too_large`: the body is larger than accepted. */
            413: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `rate_limited`: too many requests; see `Retry-After`. */
            429: {
                headers: {
                    /** @description Seconds to wait. */
                    "Retry-After"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `internal`: a defect. */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `unavailable`: a part is away; see `Retry-After`. Sending again with the same `clientMessageId` is safe. */
            503: {
                headers: {
                    /** @description Seconds to wait. */
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
