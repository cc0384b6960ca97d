/* fuzz_taskfile: any bytes as a task file. What is delivered must be whole, what is
 * refused must be said, with a place that exists; and the environment has no say. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "crond/base/arena.h"
#include "crond/base/diag.h"
#include "crond/base/text.h"
#include "crond/core/taskfile.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct heard {
	uint32_t tasks, errors, lines;
	uint64_t hash; /* of the values */
};

static void must(int good)
{
	if (!good)
		abort();
}

static int hear_task(void *arg, const struct taskfile_task *t)
{
	struct heard *h = arg;
	const struct options *o = &t->options;

	h->tasks++;
	must(taskfile_name_ok(slice_of(t->name)));
	must(t->line >= 1 && t->line <= h->lines);
	must((o->schedule || o->type == JOB_TYPE_DAEMON) && !o->command != !o->argv);
	must(!o->schedule == !option_given(o, OPTION_SCHEDULE));
	must(o->max <= 100000);
	if (o->command)
		h->hash = text_hash(h->hash, o->command, strlen(o->command));
	for (const char *const *p = o->env; p && *p; p++) {
		must(strchr(*p, '=') != NULL);
		h->hash = text_hash(h->hash, *p, strlen(*p));
	}
	return 0;
}

static void hear_diag(void *arg, const struct diag *d)
{
	struct heard *h = arg;

	h->errors++;
	must(d->line >= 1 && d->line <= h->lines && d->column >= 1);
	must(d->text[0] && strlen(d->text) < sizeof(d->text));
	for (const char *p = d->text; *p; p++)
		must((unsigned char)*p >= 0x20 && *p != 0x7f);
}

static uint64_t parse(struct slice bytes, uint32_t lines)
{
	struct heard h = { .lines = lines };
	struct taskfile_sink sink = { hear_task, hear_diag, &h };
	struct taskfile_result result;
	struct arena arena = { 0 };

	must(taskfile_parse(bytes, 1, NULL, &arena, &sink, &result) == 0);
	must(result.tasks == h.tasks && result.errors == h.errors);
	must(!result.broken || result.errors);
	arena_free(&arena);
	return h.hash;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct slice bytes = { (const char *)data, size };
	uint32_t lines = 1;
	uint64_t hash;

	for (size_t i = 0; i < size; i++)
		lines += data[i] == '\n';
	setenv("X", "one", 1);
	hash = parse(bytes, lines);
	setenv("X", "another", 1);
	must(parse(bytes, lines) == hash);
	return 0;
}
