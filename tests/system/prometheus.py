"""The text format of Prometheus, read strictly by its own rules: for tests, since promtool is a
large thing to ask for."""
import functools
import math
import re

NAME = re.compile(r"[a-zA-Z_:][a-zA-Z0-9_:]*")
LABEL = re.compile(r'([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\["\\n])*)"')
# braces may stand in a label's value, blanks too: the greedy one in the middle goes to the last
SAMPLE = re.compile(r"(%s)(?:\{(.*)\})? (-?(?:\d+(?:\.\d+)?|\+?Inf|NaN))" % NAME.pattern)
TYPES = {"counter", "gauge", "histogram", "summary", "untyped"}


class Malformed(Exception):
    pass


def need(truth, what, line):
    if not truth:
        raise Malformed("%s: %r" % (what, line))


def unescape(text):
    return re.sub(r"\\(.)", lambda m: "\n" if m.group(1) == "n" else m.group(1), text)


@functools.lru_cache(maxsize=None)
def labels_of(text):
    """What stands between the braces, as sorted pairs."""
    at, labels = 0, {}
    while at < len(text):
        found = LABEL.match(text, at)
        need(found, "no label", text)
        need(found.group(1) not in labels, "a label twice", text)
        labels[found.group(1)] = unescape(found.group(2))
        at = found.end()
        if at < len(text):
            need(text[at] == ",", "labels without end", text)
            at += 1
    return tuple(sorted(labels.items()))


def sample(line):
    """(name, labels, value)"""
    whole = SAMPLE.fullmatch(line)
    need(whole, "no sample", line)
    return whole.group(1), labels_of(whole.group(2) or ""), float(whole.group(3))


def family_of(name, types):
    for end in ("_bucket", "_sum", "_count"):
        if name.endswith(end) and types.get(name[:-len(end)]) == "histogram":
            return name[:-len(end)]
    return name


def histogram(name, samples):
    """Each has growing buckets, the last one is its count, and a sum."""
    buckets = [(float(dict(labels)["le"].replace("+Inf", "inf")), value)
               for what, labels, value in samples if what == name + "_bucket"]
    values = {what: value for what, _, value in samples}
    need(buckets == sorted(buckets) and buckets[-1][0] == math.inf, "buckets", name)
    need([v for _, v in buckets] == sorted(v for _, v in buckets), "no growing buckets", name)
    need(buckets[-1][1] == values[name + "_count"] and values[name + "_sum"] >= 0, "count", name)


def parse(text):
    """{(name, ((label, value), ...)): value}; Malformed where a reader would stumble."""
    need(text.endswith("\n") and "\n\n" not in text, "not whole lines", text[-80:])
    helps, types, found, groups, order = {}, {}, {}, {}, []
    for line in text[:-1].split("\n"):
        if line.startswith("# "):
            kind, name, rest = (line.split(" ", 3) + [""])[1:4]
            into = {"HELP": helps, "TYPE": types}[kind]
            need(name not in into and name not in groups, "%s twice or too late" % kind, line)
            need(rest if kind == "HELP" else rest in TYPES, "bad " + kind, line)
            into[name] = rest
            continue
        name, labels, value = sample(line)
        family = family_of(name, types)
        need(family in helps and family in types, "no HELP or TYPE", line)
        if not order or order[-1] != family:
            need(family not in order, "a family in two places", line)
            order.append(family)
        key = (name, labels)
        need(key not in found, "a series twice", line)
        if types[family] == "counter":
            need(name.endswith("_total") and value >= 0 and value == int(value), "counter", line)
        found[key] = value
        groups.setdefault(family, []).append((name, labels, value))
    for family, samples in groups.items():
        if types[family] == "histogram":
            histogram(family, samples)
    need(set(helps) == set(types) == set(groups), "a family without samples", "")
    return found
