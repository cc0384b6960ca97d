/* Any bytes as an outcome: what is taken is within its limits, and the same after it was
 * written again. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "crond/base/buf.h"
#include "crond/base/diag.h"
#include "crond/core/outcome.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void demand(int holds)
{
	if (!holds)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct buf once = { 0 }, twice = { 0 };
	struct outcome o, again;
	struct diag d = { .text = "" };

	if (outcome_decode(&o, (struct slice){ (const char *)data, size }, &d) < 0) {
		demand(d.text[0] != '\0');
		return 0;
	}
	demand(o.result < RESULTS && o.exit_code >= -1 && o.exit_code <= 255);
	demand(o.stdout_tail.n <= OUTCOME_TAIL && o.stderr_tail.n <= OUTCOME_TAIL);
	demand(o.stderr_head.n <= OUTCOME_TAIL && outcome_errors(&o).n <= OUTCOME_TAIL);
	demand(!o.reason || strlen(o.reason) < size);
	outcome_encode(&o, &once);
	demand(!once.failed);
	demand(outcome_decode(&again, (struct slice){ once.data, once.len }, &d) == 0);
	outcome_encode(&again, &twice);
	demand(once.len == twice.len && memcmp(once.data, twice.data, once.len) == 0);
	buf_free(&once);
	buf_free(&twice);
	return 0;
}
