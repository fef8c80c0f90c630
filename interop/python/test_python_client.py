"""python-socketio against a running Callboard, by WebSocket, by long-polling, and by both."""

import sys
import unittest

import socketio

from harness import Line, Server, Tab

TRANSPORTS = {
    "websocket": ["websocket"],
    "polling": ["polling"],
    "upgrade": ["polling", "websocket"],
}


def setUpModule():
    global server
    server = Server()


class Flows:
    """The same tests for every transport."""

    transports = None

    def tab(self, user, url=None):
        tab = Tab(url or server.url, user.token, self.transports, origin=server.url if url else None)
        self.addCleanup(tab.close)
        return tab.connect()

    def test_the_transport_is_the_one_asked_for(self):
        alice = server.user("alice")
        tab = self.tab(alice)
        self.assertEqual(tab.client.transport(), self.transports[-1])
        self.assertEqual(tab.all("ready")[0]["userId"], alice.id)

    def test_the_sending_flow(self):
        alice, bob = server.user("alice"), server.user("bob")
        tabs = [self.tab(user) for user in (alice, alice, bob, bob)]
        conversation = alice.create(bob, title="Casting")
        room = conversation["id"]
        for tab in tabs:
            self.assertEqual(tab.next("conversation-updated")["seq"], 1)
        self.assertTrue(tabs[0].ask("join-conversation", room)["ok"])
        self.assertTrue(tabs[2].ask("join-conversation", room)["ok"])

        tabs[0].client.emit("typing-start", room)
        typing = tabs[2].next("user-typing")
        self.assertEqual(typing, {"conversationId": room, "userId": alice.id, "userName": "Alice"})
        message = alice.send(room, "Are you free on Friday? 🎬")
        for tab in tabs:
            self.assertEqual(tab.message(message), {"conversationId": room, "seq": 2, "message": message})
        self.assertEqual(tabs[2].next("user-stop-typing"), {"conversationId": room, "userId": alice.id})
        self.assertEqual(tabs[3].next("notification")["messageId"], message["id"])

        fence = alice.send(room, "fence")
        for tab in tabs:
            tab.message(fence)
            self.assertEqual(tab.seqs(room), [2, 3])
        tabs[3].until(lambda: len(tabs[3].all("notification")) == 2, "two notifications")
        self.assertEqual([len(tab.all("notification")) for tab in tabs[:3]], [0, 0, 0])

    def test_the_reading_flow(self):
        alice, bob = server.user("alice"), server.user("bob")
        tabs = [self.tab(user) for user in (alice, alice, bob, bob)]
        room = alice.create(bob)["id"]
        first, second = alice.send(room, "first"), alice.send(room, "second")

        answer = tabs[2].ask("mark-read", {"conversationId": room, "messageIds": [first["id"]]})
        self.assertEqual(answer, {"ok": True, "readSeq": first["seq"], "unreadCount": 1})
        for tab in tabs:
            receipt = tab.next("messages-read", lambda data: data["readSeq"] == first["seq"])
            self.assertEqual(receipt["messageIds"], [first["id"]])
            self.assertEqual(receipt["readBy"], bob.id)
        bob.request("PATCH", f"conversations/{room}/read")
        for tab in tabs:
            receipt = tab.next("messages-read", lambda data: data["readSeq"] == second["seq"])
            self.assertEqual(receipt["messageIds"], [second["id"]])

    def test_sending_through_the_socket(self):
        alice, bob = server.user("alice"), server.user("bob")
        hers, his = self.tab(alice), self.tab(bob)
        room = alice.create(bob)["id"]
        body = {"conversationId": room, "content": "hello", "clientMessageId": "c-1"}
        first, again = hers.ask("send-message", body), hers.ask("send-message", body)
        self.assertEqual(first, again)
        self.assertEqual(his.message(first["message"])["message"], first["message"])
        for number in range(20):
            hers.client.emit("send-message", {"conversationId": room, "content": f"line {number}"})
        his.until(lambda: len(his.seqs(room)) >= 21, "all lines")
        contents = [data["message"]["content"] for data in his.all("new-message")]
        self.assertEqual(contents, ["hello"] + [f"line {number}" for number in range(20)])

    def test_errors(self):
        alice, mallory = server.user("alice"), server.user("mallory")
        room = alice.create()["id"]
        tab = self.tab(mallory)
        self.assertEqual(tab.ask("make-coffee")["error"]["code"], "unknown_event")
        self.assertEqual(tab.ask("join-conversation", 7)["error"]["code"], "invalid_data")
        self.assertEqual(tab.ask("join-conversation", room)["error"]["code"], "not_found")
        tab.client.emit("make-coffee", {})
        self.assertEqual(tab.next("error")["code"], "unknown_event")

    def test_a_bad_token_is_refused(self):
        tab = Tab(server.url, "invalid.jwt.token", self.transports)
        self.addCleanup(tab.close)
        with self.assertRaises(socketio.exceptions.ConnectionError):
            tab.connect()
        refusal = tab.refusals[0]
        self.assertEqual(refusal["message"], "Authentication error: Invalid token")
        self.assertEqual(refusal["data"], {"code": "invalid_token"})

    def test_it_reconnects_and_sync_gives_what_is_missing(self):
        alice, bob = server.user("alice"), server.user("bob")
        room = alice.create(bob)["id"]
        line = Line(server.port)
        self.addCleanup(line.close)
        tab = self.tab(bob, line.url)
        before = alice.send(room, "before")
        tab.message(before)

        line.cut()
        tab.until(lambda: tab.losses >= 1, "the disconnection")
        missed = [alice.send(room, "one"), alice.send(room, "two")]
        line.mend()
        tab.until(lambda: len(tab.all("ready")) >= 2, "the second ready")
        after = alice.send(room, "after")
        tab.message(after)
        self.assertEqual(tab.seqs(room), [before["seq"], after["seq"]])

        answer = bob.request("POST", "sync", {"cursors": {room: before["seq"]}})
        events = answer["conversations"][0]["events"]
        self.assertEqual([event["data"]["message"] for event in events], [*missed, after])


class WebSocket(Flows, unittest.TestCase):
    transports = TRANSPORTS["websocket"]


class Polling(Flows, unittest.TestCase):
    transports = TRANSPORTS["polling"]


class Upgrade(Flows, unittest.TestCase):
    transports = TRANSPORTS["upgrade"]


if __name__ == "__main__":
    program = unittest.main(exit=False)
    if not program.result.wasSuccessful():
        sys.exit(f"--- log of callboard dev ---\n{server.tail()}")
