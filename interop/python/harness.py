"""For the tests of the Python client: a server, users, tabs, a breakable line."""

import base64
import hashlib
import hmac
import json
import os
import socket
import threading
import time

import requests
import socketio

PATIENCE = 30


def _part(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=")


class Server:
    """The server that `lib/with-server.js` has started."""

    def __init__(self):
        self.url = os.environ["CALLBOARD_URL"]
        self.port = int(self.url.rsplit(":", 1)[1])
        self.secret = os.environ["CALLBOARD_SECRET"]
        self.users = 0

    def mint(self, **claims):
        claims = {"exp": int(time.time()) + 3600, **claims}
        head = b".".join(_part(json.dumps(part).encode()) for part in ({"alg": "HS256", "typ": "JWT"}, claims))
        signature = hmac.new(self.secret.encode(), head, hashlib.sha256).digest()
        return (head + b"." + _part(signature)).decode()

    def user(self, label):
        self.users += 1
        return User(self, f"{label}-{self.users}", label.capitalize())


class User:
    def __init__(self, server, user_id, name):
        self.server, self.id, self.name = server, user_id, name
        self.token = server.mint(sub=user_id, name=name)

    def request(self, method, path, body=None, status=200):
        answer = requests.request(
            method,
            f"{self.server.url}/messages/{path}",
            json=body,
            headers={"Authorization": f"Bearer {self.token}"},
            timeout=PATIENCE,
        )
        assert answer.status_code == status, f"{answer.status_code}: {answer.text}"
        return answer.json() if answer.content else None

    def create(self, *others, **fields):
        body = {"participantIds": [user.id for user in others], **fields}
        return self.request("POST", "conversations", body, status=201)

    def send(self, conversation_id, content):
        return self.request("POST", f"conversations/{conversation_id}/messages", {"content": content}, status=201)


class Tab:
    """A stock python-socketio client that records all it hears."""

    def __init__(self, url, token, transports, origin=None):
        self.heard, self.losses, self.refusals, self.connections = [], 0, [], 0
        self._change = threading.Condition()
        self.client = socketio.Client(
            reconnection_delay=0.1,
            reconnection_delay_max=0.3,
            # Left alone, its WebSocket names the address it connects to as its origin.
            websocket_extra_options={"origin": origin} if origin else None,
        )
        self.client.on("connect", self._on_connect)
        self.client.on("disconnect", self._on_disconnect)
        self.client.on("connect_error", self._on_connect_error)
        self.client.on("*", self._on_any)
        self._connect = lambda: self.client.connect(
            url, auth={"token": token}, transports=transports, wait_timeout=PATIENCE
        )

    def connect(self):
        self._connect()
        self.next("ready")
        return self

    def _note(self, change):
        with self._change:
            change()
            self._change.notify_all()

    def _on_connect(self):
        self._note(lambda: setattr(self, "connections", self.connections + 1))

    def _on_disconnect(self, *_):
        self._note(lambda: setattr(self, "losses", self.losses + 1))

    def _on_connect_error(self, data=None, *_):
        self._note(lambda: self.refusals.append(data))

    def _on_any(self, event, data=None, *_):
        self._note(lambda: self.heard.append((event, data)))

    def until(self, probe, what):
        with self._change:
            found = self._change.wait_for(probe, PATIENCE)
        if not found:
            raise AssertionError(f"waited {PATIENCE} s for {what}; heard {self.heard[-20:]}")
        return found

    def all(self, event, fits=lambda data: True):
        return [data for name, data in self.heard if name == event and fits(data)]

    def next(self, event, fits=lambda data: True):
        return self.until(lambda: self.all(event, fits), f"a fitting {event}")[0]

    def message(self, message):
        return self.next("new-message", lambda data: data["message"]["id"] == message["id"])

    def seqs(self, conversation_id):
        return [data["seq"] for data in self.all("new-message", lambda data: data["conversationId"] == conversation_id)]

    def ask(self, event, data=None):
        return self.client.call(event, data, timeout=PATIENCE)

    def close(self):
        self.client.disconnect()
        self.client.shutdown()


class Line:
    """A TCP proxy that can go down and come up again."""

    def __init__(self, port):
        self.target, self.down, self.sockets = port, False, set()
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self.listener.getsockname()[1]}"
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            if self.down:
                client.close()
                continue
            server = socket.create_connection(("127.0.0.1", self.target))
            self.sockets |= {client, server}
            for source, sink in ((client, server), (server, client)):
                threading.Thread(target=self._forward, args=(source, sink), daemon=True).start()

    def _forward(self, source, sink):
        try:
            while data := source.recv(65_536):
                sink.sendall(data)
        except OSError:
            pass
        for end in (source, sink):
            self._break(end)

    @staticmethod
    def _break(end):
        try:
            end.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass

    def cut(self):
        self.down = True
        for end in list(self.sockets):
            self._break(end)

    def mend(self):
        self.down = False

    def close(self):
        self.cut()
        self.listener.close()
