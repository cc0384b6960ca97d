/* asked: people who ask crond-notify about deliveries, over alerts.sock.
 * Flow: lines of clients.c -> requests -> alerts.c, piece by piece. */
#include "config.h"

#include "crond/notify/asked.h"

#include <stdlib.h>

#include "crond/base/clients.h"
#include "crond/notify/notify.h"

static void asked_begin(void *arg, struct client *k, struct slice line)
{
	const struct notify *n = arg;
	struct asked *a = calloc(1, sizeof(*a));

	if (!a) {
		ctlmsg_error(&k->out, CTLMSG_REFUSED, "out of memory");
		return;
	}
	if (ctlmsg_asked(&a->request, line, CTLMSG_OF_ALERTS, &k->out) < 0) {
		free(a);
		return;
	}
	a->uid = k->uid;
	a->all = clients_all(&n->clients, k);
	k->answer = a;
}

static bool asked_step(void *arg, struct client *k)
{
	return alerts_answer(arg, k->answer, &k->out);
}

static void asked_over(void *arg, struct client *k)
{
	struct asked *a = k->answer;

	(void)arg;
	ctlmsg_free(&a->request);
	free(a);
}

int asked_open(struct clients *c, int listening, struct notify *n)
{
	static const struct clients_calls calls = { CTLMSG_REQUEST_MOST, asked_begin, asked_step,
		asked_over, ctlmsg_refuse };

	return clients_open(c, listening, &calls, n);
}
