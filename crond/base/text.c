/* text: numbers, durations, sizes and names as people write them.
 * Flow: option values and configuration on the way in, log lines on the way out. */
#include "crond/base/text.h"

#include <signal.h>
#include <stdio.h>
#include <strings.h>

#include "crond/base/buf.h"

enum { WORD_MOST = 64 }; /* longer words have no near ones */

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* The digits at the start of *s, which moves on behind them. */
static int take_number(struct slice *s, uint64_t most, uint64_t *value)
{
	uint64_t v = 0;
	size_t i = 0;

	for (; i < s->n && is_digit(s->s[i]); i++) {
		uint64_t digit = (uint64_t)(s->s[i] - '0');

		if (digit > most || v > most / 10 || v * 10 > most - digit)
			return -1;
		v = v * 10 + digit;
	}
	if (i == 0)
		return -1;
	s->s += i;
	s->n -= i;
	*value = v;
	return 0;
}

int text_number(struct slice s, uint64_t most, uint64_t *value)
{
	uint64_t v;

	if (take_number(&s, most, &v) || s.n != 0)
		return -1;
	*value = v;
	return 0;
}

static const struct unit {
	char name[3];
	uint64_t ms;
} units[] = {
	{ "d", 86400000 },
	{ "h", 3600000 },
	{ "m", 60000 },
	{ "s", 1000 },
	{ "ms", 1 },
};

#define UNITS (sizeof(units) / sizeof(units[0]))
#define DURATION_MOST ((uint64_t)36525 * 86400000) /* 100 years */

/* The unit's place in the table, and *s behind it; UNITS when there is none. */
static size_t take_unit(struct slice *s)
{
	size_t n = 0;
	size_t i = 0;

	while (n < s->n && !is_digit(s->s[n]))
		n++;
	while (i < UNITS && !slice_is((struct slice){ s->s, n }, units[i].name))
		i++;
	s->s += n;
	s->n -= n;
	return i;
}

int text_duration(struct slice s, uint64_t *ms)
{
	uint64_t total = 0;
	uint64_t v;
	size_t next = 0; /* the largest unit that may still come */

	if (text_number(s, DURATION_MOST / 1000, &v) == 0) {
		*ms = v * 1000;
		return 0;
	}
	do {
		size_t i;

		if (take_number(&s, DURATION_MOST, &v))
			return -1;
		i = take_unit(&s);
		if (i < next || i >= UNITS || v > (DURATION_MOST - total) / units[i].ms)
			return -1;
		total += v * units[i].ms;
		next = i + 1;
	} while (s.n);
	*ms = total;
	return 0;
}

int text_size(struct slice s, uint64_t *bytes)
{
	static const char letters[] = "KMGT";
	unsigned shift = 0;
	uint64_t v;

	if (take_number(&s, UINT64_MAX, &v))
		return -1;
	if (s.n) {
		char upper = (char)(s.s[0] & ~0x20);
		const char *at = upper ? strchr(letters, upper) : NULL;

		if (!at || s.n != 1)
			return -1;
		shift = 10 * (unsigned)(at - letters + 1);
	}
	if (v > UINT64_MAX >> shift)
		return -1;
	*bytes = v << shift;
	return 0;
}

int text_bool(struct slice s, bool *value)
{
	static const struct {
		const char *word;
		bool value;
	} words[] = {
		{ "yes", true }, { "no", false }, { "true", true }, { "false", false },
		{ "on", true }, { "off", false }, { "1", true }, { "0", false },
	};

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		if (s.n == strlen(words[i].word) && strncasecmp(s.s, words[i].word, s.n) == 0) {
			*value = words[i].value;
			return 0;
		}
	}
	return -1;
}

static char lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c | 0x20) : c;
}

static size_t least(size_t a, size_t b)
{
	return a < b ? a : b;
}

/* Edit distance with swaps of neighbours, by three rows of the matrix. */
static size_t distance(struct slice a, struct slice b)
{
	size_t rows[3][WORD_MOST + 1];
	size_t *before = rows[0], *above = rows[1], *row = rows[2];

	for (size_t j = 0; j <= b.n; j++)
		above[j] = j;
	for (size_t i = 1; i <= a.n; i++) {
		size_t *spare = before;
		char c = lower(a.s[i - 1]);

		row[0] = i;
		for (size_t j = 1; j <= b.n; j++) {
			char d = lower(b.s[j - 1]);

			row[j] = least(above[j - 1] + (c != d), least(above[j], row[j - 1]) + 1);
			if (i > 1 && j > 1 && c == lower(b.s[j - 2]) && lower(a.s[i - 2]) == d)
				row[j] = least(row[j], before[j - 2] + 1);
		}
		before = above;
		above = row;
		row = spare;
	}
	return above[b.n];
}

const char *text_nearest(struct slice s, const char *const *words)
{
	const char *best = NULL;
	size_t best_distance = WORD_MOST;

	if (s.n == 0 || s.n > WORD_MOST)
		return NULL;
	for (; *words; words++) {
		struct slice word = slice_of(*words);
		size_t longer = s.n > word.n ? s.n : word.n;
		size_t d;

		if (word.n > WORD_MOST)
			continue;
		d = distance(s, word);
		if (d * 3 <= longer && d < best_distance) {
			best = *words;
			best_distance = d;
		}
	}
	return best;
}

static size_t visible(unsigned char c, char out[5])
{
	if (c >= 0x80)
		return (size_t)snprintf(out, 5, "\\%03o", c);
	out[0] = '^';
	if (c < 0x20 || c == 0x7f) {
		out[1] = (char)(c ^ 0x40);
		return 2;
	}
	out[0] = (char)c;
	return 1;
}

void text_visible(struct buf *out, struct slice s, size_t most)
{
	size_t used = 0;

	for (size_t i = 0; i < s.n; i++) {
		char one[5];
		size_t n = visible((unsigned char)s.s[i], one);

		if (n > most - used)
			break;
		buf_append(out, one, n);
		used += n;
	}
}

size_t text_utf8(struct slice s)
{
	const unsigned char *p = (const unsigned char *)s.s;
	uint32_t code, lowest;
	size_t n;

	if (s.n == 0)
		return 0;
	if (p[0] < 0x80)
		return 1;
	n = p[0] >= 0xf0 ? 4 : p[0] >= 0xe0 ? 3 : 2;
	if (p[0] < 0xc2 || p[0] > 0xf4 || n > s.n)
		return 0;
	code = p[0] & (0x7fU >> n);
	for (size_t i = 1; i < n; i++) {
		if ((p[i] & 0xc0) != 0x80)
			return 0;
		code = code << 6 | (p[i] & 0x3f);
	}
	lowest = n == 2 ? 0x80 : n == 3 ? 0x800 : 0x10000;
	if (code < lowest || code > 0x10ffff || (code >= 0xd800 && code < 0xe000))
		return 0;
	return n;
}

/* One character of s as it stands between quotes; *taken gets its bytes in s. */
static size_t quoted(struct slice s, char out[5], size_t *taken)
{
	unsigned char c = (unsigned char)s.s[0];
	size_t n = text_utf8(s);
	/* U+0080 to U+009F steer a terminal as the control bytes do */
	bool control = c < 0x20 || c == 0x7f || (c == 0xc2 && n == 2 && (unsigned char)s.s[1] < 0xa0);

	*taken = n ? n : 1;
	if (n == 0 || control) {
		*taken = 1;
		return (size_t)snprintf(out, 5, "\\x%02x", c);
	}
	if (c == '"' || c == '\\') {
		out[0] = '\\';
		out[1] = (char)c;
		return 2;
	}
	memcpy(out, s.s, n);
	return n;
}

void text_quoted(struct buf *out, struct slice s, size_t most)
{
	size_t used = 0;

	buf_putc(out, '"');
	while (s.n) {
		char one[5];
		size_t taken;
		size_t n = quoted(s, one, &taken);

		if (n > most - used) {
			buf_puts(out, "...");
			break;
		}
		buf_append(out, one, n);
		used += n;
		s.s += taken;
		s.n -= taken;
	}
	buf_putc(out, '"');
}

static const char *const signals[] = {
	[SIGHUP] = "HUP", [SIGINT] = "INT", [SIGQUIT] = "QUIT", [SIGILL] = "ILL",
	[SIGTRAP] = "TRAP", [SIGABRT] = "ABRT", [SIGBUS] = "BUS", [SIGFPE] = "FPE",
	[SIGKILL] = "KILL", [SIGUSR1] = "USR1", [SIGSEGV] = "SEGV", [SIGUSR2] = "USR2",
	[SIGPIPE] = "PIPE", [SIGALRM] = "ALRM", [SIGTERM] = "TERM", [SIGCHLD] = "CHLD",
	[SIGCONT] = "CONT", [SIGSTOP] = "STOP", [SIGTSTP] = "TSTP", [SIGTTIN] = "TTIN",
	[SIGTTOU] = "TTOU", [SIGURG] = "URG", [SIGXCPU] = "XCPU", [SIGXFSZ] = "XFSZ",
	[SIGVTALRM] = "VTALRM", [SIGPROF] = "PROF", [SIGWINCH] = "WINCH",
	[SIGPOLL] = "POLL", [SIGPWR] = "PWR", [SIGSYS] = "SYS",
};

enum { SIGNALS = sizeof(signals) / sizeof(signals[0]) };

const char *text_signal(int number)
{
	return number > 0 && number < SIGNALS && signals[number] ? signals[number] : "?";
}

int text_signal_find(struct slice name)
{
	uint64_t number;

	if (text_number(name, SIGNALS - 1, &number) == 0)
		return number && signals[number] ? (int)number : -1;
	if (name.n > 3 && strncmp(name.s, "SIG", 3) == 0)
		name = (struct slice){ name.s + 3, name.n - 3 };
	for (int i = 1; i < SIGNALS; i++) {
		if (signals[i] && slice_is(name, signals[i]))
			return i;
	}
	return -1;
}

static uint64_t rotated(uint64_t x, int by)
{
	return x << by | x >> (64 - by);
}

static void sip_round(uint64_t v[4])
{
	v[0] += v[1];
	v[2] += v[3];
	v[1] = rotated(v[1], 13) ^ v[0];
	v[3] = rotated(v[3], 16) ^ v[2];
	v[0] = rotated(v[0], 32);
	v[2] += v[1];
	v[0] += v[3];
	v[1] = rotated(v[1], 17) ^ v[2];
	v[3] = rotated(v[3], 21) ^ v[0];
	v[2] = rotated(v[2], 32);
}

static void sip_take(uint64_t v[4], uint64_t word)
{
	v[3] ^= word;
	sip_round(v);
	sip_round(v);
	v[0] ^= word;
}

/* The same on every machine, whatever the order of its bytes. */
static uint64_t word_at(const unsigned char *p, size_t n)
{
	uint64_t word = 0;

	for (size_t i = 0; i < n; i++)
		word |= (uint64_t)p[i] << 8 * i;
	return word;
}

uint64_t text_hash(uint64_t seed, const void *bytes, size_t n)
{
	static const uint64_t key = 0x0f0e0d0c0b0a0908;
	const unsigned char *p = bytes;
	uint64_t v[4] = { seed ^ 0x736f6d6570736575, key ^ 0x646f72616e646f6d,
		seed ^ 0x6c7967656e657261, key ^ 0x7465646279746573 };
	size_t left = n;

	for (; left >= 8; left -= 8, p += 8)
		sip_take(v, word_at(p, 8));
	sip_take(v, word_at(p, left) | (uint64_t)n << 56);
	v[2] ^= 0xff;
	for (int i = 0; i < 4; i++)
		sip_round(v);
	return v[0] ^ v[1] ^ v[2] ^ v[3];
}

bool text_misleads(uint32_t character)
{
	static const struct {
		uint32_t first, last;
	} list[] = {
		{ 0x061c, 0x061c }, { 0x200e, 0x200f }, { 0x202a, 0x202e }, { 0x2066, 0x2069 }, /* order */
		{ 0x206a, 0x206f }, { 0xfeff, 0xfeff }, { 0xfff9, 0xfffb }, { 0xe0000, 0xe007f },
	};

	for (size_t i = 0; i < sizeof(list) / sizeof(list[0]); i++) {
		if (character >= list[i].first && character <= list[i].last)
			return true;
	}
	return false;
}
