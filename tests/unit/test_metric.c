/* test_metric: figures as text, read back by the format's rules. */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "crond/base/buf.h"
#include "crond/base/text.h"
#include "crond/core/metric.h"

static void text_is(struct buf *b, const char *want)
{
	assert_string_equal(buf_text(b), want);
	buf_clear(b);
}

static void test_samples(void **state)
{
	struct buf b = { 0 };

	(void)state;
	metric_head(&b, "a_total", METRIC_COUNTER, "What a is.");
	text_is(&b, "# HELP a_total What a is.\n# TYPE a_total counter\n");
	metric_count(&b, "a", "", UINT64_MAX);
	text_is(&b, "a 18446744073709551615\n");
	metric_number(&b, "a", "x=\"y\"", INT64_MIN);
	text_is(&b, "a{x=\"y\"} -9223372036854775808\n");
	metric_seconds(&b, "a", "", INT64_C(1763668800500000000));
	text_is(&b, "a 1763668800.5\n");
	metric_seconds(&b, "a", "", 1000);
	text_is(&b, "a 0.000001\n");
	metric_seconds(&b, "a", "", -1);
	text_is(&b, "a 0\n");
	metric_seconds(&b, "a", "", -1500000000);
	text_is(&b, "a -1.5\n");
	metric_label(&b, true, "job", slice_of("a\"b\\c\nd\xff" "\xc3\xa9"));
	metric_label(&b, false, "user", slice_of(""));
	text_is(&b, "job=\"a\\\"b\\\\c\\nd\\\\xff\xc3\xa9\",user=\"\"");
	buf_free(&b);
}

/* What a reader makes of a label's value; -1: it is none. */
static int unescape(const char *s, size_t n, char *out)
{
	int count = 0;

	for (size_t i = 0; i < n; i++) {
		if (s[i] == '"' || s[i] == '\n')
			return -1;
		if (s[i] != '\\') {
			out[count++] = s[i];
			continue;
		}
		if (++i == n || !strchr("\\\"n", s[i]))
			return -1;
		out[count++] = s[i] == 'n' ? '\n' : s[i];
	}
	return count;
}

static bool is_utf8(struct slice s)
{
	while (s.n) {
		size_t n = text_utf8(s);

		if (!n)
			return false;
		s.s += n;
		s.n -= n;
	}
	return true;
}

static void test_random_labels(void **state)
{
	struct buf b = { 0 };

	(void)state;
	srandom(11);
	for (int round = 0; round < 20000; round++) {
		char in[40], out[512];
		size_t n = (size_t)random() % sizeof(in);
		int got;

		for (size_t i = 0; i < n; i++)
			in[i] = (char)(random() % 3 ? "\"\\\n\xc3\xa9 a\xff"[random() % 8] : random() % 256);
		metric_label(&b, true, "l", (struct slice){ in, n });
		assert_true(b.len >= 4 && memcmp(b.data, "l=\"", 3) == 0 && b.data[b.len - 1] == '"');
		assert_true(is_utf8((struct slice){ b.data, b.len }));
		got = unescape(b.data + 3, b.len - 4, out);
		assert_true(got >= 0);
		if (is_utf8((struct slice){ in, n })) {
			assert_int_equal(got, n);
			assert_memory_equal(in, out, n);
		}
		buf_clear(&b);
	}
	buf_free(&b);
}

static void test_times(void **state)
{
	struct metric_times t = { .count = 0 };
	struct buf b = { 0 };

	(void)state;
	assert_int_equal(metric_times_below(&t, 99), -1);
	for (int i = 0; i < 99; i++)
		metric_times_add(&t, 2000000); /* a bound belongs to its bucket */
	metric_times_add(&t, INT64_C(7200) * 1000000000);
	assert_int_equal(metric_times_below(&t, 50), 2);
	assert_int_equal(metric_times_below(&t, 99), 2);
	assert_int_equal(metric_times_below(&t, 100), -1);
	metric_times_put(&b, "late", &t);
	text_is(&b, "late_bucket{le=\"0.001\"} 0\nlate_bucket{le=\"0.002\"} 99\n"
		"late_bucket{le=\"0.005\"} 99\nlate_bucket{le=\"0.01\"} 99\nlate_bucket{le=\"0.02\"} 99\n"
		"late_bucket{le=\"0.05\"} 99\nlate_bucket{le=\"0.1\"} 99\nlate_bucket{le=\"0.5\"} 99\n"
		"late_bucket{le=\"1\"} 99\nlate_bucket{le=\"5\"} 99\nlate_bucket{le=\"60\"} 99\n"
		"late_bucket{le=\"+Inf\"} 100\nlate_sum 7200.198\nlate_count 100\n");
	metric_times_add(&t, -5); /* a clock that was set back */
	assert_int_equal(t.counts[0], 1);
	buf_free(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_samples),
		cmocka_unit_test(test_random_labels),
		cmocka_unit_test(test_times),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
