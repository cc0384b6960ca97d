/* Any bytes as a run file: what is taken can be walked to its ends, and is the same after
 * it was written again. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "crond/base/buf.h"
#include "crond/base/diag.h"
#include "crond/core/mailtext.h"
#include "crond/core/run.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void demand(int holds)
{
	if (!holds)
		abort();
}

static void check_list(struct slice list)
{
	size_t whole = list.n, n = 0;
	const char *text;

	while ((text = run_list_next(&list)))
		n += strlen(text) + 1;
	demand(list.n == 0 && n == whole);
}

static void check_again(const struct run *r)
{
	struct buf once = { 0 }, twice = { 0 };
	struct run again;
	struct diag d;

	run_encode(r, &once);
	demand(!once.failed);
	demand(run_decode(&again, (struct slice){ once.data, once.len }, &d) == 0);
	run_encode(&again, &twice);
	demand(once.len == twice.len && memcmp(once.data, twice.data, once.len) == 0);
	buf_free(&once);
	buf_free(&twice);
}

/* No line of a mail's head comes from what a user wrote. */
static void check_mail(const struct run *r)
{
	struct slice list = r->env;
	struct buf head = { 0 };
	size_t lines = 7, found = 0;

	while (run_list_next(&list))
		lines++;
	lines += r->dialect == 1 ? 2 : 0;
	mailtext_head(r, true, &head);
	demand(!head.failed && head.len > 2 && memcmp(head.data + head.len - 2, "\n\n", 2) == 0);
	for (size_t i = 0; i + 1 < head.len; i++)
		found += head.data[i] == '\n' && head.data[i + 1] != ' ';
	demand(found + 1 == lines);
	buf_free(&head);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct slice file = { (const char *)data, size };
	struct run_progress p;
	struct run r;
	struct diag d = { .text = "" };

	if (run_progress_decode(&p, file, &d) == 0)
		file = run_record(&p, file);
	if (run_decode(&r, file, &d) < 0) {
		demand(d.text[0] != '\0');
		return 0;
	}
	demand(run_id_ok(r.id, strlen(r.id)));
	check_list(r.words);
	check_list(r.env);
	check_list(r.alert);
	check_list(r.tags);
	check_again(&r);
	check_mail(&r);
	return 0;
}
