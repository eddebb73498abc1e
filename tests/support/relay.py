"""Relay: stands between psycopg and a PostgreSQL server, hears every message, and breaks off where a script says so.

It speaks the server's protocol (https://www.postgresql.org/docs/current/protocol.html), without encryption, and knows no
more of it than where a statement begins and ends. A statement is one that is sent as text (Query), or one execution of a
prepared one (Execute), also in the midst of a pipeline.
"""

import socket
import sys
from contextlib import suppress
from queue import SimpleQueue
from socketserver import BaseRequestHandler, ThreadingTCPServer
from threading import Thread

import psycopg
from script import Fault

LONG = 30  # seconds for what must happen at once

# What a client sends.
_PARSE, _BIND, _EXECUTE, _QUERY, _SYNC, _FLUSH = b"P", b"B", b"E", b"Q", b"S", b"H"
_PREPARING = b"PBDC"  # parse, bind, describe and close do nothing yet
# What a server answers.
_READY, _KEY = b"Z", b"K"
_FINISHED = b"CIsE"  # complete, empty, suspended; or an error


class Relay(ThreadingTCPServer):
    """A way to the server to which these options of psycopg's `connect` lead; those in `address` lead over it."""

    daemon_threads = True

    def __init__(self, script, options):
        super().__init__(("127.0.0.1", 0), _Call)
        self.script = script
        self.failures = []
        self._admin = psycopg.connect(**options, autocommit=True)
        self._server = self._admin.info.host, self._admin.info.port
        self._thread = Thread(target=self.serve_forever, args=(0.02,), daemon=True)

    @property
    def address(self):
        host, port = self.server_address
        return {"host": host, "port": port, "sslmode": "disable", "gssencmode": "disable"}

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *failure):
        self.shutdown()
        self.server_close()
        self._admin.close()
        if self.failures:
            raise self.failures[0]

    def handle_error(self, _request, _address):
        """Keep what nobody expected: the one whose connection it breaks cannot tell it from a fault."""
        self.failures.append(sys.exception())

    def dial(self):
        """Return a new connection to the server."""
        host, port = self._server
        if not host.startswith("/"):
            return _prompt(socket.create_connection(self._server))
        dialled = socket.socket(socket.AF_UNIX)
        dialled.connect(f"{host}/.s.PGSQL.{port}")
        return dialled

    def kill(self, session):
        """End a session of the server."""
        self._admin.execute("SELECT pg_terminate_backend(%s)", [session])


class _Call(BaseRequestHandler):
    def handle(self):
        with self.server.dial() as server:
            _Link(self.server, _prompt(self.request), server).serve()


class _Broken(Exception):
    """The script broke the connection."""


class _Link:
    """One connection of a client, and the one to the server that belongs to it."""

    def __init__(self, relay, client, server):
        self._relay, self._client, self._server = relay, client, server
        self._session = 0
        self._prepared = {}
        self._unanswered = 0  # executions that the server was not yet asked to answer
        self._answers = Thread(target=self._bring_answers, daemon=True)
        self._heard = None  # takes the kinds of answers while they are kept from the client

    def serve(self):
        self._answers.start()
        try:
            self._bring_questions()
        except (_Broken, OSError):
            pass
        finally:
            for end in (self._client, self._server):
                with suppress(OSError):
                    end.shutdown(socket.SHUT_RDWR)
            self._answers.join(LONG)

    def _bring_answers(self):
        with suppress(OSError), self._server.makefile("rb") as stream:
            for kind, message in _messages(stream):
                if kind == _KEY:
                    self._session = int.from_bytes(message[5:9], "big")
                if self._heard is None:
                    self._client.sendall(message)
                else:
                    self._heard.put(kind)
        with suppress(OSError):
            self._client.shutdown(socket.SHUT_WR)

    def _bring_questions(self):
        with self._client.makefile("rb") as stream:
            self._server.sendall(_beginning(stream))
            messages = _messages(stream)
            statement, sql = [], b""
            for kind, message in messages:
                statement.append(message)
                if kind == _PARSE:
                    name, text, _ = message[5:].split(b"\0", 2)
                    self._prepared[name] = text
                elif kind == _BIND:
                    sql = self._prepared[message[5:].split(b"\0", 2)[1]]
                if kind in (_QUERY, _EXECUTE):
                    sql = message[5:-1] if kind == _QUERY else sql
                    self._unanswered += kind == _EXECUTE
                    fault = self._relay.script.meet(sql.decode())
                    statement = self._broken(fault, kind, statement, messages) if fault else statement
                elif kind in (_SYNC, _FLUSH):
                    self._unanswered = 0
                if kind not in _PREPARING:
                    self._server.sendall(b"".join(statement))
                    statement.clear()

    def _broken(self, fault, kind, statement, messages):
        """Return what the server is sent in place of a statement, or break off."""
        match fault:
            case Fault.CUT:
                raise _Broken
            case Fault.KILLED:
                self._relay.kill(self._session)
                self._answers.join(LONG)
                raise _Broken
            case Fault.UNANSWERED:
                self._carry_out(kind, statement, messages)
                raise _Broken
            case _:
                if statement[-1] == _message(_QUERY, b"COMMIT\0"):
                    # One that fails has ended the transaction all the same.
                    self._unheard([_message(_QUERY, b"ROLLBACK\0")], _READY)
                return _refused(kind, fault.sqlstate)

    def _carry_out(self, kind, statement, messages):
        """Let the server carry out a statement that the client gets no answer to."""
        following, message = (_SYNC, b"") if kind == _QUERY else next(messages)
        if following == _SYNC:
            self._unheard([*statement, message], _READY)
        else:
            # In the midst of a pipeline a Sync could commit; a Flush only asks for the answers.
            self._unheard([*statement, _message(_FLUSH)], _FINISHED, self._unanswered)

    def _unheard(self, statement, awaited, many=1):
        """Send something to the server, and keep from the client what it answers until so many of these have come."""
        self._heard = SimpleQueue()
        self._server.sendall(b"".join(statement))
        while many:
            many -= self._heard.get(timeout=LONG) in awaited
        self._heard = None


def _prompt(end):
    """Let nothing wait to be sent together with what comes later."""
    end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return end


def _beginning(stream):
    """Return the first message, which alone has no kind."""
    length = stream.read(4)
    return length + stream.read(int.from_bytes(length, "big") - 4)


def _messages(stream):
    """Yield each message, as its kind and all of its bytes."""
    while len(head := stream.read(5)) == 5:
        yield head[:1], head + stream.read(int.from_bytes(head[1:], "big") - 4)


def _message(kind, content=b""):
    return kind + (len(content) + 4).to_bytes(4, "big") + content


def _refused(kind, state):
    """Return a statement that the server refuses with a state, so that the failure is real, in the form of another one."""
    sql = f"DO $$ BEGIN RAISE EXCEPTION 'as told' USING ERRCODE = '{state}'; END $$".encode()
    if kind == _QUERY:
        return [_message(_QUERY, sql + b"\0")]
    parsed = _message(_PARSE, b"\0" + sql + b"\0" + bytes(2))  # without a name or parameters, like what is bound
    return [parsed, _message(_BIND, bytes(2 + 6)), _message(_EXECUTE, bytes(1 + 4))]
