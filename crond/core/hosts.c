/* hosts: does a job belong on this host?
 * Flow: a job's `hosts` patterns against what the scheduler knows of the host. */
#include "crond/core/hosts.h"

#include <arpa/inet.h>
#include <fnmatch.h>

#include "crond/base/buf.h"
#include "crond/base/diag.h"
#include "crond/base/text.h"

enum { NAME_MOST = 255, SHOWN_MOST = 64, PATTERNS_SHOWN = 8, ADDRESSES_SHOWN = 8 };

/* A pattern without its '!'. family 0: a name, glob or interface. */
struct pattern {
	bool negated;
	int family;
	unsigned bits; /* of bytes that count */
	unsigned char bytes[16];
	struct slice text;
};

static bool only(struct slice s, const char *characters)
{
	for (size_t i = 0; i < s.n; i++) {
		if (!s.s[i] || !strchr(characters, s.s[i]))
			return false;
	}
	return s.n > 0;
}

static bool has(struct slice s, char c)
{
	return s.n && memchr(s.s, c, s.n);
}

/* ::ffff:a.b.c.d and a.b.c.d are one address. */
static void unmap(int *family, unsigned char *bytes, unsigned *bits)
{
	static const unsigned char mapped[12] = { [10] = 0xff, [11] = 0xff };

	if (*family != 6 || *bits < 96 || memcmp(bytes, mapped, sizeof(mapped)) != 0)
		return;
	memmove(bytes, bytes + 12, 4);
	*family = 4;
	*bits -= 96;
}

static int parse_address(struct pattern *p, struct slice s)
{
	char text[INET6_ADDRSTRLEN];

	if (s.n == 0 || s.n >= sizeof(text) || has(s, '\0'))
		return -1;
	memcpy(text, s.s, s.n);
	text[s.n] = '\0';
	p->family = has(s, ':') ? 6 : 4;
	p->bits = p->family == 6 ? 128 : 32;
	return inet_pton(p->family == 6 ? AF_INET6 : AF_INET, text, p->bytes) == 1 ? 0 : -1;
}

static const char *parse_network(struct pattern *p, struct slice s)
{
	const char *slash = memchr(s.s, '/', s.n);
	struct slice address = { s.s, (size_t)(slash - s.s) };
	struct slice length = { slash + 1, s.n - address.n - 1 };
	uint64_t bits;

	if (parse_address(p, address))
		return "no network, ADDRESS/LENGTH is needed";
	if (text_number(length, p->bits, &bits))
		return p->bits == 32 ? "the length of a network is 0 to 32" :
				       "the length of a network is 0 to 128";
	p->bits = (unsigned)bits;
	return NULL;
}

/* Every '[' has its ']', as fnmatch() sees it. */
static bool brackets_closed(struct slice s)
{
	for (size_t i = 0; i < s.n; i++) {
		size_t first;

		if (s.s[i] != '[')
			continue;
		i++;
		if (i < s.n && (s.s[i] == '!' || s.s[i] == '^'))
			i++;
		first = i;
		while (i < s.n && (s.s[i] != ']' || i == first))
			i++;
		if (i == s.n)
			return false;
	}
	return true;
}

static const char *check_name(struct slice s)
{
	static const char characters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
					 "0123456789-_.@*?[]^!";

	if (s.n > NAME_MOST)
		return "longer than any host name";
	if (only(s, "0123456789."))
		return "no address";
	if (only(s, "0123456789.*?") && has(s, '.'))
		return "addresses take no wildcard, a network such as 10.0.0.0/8 does it";
	if (!only(s, characters))
		return "no address, network, interface, host name or glob";
	return brackets_closed(s) ? NULL : "a '[' without its ']'";
}

/* What is wrong with it, or NULL and *p. */
static const char *parse(struct pattern *p, struct slice s)
{
	const char *wrong;

	*p = (struct pattern){ .text = s };
	if (s.n && s.s[0] == '!') {
		p->negated = true;
		p->text = (struct slice){ s.s + 1, s.n - 1 };
	}
	if (p->text.n == 0)
		return "empty";
	if (has(p->text, '/')) {
		wrong = parse_network(p, p->text);
	} else if (has(p->text, ':') || only(p->text, "0123456789.")) {
		wrong = parse_address(p, p->text) ? "no address" : NULL;
	} else {
		return check_name(p->text);
	}
	if (!wrong)
		unmap(&p->family, p->bytes, &p->bits);
	return wrong;
}

int hosts_pattern_check(struct slice pattern, struct diag *d)
{
	struct pattern p;
	const char *wrong = parse(&p, pattern);
	int n = pattern.n < SHOWN_MOST ? (int)pattern.n : SHOWN_MOST;

	if (!wrong)
		return 0;
	return diag_error(d, 0, 0, "bad hosts '%.*s': %s", n, n ? pattern.s : "", wrong);
}

static bool bits_equal(const unsigned char *a, const unsigned char *b, unsigned bits)
{
	unsigned char mask = (unsigned char)(0xff00 >> bits % 8);

	if (memcmp(a, b, bits / 8) != 0)
		return false;
	return bits % 8 == 0 || ((a[bits / 8] ^ b[bits / 8]) & mask) == 0;
}

static bool address_matches(const struct pattern *p, const struct hosts_address *address)
{
	unsigned char bytes[16];
	int family = address->family;
	unsigned bits = family == 6 ? 128 : 32;

	memcpy(bytes, address->bytes, sizeof(bytes));
	unmap(&family, bytes, &bits);
	return family == p->family && bits_equal(p->bytes, bytes, p->bits);
}

static void lower(char out[NAME_MOST + 1], const char *s)
{
	size_t i = 0;

	for (; i < NAME_MOST && s[i]; i++)
		out[i] = s[i] >= 'A' && s[i] <= 'Z' ? (char)(s[i] | 0x20) : s[i];
	out[i] = '\0';
}

static bool name_matches(const char *pattern, const char *name)
{
	char lower_pattern[NAME_MOST + 1], lower_name[NAME_MOST + 1];

	if (!name || !*name)
		return false;
	lower(lower_pattern, pattern);
	lower(lower_name, name);
	return fnmatch(lower_pattern, lower_name, FNM_NOESCAPE) == 0;
}

static bool pattern_matches(const struct pattern *p, const struct hosts_self *self)
{
	for (size_t i = 0; i < self->count; i++) {
		const struct hosts_address *address = &self->addresses[i];

		if (p->family ? address_matches(p, address) : slice_is(p->text, address->interface))
			return true;
	}
	/* text runs to the end of its pattern: the NUL stands behind it */
	return !p->family &&
		(name_matches(p->text.s, self->name) || name_matches(p->text.s, self->fqdn));
}

bool hosts_match(const char *const *patterns, const struct hosts_self *self)
{
	bool wanted = true; /* as long as none but negated ones were seen */
	bool matched = false;

	for (; patterns && *patterns; patterns++) {
		struct pattern p;
		bool good = !parse(&p, slice_of(*patterns));
		bool hit = good && pattern_matches(&p, self);

		if (hit && p.negated)
			return false;
		if (!p.negated) {
			wanted = false;
			matched = matched || hit;
		}
	}
	return wanted || matched;
}

/* --- why not */

static bool is_loopback(const struct hosts_address *a)
{
	static const unsigned char one[16] = { [15] = 1 };

	return a->family == 4 ? a->bytes[0] == 127 : memcmp(a->bytes, one, sizeof(one)) == 0;
}

/* "db-1 (192.0.2.7, fe80::1)": its name and the addresses that tell it from others. */
static void put_self(const struct hosts_self *self, struct buf *out)
{
	char text[INET6_ADDRSTRLEN];
	size_t shown = 0;

	buf_puts(out, self->fqdn);
	for (size_t i = 0; i < self->count; i++) {
		const struct hosts_address *a = &self->addresses[i];

		if (is_loopback(a) || !inet_ntop(a->family == 4 ? AF_INET : AF_INET6, a->bytes, text,
			sizeof(text)))
			continue;
		if (shown == ADDRESSES_SHOWN) {
			buf_puts(out, ", ...");
			break;
		}
		buf_printf(out, "%s%s", shown++ ? ", " : " (", text);
	}
	if (shown)
		buf_putc(out, ')');
}

static const char *excluded_by(const char *const *patterns, const struct hosts_self *self)
{
	for (; *patterns; patterns++) {
		struct pattern p;

		if (!parse(&p, slice_of(*patterns)) && p.negated && pattern_matches(&p, self))
			return *patterns;
	}
	return NULL;
}

static void put_wanted(const char *const *patterns, struct buf *out)
{
	size_t shown = 0;

	buf_puts(out, "none of ");
	for (; *patterns; patterns++) {
		if (**patterns == '!')
			continue;
		if (shown == PATTERNS_SHOWN) {
			buf_puts(out, ", ...");
			break;
		}
		buf_printf(out, "%s%s", shown++ ? ", " : "", *patterns);
	}
	buf_puts(out, " matches ");
}

void hosts_why(const char *const *patterns, const struct hosts_self *self, struct buf *out)
{
	const char *by;

	if (hosts_match(patterns, self))
		return;
	by = excluded_by(patterns, self);
	if (by)
		buf_printf(out, "%s excludes ", by);
	else
		put_wanted(patterns, out);
	put_self(self, out);
}
