/* Any bytes as a template: what is taken, filled with any bytes in any way but raw, is harmless
 * where it stands. */
#include <jansson.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "crond/base/buf.h"
#include "crond/base/diag.h"
#include "crond/core/event.h"
#include "crond/core/template.h"
#include "crond/notify/values.h"

static void demand(int holds)
{
	if (!holds)
		abort();
}

/* The bytes as a value, inside a string. */
static void check_escapes(struct slice bytes)
{
	struct buf out = { 0 };
	json_t *j;

	buf_puts(&out, "[\"");
	template_escaped(bytes, TEMPLATE_JSON, &out);
	buf_puts(&out, "\"]");
	demand(!out.failed);
	j = json_loadb(out.data, out.len, JSON_REJECT_DUPLICATES, NULL);
	demand(json_array_size(j) == 1);
	json_decref(j);
	buf_clear(&out);
	template_escaped(bytes, TEMPLATE_URL, &out);
	for (size_t i = 0; i < out.len; i++)
		demand(strchr("%-._~", out.data[i]) || (out.data[i] >= '0' && out.data[i] <= '9') ||
		        ((out.data[i] | 0x20) >= 'a' && (out.data[i] | 0x20) <= 'z'));
	buf_free(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct slice bytes = { (const char *)data, size };
	struct event e = { .id = "x",
		.event = "run.failure",
		.job = "j",
		.exit_code = -1,
		.stdout_tail = bytes,
		.stderr_tail = bytes };
	struct buf out = { 0 };
	struct diag d;

	check_escapes(bytes);
	if (template_check(bytes, TEMPLATE_ALL, &d)) {
		demand(d.line >= 1 && d.column >= 1 && d.text[0]);
	} else {
		values_expand(bytes, TEMPLATE_JSON, &e, "https://l/", &out);
		demand(!out.failed &&
		        out.len <= TEMPLATE_MOST + 6 * size * TEMPLATE_NAMES_MOST + 65536);
	}
	buf_free(&out);
	return 0;
}
