/* notice: what crond-notify is told of crond.conf.
 * Flow: the scheduler encodes the webhooks at its start and at each reload,
 * crond-notify decodes them. */
#include <stddef.h>

#include "crond/base/arena.h"
#include "crond/base/buf.h"
#include "crond/base/diag.h"
#include "crond/base/record.h"
#include "crond/core/event.h"

/* A name begins a hook; what follows belongs to it. */
enum notice_tag {
	TAG_HOST = 1,
	TAG_MAILER,
	TAG_NAME,
	TAG_URL,
	TAG_TEMPLATE,
	TAG_HEADER,
	TAG_SECRET_FILE,
	TAG_TIMEOUT,
	TAG_RETRIES,
	TAG_USERS,
	TAG_SECRET,
	TAG_LINK,
	TAG_TEMPLATE_TEXT,
	TAG_RATE,
	TAG_RATE_MS,
};

static void hook_encode(const struct webhook *h, struct buf *out)
{
	record_put_text(out, TAG_NAME, h->name ? h->name : "");
	record_put_text(out, TAG_URL, h->url);
	record_put_text(out, TAG_LINK, h->link);
	record_put_text(out, TAG_TEMPLATE,
		h->template == WEBHOOK_OWN ? h->template_file : webhook_template_name(h->template));
	record_put_text(out, TAG_TEMPLATE_TEXT, h->template_text);
	for (size_t i = 0; h->headers && h->headers[i]; i++)
		record_put_text(out, TAG_HEADER, h->headers[i]);
	record_put_text(out, TAG_SECRET_FILE, h->secret_file);
	record_put_text(out, TAG_SECRET, h->secret);
	record_put_u64(out, TAG_TIMEOUT, h->timeout_ms);
	record_put_u64(out, TAG_RETRIES, h->retries);
	record_put_u64(out, TAG_RATE, h->rate);
	record_put_u64(out, TAG_RATE_MS, h->rate_ms);
	record_put_u64(out, TAG_USERS, h->users);
}

void notice_config_encode(const struct webhook *hooks, size_t count, const char *mailer,
	const char *host, struct buf *out)
{
	record_begin(out, NOTICE_MAGIC, NOTICE_VERSION);
	record_put_text(out, TAG_HOST, host);
	record_put_text(out, TAG_MAILER, mailer);
	for (size_t i = 0; i < count; i++)
		hook_encode(&hooks[i], out);
}

/* A hook's list of headers lies in one piece at the end of a list that is large
 * enough for all: as many slots as there are fields. */
struct header_list {
	const char **at;
	size_t used, cap;
};

static size_t header_count(struct record r)
{
	struct record_field f;
	size_t n = 0;

	while (record_next(&r, &f) > 0)
		n += f.tag == TAG_HEADER || f.tag == TAG_NAME;
	return n + 1;
}

static int header_add(struct header_list *l, struct webhook *h, const char *text)
{
	if (!text || l->used + 1 >= l->cap)
		return -1;
	if (!h->headers)
		h->headers = &l->at[l->used];
	l->at[l->used++] = text;
	l->at[l->used] = NULL;
	return 0;
}

static int hook_text(struct webhook *h, uint16_t tag, const char *text)
{
	switch (tag) {
	case TAG_URL: h->url = text; break;
	case TAG_LINK: h->link = text; break;
	case TAG_TEMPLATE:
		h->template = text ? webhook_template_find(slice_of(text)) : WEBHOOK_JSON;
		h->template_file = h->template == WEBHOOK_OWN ? text : NULL;
		break;
	case TAG_TEMPLATE_TEXT: h->template_text = text; break;
	case TAG_SECRET_FILE: h->secret_file = text; break;
	case TAG_SECRET: h->secret = text; break;
	default: return 0; /* of a later minor addition: nothing we know */
	}
	return text ? 0 : -1;
}

static int hook_number(struct webhook *h, const struct record_field *f)
{
	uint64_t number;

	if (record_u64(f, &number))
		return -1;
	switch (f->tag) {
	case TAG_TIMEOUT: h->timeout_ms = number; return 0;
	case TAG_RETRIES: h->retries = (uint32_t)number; break;
	case TAG_RATE: h->rate = (uint32_t)number; break;
	case TAG_RATE_MS: h->rate_ms = number; return 0;
	default: h->users = number != 0; return 0;
	}
	return number <= UINT32_MAX ? 0 : -1;
}

static int hook_field(struct webhook *h, const struct record_field *f, struct header_list *l)
{
	switch (f->tag) {
	case TAG_HEADER: return header_add(l, h, record_text(f));
	case TAG_TIMEOUT:
	case TAG_RETRIES:
	case TAG_USERS:
	case TAG_RATE:
	case TAG_RATE_MS: return hook_number(h, f);
	default: return hook_text(h, f->tag, record_text(f));
	}
}

static int hook_begin(struct webhook *h, const struct record_field *f, struct header_list *l)
{
	*h = (struct webhook){ .name = record_text(f) };
	if (!h->name)
		return -1;
	l->at[l->used++] = NULL; /* ends the list of the hook before */
	return 0;
}

int notice_config_decode(struct webhook *hooks, size_t most, size_t *count, const char **mailer,
	const char **host, struct arena *arena, struct slice bytes, struct diag *d)
{
	struct header_list list = { 0 };
	struct record r;
	struct record_field f;
	int more, bad = 0;

	*count = 0;
	*mailer = *host = NULL;
	if (record_open(&r, bytes.s, bytes.n, NOTICE_MAGIC, NOTICE_VERSION, d))
		return -1;
	list.cap = header_count(r);
	list.at = arena_alloc(arena, list.cap * sizeof(*list.at));
	if (!list.at)
		return diag_error(d, 0, 0, "out of memory");
	while (!bad && (more = record_next(&r, &f)) > 0) {
		if (f.tag == TAG_HOST)
			bad = !(*host = record_text(&f));
		else if (f.tag == TAG_MAILER)
			bad = !(*mailer = record_text(&f));
		else if (f.tag == TAG_NAME && *count == most)
			return diag_error(d, 0, 0, "more than %zu webhooks", most);
		else if (f.tag == TAG_NAME)
			bad = hook_begin(&hooks[(*count)++], &f, &list);
		else if (*count > 0)
			bad = hook_field(&hooks[*count - 1], &f, &list);
	}
	if (bad)
		return diag_error(d, 0, 0, "configuration has a bad field %u", (unsigned)f.tag);
	return more < 0 ? diag_error(d, 0, 0, "configuration is cut off or damaged") : 0;
}

/* --- a sign of life */

enum heartbeat_tag { HEARTBEAT_URL = 1, HEARTBEAT_TIMEOUT };

void notice_heartbeat_encode(const char *url, uint64_t timeout_ms, struct buf *out)
{
	record_begin(out, NOTICE_MAGIC, NOTICE_VERSION);
	record_put_text(out, HEARTBEAT_URL, url);
	record_put_u64(out, HEARTBEAT_TIMEOUT, timeout_ms);
}

int notice_heartbeat_decode(const char **url, uint64_t *timeout_ms, struct slice bytes, struct diag *d)
{
	struct record r;
	struct record_field f;
	int more;

	*url = NULL;
	*timeout_ms = 0;
	if (record_open(&r, bytes.s, bytes.n, NOTICE_MAGIC, NOTICE_VERSION, d))
		return -1;
	while ((more = record_next(&r, &f)) > 0) {
		if (f.tag == HEARTBEAT_URL)
			*url = record_text(&f);
		else if (f.tag == HEARTBEAT_TIMEOUT && record_u64(&f, timeout_ms))
			return diag_error(d, 0, 0, "its timeout is no number");
	}
	if (more < 0 || !*url)
		return diag_error(d, 0, 0, "it is cut off or damaged");
	return 0;
}
