"""What alerts and mails are sent to in the lab: an HTTP receiver and an SMTP sink."""
import http.server
import json
import os
import socket
import socketserver
import ssl
import subprocess
import threading
import time


class Post:
    """One request as it came in."""

    def __init__(self, path, headers, body):
        self.at, self.path, self.headers, self.body = time.time(), path, headers, body

    def json(self):
        return json.loads(self.body)


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):  # noqa: N802 (the name is the library's)
        body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
        mode = self.server.receiver.mode  # as it is before anybody sees that this has come
        self.server.receiver.tried.append(Post(self.path, dict(self.headers), body))
        getattr(self, "answer_" + mode)(body)

    def do_GET(self):  # noqa: N802
        self.server.receiver.gets.append(self.path)
        self.reply(200)

    def reply(self, status, headers=()):
        self.send_response(status)
        for name, value in headers:
            self.send_header(name, value)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def answer_ok(self, body):
        self.server.receiver.posts.append(Post(self.path, dict(self.headers), body))
        self.reply(204)

    def answer_fail(self, body):
        self.reply(500)

    def answer_hang(self, body):
        self.server.receiver.released.wait()
        self.close_connection = True

    def answer_slow(self, body):
        """A byte a second, without an end."""
        while not self.server.receiver.released.wait(1):
            try:
                self.wfile.write(b"H")
            except OSError:
                break
        self.close_connection = True

    def answer_redirect(self, body):
        self.reply(302, [("Location", self.server.receiver.url + "elsewhere")])

    def answer_drop(self, body):
        self.connection.shutdown(socket.SHUT_RDWR)
        self.close_connection = True

    def log_message(self, format, *args):  # noqa: A002
        """Silent."""


class _Server(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request, client_address):
        """A client that went away is no news."""


class Receiver:
    """A webhook's far end. mode: ok, fail (500), hang, slow, redirect, drop; tried: all
    that came, posts: what was accepted, gets: what a followed redirect would ask for."""

    def __init__(self, port=0, mode="ok"):
        self.mode, self.posts, self.tried, self.gets = mode, [], [], []
        self.released = threading.Event()
        self.server = _Server(("127.0.0.1", port), _Handler)
        self.server.receiver = self
        self.port = self.server.server_port
        self.url = "http://127.0.0.1:%d/" % self.port
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()

    def close(self):
        self.released.set()
        self.server.shutdown()
        self.server.server_close()


class Web:
    """A web server whose `answer` gets (handler, path, body) of each POST and returns (status,
    headers, body), or None where it has answered itself. posts: all that came; context: TLS."""

    def __init__(self, answer, context=None):
        class Handler(_Handler):
            def do_POST(self):  # noqa: N802
                body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
                self.server.web.posts.append(Post(self.path, dict(self.headers), body))
                said = answer(self, self.path, body)
                if said is None:
                    self.close_connection = True
                    return
                self.send_response(said[0])
                for name, value in said[1].items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(said[2])))
                self.end_headers()
                self.wfile.write(said[2])

            def do_GET(self):  # noqa: N802
                self.server.web.gets.append(self.path)
                self.reply(200)

        self.posts, self.gets = [], []
        self.released = threading.Event()
        self.server = _Server(("127.0.0.1", 0), Handler)
        self.server.web = self
        if context:
            self.server.socket = context.wrap_socket(self.server.socket, server_side=True,
                                                     do_handshake_on_connect=False)
        self.url = "http%s://localhost:%d" % ("s" if context else "", self.server.server_port)
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()

    def close(self):
        self.released.set()
        self.server.shutdown()
        self.server.server_close()


def certificates(directory):
    """TLS contexts by name, the authority's certificate with them: good, expired, other (another
    host's) and alone (nobody's but its own)."""
    def openssl(*words):
        subprocess.run(["openssl", *words], cwd=directory, check=True, capture_output=True)

    key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]
    openssl("req", "-x509", *key, "-keyout", "ca.key", "-out", "ca.pem", "-days", "30", "-subj", "/CN=lab")
    openssl("req", "-x509", *key, "-keyout", "alone.key", "-out", "alone.pem", "-days", "30", "-subj",
            "/CN=localhost", "-addext", "subjectAltName=DNS:localhost")
    contexts = {}
    for name, host, days in (("good", "localhost", "30"), ("expired", "localhost", "-1"),
                             ("other", "elsewhere.example.org", "30")):
        with open(os.path.join(directory, "names"), "w", encoding="ascii") as names:
            names.write("subjectAltName=DNS:%s\n" % host)
        openssl("req", *key, "-keyout", name + ".key", "-out", "csr", "-subj", "/CN=" + host)
        openssl("x509", "-req", "-in", "csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial",
                "-days", days, "-extfile", "names", "-out", name + ".pem")
    for name in ("good", "expired", "other", "alone"):
        contexts[name] = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        contexts[name].load_cert_chain(os.path.join(directory, name + ".pem"),
                                       os.path.join(directory, name + ".key"))
    return contexts, os.path.join(directory, "ca.pem")


class Letter:
    """One mail as it came by SMTP."""

    def __init__(self, sender, recipients, data):
        self.sender, self.recipients, self.data = sender, recipients, data


class _Smtp(socketserver.StreamRequestHandler):
    def say(self, text):
        self.wfile.write(text.encode() + b"\r\n")

    def handle(self):
        sender, recipients = None, []
        self.say("220 sink")
        for raw in self.rfile:
            line = raw.decode("utf-8", "replace").strip()
            word = line.upper()
            if word.startswith("MAIL FROM:"):
                sender = line[10:]
            elif word.startswith("RCPT TO:"):
                recipients.append(line[8:].strip().strip("<>"))
            elif word == "DATA":
                self.say("354 go on")
                self.server.letters.append(Letter(sender, recipients, self.data()))
                sender, recipients = None, []
            elif word == "QUIT":
                self.say("221 bye")
                return
            self.say("250 ok")

    def data(self):
        lines = []
        for raw in self.rfile:
            line = raw.decode("utf-8", "replace").rstrip("\r\n")
            if line == ".":
                break
            lines.append(line[1:] if line.startswith(".") else line)
        return "\n".join(lines) + "\n"


class _SmtpServer(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True


class MailSink:
    """Takes every mail."""

    def __init__(self):
        self.server = _SmtpServer(("127.0.0.1", 0), _Smtp)
        self.server.letters = self.letters = []
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()
