/* Any bytes as a segment of the history's backlog, and as what crond-history is told: what is
 * taken is within its limits, and the same after it was written again. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "crond/base/buf.h"
#include "crond/base/diag.h"
#include "crond/core/histrec.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void demand(int holds)
{
	if (!holds)
		abort();
}

static void again(const struct histrec *h)
{
	struct buf once = { 0 }, twice = { 0 };
	struct histrec read;
	struct diag d;

	demand(h->kind >= HISTREC_START && h->kind < HISTREC_KINDS);
	demand(histrec_cause(h->cause)[0] != 'u' && h->result < RESULTS);
	demand(!h->reason || strlen(h->reason) < 4096);
	demand(histrec_encode(h, &once) == 0);
	demand(histrec_frame((struct slice){ once.data, once.len }) == (int32_t)once.len);
	demand(histrec_decode(&read, (struct slice){ once.data, once.len }, &d) == 0);
	demand(histrec_encode(&read, &twice) == 0);
	demand(once.len == twice.len && memcmp(once.data, twice.data, once.len) == 0);
	buf_free(&once);
	buf_free(&twice);
}

static void segment(struct slice rest)
{
	struct diag d = { .text = "" };
	struct histrec h;
	int32_t n;

	if (histrec_open(rest, &d) < 0)
		return;
	rest = (struct slice){ rest.s + HISTREC_HEAD, rest.n - HISTREC_HEAD };
	while ((n = histrec_frame(rest)) > 0) {
		demand((size_t)n <= rest.n);
		d.text[0] = '\0';
		if (histrec_decode(&h, (struct slice){ rest.s, (size_t)n }, &d) == 0)
			again(&h);
		else
			demand(d.text[0] != '\0');
		rest = (struct slice){ rest.s + n, rest.n - (size_t)n };
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct slice bytes = { (const char *)data, size };
	struct history_config c;
	struct diag d = { .text = "" };

	segment(bytes);
	if (history_config_decode(&c, bytes, &d) < 0)
		demand(d.text[0] != '\0');
	else
		demand(strlen(c.boot) <= size && strlen(c.host) <= size && c.group >= -1);
	return 0;
}
