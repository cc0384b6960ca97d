/* When alerts go out: rates, turns, the spread over a minute and digests, on a clock that is
 * made up. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "crond/base/buf.h"
#include "crond/base/diag.h"
#include "crond/core/event.h"
#include "crond/notify/digest.h"
#include "crond/notify/entry.h"
#include "crond/notify/heap.h"
#include "crond/notify/lane.h"
#include "crond/notify/rate.h"
#include "crond/notify/request.h"

enum { NOW = 1000000 };

/* --- rates */

/* Takes whatever is free at each ms; the most in any span of the limit's. */
static unsigned most_in_a_span(const struct rate_limit *l, unsigned *taken)
{
	struct rate r = { 0 };
	int64_t at[4096];
	unsigned n = 0, first = 0, most = 0;

	for (int64_t now = 0; now < 5 * (int64_t)l->ms; now++)
		while (rate_free(&r, l, now) > 0) {
			assert_true(rate_due(&r, l, now) <= now);
			rate_take(&r, l, now);
			assert_true(n < 4096);
			at[n++] = now;
			while (at[n - 1] - at[first] >= (int64_t)l->ms)
				first++;
			if (n - first > most)
				most = n - first;
		}
	*taken = n;
	return most;
}

static void test_no_span_has_more_than_the_rate(void **state)
{
	static const struct rate_limit limits[] = { { 1, 1000 }, { 2, 1000 }, { 3, 7000 },
		{ 20, 60000 }, { 30, 600 }, { 100, 50 } };

	(void)state;
	for (size_t i = 0; i < sizeof(limits) / sizeof(limits[0]); i++) {
		unsigned taken, most = most_in_a_span(&limits[i], &taken);

		assert_true(most <= limits[i].count);
		assert_true(most + 1 >= limits[i].count);
		assert_true(taken >= 2 * limits[i].count); /* and the rate is made use of */
	}
}

static void test_who_comes_behind_a_crowd_waits_for_a_part_of_the_span(void **state)
{
	const struct rate_limit l = { 20, 60000 };
	struct rate r = { 0 };

	(void)state;
	assert_int_equal(rate_free(&r, &l, NOW), 10);
	for (int i = 0; i < 10; i++)
		rate_take(&r, &l, NOW);
	assert_int_equal(rate_free(&r, &l, NOW), 0);
	assert_true(rate_due(&r, &l, NOW) > NOW);
	assert_true(rate_due(&r, &l, NOW) <= NOW + 6000);
	assert_int_equal(rate_free(&r, &l, rate_due(&r, &l, NOW)), 1);
	assert_int_equal(rate_free(&r, &l, rate_due(&r, &l, NOW) - 1), 0);
}

static void test_without_a_limit_nothing_waits(void **state)
{
	const struct rate_limit none = { 0, 0 };
	struct rate r = { 0 };

	(void)state;
	for (int i = 0; i < 1000; i++)
		rate_take(&r, &none, NOW);
	assert_true(rate_free(&r, &none, NOW) == UINT32_MAX);
	assert_true(rate_due(&r, &none, NOW) <= NOW);
}

/* --- lanes */

static void lanes_of(struct lanes *l, const struct webhook *hooks, size_t n, const char *host,
	int64_t spread)
{
	struct buf out = { 0 };
	struct diag d;

	notice_config_encode(hooks, n, "/usr/sbin/sendmail", host, &out);
	assert_false(out.failed);
	assert_int_equal(lanes_read(l, (struct slice){ out.data, out.len }, spread, &d), 0);
	buf_free(&out);
}

static struct entry *entry_of(const char *id, const char *target)
{
	char list[128];
	struct event e = { .id = id, .event = "run.failure" };
	size_t dropped;
	struct entry *made;

	strcpy(list, target);
	e.targets = (struct slice){ list, strlen(target) + 1 };
	made = entry_new(&e, 100, 0, &dropped);
	assert_non_null(made);
	return made;
}

static const struct webhook chat = { .name = "chat", .url = "http://127.0.0.1:1/", .rate = 4,
	.rate_ms = 60000 };
static const struct webhook plain = { .name = "plain", .url = "http://127.0.0.2:1/" };

static void test_behind_a_rate_all_wait_for_one_turn(void **state)
{
	struct entry *all[10];
	struct target *took[10];
	struct lanes l;
	struct lane *lane;

	(void)state;
	lanes_of(&l, &chat, 1, "web-1", 0);
	lane = lanes_find(&l, "webhook:chat", NOW);
	assert_non_null(lane);
	for (int i = 0; i < 10; i++) {
		char id[8] = { 'e', (char)('0' + i) };

		all[i] = entry_of(id, "webhook:chat");
	}
	lane_push(lane, &all[0]->targets[0]);
	lane_push(lane, &all[1]->targets[0]);
	assert_int_equal(lane_surplus(lane, NOW), 0);
	for (int i = 0; i < 2; i++) {
		assert_ptr_equal(lanes_next(&l, NOW, 0), lane);
		assert_ptr_equal(lane_pop(lane), &all[i]->targets[0]);
		lane_begun(lane, NOW);
		lane_ended(lane);
	}
	for (int i = 2; i < 10; i++)
		lane_push(lane, &all[i]->targets[0]);
	assert_null(lanes_next(&l, NOW, 0));
	assert_int_equal(lane_surplus(lane, NOW), 0);
	assert_true(lanes_due(&l, NOW) > NOW && lanes_due(&l, NOW) < NOW + 60000);
	assert_ptr_equal(lanes_next(&l, lanes_due(&l, NOW), 0), lane);
	assert_int_equal(lane_surplus(lane, lanes_due(&l, NOW)), 8);
	all[4]->targets[0].sent = true; /* it may have arrived: it goes under its own id */
	assert_int_equal(lane_take(lane, took, 10), 7);
	assert_ptr_equal(took[1], &all[3]->targets[0]);
	assert_ptr_equal(took[2], &all[5]->targets[0]);
	assert_ptr_equal(lane_pop(lane), &all[4]->targets[0]);
	assert_null(lane_pop(lane));
	assert_int_equal(lane->waiting, 0);
	for (int i = 0; i < 10; i++)
		entry_free(all[i]);
	lanes_free(&l);
}

static void test_a_crowd_is_merged_without_a_rate(void **state)
{
	struct entry *e = entry_of("e", "webhook:plain");
	struct target copies[LANE_CROWD + 5];
	struct lane *lane;
	struct lanes l;

	(void)state;
	lanes_of(&l, &plain, 1, "web-1", 0);
	lane = lanes_find(&l, "webhook:plain", NOW);
	for (int i = 0; i < LANE_CROWD + 5; i++) {
		copies[i] = e->targets[0];
		assert_int_equal(lane_surplus(lane, NOW), i > LANE_CROWD ? i - LANE_CROWD + 1 : 0);
		lane_push(lane, &copies[i]);
	}
	for (int i = LANE_CROWD + 4; i >= 0; i -= 2)
		assert_true(lane_remove(lane, &copies[i]));
	assert_false(lane_remove(lane, &copies[0]));
	for (int i = 1; i < LANE_CROWD + 5; i += 2)
		assert_ptr_equal(lane_pop(lane), &copies[i]);
	assert_int_equal(lane->waiting, 0);
	entry_free(e);
	lanes_free(&l);
}

static void test_each_address_has_a_rate_of_its_own(void **state)
{
	struct entry *a = entry_of("a", "mail:a@example.org"), *b = entry_of("b", "mail:b@example.org");
	struct lane *to_a, *to_b;
	struct lanes l, fresh;
	int64_t due;

	(void)state;
	lanes_of(&l, NULL, 0, "web-1", 0);
	to_a = lanes_find(&l, "mail:a@example.org", NOW);
	to_b = lanes_find(&l, "mail:b@example.org", NOW);
	assert_ptr_not_equal(to_a, to_b);
	for (int i = 0; i < LANE_MAIL_COUNT / 2; i++) {
		lane_push(to_a, &a->targets[0]);
		assert_ptr_equal(lanes_next(&l, NOW, 0), to_a);
		lane_pop(to_a);
		lane_begun(to_a, NOW);
		lane_ended(to_a);
	}
	lane_push(to_a, &a->targets[0]);
	assert_null(lanes_next(&l, NOW, 0));
	assert_false(lanes_queued(&l, NOW));
	lane_push(to_b, &b->targets[0]);
	assert_ptr_equal(lanes_next(&l, NOW, 0), to_b);
	assert_true(lanes_queued(&l, NOW));
	due = lanes_due(&l, NOW);
	assert_true(due > NOW && due <= NOW + 40000);
	/* a reload forgets none of it */
	assert_non_null(lanes_drain(&l));
	assert_non_null(lanes_drain(&l));
	assert_null(lanes_drain(&l));
	lanes_of(&fresh, NULL, 0, "web-1", 0);
	lanes_inherit(&fresh, &l);
	lanes_free(&l);
	to_a = lanes_find(&fresh, "mail:a@example.org", NOW);
	lane_push(to_a, &a->targets[0]);
	assert_int_equal(lanes_due(&fresh, NOW), due);
	assert_ptr_equal(lanes_next(&fresh, due, 0), to_a);
	lane_pop(to_a);
	/* many that come once each do not stay */
	for (int i = 0; i < 5000; i++) {
		char name[64];

		snprintf(name, sizeof(name), "mail:u%d@example.org", i);
		assert_non_null(lanes_find(&fresh, name, NOW + i));
	}
	entry_free(a);
	entry_free(b);
	lanes_free(&fresh);
}

static void test_hosts_do_not_meet_at_the_full_minute(void **state)
{
	enum { SPREAD = 2000, MINUTE = 60000 };
	unsigned early = 0;

	(void)state;
	for (int i = 0; i < 200; i++) {
		struct entry *e = entry_of("e", "webhook:plain");
		char host[32];
		struct lane *lane;
		struct lanes l;
		int64_t due;

		snprintf(host, sizeof(host), "web-%d", i);
		lanes_of(&l, &plain, 1, host, SPREAD);
		lane = lanes_find(&l, "webhook:plain", NOW);
		lane_push(lane, &e->targets[0]);
		lanes_clock(&l, NOW, 7 * MINUTE); /* :00 exactly */
		due = lanes_next(&l, NOW, 0) ? NOW : lanes_due(&l, NOW);
		assert_true(due < NOW + SPREAD);
		early += due < NOW + SPREAD / 2;
		lanes_clock(&l, NOW, 7 * MINUTE + SPREAD); /* and after that nothing is held up */
		assert_ptr_equal(lanes_next(&l, NOW, 0), lane);
		assert_true(lanes_due(&l, NOW) == INT64_MAX);
		lane_pop(lane);
		entry_free(e);
		lanes_free(&l);
	}
	assert_true(early > 60 && early < 140);
}

/* --- the heap, when people take out of its middle */

static void test_what_is_taken_out_leaves_the_others_in_order(void **state)
{
	struct target list[64];
	struct heap h = { 0 };
	int64_t last = -1;
	size_t left = 0;

	(void)state;
	memset(list, 0, sizeof(list));
	for (int i = 0; i < 64; i++) {
		list[i].due_ms = i * 37 % 64;
		assert_int_equal(heap_push(&h, &list[i]), 0);
	}
	for (int i = 0; i < 64; i += 3)
		assert_true(heap_remove(&h, &list[i]));
	assert_false(heap_remove(&h, &list[0]));
	for (struct target *t; (t = heap_pop(&h, INT64_MAX)); left++) {
		assert_true(t->due_ms >= last);
		last = t->due_ms;
	}
	assert_int_equal(left, 42);
	heap_free(&h);
}

/* --- digests */

static void test_a_digest_has_the_id_that_its_members_make(void **state)
{
	struct entry *a = entry_of("a", "webhook:x"), *b = entry_of("b", "webhook:x"),
		*c = entry_of("b", "webhook:y");
	struct target *two[] = { &a->targets[0], &b->targets[0] };
	struct target *turned[] = { &b->targets[0], &a->targets[0] };
	struct target *other[] = { &c->targets[0], &a->targets[0] };
	char first[EVENT_ID_MOST], again[EVENT_ID_MOST];

	(void)state;
	digest_id(first, two, 2);
	digest_id(again, two, 2);
	assert_string_equal(first, again);
	assert_true(event_id_ok(slice_of(first)));
	digest_id(again, two, 1);
	assert_string_not_equal(first, again);
	digest_id(again, turned, 2);
	assert_string_not_equal(first, again);
	digest_id(again, other, 2);
	assert_string_not_equal(first, again);
	entry_free(a);
	entry_free(b);
	entry_free(c);
}

static void test_a_digest_names_each_event(void **state)
{
	const struct event members[] = {
		{ .id = "gold-1-1.end", .event = "run.failure", .status = "exit", .job = "gold",
			.run_id = "gold-1-1", .exit_code = 3 },
		{ .id = "x-2-1.end", .event = "run.timeout", .status = "timeout", .job = "x\ny",
			.run_id = "x-2-1", .exit_code = -1, .reason = "timeout of 5 s" },
		{ .id = "c.start", .event = "crond.started", .exit_code = -1 },
	};
	const struct event e = { .id = "digest-1", .event = "digest", .host = "web-1",
		.members = members, .member_count = 3 };
	struct buf out = { 0 };

	(void)state;
	digest_words(&e, &out);
	assert_string_equal(buf_text(&out),
		"3 alerts from web-1: 1 failed, 1 timed out, 1 crond.started.\n"
		"- gold failed: exit code 3; run gold-1-1; id gold-1-1.end\n"
		"- x y timed out: timeout of 5 s; run x-2-1; id x-2-1.end\n"
		"- crond crond.started; id c.start");
	buf_free(&out);
}

/* As many events as there is room for, with names that chats make longer; how many. */
static size_t fill(const struct digest_room *room, struct event *members, char (*texts)[3][100])
{
	size_t text = DIGEST_HEAD, n = 0;

	while (n < room->members) {
		struct event *e = &members[n];

		snprintf(texts[n][0], 100, "gold-%zu<@all>](x)", n);
		snprintf(texts[n][1], 100, "gold-%zu-1763668800-1", n);
		snprintf(texts[n][2], 100, "gold-%zu-1763668800-1.end", n);
		*e = (struct event){ .id = texts[n][2], .event = "run.failure", .status = "exit",
			.job = texts[n][0], .run_id = texts[n][1], .exit_code = 3, .host = "web-1" };
		text += digest_cost(e);
		if (text > room->text)
			break;
		n++;
	}
	return n;
}

static void test_a_digest_fits_its_receiver_and_leaves_nobody_out(void **state)
{
	static struct event members[DIGEST_MOST];
	static char texts[DIGEST_MOST][3][100];

	(void)state;
	for (int t = WEBHOOK_JSON; t < WEBHOOK_HEALTHCHECKS; t++) {
		struct webhook hook = { .name = "x", .url = "http://127.0.0.1/",
			.template = (enum webhook_template)t };
		struct digest_room room = digest_room(&hook);
		size_t n = fill(&room, members, texts);
		struct event e = { .id = "digest-1", .event = "digest", .host = "web-1", .exit_code = -1,
			.members = members, .member_count = n };
		struct request r = { 0 };
		struct diag d;

		assert_true(n >= 10);
		assert_int_equal(request_make(&r, &hook, NULL, &e, 1763668800000, &d), 0);
		assert_non_null(buf_text(&r.body));
		for (size_t i = 0; i < n; i++) {
			char wanted[110];

			snprintf(wanted, sizeof(wanted), "id %s", members[i].id);
			assert_non_null(strstr(r.body.data, wanted));
		}
		request_free(&r);
	}
}

/* --- what the spool remembers of a target */

static void test_states_say_what_may_have_arrived_and_why_not(void **state)
{
	static const char old[] = "wait 2 1700000000 webhook:x\n";
	struct entry *e = entry_of("a", "webhook:x"), *back = entry_of("a", "webhook:x");
	struct buf out = { 0 };

	(void)state;
	e->targets[0].sent = true;
	e->targets[0].tries = 2;
	target_why(&e->targets[0], "answered 500\nand\tmore");
	entry_state_put(e, &out);
	assert_int_equal(entry_state_get(back, (struct slice){ out.data, out.len }), 0);
	assert_true(back->targets[0].sent);
	assert_int_equal(back->targets[0].state, TARGET_WAIT);
	assert_int_equal(back->targets[0].tries, 2);
	assert_non_null(strstr(back->targets[0].why, "answered 500"));
	assert_null(strchr(back->targets[0].why, '\n'));
	/* as versions before wrote it */
	assert_int_equal(entry_state_get(e, (struct slice){ old, sizeof(old) - 1 }), 0);
	assert_false(e->targets[0].sent);
	assert_true(e->targets[0].due_s == 1700000000);
	buf_free(&out);
	entry_free(e);
	entry_free(back);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_no_span_has_more_than_the_rate),
		cmocka_unit_test(test_who_comes_behind_a_crowd_waits_for_a_part_of_the_span),
		cmocka_unit_test(test_without_a_limit_nothing_waits),
		cmocka_unit_test(test_behind_a_rate_all_wait_for_one_turn),
		cmocka_unit_test(test_a_crowd_is_merged_without_a_rate),
		cmocka_unit_test(test_each_address_has_a_rate_of_its_own),
		cmocka_unit_test(test_hosts_do_not_meet_at_the_full_minute),
		cmocka_unit_test(test_what_is_taken_out_leaves_the_others_in_order),
		cmocka_unit_test(test_a_digest_has_the_id_that_its_members_make),
		cmocka_unit_test(test_a_digest_names_each_event),
		cmocka_unit_test(test_a_digest_fits_its_receiver_and_leaves_nobody_out),
		cmocka_unit_test(test_states_say_what_may_have_arrived_and_why_not),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
