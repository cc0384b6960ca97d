/* Any bytes as a request: what is taken is what a verb takes, and what is refused has a reason
 * in one line; as a text in an answer: the answer is one line of JSON. */
#include <jansson.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "crond/base/buf.h"
#include "crond/base/diag.h"
#include "crond/core/ctlmsg.h"

static void demand(int holds)
{
	if (!holds)
		abort();
}

static void check_request(struct slice bytes)
{
	struct ctlmsg_request r;
	enum ctlmsg_code code;
	struct diag d = { .text = "" };

	if (ctlmsg_parse(&r, bytes, &code, &d) < 0) {
		demand(d.text[0] && !strchr(d.text, '\n') && code < CTLMSG_CODES && !r.json);
		return;
	}
	demand(r.verb < CTLMSG_VERBS && r.count <= CTLMSG_COUNT_MOST);
	demand(r.name_count <= CTLMSG_NAMES_MOST && (!r.job || *r.job));
	demand(r.verb != CTLMSG_SIGNAL || (r.signal > 0 && r.signal <= 64));
	demand(r.verb == CTLMSG_RUNS || (!r.run && !r.results && r.exit_code == -1));
	demand(r.exit_code >= -1 && r.exit_code <= 255 && r.limit <= CTLMSG_LIMIT_MOST);
	demand(r.verb != CTLMSG_RUNS || !r.job || strlen(r.job) <= CTLMSG_NAME_MOST);
	demand(r.action < CTLMSG_ACTIONS);
	demand(r.action == CTLMSG_ACTION_LIST || r.all != (r.name_count > 0));
	for (size_t i = 0; i < r.name_count; i++)
		ctlmsg_match(r.names[i], "gold-1763668800-1");
	ctlmsg_free(&r);
}

static void check_answer(struct slice bytes)
{
	struct buf b = { 0 };
	json_t *o;

	ctlmsg_open(&b);
	ctlmsg_slice(&b, "command", bytes);
	ctlmsg_close(&b);
	demand(!b.failed && memchr(b.data, '\n', b.len) == b.data + b.len - 1);
	o = json_loadb(b.data, b.len, JSON_ALLOW_NUL, NULL);
	demand(json_is_string(json_object_get(o, "command")));
	json_decref(o);
	buf_free(&b);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	check_request((struct slice){ (const char *)data, size });
	check_answer((struct slice){ (const char *)data, size });
	return 0;
}
