/* control_where: what a job would find, and where its output would go, were it started now.
 * Flow: cronctl show asks; the run is filled in as a start does it, and looked at instead. */
#include "config.h"

#include "crond/control.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "crond/core/jobenv.h"
#include "crond/start.h"

static void mail_text(const struct run *r, struct buf *out)
{
	buf_printf(out, "mailed to %s", r->mail_to);
	if (r->flags & RUN_MAIL_ON_FAILURE)
		buf_puts(out, " if it fails");
	if (!(r->flags & RUN_MAIL_COMMAND) && access(r->mailer, X_OK) < 0)
		buf_printf(out, ", but there is no mailer: %s: %s", r->mailer, strerror(errno));
}

static void log_text(const struct run *r, struct buf *out)
{
	buf_puts(out, "logged to ");
	if (*r->dress.log != '/')
		buf_printf(out, "%s/", r->dress.log_dir);
	buf_puts(out, r->dress.log);
}

/* Why there is no mail, where there could be. */
static const char *no_mail(const struct start *s)
{
	const struct settings *set = &s->c->set;
	const char *to = s->common->options->mail;

	if (s->run.mailer == NULL && ((set->mail_command && strcmp(set->mail_command, "off") == 0) ||
		(set->conf.mailer && strcmp(set->conf.mailer, "off") == 0)))
		return "mail is off";
	if (!to)
		to = jobenv_value(s->common->env_block, "MAILTO");
	return to && !*to ? "MAILTO is empty" : "nobody is named";
}

static void put_output(const struct start *s, struct buf *b)
{
	const struct run *r = &s->run;
	struct buf mail = { 0 }, log = { 0 };
	const char *texts[6] = { NULL };
	size_t n = 0;

	if (r->flags & RUN_MAIL)
		mail_text(r, &mail);
	else
		buf_printf(&mail, "not mailed: %s", no_mail(s));
	texts[n++] = buf_text(&mail);
	if (r->dress.log) {
		log_text(r, &log);
		texts[n++] = buf_text(&log);
	}
	if (r->flags & RUN_LOG_OUTPUT)
		texts[n++] = "in the system's log (CMDOUT)";
	if (r->flags & RUN_ECHO)
		texts[n++] = "on the daemon's standard error";
	if (n == 1 && !(r->flags & RUN_MAIL)) {
		buf_clear(&mail);
		buf_printf(&mail, "nowhere: no log, and not mailed: %s", no_mail(s));
		texts[0] = buf_text(&mail);
	}
	if (texts[0])
		ctlmsg_list(b, "output", texts);
	buf_free(&mail);
	buf_free(&log);
}

void control_where(struct crond *c, struct buf *b, const struct job *job)
{
	struct start s = { .c = c, .job = job, .common = job->common, .cause = START_HAND,
		.scheduled = c->clock.real.tv_sec, .timer = due_timer(&c->due, job, NULL) };

	user_current(c, s.common->user);
	job_name(job, s.common->user->name, s.name);
	if (s.common->user->gone)
		ctlmsg_text(b, "refused", "its user has no passwd entry");
	else if (run_id(s.id, s.name, s.scheduled, 1) < 0)
		ctlmsg_text(b, "refused", "its name is too long for a run");
	else if (start_run_fill(&s) < 0)
		ctlmsg_text(b, "refused", s.refused ? s.refused : "out of memory");
	else {
		ctlmsg_text(b, "path", jobenv_value(s.run.env, "PATH"));
		put_output(&s, b);
	}
	buf_free(&s.env);
	buf_free(&s.words);
	arena_free(&c->scratch);
}
