/* test_missed: what becomes of each of a job's times where nobody could start it: stops of the
 * scheduler and of the host over changes of daylight saving, clocks that are set. A whole
 * scheduler with made-up clocks (world); the tables are the rule. */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/world.h"

enum { MINUTE = 60, HOUR = 3600, DAY = 86400 };

/* Berlin's clocks go forward on 25 March 2040 at 01:00 UTC, and back on 28 October at 01:00 UTC;
 * a day in June at 10:00 UTC. Later than any file of a test was changed. */
static const int64_t spring = 2216250000, autumn = 2234998800, june = 2222503200;

#define TASK(name, more) "task \"" name "\" { command = x alert = { mail:a@b.c } " more " }\n"

/* What became of a job's times: those that it was started for, those that are on record as
 * missed or left out; as HH:MM in UTC, with +N for days from that of the story on. Of many: the
 * first, the last and how many. */
enum { LISTED = 6 };
struct story {
	char started[160], missed[160];
	size_t starts, misses, told, recovered;
};

static void put_time(char out[160], int64_t t, int64_t day)
{
	size_t n = strlen(out);
	int64_t days = t / DAY - day / DAY;

	n += (size_t)snprintf(out + n, 160 - n, "%s%02d:%02d", n ? " " : "", (int)(t % DAY / HOUR),
		(int)(t % HOUR / MINUTE));
	if (days)
		snprintf(out + n, 160 - n, "%+lld", (long long)days);
}

static void put_times(char out[160], const int64_t *times, size_t n, int64_t day)
{
	out[0] = '\0';
	for (size_t i = 0; i < n && (n <= LISTED || i == 0); i++)
		put_time(out, times[i], day);
	if (n <= LISTED)
		return;
	strcat(out, " to");
	put_time(out, times[n - 1], day);
	snprintf(out + strlen(out), 160 - strlen(out), " (%zu)", n);
}

static struct story story_of(struct world *w, const char *job, int64_t day)
{
	static int64_t starts[WORLD_STARTS], misses[WORLD_STARTS];
	struct story s = { .told = world_heard(w, "run.missed", job),
		.recovered = world_heard(w, "job.recovered", job) };

	for (size_t i = 0; i < w->start_count; i++) {
		if (strcmp(w->starts[i].job, job) == 0)
			starts[s.starts++] = w->starts[i].scheduled;
	}
	for (size_t i = 0; i < w->left_count; i++) {
		if (strcmp(w->left[i].job, job) == 0)
			misses[s.misses++] = w->left[i].scheduled;
	}
	put_times(s.started, starts, s.starts, day);
	put_times(s.missed, misses, s.misses, day);
	return s;
}

struct row {
	const char *job, *started, *missed;
	size_t told; /* run.missed; likewise job.recovered: */
	size_t recovered;
};

/* Over a boot nothing is known of what has neither catchup nor grace. */
static bool forgotten(const char *job)
{
	return strcmp(job, "line") == 0 || strcmp(job, "hour-none") == 0 || strcmp(job, "gap-none") == 0;
}

static bool row_holds(struct world *w, const struct row *r, const struct story *s)
{
	if (w->booted && forgotten(r->job))
		return !s->starts && !s->misses && !s->told;
	return strcmp(s->started, r->started) == 0 && strcmp(s->missed, r->missed) == 0 &&
		s->told == r->told && s->recovered == r->recovered;
}

static void compare(struct world *w, const char *what, const struct row *rows, size_t n, int64_t day)
{
	bool same = true;

	for (size_t i = 0; i < n; i++) {
		struct story s = story_of(w, rows[i].job, day);

		if (row_holds(w, &rows[i], &s))
			continue;
		same = false;
		fprintf(stderr, "%s: { \"%s\", \"%s\", \"%s\", %zu, %zu },\n", what, rows[i].job, s.started,
			s.missed, s.told, s.recovered);
	}
	if (!same) {
		world_show(w);
		fail_msg("%s: not as the table says", what);
	}
}

#define COMPARE(w, what, rows, day) compare(w, what, rows, sizeof(rows) / sizeof((rows)[0]), day)

/* --- three hours without a scheduler, over a change */

static const char policies[] =
	TASK("hour-none", "schedule = '0 * * * *'")
	TASK("hour-one", "schedule = '0 * * * *' catchup = one")
	TASK("hour-all", "schedule = '0 * * * *' catchup = all")
	TASK("window-all", "schedule = '0 * * * *' catchup = all catchup-window = 90m")
	TASK("window-one", "schedule = '15 3 * * *' catchup = one catchup-window = 30m")
	TASK("gap-none", "schedule = '30 2 * * *'")
	TASK("gap-one", "schedule = '30 2 * * *' catchup = one")
	TASK("gap-all", "schedule = '30 2,3 * * *' catchup = all")
	TASK("grace-none", "schedule = '15 3 * * *' grace = 10m")
	TASK("grace-one", "schedule = '0 * * * *' catchup = one grace = 5m")
	TASK("grace-long", "schedule = '0 * * * *' catchup = one grace = 4h")
	TASK("deadline", "schedule = '0 * * * *' catchup = all start-deadline = 1m")
	TASK("disabled", "schedule = '0 * * * *' catchup = all enabled = no")
	TASK("elsewhere", "schedule = '0 * * * *' catchup = all hosts = { no-such-host-at-all }");

static const char line[] = "#@ name=line alert=mail:a@b.c\n0 * * * * root x\n";

/* From ten past midnight UTC to ten past three. */
static struct world *stopped(int64_t change, enum world_outage kind)
{
	struct world *w = world_open(change - 2 * HOUR - 30 * MINUTE);

	world_write(w, false, policies);
	world_write(w, true, line);
	world_up(w);
	world_pass(w, HOUR + 40 * MINUTE);
	world_forget(w);
	world_outage(w, kind, 3 * HOUR);
	world_pass(w, 30 * MINUTE);
	return w;
}

static const struct row over_spring[] = {
	{ "hour-none", "", "01:00 02:00 03:00", 1, 0 },
	{ "hour-one", "03:00", "01:00 02:00", 0, 0 },
	{ "hour-all", "01:00 02:00 03:00", "", 0, 0 },
	{ "window-all", "02:00 03:00", "01:00", 1, 1 },
	{ "window-one", "", "01:15", 1, 0 },
	{ "gap-none", "", "01:00", 1, 0 },
	{ "gap-one", "01:00", "", 0, 0 },
	{ "gap-all", "01:00 01:30", "", 0, 0 },
	{ "grace-none", "", "01:15", 1, 0 },
	{ "grace-one", "03:00", "01:00 02:00", 1, 1 },
	{ "grace-long", "03:00", "01:00 02:00", 0, 0 },
	{ "deadline", "01:00 02:00 03:00", "", 0, 0 },
	{ "disabled", "", "", 0, 0 },
	{ "elsewhere", "", "", 0, 0 },
	{ "line", "", "01:00 02:00 03:00", 1, 0 },
};

static void test_spring(void **state)
{
	(void)state;
	for (enum world_outage kind = WORLD_KILLED; kind <= WORLD_ASLEEP; kind++) {
		struct world *w = stopped(spring, kind);

		COMPARE(w, "spring", over_spring, spring);
		world_close(w);
	}
}

/* Two o'clock comes twice: half past two is one time, the hours are met twice. */
static const struct row over_autumn[] = {
	{ "hour-none", "", "01:00 02:00 03:00", 1, 0 },
	{ "hour-one", "03:00", "01:00 02:00", 0, 0 },
	{ "hour-all", "01:00 02:00 03:00", "", 0, 0 },
	{ "window-all", "02:00 03:00", "01:00", 1, 1 },
	{ "window-one", "", "02:15", 1, 0 },
	{ "gap-none", "", "00:30", 1, 0 },
	{ "gap-one", "00:30", "", 0, 0 },
	{ "gap-all", "00:30 02:30", "", 0, 0 },
	{ "grace-none", "", "02:15", 1, 0 },
	{ "grace-one", "03:00", "01:00 02:00", 1, 1 },
	{ "grace-long", "03:00", "01:00 02:00", 0, 0 },
	{ "deadline", "01:00 02:00 03:00", "", 0, 0 },
	{ "disabled", "", "", 0, 0 },
	{ "elsewhere", "", "", 0, 0 },
	{ "line", "", "01:00 02:00 03:00", 1, 0 },
};

static void test_autumn(void **state)
{
	(void)state;
	for (enum world_outage kind = WORLD_KILLED; kind <= WORLD_ASLEEP; kind++) {
		struct world *w = stopped(autumn, kind);

		COMPARE(w, "autumn", over_autumn, autumn);
		world_close(w);
	}
}

/* --- clocks that are set */

static const char stepped[] =
	TASK("star-none", "schedule = '*/8 * * * *'")
	TASK("star-one", "schedule = '*/8 * * * *' catchup = one")
	TASK("star-all", "schedule = '*/8 * * * *' catchup = all catchup-window = 30m")
	TASK("fixed-none", "schedule = '8 12 * * *'")
	TASK("fixed-one", "schedule = '8 12 * * *' catchup = one")
	TASK("fixed-all", "schedule = '8 12 * * *' catchup = all catchup-window = 3d")
	TASK("fixed-ran", "schedule = '2 12 * * *' catchup = all catchup-window = 1m")
	TASK("several", "schedule = '8,9 12 * * *'")
	TASK("several-all", "schedule = '8,9 12 * * *' catchup = all catchup-window = 2d")
	TASK("grace", "schedule = '8 12 * * *' grace = 1m")
	TASK("deadline", "schedule = '8 12 * * *' start-deadline = 1m");

/* At 12:05 in Berlin the clock is set; then so many minutes pass. */
static struct world *set(int64_t by, int64_t minutes)
{
	struct world *w = world_open(june - 35 * MINUTE);

	world_write(w, false, stepped);
	world_up(w);
	world_pass(w, 40 * MINUTE);
	world_forget(w);
	world_set(w, by);
	world_pass(w, minutes * MINUTE);
	return w;
}

static const struct {
	const char *what;
	int64_t by, minutes;
	struct row rows[11];
} steps[] = {
	{ "ten minutes forward", 10 * MINUTE, 4, {
		{ "star-none", "10:16", "10:08", 1, 1 },
		{ "star-one", "10:08 10:16", "", 0, 0 },
		{ "star-all", "10:08 10:16", "", 0, 0 },
		{ "fixed-none", "10:08", "", 0, 0 },
		{ "fixed-one", "10:08", "", 0, 0 },
		{ "fixed-all", "10:08", "", 0, 0 },
		{ "fixed-ran", "", "", 0, 0 },
		{ "several", "10:09", "10:08", 0, 0 },
		{ "several-all", "10:08 10:09", "", 0, 0 },
		{ "grace", "10:08", "", 1, 1 },
		{ "deadline", "", "10:08", 0, 0 },
	} },
	{ "two hours forward", 2 * HOUR, 4, {
		{ "star-none", "12:08", "10:08 to 12:00 (16)", 1, 1 },
		{ "star-one", "12:00 12:08", "10:08 to 11:56 (15)", 0, 0 },
		{ "star-all", "11:40 11:48 11:56 12:00 12:08", "10:08 to 11:32 (12)", 1, 1 },
		{ "fixed-none", "10:08", "", 0, 0 },
		{ "fixed-one", "10:08", "", 0, 0 },
		{ "fixed-all", "10:08", "", 0, 0 },
		{ "fixed-ran", "", "", 0, 0 },
		{ "several", "10:09", "10:08", 0, 0 },
		{ "several-all", "10:08 10:09", "", 0, 0 },
		{ "grace", "10:08", "", 1, 1 },
		{ "deadline", "", "10:08", 0, 0 },
	} },
	{ "two days forward", 2 * DAY, 4, {
		{ "star-none", "10:08+2", "21:40+1 to 10:00+2 (100)", 1, 1 },
		{ "star-one", "10:00+2 10:08+2", "21:32+1 to 09:56+2 (100)", 0, 0 },
		{ "star-all", "09:40+2 09:48+2 09:56+2 10:00+2 10:08+2", "21:08+1 to 09:32+2 (100)", 1, 1 },
		{ "fixed-none", "10:08+2", "10:08 10:08+1", 1, 1 },
		{ "fixed-one", "10:08+1 10:08+2", "10:08", 0, 0 },
		{ "fixed-all", "10:08 10:08+1 10:08+2", "", 0, 0 },
		{ "fixed-ran", "", "10:02+1 10:02+2", 1, 0 },
		{ "several", "10:08+2 10:09+2", "10:08 10:09 10:08+1 10:09+1", 1, 1 },
		{ "several-all", "10:08 10:09 10:08+1 10:09+1 10:08+2 10:09+2", "", 0, 0 },
		{ "grace", "10:08+2", "10:08 10:08+1", 1, 1 },
		{ "deadline", "10:08+2", "10:08 10:08+1", 1, 1 },
	} },
	{ "two years forward", 731 * (int64_t)DAY, 4, {
		{ "star-none", "10:08+731", "21:40+730 to 10:00+731 (100)", 1, 1 },
		{ "star-one", "10:00+731 10:08+731", "21:32+730 to 09:56+731 (100)", 0, 0 },
		{ "star-all", "09:40+731 09:48+731 09:56+731 10:00+731 10:08+731", "21:08+730 to 09:32+731 (100)", 1, 1 },
		{ "fixed-none", "10:08+731", "11:08+631 to 10:08+730 (100)", 1, 1 },
		{ "fixed-one", "10:08+730 10:08+731", "11:08+630 to 10:08+729 (100)", 0, 0 },
		{ "fixed-all", "10:08+728 10:08+729 10:08+730 10:08+731", "11:08+628 to 10:08+727 (100)", 1, 1 },
		{ "fixed-ran", "", "11:02+632 to 10:02+731 (100)", 1, 0 },
		{ "several", "10:08+731 10:09+731", "10:08+681 to 10:09+730 (100)", 1, 1 },
		{ "several-all", "10:08+729 10:09+729 10:08+730 10:09+730 10:08+731 10:09+731", "10:08+679 to 10:09+728 (100)", 1, 1 },
		{ "grace", "10:08+731", "11:08+631 to 10:08+730 (100)", 1, 1 },
		{ "deadline", "10:08+731", "11:08+631 to 10:08+730 (100)", 1, 1 },
	} },
	{ "ten minutes back", -10 * MINUTE, 16, {
		{ "star-none", "09:56 10:00 10:08", "", 0, 0 },
		{ "star-one", "09:56 10:00 10:08", "", 0, 0 },
		{ "star-all", "09:56 10:00 10:08", "", 0, 0 },
		{ "fixed-none", "10:08", "", 0, 0 },
		{ "fixed-one", "10:08", "", 0, 0 },
		{ "fixed-all", "10:08", "", 0, 0 },
		{ "fixed-ran", "", "", 0, 0 },
		{ "several", "10:08 10:09", "", 0, 0 },
		{ "several-all", "10:08 10:09", "", 0, 0 },
		{ "grace", "10:08", "", 0, 0 },
		{ "deadline", "10:08", "", 0, 0 },
	} },
	{ "two hours back", -2 * HOUR, 126, {
		{ "star-none", "08:08 to 10:08 (17)", "", 0, 0 },
		{ "star-one", "08:08 to 10:08 (17)", "", 0, 0 },
		{ "star-all", "08:08 to 10:08 (17)", "", 0, 0 },
		{ "fixed-none", "10:08", "", 0, 0 },
		{ "fixed-one", "10:08", "", 0, 0 },
		{ "fixed-all", "10:08", "", 0, 0 },
		{ "fixed-ran", "", "", 0, 0 },
		{ "several", "10:08 10:09", "", 0, 0 },
		{ "several-all", "10:08 10:09", "", 0, 0 },
		{ "grace", "10:08", "", 0, 0 },
		{ "deadline", "10:08", "", 0, 0 },
	} },
	{ "two days back", -2 * DAY, 30, {
		{ "star-none", "10:08-2 10:16-2 10:24-2 10:32-2", "", 0, 0 },
		{ "star-one", "10:08-2 10:16-2 10:24-2 10:32-2", "", 0, 0 },
		{ "star-all", "10:08-2 10:16-2 10:24-2 10:32-2", "", 0, 0 },
		{ "fixed-none", "10:08-2", "", 0, 0 },
		{ "fixed-one", "10:08-2", "", 0, 0 },
		{ "fixed-all", "10:08-2", "", 0, 0 },
		{ "fixed-ran", "", "", 0, 0 },
		{ "several", "10:08-2 10:09-2", "", 0, 0 },
		{ "several-all", "10:08-2 10:09-2", "", 0, 0 },
		{ "grace", "10:08-2", "", 0, 0 },
		{ "deadline", "10:08-2", "", 0, 0 },
	} },
	{ "two years back", -731 * (int64_t)DAY, 30, {
		{ "star-none", "10:08-731 10:16-731 10:24-731 10:32-731", "", 0, 0 },
		{ "star-one", "10:08-731 10:16-731 10:24-731 10:32-731", "", 0, 0 },
		{ "star-all", "10:08-731 10:16-731 10:24-731 10:32-731", "", 0, 0 },
		{ "fixed-none", "10:08-731", "", 0, 0 },
		{ "fixed-one", "10:08-731", "", 0, 0 },
		{ "fixed-all", "10:08-731", "", 0, 0 },
		{ "fixed-ran", "", "", 0, 0 },
		{ "several", "10:08-731 10:09-731", "", 0, 0 },
		{ "several-all", "10:08-731 10:09-731", "", 0, 0 },
		{ "grace", "10:08-731", "", 0, 0 },
		{ "deadline", "10:08-731", "", 0, 0 },
	} },
};

static void test_steps(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
		struct world *w = set(steps[i].by, steps[i].minutes);

		COMPARE(w, steps[i].what, steps[i].rows, june);
		world_close(w);
	}
}

/* What the clock has gone through before is not made up for; a clock that was far ahead for a
 * while leaves no time behind in which nothing is. */
static void test_back_and_forth(void **state)
{
	static const struct row back[] = {
		{ "star-all", "10:08-2 10:08 10:16", "", 0, 0 },
		{ "fixed-all", "10:08-2 10:08", "", 0, 0 },
		{ "several-all", "10:08-2 10:09-2 10:08 10:09", "", 0, 0 },
		{ "fixed-ran", "", "", 0, 0 },
	};
	static const struct row forth[] = {
		{ "star-all", "15:32 15:40 15:48 15:56 16:00 16:08", "10:16 to 15:24 (42)", 1, 1 },
		{ "fixed-all", "", "", 0, 0 },
	};
	struct world *w = set(-2 * DAY, 5);

	(void)state;
	world_set(w, 2 * DAY);
	world_pass(w, 6 * MINUTE);
	COMPARE(w, "back and forth", back, june);
	world_close(w);
	w = set(731 * (int64_t)DAY, 1);
	world_set(w, -731 * (int64_t)DAY);
	world_pass(w, 5 * MINUTE);
	world_forget(w);
	world_sleep(w, 6 * HOUR - 10 * MINUTE);
	world_pass(w, 10 * MINUTE);
	COMPARE(w, "asleep, after it was two years ahead", forth, june);
	world_close(w);
}

/* A clock without a battery: it is two years behind at a boot, then it is set. */
static void test_behind_at_boot(void **state)
{
	static const struct row rows[] = {
		{ "star-all", "10:40 10:48 10:56 11:00 11:08", "10:08 10:16 10:24 10:32", 1, 1 },
		{ "fixed-all", "10:08", "", 0, 0 },
		{ "fixed-ran", "", "", 0, 0 },
	};
	struct world *w = set(0, 1);

	(void)state;
	world_boot(w);
	w->real_ns -= 731 * (int64_t)DAY * 1000000000;
	world_up(w);
	world_pass(w, MINUTE);
	world_forget(w);
	world_set(w, 731 * (int64_t)DAY + HOUR);
	world_pass(w, 4 * MINUTE);
	COMPARE(w, "behind at a boot", rows, june);
	world_close(w);
}

/* --- so many at once */

enum { CROWD = 12 };

static struct world *crowd(bool stuck)
{
	static struct world_job jobs[CROWD];
	static char names[CROWD][16], text[CROWD * 128];
	struct world *w = world_open(june - 10);

	text[0] = '\0';
	for (int i = 0; i < CROWD; i++) {
		snprintf(names[i], sizeof(names[i]), "j%02d", i);
		jobs[i] = (struct world_job){ .name = names[i], .lasts_ms = 60000 };
		snprintf(text + strlen(text), sizeof(text) - strlen(text), "task %s { schedule = '%d %s * * *' "
			"command = x catchup = all %s }\n", names[i], i, i == 0 ? "10-17" : "13",
			i == 0 ? "concurrency = allow" : "");
	}
	w->jobs = jobs;
	w->job_count = CROWD;
	w->catchup_max = 3;
	world_write(w, false, text);
	world_up(w);
	world_pass(w, 60);
	world_kill(w);
	world_forget(w);
	world_pass(w, 3 * HOUR);
	w->launcher_stuck = stuck;
	world_up(w);
	return w;
}

/* Each once, by its own second; of 14 starts: five of the first job, one of each other. */
static void crowd_over(struct world *w)
{
	world_pass(w, 20 * MINUTE);
	assert_int_equal(w->start_count, 2 + CROWD);
	assert_int_equal(world_started(w, "j00"), 3);
	for (size_t i = 0; i < w->start_count; i++) {
		for (size_t k = 0; k < i; k++) {
			assert_string_not_equal(w->starts[i].id, w->starts[k].id);
			assert_true(strcmp(w->starts[i].job, "j00") != 0 || strcmp(w->starts[k].job, "j00") != 0 ||
				w->starts[k].scheduled < w->starts[i].scheduled);
		}
	}
	assert_int_equal(world_said(w, "lost"), 0);
	assert_true(w->live_most <= 3);
}

static void test_at_once(void **state)
{
	struct world *w = crowd(false);

	(void)state;
	assert_int_equal(w->live_most, 3);
	world_pass(w, 30);
	assert_int_equal(w->start_count, 3);
	crowd_over(w);
	world_close(w);
	w = crowd(false);
	for (int i = 0; i < 5; i++) { /* whoever dies, and whatever has ended meanwhile */
		world_pass(w, 40);
		world_kill(w);
		world_pass(w, 10 * i);
		world_up(w);
	}
	crowd_over(w);
	world_close(w);
}

/* Claimed, and their names never sent: a scheduler that starts again starts them, by and by. */
static void test_unsent(void **state)
{
	struct world *w = crowd(true);

	(void)state;
	for (int i = 0; i < 3; i++) {
		world_pass(w, 10);
		assert_int_equal(w->start_count, 0);
		world_kill(w);
		world_pass(w, MINUTE);
		w->launcher_stuck = i < 2;
		world_up(w);
	}
	crowd_over(w);
	world_close(w);
}

/* --- in time */

static const char waiting[] =
	TASK("jitter", "schedule = '0 12 * * *' jitter = 1h start-deadline = 1m grace = 1m")
	TASK("again", "schedule = '0 12 * * *' retries = 1 retry-delay = 10m start-deadline = 1m grace = 1m")
	TASK("queue", "schedule = '0,1 12 * * *' concurrency = queue grace = 1m")
	TASK("queue-late", "schedule = '0,1 12 * * *' concurrency = queue start-deadline = 1m")
	TASK("pool-a", "schedule = '0 12 * * *' pool = p pool-max = 1")
	TASK("pool-b", "schedule = '1 12 * * *' pool = p pool-max = 1 concurrency = queue grace = 1m")
	TASK("elsewhere", "schedule = '0 12 * * *' hosts = { no-such-host-at-all } grace = 1m")
	TASK("overlap", "schedule = '0,1 12 * * *' grace = 1m");

/* What waits because its options say so is not late by that, nor by a clock that is set. */
static void test_waiting(void **state)
{
	struct world_job jobs[] = {
		{ .name = "again", .results = "xo" }, { .name = "queue", .lasts_ms = 600000 },
		{ .name = "queue-late", .lasts_ms = 600000 }, { .name = "pool-a", .lasts_ms = 600000 },
		{ .name = "overlap", .lasts_ms = 600000 },
	};
	struct world *w = world_open(june - MINUTE);

	(void)state;
	w->jobs = jobs;
	w->job_count = sizeof(jobs) / sizeof(jobs[0]);
	world_write(w, false, waiting);
	world_up(w);
	world_pass(w, MINUTE + 90);
	world_set(w, 4 * MINUTE); /* nothing is due in these */
	world_pass(w, 2 * HOUR);
	assert_int_equal(world_heard(w, "run.missed", NULL), 0);
	assert_int_equal(world_started(w, "jitter"), 1);
	assert_int_equal(world_started(w, "again"), 2);
	assert_int_equal(world_started(w, "queue"), 2);
	assert_int_equal(world_started(w, "pool-b"), 1);
	assert_int_equal(world_started(w, "overlap"), 1);
	assert_int_equal(world_started(w, "queue-late"), 1); /* nine minutes are more than one */
	assert_int_equal(world_said(w, "later than its start-deadline") +
		world_said(w, "late, start-deadline is"), 1);
	world_close(w);
}

/* Nobody takes it: that is told, once, while the daemon lives; and it starts all the same. */
static void test_grace(void **state)
{
	struct world *w = world_open(june - MINUTE);

	(void)state;
	world_write(w, false, TASK("one", "schedule = '0 12 * * *' grace = 1m")
		TASK("two", "schedule = '0 12 * * *' grace = 5m"));
	w->launcher_stuck = true;
	world_up(w);
	world_pass(w, 2 * MINUTE - 10);
	assert_int_equal(world_heard(w, "run.missed", NULL), 0);
	world_pass(w, 20);
	assert_int_equal(world_heard(w, "run.missed", "one"), 1);
	world_pass(w, MINUTE);
	w->launcher_stuck = false;
	world_pass(w, HOUR);
	assert_int_equal(world_heard(w, "run.missed", NULL), 1);
	assert_int_equal(world_started(w, "one"), 1);
	assert_int_equal(world_heard(w, "job.recovered", "one"), 1);
	world_close(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_spring),
		cmocka_unit_test(test_autumn),
		cmocka_unit_test(test_steps),
		cmocka_unit_test(test_back_and_forth),
		cmocka_unit_test(test_behind_at_boot),
		cmocka_unit_test(test_at_once),
		cmocka_unit_test(test_unsent),
		cmocka_unit_test(test_waiting),
		cmocka_unit_test(test_grace),
	};

	setenv("TZ", "CET-1CEST,M3.5.0,M10.5.0/3", 1);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
