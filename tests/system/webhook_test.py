#!/usr/bin/env python3
"""What webhooks are sent is what their receivers take, and only what these say they took counts."""
import contextlib
import json
import os
import re
import signal
import subprocess
import time

import lab
import notify_test as notify
import robots
import sinks
from lab import check, equal

NASTY = (b'say "hi" \\ \x1b[31mred\x1b[0m <@all> <!channel> & [x](http://evil.example.org) \xff\xc3\n'
         b"caf\xc3\xa9 \xe4\xb8\xad\xf0\x9f\x98\x80\0\r\n" * 90) + b"\xf0\x9f"
OWN = ('{"said": "${text}", "code": ${exit_code}, "tail": "${stderr_tail}", "u": "${job|url}",\n'
       ' "literal": "$${job}", "at": "${finished_at}", "link": "${url}"}')


def helper(room, *options):
    """crond-notify by itself, with a second of its table in 20 ms."""
    notify.PROGRAM = room.program("crond-notify")
    spool = "/tmp/spool"
    os.mkdir(spool, 0o700)
    return notify.Scheduler(spool, *options), spool


def start(room):
    """The daemon, once it answers."""
    room.start()
    room.wait_for(lambda: subprocess.run([room.program("cronctl"), "status"], capture_output=True,
                                         check=False).returncode == 0, 10, "an answer")


def trust(authority):
    os.makedirs("/etc/ssl/certs", exist_ok=True)
    with open(authority, encoding="ascii") as f:
        lab.put("/etc/ssl/certs/ca-certificates.crt", f.read(), replace=True)


def left(spool):
    failed = os.path.join(spool, "failed")
    return ([n for n in os.listdir(spool) if n.endswith(".event")],
            os.listdir(failed) if os.path.isdir(failed) else [])


def send(s, ident, targets, **more):
    s.event(ident, targets, stdout_tail=NASTY[-8000:], stderr_tail=NASTY[-8000:],
            reason=NASTY.decode("utf-8", "replace").replace("\0", " ")[:3000], owner="Zo\xeb & <co>",
            tags=["a", "b\xe9"], description="<at id=all></at> `x`", **more)


def test_robots_take_each_message_once(room):
    contexts, authority = sinks.certificates("/tmp")
    trust(authority)
    kinds = {"feishu": ("/open-apis/bot/v2/hook/h00k", "f secret"),
             "dingtalk": ("/robot/send?access_token=t0ken", "SECd secret"),
             "wecom": ("/cgi-bin/webhook/send?key=k3y", None), "slack": ("/services/T/B/x", None)}
    takers = {kind: robots.Robot(kind, secret) for kind, (_, secret) in kinds.items()}
    takers["few"] = robots.Robot("wecom")
    owns = []

    def answer(handler, path, body):
        name = handler.headers["X-Name"]
        if name == "own":
            owns.append((handler.headers["X-Cronward-Id"], robots.strict(body)))
            return 200, {}, b"whatever"
        status, said = takers[name].answer(path, handler.headers, body)
        return status, {"Content-Type": "application/json"}, said

    web = sinks.Web(answer, contexts["good"])
    hooks = {kind: {"url": web.url + path, "template": kind, "link": "https://wiki/${job}?x=${run_id}",
                    "headers": ["X-Name: " + kind]} for kind, (path, _) in kinds.items()}
    for kind, (_, secret) in kinds.items():
        if secret:
            hooks[kind]["inline"] = secret
    hooks["few"] = dict(hooks["wecom"], headers=["X-Name: few"], rate=2, rate_ms=2000)
    hooks["own"] = {"url": web.url + "/own", "template": "/etc/own", "own": OWN,
                    "headers": ["X-Name: own"], "link": "https://wiki/${job}"}
    for hook in hooks.values():
        hook["timeout"] = 20000
    s, spool = helper(room)
    s.config(hooks, mailer="off")
    ids = ["gold-%d-1.end" % n for n in range(12)]
    for ident in ids:
        send(s, ident, ["webhook:" + name for name in hooks])
    s.until(lambda: len(s.acks) == len(ids) and left(spool)[0] == [], 60)
    for kind, taker in takers.items():
        equal(taker.refusals, [], kind)
    equal(left(spool)[1], [], "failed")
    for kind in kinds:
        equal(sorted(ident for ident, _ in takers[kind].said), sorted(ids), kind)
        for _, text in takers[kind].said:
            check("exit code 3" in text and "https://wiki/gold" in text, "%s: %s" % (kind, text))
    check(len(takers["few"].said) < len(ids), "no digest for one that takes two in two seconds")
    named = "\n".join("%s %s" % one for one in takers["few"].said)
    for ident in ids:
        equal(len(re.findall(r"(?<![\w-])" + re.escape(ident) + r"(?![\w.-])", named)), 1, ident)
    equal(sorted(ident for ident, _ in owns), sorted(ids), "own")
    body = owns[0][1]
    equal((body["code"], body["u"], body["literal"], body["link"]),
          (3, "gold", "${job}", "https://wiki/gold"), "own")
    check("caf\xe9 \u4e2d\U0001f600\ufffd" in body["tail"] and "\x1b[31mred" in body["tail"], "tail")
    equal(s.close(), 0, "its end")


def once(first, then=(200, {}, b"")):
    """An answer to the first, and one to all others."""
    given = []

    def answer(handler, path, body):
        given.append(1)
        return first if len(given) == 1 else then
    return answer


def hang(handler, path, body):
    handler.server.web.released.wait()


def drip(handler, path, body):
    while True:
        try:
            handler.wfile.write(b"H")
        except OSError:
            return
        if handler.server.web.released.wait(0.5):
            return


def flood(handler, path, body):
    """Says that it has 10 GB, and counts what is taken."""
    handler.server.web.flooded = 0
    try:
        handler.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 10000000000\r\n\r\n{")
        for _ in range(10000):
            handler.wfile.write(b"x" * 65536)
            handler.server.web.flooded += 65536
    except OSError:
        pass


def echo(handler, path, body):
    return 400, {}, b"no such robot: " + path.encode()


def leak(handler, path, body):
    return 400, {}, b"not signed with s3cretsecret"


def say(status, body, **headers):
    return lambda handler, path, sent: (status, {k.replace("_", "-"): v for k, v in headers.items()}, body)


OK = b'{"code":0,"errcode":0}'
# name: template, answer, tries in all, what is said when it is given up (None: it is accepted)
RECEIVERS = {
    "lie": ("feishu", say(200, b'{"code":9499,"msg":"Bad Request"}'), 3, "answered code 9499: Bad Request"),
    "lie2": ("dingtalk", say(200, b'{"errcode":-1,"errmsg":"busy"}'), 3, "answered errcode -1: busy"),
    "lie3": ("slack", say(200, b"invalid_payload"), 3, "answered 200, but not ok: invalid_payload"),
    "page": ("wecom", say(200, b"<html>log in</html>"), 3, "answered 200, but no errcode: <html>"),
    "nothing": ("wecom", say(200, b""), 3, "answered 200, but no errcode"),
    "signature": ("dingtalk", say(200, b'{"errcode":310000,"errmsg":"sign not match"}'), 1,
                  "answered errcode 310000: sign not match"),
    "token": ("feishu", say(200, b'{"code":19001,"msg":"invalid"}'), 1, "answered code 19001"),
    "gone": ("slack", say(404, b"no_service"), 1, "answered 404: no_service"),
    "unknown": ("healthchecks", say(200, b"OK (not found)"), 1, "answered 200: OK (not found)"),
    "later": ("json", once((429, {"Retry-After": "60"}, b"")), 2, None),
    "busy": ("json", once((429, {}, b"")), 2, None),
    "often": ("wecom", once((200, {}, b'{"errcode":45009}'), (200, {}, OK)), 2, None),
    "loop": ("json", say(302, b"", Location="/loop"), 3, "answered 302 (redirects are not followed)"),
    "file": ("json", say(302, b"", Location="file:///etc/passwd"), 3, "redirects are not followed"),
    "hang": ("json", hang, 3, "timed out"),
    "drip": ("feishu", drip, 3, ""),
    "flood": ("feishu", flood, 3, "answered with more than 64 KB"),
    "echo": ("dingtalk", echo, 3, "its words are left out"),
    "leak": ("dingtalk", leak, 3, "its words are left out"),
    "leak2": ("feishu", leak, 3, "its words are left out"),
    "good": ("json", say(204, b""), 1, None),
}


def test_whatever_receivers_do_the_body_decides(room):
    contexts, authority = sinks.certificates("/tmp")
    trust(authority)
    webs = {name: sinks.Web(answer) for name, (_, answer, _, _) in RECEIVERS.items()}
    wanted = {name: (tries, why) for name, (_, _, tries, why) in RECEIVERS.items()}
    hooks = {name: {"url": webs[name].url + "/hidden/s3cretpath?key=s3cretkey", "template": RECEIVERS[name][0],
                    "inline": "s3cretsecret", "retries": 2,
                    "timeout": {"hang": 1000 * lab.slowness(), "drip": 1000}.get(name, 20000)} for name in webs}
    for name in contexts:
        webs[name] = sinks.Web(say(200, b""), contexts[name])
        hooks[name] = {"url": webs[name].url + "/", "retries": 1, "timeout": 20000}
        wanted[name] = (1, None) if name == "good" else (0, "certificate")
    hooks["nobody"] = {"url": "http://localhost:%d/" % notify.free_port(), "retries": 2}
    wanted["nobody"] = (None, "onnect")
    hooks["plain"] = {"url": webs["lie"].url.replace("http", "https") + "/", "retries": 1}
    wanted["plain"] = (None, "SSL")
    s, spool = helper(room)
    s.config(hooks, mailer="off")
    send(s, "gold-1-1.end", ["webhook:" + name for name in hooks])
    s.until(lambda: s.acks and left(spool)[0] == [], 60)
    for name, (tries, why) in wanted.items():
        lines = [line for line in s.lines if "to webhook:%s " % name in line and "given up" in line]
        if why is None:
            equal(lines, [], name)
        else:
            equal(len(lines), 1, "%s, of %s" % (name, s.lines))
            check(why in lines[0], lines[0])
        if tries is not None:
            equal(len(webs[name].posts), tries, "tries of " + name)
        if name in webs:
            equal(webs[name].gets, [], "asked for by " + name)
            equal(len({post.headers["X-Cronward-Id"] for post in webs[name].posts}), 1 if tries else 0, name)
    check(webs["flood"].flooded < 50 << 20, "%d bytes were taken" % webs["flood"].flooded)
    check("s3cret" not in "".join(s.lines), "a secret in %s" % s.lines)
    for name in ("later", "often"):
        first, second = webs[name].posts
        check(second.at - first.at > 1, "%s: waited for %.1f s" % (name, second.at - first.at))
    check(webs["good"].posts[0].at < webs["hang"].posts[1].at, "somebody who hangs held up another")
    for web in webs.values():
        web.close()
    equal(s.close(), 0, "its end")


def test_pings_tell_of_each_run_and_secrets_of_nothing(room):
    taker = robots.Robot("healthchecks")
    others = []

    def answer(handler, path, body):
        if path.startswith("/json"):
            others.append(json.loads(body))
            return 200, {}, b""
        status, said = taker.answer(path, handler.headers, body)
        return status, {}, said

    web = sinks.Web(answer)
    lab.put("/etc/token", "f1lesecret\n", 0o600)
    room.conf('webhook "hc" {\n url = "%s/ping/keysecret/${job}?create=1"\n template = healthchecks\n'
              ' secret-file = /etc/token\n}\n'
              'webhook "w" {\n url = "%s/json?k=urlsecret"\n secret = inlinesecret\n}\n' % (web.url, web.url))
    for name, command in (("good", "echo fine"), ("bad", "echo oops >&2; exit 3"), ("dead", "kill -9 $$")):
        room.tasks(name, 'task "%s" {\n schedule = "0 0 1 1 *"\n command = "%s"\n'
                         ' alert = { "webhook:hc", "webhook:w" }\n}\n' % (name, command))
    start(room)
    refused = "'secret' is refused, since others may read this file"
    room.wait_for(lambda: refused in lab.read(room.errors), 10, refused)
    os.chmod(room.etc + "/crond.conf", 0o640)
    subprocess.run([room.program("cronctl"), "reload"], check=True, capture_output=True)
    for name in ("good", "bad", "dead"):
        subprocess.run([room.program("cronctl"), "run", name], check=True, capture_output=True)
    room.wait_for(lambda: len(taker.said) >= 6 and len(others) >= 2, 30, "pings and alerts")
    equal(taker.refusals, [], "refused")
    pings = {}
    for _, (path, rid) in taker.said:
        job, _, what = path[len("/ping/keysecret/"):].partition("/")
        pings.setdefault((job, rid), []).append(what)
    equal({job: what for (job, _), what in pings.items()},
          {"good": ["start", ""], "bad": ["start", "3"], "dead": ["start", "fail"]}, "pings")
    equal([p.body for p in web.posts if p.path.startswith("/ping/keysecret/good?")], [b"fine\n"], "log tail")
    check(all(p.headers["Authorization"].endswith(("f1lesecret", "inlinesecret")) for p in web.posts),
          "the secrets are sent")
    equal(sorted((one["job"], one["event"]) for one in others),
          [("bad", "run.failure"), ("dead", "run.failure")], "alerts")
    shown = subprocess.run([room.program("cronctl"), "show", "bad"], capture_output=True, check=True).stdout
    places = [shown] + [str(line).encode() for line in room.syslog.lines]
    for one in lab.processes():
        for what in ("cmdline", "environ"):
            try:
                with open("/proc/%d/%s" % (one.pid, what), "rb") as f:
                    places.append(f.read())
            except OSError:
                pass  # it has gone
    for top in ("/run", "/var/lib/crond"):
        for path, _, names in os.walk(top):
            for name in names:
                if os.path.isfile(os.path.join(path, name)):
                    with contextlib.suppress(OSError), open(os.path.join(path, name), "rb") as f:
                        places.append(f.read())  # unless it has gone, too
    for secret in (b"f1lesecret", b"inlinesecret", b"urlsecret", b"keysecret"):
        equal([p for p in places if secret in p], [], "places with %r" % secret)


def test_a_configuration_gets_through_a_crowd(room):
    """While crond-notify has more before it than its socket holds."""
    web = sinks.Web(say(200, b""))
    hook = 'webhook "%s" {\n url = "%s/%s"\n}\n'
    room.conf(hook % ("old", web.url, "old"))
    for n in range(40):
        room.tasks("loud%d" % n, 'task "loud%d" {\n schedule = "0 0 1 1 *"\n alert = { "webhook:old" }\n'
                                 ' command = "seq 5000; seq 5000 >&2; exit 1"\n}\n' % n)
    room.tasks("late", 'task "late" {\n schedule = "0 0 1 1 *"\n command = "exit 1"\n'
                       ' alert = { "webhook:new" }\n}\n')
    start(room)
    cronctl = room.program("cronctl")
    subprocess.run([cronctl, "run", "loud0"], check=True, capture_output=True)
    room.wait_for(lambda: web.posts, 20, "the first alert")
    helpers = [one.pid for one in lab.processes() if one.exe == "crond-notify"]
    for pid in helpers:
        os.kill(pid, signal.SIGSTOP)
    for n in range(1, 40):
        subprocess.run([cronctl, "run", "loud%d" % n], check=True, capture_output=True)
    room.wait_for(lambda: len(room.log("FAIL job=loud")) == 40, 30, "all of them")
    room.wait_for(lambda: len(os.listdir("/run/crond/outbox")) >= 39, 20, "their alerts")
    lab.put(room.etc + "/crond.conf", hook % ("old", web.url, "old") + hook % ("new", web.url, "new"),
            replace=True)
    subprocess.run([cronctl, "reload"], check=True, capture_output=True)
    for pid in helpers:
        os.kill(pid, signal.SIGCONT)
    subprocess.run([cronctl, "run", "late"], check=True, capture_output=True)
    room.wait_for(lambda: [p for p in web.posts if p.path == "/new"], 20, "what the new webhook is for")


def test_own_templates_are_judged_when_they_are_read(room):
    web = sinks.Web(say(200, b""))
    room.conf('webhook "own" {\n url = "%s/"\n template = /etc/own\n}\n' % web.url)
    room.tasks("each", 'task "each" {\n schedule = "0 0 1 1 *"\n command = "true"\n'
                       ' alert = { "webhook:own" }\n alert-on = success\n}\n')

    def reload_with(text, said, mode=0o644):
        lab.put("/etc/own", text, mode, replace=True)
        told = subprocess.run([room.program("cronctl"), "reload"], capture_output=True, text=True)
        check(told.returncode == 1 and said in told.stdout + told.stderr, "reload: %s" % told)
        room.wait_log(re.escape(said))

    def run():
        before = len(web.posts)
        subprocess.run([room.program("cronctl"), "run", "each"], check=True, capture_output=True)
        room.wait_for(lambda: len(web.posts) > before, 20, "a post")
        return robots.strict(web.posts[-1].body)

    lab.put("/etc/own", '{"n": 1, "job": "${job}"}')
    start(room)
    equal(run(), {"n": 1, "job": "each"}, "body")
    goes_on = "; webhook own goes on with what it had"
    reload_with('{"n": 2,\n "job": "${jb}"}', "/etc/own:2:10: unknown name 'jb', did you mean 'job'?" + goes_on)
    equal(run(), {"n": 1, "job": "each"}, "the last good one")
    reload_with('{"n": "${job', "/etc/own:1:8: a '${' that is never closed by '}'" + goes_on)
    reload_with("x" * (10 << 20), "/etc/own:1:1: longer than 32768 bytes" + goes_on)
    reload_with("{}", "/etc/own: can be written by others than its owner" + goes_on, 0o666)
    equal(run(), {"n": 1, "job": "each"}, "the last good one")
    lab.put("/etc/own", '{"n": 3, "job": "${job}"}', replace=True)
    os.chmod("/etc/own", 0o644)
    subprocess.run([room.program("cronctl"), "reload"], check=True, capture_output=True)
    room.wait_for(lambda: run()["n"] == 3, 20, "the mended one")
    lab.put("/etc/own", '\n{"n": "${job|html}"}', replace=True)
    told = subprocess.run([room.program("crond"), "-t"], capture_output=True, text=True)
    check(told.returncode != 0 and "/etc/own:2:8: error: 'html' is none of json, url and raw" in told.stderr,
          "crond -t: %d %s" % (told.returncode, told.stderr))
    check("no webhook of this name is defined" in told.stderr, "crond -t: " + told.stderr)
    told = subprocess.run([room.program("cronctl"), "check", room.etc + "/crond.conf"], capture_output=True,
                          text=True)
    check(told.returncode != 0 and "/etc/own:2:8: error: 'html' is none" in told.stderr, "check: " + told.stderr)


if __name__ == "__main__":
    lab.main()
