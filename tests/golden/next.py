#!/usr/bin/python3
"""When schedules fire, by an oracle of its own: plain sets of values, Python's calendar and
zoneinfo, and every minute (or second) of a stretch looked at in turn.

    next.py make SEED COUNT             prints golden lines (next.txt is made with 1 420)
    next.py check CRONCTL SEED COUNT    compares cronctl with the oracle; exit status 1 on a difference
"""
import calendar
import datetime
import random
import subprocess
import sys
import zoneinfo

DAY = 86400
EPOCH = datetime.datetime(1970, 1, 1, tzinfo=datetime.timezone.utc)
ZONES = ("UTC America/New_York Europe/Amsterdam Australia/Lord_Howe Pacific/Apia Africa/Casablanca "
         "Europe/Dublin Antarctica/Troll Asia/Kathmandu America/Sao_Paulo Asia/Tehran Antarctica/Casey "
         "America/St_Johns Africa/Cairo Asia/Gaza Pacific/Kwajalein America/Scoresbysund "
         "Europe/Volgograd Pacific/Chatham Africa/Monrovia").split()
RANGES = {"second": (0, 59), "minute": (0, 59), "hour": (0, 23), "dom": (1, 31), "month": (1, 12), "dow": (0, 6)}
MONTHS = [m.lower() for m in calendar.month_name[1:]]
DAYS = ["sunday", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday"]


# --- zones

def offset(zone, t):
    return int((EPOCH + datetime.timedelta(seconds=t)).astimezone(zone).utcoffset().total_seconds())


def turns(zone, start, end):
    """(instant, offset before, offset after) of each change between two instants."""
    found, t, now = [], start, offset(zone, start)
    while t < end:
        low, high = t, t + DAY // 4
        after = offset(zone, high)
        if after != now:
            while high - low > 1:
                middle = (low + high) // 2
                low, high = (middle, high) if offset(zone, middle) == now else (low, middle)
            after = offset(zone, high)
            found.append((high, now, after))
            now = after
        t = high
    return found


def year(y):
    return int((datetime.datetime(y, 1, 1, tzinfo=datetime.timezone.utc) - EPOCH).total_seconds())


# --- expressions: the text, and a function from a month to the set of values

def value(rnd, field):
    low, high = RANGES[field]
    v = rnd.randint(low, high)
    names = {"month": MONTHS, "dow": DAYS}.get(field)
    if not names or rnd.random() < .6:
        return v, str(7 if field == "dow" and v == 0 and rnd.random() < .5 else v)
    name = names[v - low]
    return v, rnd.choice([name, name[:3], name[:3].upper(), name.title()])


def nearest_workday(month, day):
    if not 1 <= day <= month[2]:
        return set()
    for away in range(4):
        for d in (day - away, day + away):
            if 1 <= d <= month[2] and datetime.date(month[0], month[1], d).weekday() < 5:
                return {d}


def weekday_days(month, weekday, pick):
    days = [d for d in range(1, month[2] + 1)
            if (datetime.date(month[0], month[1], d).weekday() + 1) % 7 == weekday]
    return set(days[pick])


def special_dom(rnd):
    n = rnd.randint(1, 30)
    return rnd.choice([
        ("L", lambda m: {m[2]}),
        ("LW", lambda m: nearest_workday(m, m[2])),
        (f"L-{n}", lambda m: {m[2] - n}),
        (f"{n}W", lambda m: nearest_workday(m, n)),
    ])


def special_dow(rnd):
    """As days of the month, not as weekdays: hence the None."""
    v, text = value(rnd, "dow")
    n = rnd.randint(1, 5)
    return rnd.choice([
        (text + "L", None, lambda m: weekday_days(m, v, slice(-1, None))),
        (f"{text}#{n}", None, lambda m: weekday_days(m, v, slice(n - 1, n))),
    ])


def span(rnd, field):
    (low, high), step = RANGES[field], rnd.choice([1, 1, 1, 2, 3])
    (a, ta), (b, tb) = value(rnd, field), value(rnd, field)
    if field == "dow" and tb == "7":
        b = 7
    if field == "dow" and ta == "7":
        a = 7 if b == 7 else 0
        ta = str(a)
    size = high - low + 1
    values = {low + (i - low) % size for i in range(a, (b if a <= b else b + size) + 1, step)}
    return f"{ta}-{tb}" + (f"/{step}" if step > 1 else ""), lambda m: values


def element(rnd, field):
    (low, high), kind = RANGES[field], rnd.random()
    if kind < .1:
        return "*", lambda m: set(range(low, high + 1))
    if kind < .27:
        step = rnd.choice([2, 3, 5, 7, 10, 15, 20, 30])
        return f"*/{step}", lambda m: set(range(low, high + 1, step))
    if kind < .6:
        v, text = value(rnd, field)
        return text, lambda m: {v}
    if kind < .68:
        (v, text), step = value(rnd, field), rnd.choice([1, 2, 3, 5, 10, 15])
        return f"{text}/{step}", lambda m: set(range(v, high + 1, step))
    if field == "dom" and kind < .8:
        return special_dom(rnd)
    if field == "dow" and kind < .8:
        return special_dow(rnd)
    return span(rnd, field)


class Schedule:
    def __init__(self, rnd, seconds):
        self.lists, self.texts, self.days = {}, {}, {}
        for field in (["second"] if seconds else []) + ["minute", "hour", "dom", "month", "dow"]:
            elements = [element(rnd, field) for _ in range(rnd.choice([1, 1, 1, 2, 3]))]
            if rnd.random() < .35:
                low, high = RANGES[field]
                elements = [("*", lambda m, low=low, high=high: set(range(low, high + 1)))]
                if field in ("dom", "dow") and rnd.random() < .2:
                    elements[0] = ("?", elements[0][1])
            self.lists[field] = elements
            self.texts[field] = ",".join(e[0] for e in elements)
        self.text = " ".join(self.texts.values())
        self.values = {f: self.union(f, None) for f in self.lists if f not in ("dom", "dow")}
        self.values.setdefault("second", {0})
        self.wildcard = self.texts["minute"][0] == "*" or self.texts["hour"][0] == "*"
        self.both = self.texts["dom"][0] in "*?" or self.texts["dow"][0] in "*?"

    def union(self, field, month):
        return set().union(*(e[1](month) for e in self.lists[field] if len(e) == 2))

    def day(self, number):
        if number not in self.days:
            date = datetime.date.fromordinal(number + 719163)
            month = (date.year, date.month, calendar.monthrange(date.year, date.month)[1])
            dom = date.day in self.union("dom", month)
            dow = (date.weekday() + 1) % 7 in self.union("dow", month) or any(
                date.day in e[2](month) for e in self.lists["dow"] if len(e) == 3)
            self.days[number] = date.month in self.values["month"] and (
                (dom and dow) if self.both else (dom or dow))
        return self.days[number]

    def matches(self, local):
        day, time = divmod(local, DAY)
        return (time % 60 in self.values["second"] and time // 60 % 60 in self.values["minute"] and
                time // 3600 in self.values["hour"] and self.day(day))


# --- the rule for turns of the clock

def makes_up(schedule, delta):
    return 0 < delta < (5 * 60 if schedule.wildcard else 180 * 60)


def suppresses(schedule, delta):
    return -180 * 60 <= delta < 0 and not schedule.wildcard


def fires(schedule, first_offset, changes, base, end, stride):
    """All starts in (base, end]."""
    found, bounds = [], [(-10**15, first_offset, first_offset)] + changes
    for i, (start, before, after) in enumerate(bounds):
        stop = bounds[i + 1][0] if i + 1 < len(bounds) else 10**15
        low, high = max(start, base + 1), min(stop, end + 1)
        if base < start <= end and makes_up(schedule, after - before):
            if any(schedule.matches(t) for t in range(start + before, start + after)):
                found.append(start)
        for t in range(low + -(low + after) % stride, high, stride):
            again = suppresses(schedule, after - before) and t + after < start + before
            if schedule.matches(t + after) and not again and t not in found[-1:]:
                found.append(t)
    return found


def cases(seed, count, window):
    rnd = random.Random(seed)
    zones = {name: zoneinfo.ZoneInfo(name) for name in ZONES}
    changes = {name: turns(z, year(1960), year(2024)) for name, z in zones.items()}
    for _ in range(count):
        name = rnd.choice(ZONES)
        seconds = rnd.random() < .25
        schedule = Schedule(rnd, seconds)
        length = window if not seconds else window // 12
        if changes[name] and rnd.random() < .85:
            turn = rnd.choice(changes[name])[0]
            base = turn + rnd.randint(-length // 2, 4 * 3600)
            if rnd.random() < .2:
                base = turn + rnd.choice([-1, 0, 1, -60, 60, -3600, 3600])
        else:
            base = rnd.randint(year(1965), year(2023))
        start = base - 30 * 3600
        first = offset(zones[name], start)
        odd = first % 60 or any(t[2] % 60 for t in changes[name] if start < t[0] <= base + length)
        end = base + (length // 12 if odd and not seconds else length)
        near = [t for t in changes[name] if start < t[0] <= end]
        found = fires(schedule, first, near, base, end, 1 if seconds or odd else 60)
        yield name, first, near, base, end, schedule.text, found


def make(seed, count):
    print("# Made by next.py. A zone is its first offset and its turns, instant:offset. Then base, end,")
    print("# expression and all starts after base up to and with end.")
    for name, first, near, base, end, text, found in cases(seed, count, DAY):
        if len(found) > 40:
            found, end = found[:40], found[39]
        zone = ",".join([str(first)] + [f"{t}:{after}" for t, _, after in near])
        print("\t".join([name, zone, str(base), str(end), text, " ".join(map(str, found))]))


def check(program, seed, count):
    asked = list(cases(seed, count, 2 * DAY))
    lines = "".join(f"{c[0]}\t{c[3]}\t{len(c[6]) + 1}\t{c[5]}\n" for c in asked)
    answers = subprocess.run([program, "next", "-"], input=lines, text=True, check=True,
                             stdout=subprocess.PIPE).stdout.splitlines()
    bad = abs(len(answers) - count)
    for (name, _, _, base, end, text, found), answer in zip(asked, answers):
        got = [] if "ERROR" in answer else [int(word) for word in answer.split()]
        if "ERROR" in answer or [t for t in got if t <= end] != found:
            bad += 1
            print(f"{name} {base} {text}\n  oracle  {found[:6]}\n  cronctl {answer[:80]}")
    print(f"{count} cases, {sum(len(c[6]) for c in asked)} starts, {bad} differ")
    return 1 if bad else 0


if __name__ == "__main__":
    if len(sys.argv) == 4 and sys.argv[1] == "make":
        make(int(sys.argv[2]), int(sys.argv[3]))
    elif len(sys.argv) == 5 and sys.argv[1] == "check":
        sys.exit(check(sys.argv[2], int(sys.argv[3]), int(sys.argv[4])))
    else:
        sys.exit(__doc__)
