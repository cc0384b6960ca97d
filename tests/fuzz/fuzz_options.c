/* fuzz_options: any bytes as a comment line with options, and as one option's value: the
 * input's first byte says which. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "crond/base/arena.h"
#include "crond/base/buf.h"
#include "crond/base/diag.h"
#include "crond/core/hosts.h"
#include "crond/core/options.h"

#define HERE ((struct option_place){ 1, 1 })

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(int good)
{
	if (!good)
		abort();
}

static bool given(const struct options *o)
{
	uint64_t any = 0;

	for (size_t i = 0; i < OPTION_SETS; i++)
		any |= o->set[i];
	return any != 0;
}

/* What is printed is taken again, and means the same. */
static void print(const struct options *o, enum option_id id, enum job_kind kind, struct arena *arena)
{
	struct options again;
	struct buf out = { 0 };
	char where[64];

	option_origin(o, id, where, sizeof(where));
	must(strcmp(where, "line 1") == 0);
	option_print(o, id, &out);
	must(out.len > 0);
	if (out.data[0] != '"' && out.data[0] != '{') {
		options_default(&again, kind);
		must(options_set(&again, arena, id, kind, &(struct slice){ out.data, out.len }, 1, HERE, NULL) ==
			0);
		must(options_equal(o, &again));
	}
	buf_free(&out);
}

static void comment(struct slice line, struct arena *arena)
{
	struct options o;
	struct diag d = { 0 }, lint;
	enum comment_options result;

	options_default(&o, JOB_LINE);
	memset(&lint, 'x', sizeof(lint));
	result = options_comment(&o, arena, line, 1, &d, &lint);
	must((result == COMMENT_BAD) == (d.text[0] != '\0'));
	must(d.column <= line.n + 1);
	must(memchr(lint.text, '\0', sizeof(lint.text)) != NULL);
	must(result == COMMENT_OPTIONS || result == COMMENT_BAD || !given(&o));
	must(result != COMMENT_OPTIONS || given(&o));
}

static void value(enum option_id id, enum job_kind kind, struct slice text, struct arena *arena)
{
	static const struct hosts_self self = { "web-7", "web-7.example.org", NULL, 0 };
	struct options o;
	struct diag d = { 0 };
	struct buf identity = { 0 };
	int rc;

	options_default(&o, kind);
	rc = options_set(&o, arena, id, kind, &text, 1, HERE, &d);
	must((rc != 0) == (d.text[0] != '\0'));
	must(given(&o) == (rc == 0) && option_given(&o, id) == (rc == 0));
	if (rc == 0) {
		options_identity(&o, &identity);
		print(&o, id, kind, arena);
		hosts_match(o.hosts, &self);
		must(options_set(&o, arena, id, kind, &text, 1, HERE, &d) == -1);
	}
	buf_free(&identity);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct slice rest = { (const char *)data + 1, size - 1 };
	struct arena arena = { 0 };

	if (size == 0)
		return 0;
	if (data[0] == '#')
		comment((struct slice){ (const char *)data, size }, &arena);
	else
		value((enum option_id)(data[0] % OPTIONS), data[0] & 0x80 ? JOB_LINE : JOB_TASK, rest,
			&arena);
	arena_free(&arena);
	return 0;
}
