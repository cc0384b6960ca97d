/* digest: several events as one message.
 * Flow: what waits behind a receiver's rate is merged here, under an id that its members
 * make; words and bodies then find the members in the event. */
#include "config.h"

#include "crond/notify/digest.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "crond/base/diag.h"
#include "crond/base/text.h"
#include "crond/notify/spool.h"
#include "crond/notify/words.h"

enum { KINDS_MOST = 8, BYTES_MOST = 512 * 1024 };

/* WeCom takes 2,048 bytes in all, chats cut at about 4,000 letters. */
struct digest_room digest_room(const struct webhook *hook)
{
	static const struct digest_room wide = { DIGEST_MOST, 64 * 1024, BYTES_MOST };

	if (!hook || hook->template == WEBHOOK_JSON)
		return wide;
	return (struct digest_room){ DIGEST_MOST, hook->template == WEBHOOK_WECOM ? 1400 : 3500,
		BYTES_MOST };
}

void digest_id(char out[EVENT_ID_MOST], struct target *const *list, size_t n)
{
	uint64_t a = text_hash(1, list[0]->name, strlen(list[0]->name)), b = ~a;

	for (size_t i = 0; i < n; i++) {
		const char *id = list[i]->entry->id;

		a = text_hash(a, id, strlen(id));
		b = text_hash(b, id, strlen(id));
	}
	snprintf(out, EVENT_ID_MOST, "digest-%016" PRIx64 "%016" PRIx64, a, b);
}

/* --- in words */

void digest_line(const struct event *member, struct buf *out)
{
	const char *verb = words_verb(member);
	struct buf detail = { 0 };

	words_line(out, member->job && member->job[0] ? member->job : "crond", 100);
	buf_putc(out, ' ');
	words_line(out, verb ? verb : member->event, 64);
	if (words_detail(member, &detail) && buf_text(&detail)) {
		buf_puts(out, ": ");
		words_line(out, detail.data, 160);
	}
	buf_free(&detail);
	if (member->note) {
		buf_puts(out, "; ");
		words_line(out, member->note, 200);
	}
	if (member->run_id) {
		buf_puts(out, "; run ");
		words_line(out, member->run_id, 130);
	}
	buf_printf(out, "; id %s", member->id);
}

/* Chats take angle brackets for mentions: they become look-alikes of three bytes. */
size_t digest_cost(const struct event *member)
{
	struct buf line = { 0 };
	size_t cost;

	digest_line(member, &line);
	cost = line.failed ? SIZE_MAX / 2 : line.len + 3;
	for (size_t i = 0; i < line.len; i++)
		cost += line.data[i] == '<' || line.data[i] == '>' || line.data[i] == '(' ? 2 : 0;
	buf_free(&line);
	return cost;
}

struct kind {
	const char *word;
	unsigned n;
};

static size_t count_kinds(const struct event *e, struct kind kinds[KINDS_MOST])
{
	size_t n = 0;

	for (size_t i = 0; i < e->member_count; i++) {
		const char *verb = words_verb(&e->members[i]);
		const char *word = verb ? verb : e->members[i].event;
		size_t k = 0;

		while (k < n && strcmp(kinds[k].word, word) != 0)
			k++;
		if (k == n && n == KINDS_MOST)
			k = n - 1; /* the last stands for all others */
		else if (k == n)
			kinds[n++] = (struct kind){ k == KINDS_MOST - 1 ? "others" : word, 0 };
		kinds[k].n++;
	}
	return n;
}

void digest_head(const struct event *e, struct buf *out)
{
	struct kind kinds[KINDS_MOST];
	size_t n = count_kinds(e, kinds);

	buf_printf(out, "%zu alerts", e->member_count);
	if (e->host) {
		buf_puts(out, " from ");
		words_line(out, e->host, 255);
	}
	for (size_t i = 0; i < n; i++) {
		buf_printf(out, "%s%u ", i == 0 ? ": " : ", ", kinds[i].n);
		words_line(out, kinds[i].word, 64);
	}
}

void digest_words(const struct event *e, struct buf *out)
{
	digest_head(e, out);
	buf_putc(out, '.');
	for (size_t i = 0; i < e->member_count; i++) {
		buf_puts(out, "\n- ");
		digest_line(&e->members[i], out);
	}
}

/* --- from the spool */

size_t digest_fit(
        struct spool *s, const struct digest_room *room, struct target *const *list, size_t n)
{
	struct buf record = { 0 };
	size_t text = DIGEST_HEAD, bytes = 0, i;
	struct event e;
	struct diag d;

	for (i = 0; i < n; i++) {
		buf_clear(&record);
		if (spool_read(s, list[i]->entry, &record, &d) ||
		        event_decode(&e, (struct slice){ record.data, record.len }, &d))
			break;
		text += digest_cost(&e);
		bytes += record.len;
		if (text > room->text || bytes > room->bytes)
			break;
	}
	buf_free(&record);
	return i > 0 ? i : 1;
}

int digest_read(
        struct digest *g, struct spool *s, const struct entry *e, const char *host, struct diag *d)
{
	const struct members *m = e->members;

	*g = (struct digest){ .members = calloc(m->count, sizeof(*g->members)),
		.records = calloc(m->count, sizeof(*g->records)) };
	if (!g->members || !g->records)
		return diag_error(d, 0, 0, "out of memory");
	for (g->n = 0; g->n < m->count; g->n++) {
		struct buf *record = &g->records[g->n];

		if (spool_read(s, m->list[g->n]->entry, record, d) ||
		        event_decode(&g->members[g->n], (struct slice){ record->data, record->len },
		                d)) {
			g->n++;
			return -1;
		}
	}
	g->event = (struct event){ .id = e->id,
		.event = "digest",
		.host = host,
		.exit_code = -1,
		.uid = EVENT_NOBODY,
		.members = g->members,
		.member_count = g->n };
	return 0;
}

void digest_free(struct digest *g)
{
	for (size_t i = 0; i < g->n; i++)
		buf_free(&g->records[i]);
	free(g->records);
	free(g->members);
	*g = (struct digest){ 0 };
}
