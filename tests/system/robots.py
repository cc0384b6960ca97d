"""Chat robots and a ping service, as they judge what they are sent: written from what their makers
say of the formats, and from nothing of ours."""
import base64
import hashlib
import hmac
import json
import re
import time
import urllib.parse
import uuid


class Wrong(Exception):
    """A message that the robot would refuse."""


def demand(truth, why):
    if not truth:
        raise Wrong(why)


def _pairs(pairs):
    names = [name for name, _ in pairs]
    demand(len(names) == len(set(names)), "a member twice")
    return dict(pairs)


def _constant(name):
    raise Wrong("%s is no JSON" % name)


def strict(body):
    """JSON as the standard has it: UTF-8, no member twice, no NaN, whole characters only."""
    text = body.decode("utf-8")  # strict
    value = json.loads(text, object_pairs_hook=_pairs, parse_constant=_constant)
    json.dumps(value, ensure_ascii=False).encode("utf-8")  # no half of a pair
    return value


def sign(key, text):
    return base64.b64encode(hmac.new(key.encode(), text.encode(), hashlib.sha256).digest()).decode()


def recent(seconds):
    demand(abs(time.time() - seconds) < 3600, "a clock an hour off: %s" % seconds)


def words(value, most, what):
    demand(isinstance(value, str) and value.strip(), what + " is no text")
    demand(len(value.encode()) <= most, "%s has %d bytes" % (what, len(value.encode())))
    demand(not re.search(r"[\x00-\x08\x0b-\x1f\x7f]", value), what + " has control characters")
    return value


def feishu(path, body, secret=None):
    """What its text says."""
    demand(len(body) <= 20000, "%d bytes" % len(body))
    message = strict(body)
    if secret:
        demand(isinstance(message["timestamp"], str), "timestamp is no text")
        recent(int(message["timestamp"]))
        demand(message["sign"] == sign("%s\n%s" % (message["timestamp"], secret), ""), "signature")
    demand(message["msg_type"] == "interactive", "msg_type")
    card = message["card"]
    demand(card["header"]["title"]["tag"] == "plain_text", "title")
    said = [words(card["header"]["title"]["content"], 500, "title")]
    for element in card["elements"]:
        if element["tag"] == "div":
            demand(element["text"]["tag"] in ("plain_text", "lark_md"), "tag of a text")
            said.append(words(element["text"]["content"], 10000, "text"))
        else:
            demand(element["tag"] == "action", "element " + element["tag"])
            for button in element["actions"]:
                demand(button["tag"] == "button" and button["type"] in ("default", "primary"), "button")
                words(button["text"]["content"], 100, "button")
                said.append(button["url"])
    return "\n".join(said)


def dingtalk(path, body, secret=None):
    query = urllib.parse.parse_qs(urllib.parse.urlsplit(path).query, strict_parsing=True)
    demand(query["access_token"] == ["t0ken"], "token")
    if secret:
        stamp, = query["timestamp"]
        recent(int(stamp) / 1000)
        demand(int(stamp) > 10 ** 12, "not in milliseconds")
        demand(query["sign"] == [sign(secret, "%s\n%s" % (stamp, secret))], "signature")
    message = strict(body)
    demand(set(message) <= {"msgtype", "markdown", "at"}, "members")
    demand(message["msgtype"] == "markdown", "msgtype")
    words(message["markdown"]["title"], 500, "title")
    return words(message["markdown"]["text"], 20000, "text")


def wecom(path, body, secret=None):
    demand(urllib.parse.parse_qs(urllib.parse.urlsplit(path).query)["key"] == ["k3y"], "key")
    message = strict(body)
    demand(set(message) == {"msgtype", "markdown"}, "members")
    demand(message["msgtype"] == "markdown", "msgtype")
    content = words(message["markdown"]["content"], 2048, "content")
    demand("<@" not in content, "a mention")
    return content


def slack(path, body, secret=None):
    message = strict(body)
    text = message["text"]
    demand(isinstance(text, str) and text and len(text) <= 40000, "text")
    demand("<" not in text and ">" not in text, "what Slack takes for a mention or a link")
    return text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")


def ping(path, body, secret=None):
    """What was pinged: "", "start", "fail", "3"; and the run's UUID."""
    parts = urllib.parse.urlsplit(path)
    rid, = urllib.parse.parse_qs(parts.query)["rid"]
    demand(str(uuid.UUID(rid)) == rid, "rid")
    body.decode("utf-8")
    return parts.path, rid


ACCEPTED = {"feishu": b'{"code":0,"msg":"success","data":{}}', "dingtalk": b'{"errcode":0,"errmsg":"ok"}',
            "wecom": b'{"errcode":0,"errmsg":"ok"}', "slack": b"ok", "healthchecks": b"OK"}
REFUSED = {"feishu": b'{"code":19021,"msg":"%s","data":{}}', "dingtalk": b'{"errcode":310000,"errmsg":"%s"}',
           "wecom": b'{"errcode":40058,"errmsg":"%s"}', "slack": b"%s", "healthchecks": b"OK (%s)"}
JUDGES = {"feishu": feishu, "dingtalk": dingtalk, "wecom": wecom, "slack": slack, "healthchecks": ping}


class Robot:
    """Takes messages of one kind; refusals is empty unless one was wrong."""

    def __init__(self, kind, secret=None):
        self.kind, self.secret = kind, secret
        self.said, self.refusals = [], []

    def answer(self, path, headers, body):
        """Status and body, as the robot answers."""
        try:
            self.said.append((headers.get("X-Cronward-Id"), JUDGES[self.kind](path, body, self.secret)))
            return 200, ACCEPTED[self.kind]
        except (Wrong, KeyError, TypeError, ValueError) as why:
            self.refusals.append("%s: %r in %r" % (self.kind, why, body[:3000]))
            return 200, REFUSED[self.kind] % repr(why).encode("ascii", "replace").replace(b'"', b"'")
