/* asked: people who ask crond-history what has run, over history.sock.
 * Flow: lines of clients.c -> requests -> query or stats, piece by piece. */
#include "config.h"

#include "crond/history/asked.h"

#include <stdlib.h>

#include "crond/history/db.h"
#include "crond/history/query.h"
#include "crond/history/stats.h"

struct question {
	struct ctlmsg_request request;
	struct query query;
	struct stats *stats; /* NULL: none yet */
};

static void question_begin(void *arg, struct client *k, struct slice line)
{
	struct asked *a = arg;
	struct question *q = calloc(1, sizeof(*q));

	if (!q) {
		ctlmsg_error(&k->out, CTLMSG_REFUSED, "out of memory");
		return;
	}
	if (ctlmsg_asked(&q->request, line, CTLMSG_OF_HISTORY, &k->out) < 0) {
		free(q);
		return;
	}
	q->query.request = &q->request;
	q->query.uid = k->uid;
	q->query.aside = a->aside;
	q->query.all = clients_all(&a->clients, k);
	k->answer = q;
}

static void say_closed(const struct asked *a, struct buf *out)
{
	struct diag d;

	diag_error(&d, 0, 0, "the history cannot be read now%s%s", *a->why ? ": " : "", a->why);
	ctlmsg_error(out, CTLMSG_REFUSED, d.text);
}

static bool question_step(void *arg, struct client *k)
{
	struct asked *a = arg;
	struct question *q = k->answer;

	if (!a->db->handle) {
		say_closed(a, &k->out);
		return false;
	}
	if (q->request.verb == CTLMSG_STATS)
		return query_stats(a->db, &q->query, &q->stats, &k->out) == QUERY_MORE;
	return query_runs(a->db, &q->query, &k->out) == QUERY_MORE;
}

static void question_over(void *arg, struct client *k)
{
	struct question *q = k->answer;

	(void)arg;
	ctlmsg_free(&q->request);
	query_free(&q->query);
	stats_free(q->stats);
	free(q);
}

void asked_group(struct asked *a, int64_t group)
{
	a->clients.group_known = group >= 0;
	a->clients.group = group >= 0 ? (gid_t)group : 0;
}

int asked_open(struct asked *a, int listening, struct db *db, const char *why)
{
	static const struct clients_calls calls = { CTLMSG_REQUEST_MOST, question_begin, question_step,
		question_over, ctlmsg_refuse };

	a->db = db;
	a->why = why;
	a->aside[0] = '\0';
	if (listening < 0) {
		a->clients = (struct clients){ .fd = -1 };
		return 0;
	}
	return clients_open(&a->clients, listening, &calls, a);
}
