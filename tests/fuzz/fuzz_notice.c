/* Any bytes as a configuration, and as a spool's state file: what is taken must be the
 * same after it was written again. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "crond/base/arena.h"
#include "crond/base/buf.h"
#include "crond/base/diag.h"
#include "crond/core/event.h"
#include "crond/notify/entry.h"

enum { HOOKS = 8 };

static void demand(int holds)
{
	if (!holds)
		abort();
}

static int same_text(const char *a, const char *b)
{
	return a == b || (a && b && strcmp(a, b) == 0);
}

static void check_hook(const struct webhook *a, const struct webhook *b)
{
	size_t i = 0;

	demand(same_text(a->name, b->name) && same_text(a->url, b->url));
	demand(same_text(a->secret_file, b->secret_file) && a->users == b->users);
	demand(same_text(a->link, b->link) && same_text(a->secret, b->secret));
	demand((a->template == b->template || a->template == WEBHOOK_TEMPLATES) &&
		same_text(a->template_file, b->template_file));
	demand(same_text(a->template_text, b->template_text));
	demand(a->rate == b->rate && a->rate_ms == b->rate_ms);
	demand(a->timeout_ms == b->timeout_ms && a->retries == b->retries);
	demand(!a->headers == !b->headers);
	for (; a->headers && a->headers[i]; i++)
		demand(b->headers[i] && same_text(a->headers[i], b->headers[i]));
	demand(!a->headers || !b->headers[i]);
}

static void check_config(struct slice bytes)
{
	struct webhook hooks[HOOKS], again[HOOKS];
	const char *mailer, *host, *mailer2, *host2;
	struct arena arena = { 0 };
	struct buf out = { 0 };
	size_t count, count2;
	struct diag d;

	if (notice_config_decode(hooks, HOOKS, &count, &mailer, &host, &arena, bytes, &d) == 0) {
		notice_config_encode(hooks, count, mailer, host, &out);
		demand(!out.failed);
		demand(notice_config_decode(again, HOOKS, &count2, &mailer2, &host2, &arena,
			       (struct slice){ out.data, out.len }, &d) == 0);
		demand(count == count2 && same_text(mailer, mailer2) && same_text(host, host2));
		for (size_t i = 0; i < count; i++)
			check_hook(&hooks[i], &again[i]);
	}
	buf_free(&out);
	arena_free(&arena);
}

static void check_state(struct slice bytes)
{
	static const char targets[] = "webhook:a\0mail:b\0webhook:c";
	struct event e = { .id = "x", .targets = { targets, sizeof(targets) } };
	size_t dropped;
	struct entry *one = entry_new(&e, 1, 0, &dropped), *two = entry_new(&e, 1, 0, &dropped);
	struct buf out = { 0 }, again = { 0 };

	demand(one && two && one->count == 3 && dropped == 0);
	if (entry_state_get(one, bytes) == 0) {
		entry_state_put(one, &out);
		demand(!out.failed);
		demand(entry_state_get(two, (struct slice){ out.data, out.len }) == 0);
		for (uint32_t i = 0; i < one->count; i++)
			demand(one->targets[i].state == two->targets[i].state &&
				one->targets[i].tries == two->targets[i].tries &&
				one->targets[i].due_s == two->targets[i].due_s);
		entry_state_put(two, &again);
		demand(out.len == again.len && memcmp(out.data, again.data, out.len) == 0);
	}
	buf_free(&out);
	buf_free(&again);
	entry_free(one);
	entry_free(two);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct slice bytes = { (const char *)data, size };

	check_config(bytes);
	check_state(bytes);
	return 0;
}
