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

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(int good)
{
	if (!good)
		abort();
}

static void comment(struct slice line, struct arena *arena)
{
	struct options o;
	struct diag d = { 0 }, lint;
	enum comment_options result;

	options_default(&o, JOB_LINE);
	memset(&lint, 'x', sizeof(lint));
	result = options_comment(&o, arena, line, &d, &lint);
	must((result == COMMENT_BAD) == (d.text[0] != '\0'));
	must(d.column <= line.n + 1);
	must(memchr(lint.text, '\0', sizeof(lint.text)) != NULL);
	must(result == COMMENT_OPTIONS || result == COMMENT_BAD || o.set == 0);
	must(result != COMMENT_OPTIONS || o.set != 0);
}

static void value(enum option_id id, enum job_kind kind, struct slice text, struct arena *arena)
{
	static const struct hosts_self self = { "web-7", "web-7.example.org", NULL, 0 };
	struct options o;
	struct diag d = { 0 };
	struct buf identity = { 0 };
	int rc;

	options_default(&o, kind);
	rc = options_set(&o, arena, id, kind, &text, 1, &d);
	must((rc != 0) == (d.text[0] != '\0'));
	must(o.set == (rc ? 0 : 1U << id));
	if (rc == 0) {
		options_identity(&o, &identity);
		hosts_match(o.hosts, &self);
		must(options_set(&o, arena, id, kind, &text, 1, &d) == -1);
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
