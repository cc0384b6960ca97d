/* metric: figures as text, in the format that Prometheus reads.
 * Flow: metrics has the figures and decides when; what it says is put together here. */
#include "crond/core/metric.h"

#include <inttypes.h>

#include "crond/base/buf.h"
#include "crond/base/text.h"

#define MS_NS INT64_C(1000000)

static const char *const types[] = {
	[METRIC_GAUGE] = "gauge", [METRIC_COUNTER] = "counter", [METRIC_HISTOGRAM] = "histogram",
};

void metric_head(struct buf *b, const char *name, enum metric_type type, const char *help)
{
	buf_printf(b, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, types[type]);
}

static void put_escaped(struct buf *b, struct slice s)
{
	while (s.n) {
		size_t n = text_utf8(s);

		if (n == 0)
			buf_printf(b, "\\\\x%02x", (unsigned char)s.s[0]);
		else if (*s.s == '\n')
			buf_puts(b, "\\n");
		else if (*s.s == '"' || *s.s == '\\')
			buf_printf(b, "\\%c", *s.s);
		else
			buf_append(b, s.s, n);
		n += n == 0;
		s.s += n;
		s.n -= n;
	}
}

void metric_label(struct buf *b, bool first, const char *name, struct slice value)
{
	buf_printf(b, "%s%s=\"", first ? "" : ",", name);
	put_escaped(b, value);
	buf_putc(b, '"');
}

static void put_name(struct buf *b, const char *name, const char *labels)
{
	buf_puts(b, name);
	if (*labels) {
		buf_putc(b, '{');
		buf_puts(b, labels);
		buf_putc(b, '}');
	}
}

void metric_count(struct buf *b, const char *name, const char *labels, uint64_t value)
{
	put_name(b, name, labels);
	buf_printf(b, " %" PRIu64 "\n", value);
}

void metric_number(struct buf *b, const char *name, const char *labels, int64_t value)
{
	put_name(b, name, labels);
	buf_printf(b, " %" PRId64 "\n", value);
}

static void put_seconds(struct buf *b, int64_t ns)
{
	uint64_t abs = ns < 0 ? -(uint64_t)ns : (uint64_t)ns, us = abs / 1000;

	buf_printf(b, "%s%" PRIu64, ns < 0 && us ? "-" : "", us / 1000000);
	if (us % 1000000 == 0)
		return;
	buf_printf(b, ".%06" PRIu64, us % 1000000);
	while (!b->failed && b->data[b->len - 1] == '0')
		b->len--;
}

void metric_seconds(struct buf *b, const char *name, const char *labels, int64_t ns)
{
	put_name(b, name, labels);
	buf_putc(b, ' ');
	put_seconds(b, ns);
	buf_putc(b, '\n');
}

/* --- times */

static const int64_t bounds_ms[METRIC_BUCKETS - 1] = { 1, 2, 5, 10, 20, 50, 100, 500, 1000, 5000,
	60000 };

void metric_times_add(struct metric_times *t, int64_t ns)
{
	size_t i = 0;

	if (ns < 0)
		ns = 0;
	while (i < METRIC_BUCKETS - 1 && ns > bounds_ms[i] * MS_NS)
		i++;
	t->counts[i]++;
	t->count++;
	t->sum_ns += ns;
}

void metric_times_put(struct buf *b, const char *name, const struct metric_times *t)
{
	uint64_t below = 0;

	for (size_t i = 0; i < METRIC_BUCKETS; i++) {
		below += t->counts[i];
		buf_printf(b, "%s_bucket{le=\"", name);
		if (i < METRIC_BUCKETS - 1)
			put_seconds(b, bounds_ms[i] * MS_NS);
		else
			buf_puts(b, "+Inf");
		buf_printf(b, "\"} %" PRIu64 "\n", below);
	}
	buf_printf(b, "%s_sum ", name);
	put_seconds(b, t->sum_ns);
	buf_printf(b, "\n%s_count %" PRIu64 "\n", name, t->count);
}

int64_t metric_times_below(const struct metric_times *t, unsigned percent)
{
	uint64_t below = 0, wanted = (t->count * percent + 99) / 100;

	for (size_t i = 0; t->count && i < METRIC_BUCKETS - 1; i++) {
		below += t->counts[i];
		if (below >= wanted)
			return bounds_ms[i];
	}
	return -1;
}
