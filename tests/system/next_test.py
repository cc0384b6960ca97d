"""cronctl next: one answer for each line, whatever the line is, and never a wait."""
import os
import subprocess
import sys
import threading
import time

CRONCTL = os.path.join(os.environ.get("CROND_BUILD", "."), "crontab-tool/cronctl")


def ask(data, *options):
    done = subprocess.run([CRONCTL, "next", *options, "-"], input=data, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, timeout=60, check=False)
    assert done.returncode == 0 and done.stderr == b"", done
    return done.stdout


def equal(got, wanted):
    assert got == wanted, "%r, not %r" % (got, wanted)


def refused(data, word, *options):
    answer = ask(data, *options)
    assert answer.startswith(b"ERROR ") and word in answer and answer.count(b"\n") == 1, (data[:60], answer)


def test_good_lines():
    equal(ask(b"UTC\t0\t3\t*/7 * * * *\n"), b"420 840 1260\n")
    equal(ask(b"UTC\t-3600\t2\t0 * * * *\n"), b"0 3600\n")
    equal(ask(b"UTC\t0\t0\t* * * * *\n"), b"\n")
    equal(ask(b"UTC\t0\t2\t0 0 30 2 *\n"), b"\n")
    equal(ask(b"UTC\t0\t2\t@reboot\n"), b"\n")
    equal(ask(b"UTC\t0\t5\t0 0 0 1 1 * 1971-1972\n"), b"31536000 63072000\n")
    equal(ask(b"EST5EDT,M3.2.0,M11.1.0\t1710050400\t1\t30 2 * * *\n"), b"1710054000\n")
    equal(ask(b"UTC\t0\t1\t0 \t 3 * *\t*\n"), b"10800\n")


def test_line_ends():
    equal(ask(b""), b"")
    equal(ask(b"UTC\t0\t1\t* * * * *"), b"60\n")
    equal(ask(b"UTC\t0\t1\t* * * * *\r\nUTC\t0\t1\t* * * * *\r"), b"60\n60\n")


def test_bad_lines():
    refused(b"\n", b"bad line")
    refused(b"UTC 0 1 * * * * *\n", b"bad line")
    refused(b"UTC\t0\t* * * * *\n", b"bad line")
    refused(b"Nowhere/Else\t0\t1\t* * * * *\n", b"bad zone")
    refused(b"../../../etc/passwd\t0\t1\t* * * * *\n", b"bad zone")
    refused(b"/etc/localtime\t0\t1\t* * * * *\n", b"bad zone")
    refused(b"Europe\t0\t1\t* * * * *\n", b"bad zone")
    refused(b"UTC\t\t1\t* * * * *\n", b"bad base")
    refused(b"UTC\t1e3\t1\t* * * * *\n", b"bad base")
    refused(b"UTC\t99999999999999999999\t1\t* * * * *\n", b"bad base")
    refused(b"UTC\t0\t-1\t* * * * *\n", b"bad count")
    refused(b"UTC\t0\t100001\t* * * * *\n", b"bad count")
    refused(b"UTC\t0\t1\t61 * * * *\n", b"bad minute")
    refused(b"UTC\t0\t1\t\n", b"bad minute")
    refused(b"UTC\t0\t1\t* * * * \x1b[31m\n", b"bad day-of-week")
    refused(b"UTC\t0\t1\t* *\0* * *\n", b"NUL")
    refused(b"UTC\0\t0\t1\t* * * * *\n", b"NUL")


def test_dialects():
    equal(ask(b"UTC\t0\t1\t0 22-2 * * *\n"), b"3600\n")
    equal(ask(b"UTC\t0\t1\t0 22-2 * * *\n", "--dialect", "debian"), b"\n")
    equal(ask(b"UTC\t0\t1\t0 0 * * fri-sun\n", "--dialect", "cronie"), b"86400\n")
    for field in (b"*foo", b"0.5", b"5*", b"1-5-7", b"6#3", b"*1"):
        for dialect in ("debian", "cronie"):
            refused(b"UTC\t0\t1\t" + field + b" * * * *\n", b"bad minute", "--dialect", dialect)
    refused(b"UTC\t0\t1\t0~30 * * * *\n", b"bad minute", "--dialect", "debian")
    refused(b"UTC\t0\t1\t* * * * * *\n", b"too many fields", "--dialect", "cronie")
    refused(b"UTC\t0\t1\t@every 5m\n", b"bad time specifier", "--dialect", "debian")


def test_bad_lines_stop_nothing():
    lines = [b"UTC\t0\t1\t* * * * *", b"", b"x" * 5000, b"UTC\t0\t1\t" + b"a " * 3000, b"\0" * 100,
             bytes(set(range(1, 256)) - {10})]
    answers = ask(b"\n".join(lines * 200) + b"\n").split(b"\n")
    equal(len(answers), 1201)
    equal(answers[0::6][:200], [b"60"] * 200)
    assert all(a.startswith(b"ERROR ") for i, a in enumerate(answers[:1200]) if i % 6), answers[:7]


def test_long_lines():
    tail = b"\nUTC\t0\t1\t* * * * *\n"
    for size in (1 << 20, (1 << 20) + 1, (1 << 20) + 2, (1 << 20) + 3, 3 << 20, 5000000):
        answers = ask(b"x" * size + tail).split(b"\n")
        equal((len(answers), answers[1:]), (3, [b"60", b""]))
        assert answers[0].startswith(b"ERROR bad line"), answers[0]
    blanks = ask(b"UTC\t0\t1\t*" + b" " * ((1 << 20) - 100) + b"* * * *" + tail)
    equal(blanks, b"60\n60\n")
    equal(ask(b"x" * 3000000)[:14], b"ERROR bad line")


def test_coprocess():
    child = subprocess.Popen([CRONCTL, "next", "-"], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    late = threading.Timer(60, child.kill)
    late.start()
    for i in range(100):
        child.stdin.write(b"UTC\t%d\t1\t* * * * *\n" % (i * 60))
        child.stdin.flush()
        equal(child.stdout.readline(), b"%d\n" % (i * 60 + 60))
    child.stdin.write(b"y" * 2000000)  # answered before its end is seen
    child.stdin.flush()
    assert child.stdout.readline().startswith(b"ERROR bad line")
    child.stdin.write(b"\nUTC\t0\t2\t* *")
    child.stdin.flush()
    child.stdin.write(b" * * *\n")
    child.stdin.flush()
    equal(child.stdout.readline(), b"60 120\n")
    child.stdin.close()
    equal((child.stdout.read(), child.wait()), (b"", 0))
    late.cancel()


def test_fifty_thousand_lines():
    zones = (b"UTC", b"America/New_York", b"Europe/Amsterdam", b"Asia/Tokyo", b"Australia/Lord_Howe", b"Africa/Casablanca")
    words = (b"*/5 * * * *", b"30 2 * * 1-5", b"0 0 29 2 *", b"0 0 L * *", b"0 9 * * 5#3", b"@hourly", b"0 0 30 2 *")
    data = b"".join(b"%s\t%d\t5\t%s\n" % (zones[i % 6], i * 79999, words[i % 7]) for i in range(50000))
    start = time.monotonic()
    answers = ask(data)
    took = time.monotonic() - start
    equal(answers.count(b"\n"), 50000)
    print("# %.2f s" % took)
    assert took < 30, "took %.1f s" % took  # a second is wanted, of an idle machine and no sanitizer


def run(*words):
    done = subprocess.run([CRONCTL, *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=60, check=False)
    return done.returncode, done.stdout, done.stderr


def test_for_people():
    new_york = ("--timezone", "EST5EDT,M3.2.0,M11.1.0", "--from", "1710050400")
    equal(run("next", "-n", "2", *new_york, "30 2 * * *"),
          (0, b"Sun 2024-03-10 03:00:00 -0400  1710054000\nMon 2024-03-11 02:30:00 -0400  1710138600\n", b""))
    equal(run("next", "-n1", *new_york, "0", "12", "*", "*", "*")[1], b"Sun 2024-03-10 12:00:00 -0400  1710086400\n")
    equal(len(run("next", "* * * * *")[1].splitlines()), 5)
    code, out, err = run("next", "0 0 30 2 *")
    assert (code, out) == (0, b"") and b"never fires" in err
    code, out, err = run("next", "0 0 0 1 1 * 1999")
    assert (code, out) == (0, b"") and b"fires no more" in err
    code, out, err = run("next", "--dialect", "debian", "*foo * * * *")
    assert (code, out) == (1, b"") and err.startswith(b"cronctl: bad minute"), err
    equal(run("next", "--timezone", "Not/There", "* * * * *")[0], 1)


def test_usage():
    for words in ([], ["next"], ["nosuch"], ["next", "-n", "x", "* * * * *"], ["next", "-n", "2", "-"],
                  ["next", "--dialect", "busybox", "* * * * *"], ["next", "--frob"], ["version", "x"]):
        code, out, err = run(*words)
        assert (code, out) == (2, b"") and err, words
    code, out, err = run("version")
    assert code == 0 and out.startswith(b"cronctl ") and err == b""
    assert run("help")[0] == 0 and b"next" in run("help")[1]


def test_output_that_fails():
    for words in (["next", "-"], ["next", "* * * * *"], ["version"], ["help"]):
        with open("/dev/full", "wb") as full:
            done = subprocess.run([CRONCTL, *words], input=b"UTC\t0\t1\t* * * * *\n", stdout=full,
                                  stderr=subprocess.PIPE, timeout=60, check=False)
        assert done.returncode == 1 and b"standard output" in done.stderr, (words, done)
        assert done.stderr.count(b"\n") == 1, (words, done)


def main():
    tests = [(name, f) for name, f in globals().items() if name.startswith("test_")]
    print("1..%d" % len(tests))
    failed = 0
    for number, (name, function) in enumerate(tests, 1):
        try:
            function()
            print("ok %d %s" % (number, name))
        except Exception as e:  # pylint: disable=broad-except
            failed += 1
            print("not ok %d %s\n# %s: %s" % (number, name, type(e).__name__, str(e)[:500].replace("\n", " ")))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
