/* fuzz_taskfile: any bytes as a task file. What is delivered must be whole, what is
 * refused must be said, with a place that exists. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "crond/base/arena.h"
#include "crond/base/diag.h"
#include "crond/core/taskfile.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct heard {
	uint32_t tasks, errors, lines;
	const char *expanded;
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
	must(o->schedule && !o->command != !o->argv);
	must(o->set & 1U << OPTION_SCHEDULE);
	must(o->max <= 100000);
	must(!o->command || !strstr(o->command, h->expanded));
	for (const char *const *p = o->env; p && *p; p++)
		must(strchr(*p, '=') && !strstr(*p, h->expanded));
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

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct slice bytes = { (const char *)data, size };
	struct heard h = { .lines = 1, .expanded = "never in a file \001" };
	struct taskfile_sink sink = { hear_task, hear_diag, &h };
	struct taskfile_result result;
	struct arena arena = { 0 };

	setenv("X", h.expanded, 1);
	for (size_t i = 0; i < size; i++)
		h.lines += data[i] == '\n';
	must(taskfile_parse(bytes, 1, &arena, &sink, &result) == 0);
	must(result.tasks == h.tasks && result.errors == h.errors);
	must(!result.broken || result.errors);
	arena_free(&arena);
	return 0;
}
