/* Any bytes as a receiver's answer: a verdict and one printable line, and no acceptance but for
 * what says so. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "crond/notify/answer.h"

static void demand(int holds)
{
	if (!holds)
		abort();
}

static void check(enum webhook_template t, long status, struct slice body)
{
	struct answer a;

	answer_judge(t, status, body, &a);
	demand(a.accepted == !a.why[0]);
	demand(!a.accepted || (status >= 200 && status < 300 && !a.final && a.wait_s == 0));
	demand(a.wait_s >= 0 && a.wait_s <= 3600 && !(a.final && a.wait_s));
	for (const char *c = a.why; *c; c++)
		demand((unsigned char)*c >= 0x20 && (unsigned char)*c < 0x7f);
	if (a.accepted && (t == WEBHOOK_FEISHU || t == WEBHOOK_DINGTALK || t == WEBHOOK_WECOM))
		demand(memmem(body.s, body.n, "code", 4) != NULL);
	if (a.accepted && t == WEBHOOK_SLACK)
		demand(body.n >= 2);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const long statuses[] = { 0, 100, 200, 204, 301, 400, 404, 429, 503, 999 };

	for (int t = 0; t < WEBHOOK_TEMPLATES; t++)
		for (size_t i = 0; i < sizeof(statuses) / sizeof(statuses[0]); i++)
			check((enum webhook_template)t, statuses[i],
			        (struct slice){ (const char *)data, size });
	return 0;
}
