/* fuzz_conf: any bytes as crond.conf. A broken one leaves the settings as they were. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "crond/base/arena.h"
#include "crond/core/conf.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(int good)
{
	if (!good)
		abort();
}

static void count(void *arg, const struct diag *d)
{
	++*(uint32_t *)arg;
	must(d->line >= 1 && d->column >= 1 && d->text[0]);
}

static void check(const struct conf *c)
{
	must(c->log_level >= 3 && c->log_level <= 7);
	must(c->output_max >= 1024 && c->task_dir_count >= 1);
	for (size_t i = 0; i < c->task_dir_count; i++)
		must(c->task_dirs[i].path[0] == '/');
	for (size_t i = 0; i < c->webhook_count; i++) {
		must(c->webhooks[i].name && strncmp(c->webhooks[i].url, "http", 4) == 0);
		must(c->webhooks[i].template < WEBHOOK_TEMPLATES && !c->webhooks[i].secret);
		for (const char *const *h = c->webhooks[i].headers; h && *h; h++)
			must(strchr(*h, ':') && !strpbrk(*h, "\r\n"));
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint32_t heard = 0, errors = 0;
	struct diag_sink sink = { count, &heard };
	struct arena arena = { 0 };
	struct conf c, before;
	int rc;

	memset(&c, 0, sizeof(c));
	conf_default(&c);
	memcpy(&before, &c, sizeof(c));
	rc = conf_parse(&c, (struct slice){ (const char *)data, size }, "/x", &arena, &sink, &errors);
	must(errors == heard);
	must(rc == 0 || (errors && memcmp(&before, &c, sizeof(c)) == 0));
	check(&c);
	arena_free(&arena);
	return 0;
}
