/* Any bytes as a template: what is taken, filled with any bytes in any way but raw, is harmless
 * where it stands: JSON stays JSON of the same shape, an address goes where it went. */
#include <jansson.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "crond/base/buf.h"
#include "crond/base/diag.h"
#include "crond/core/event.h"
#include "crond/core/template.h"
#include "crond/core/webhook.h"
#include "crond/notify/request.h"
#include "crond/notify/values.h"

static void demand(int holds)
{
	if (!holds)
		abort();
}

/* The bytes as a value, inside a string. */
static void check_escapes(struct slice bytes)
{
	struct buf out = { 0 };
	json_t *j;

	buf_puts(&out, "[\"");
	template_escaped(bytes, TEMPLATE_JSON, &out);
	buf_puts(&out, "\"]");
	demand(!out.failed);
	j = json_loadb(out.data, out.len, JSON_REJECT_DUPLICATES, NULL);
	demand(json_array_size(j) == 1);
	json_decref(j);
	buf_clear(&out);
	template_escaped(bytes, TEMPLATE_URL, &out);
	for (size_t i = 0; i < out.len; i++)
		demand(strchr("%-._~", out.data[i]) || (out.data[i] >= '0' && out.data[i] <= '9') ||
		        ((out.data[i] | 0x20) >= 'a' && (out.data[i] | 0x20) <= 'z'));
	buf_free(&out);
}

/* --- one template, an event that is meek and one that is not, of the same numbers */

static struct event event_of(const uint8_t head[8], const char *text, struct slice tail)
{
	static const char *const kinds[] = { "run.failure", "run.start", "run.success", "job.recovered",
		"daemon.failed", "config.error", "custom", "run.skipped" };

	return (struct event){ .id = "x-1-1.end", .event = kinds[head[0] % 8], .status = "exit",
		.job = text, .run_id = text, .host = text, .owner = text, .user = text, .schedule = text,
		.command = text, .description = text, .reason = text, .tags = tail,
		.scheduled = head[1] * INT64_C(10000000), .finished_ns = head[1] * INT64_C(10000000000000000),
		.started_ns = head[2] * INT64_C(10000000000000000), .took_ns = (int8_t)head[3] * INT64_C(77777777),
		.exit_code = head[4] % 3 - 1, .signal = head[5] % 2, .attempt = head[5] % 3,
		.failures = head[6], .truncated = head[7] & 1, .stdout_tail = tail, .stderr_tail = tail };
}

/* As many members and elements, of the same kinds, and the same numbers. */
static bool same_shape(const json_t *a, const json_t *b)
{
	bool same = json_typeof(a) == json_typeof(b);

	if (same && json_is_array(a)) {
		same = json_array_size(a) == json_array_size(b);
		for (size_t i = 0; same && i < json_array_size(a); i++)
			same = same_shape(json_array_get(a, i), json_array_get(b, i));
	} else if (same && json_is_object(a)) {
		void *x = json_object_iter((json_t *)(uintptr_t)a);
		void *y = json_object_iter((json_t *)(uintptr_t)b);

		for (; same && x && y; x = json_object_iter_next((json_t *)(uintptr_t)a, x),
			y = json_object_iter_next((json_t *)(uintptr_t)b, y))
			same = same_shape(json_object_iter_value(x), json_object_iter_value(y));
		same = same && !x && !y;
	} else if (same && !json_is_string(a)) {
		same = json_equal((json_t *)(uintptr_t)a, (json_t *)(uintptr_t)b);
	}
	return same;
}

/* NULL: it is no JSON; *twice: with a member that comes twice, as a key that is a value may. */
static json_t *filled(struct slice text, const struct event *e, const char *link, bool *twice)
{
	const size_t flags = JSON_DECODE_ANY | JSON_ALLOW_NUL;
	struct buf out = { 0 };
	json_t *j = NULL;

	values_expand(text, TEMPLATE_JSON, e, link, &out);
	demand(!out.failed);
	if (out.len)
		j = json_loadb(out.data, out.len, flags | JSON_REJECT_DUPLICATES, NULL);
	if (out.len && !j) {
		j = json_loadb(out.data, out.len, flags, NULL);
		*twice = true;
	}
	buf_free(&out);
	return j;
}

static void check_own(struct slice text, const struct event *meek, const struct event *wild)
{
	bool twice = false;
	json_t *before = filled(text, meek, "x", &twice), *after;

	if (!before)
		return;
	after = filled(text, wild, wild->job, &twice);
	demand(after != NULL && (twice || same_shape(before, after)));
	json_decref(before);
	json_decref(after);
}

/* --- an address: as many parts, and the same host */

static size_t count(const char *s, char c)
{
	size_t n = 0;

	for (; *s; s++)
		n += *s == c;
	return n;
}

static void check_address(struct slice text, const struct event *meek, const struct event *wild)
{
	char *url = strndup(text.s, text.n);
	const struct webhook hook = { .name = "x", .url = url, .template = WEBHOOK_HEALTHCHECKS };
	struct request a, b;
	struct diag d;

	demand(url && request_make(&a, &hook, NULL, meek, 1700000000123, &d) == 0);
	demand(request_make(&b, &hook, NULL, wild, 1700000000123, &d) == 0);
	for (const char *c = "/?#&=@: \r\n\"<>"; *c; c++)
		demand(count(a.url.data, *c) == count(b.url.data, *c));
	for (const char *s = b.url.data; *s; s++)
		demand(memchr(text.s, *s, text.n) || strchr("/%-._~?&=", *s) || (*s >= '0' && *s <= '9') ||
			((*s | 0x20) >= 'a' && (*s | 0x20) <= 'z'));
	request_free(&a);
	request_free(&b);
	free(url);
}

/* Does it ask for a way of its own somewhere? */
static bool says(struct slice text, const char *how)
{
	return memmem(text.s, text.n, how, strlen(how)) != NULL;
}

static void check_filled(const uint8_t head[8], struct slice text, struct slice bytes)
{
	char *nasty = strndup(bytes.s, bytes.n);
	const struct event meek = event_of(head, "x", slice_of("x"));
	const struct event wild = event_of(head, nasty, bytes);

	demand(nasty != NULL);
	if (!says(text, "|raw}")) {
		check_own(text, &meek, &wild);
		if (*nasty && !says(text, "|json}"))
			check_address(text, &meek, &wild);
	}
	free(nasty);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Numbers, the template, and behind a 0xff the values. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct slice text = { (const char *)data + 8, size - 8 }, bytes = { "\"\\/?#&\n<\xff\x7f", 10 };
	const char *cut;
	struct diag d;

	if (size < 8)
		return 0;
	cut = memchr(text.s, 0xff, text.n);
	if (cut) {
		bytes = (struct slice){ cut + 1, text.n - (size_t)(cut - text.s) - 1 };
		text.n = (size_t)(cut - text.s);
	}
	check_escapes(bytes);
	if (template_check(text, TEMPLATE_ALL, &d))
		demand(d.line >= 1 && d.column >= 1 && d.text[0]);
	else
		check_filled(data, text, bytes);
	return 0;
}
