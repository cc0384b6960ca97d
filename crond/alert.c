/* alert: the wire to crond-notify.
 * Flow: what stands in the outbox is sent; crond-notify says when it is safe on its own disk. */
#include "config.h"

#include "crond/crond.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <syslog.h>
#include <unistd.h>

#include "crond/base/diag.h"
#include "crond/base/file.h"
#include "crond/core/ctlmsg.h"
#include "crond/core/event.h"
#include "crond/helper.h"

enum { LIVED_MS = 10 * 1000, AGAIN_MS = 60 * 1000,
	SECRET_MOST = 4096 };

/* --- the socket that people ask over: it is ours while crond-notify does not run */

static void alert_listen(struct crond *c)
{
	helper_listen(c, &c->w_alerts_asked, WATCH_ALERTS_ASKED, CTLMSG_SOCKET_ALERTS);
}

/* crond-notify goes by itself, once it has seen our end. */
void alert_close(struct crond *c)
{
	if (c->w_alerts_asked.fd < 0)
		return;
	unlinkat(c->run_fd, CTLMSG_SOCKET_ALERTS, 0);
	wait_end(c, &c->w_alerts_asked);
}

static void people_send(struct crond *c)
{
	struct buf b = { 0 };

	buf_printf(&b, "%c%lld %lld", NOTICE_PEOPLE, (long long)control_group(c),
		c->set.root ? -1LL : (long long)geteuid());
	alert_send(c, &b);
	buf_free(&b);
}

/* --- starting it */

static void notify_later(struct crond *c)
{
	wait_later(c, LATER_NOTIFY, helper_backoff_ms(c->notify_fails++));
}

static void notify_start(struct crond *c)
{
	char spool[PATH_MAX + 16];
	const char *argv[6] = { "crond-notify" };
	int fds[2], given[2], n = 1;
	uid_t uid;
	gid_t gid;

	if (c->notify > 0 || c->later[LATER_NOTIFY])
		return;
	alert_listen(c);
	snprintf(spool, sizeof(spool), "%s/alerts", c->set.state_dir);
	if (helper_user(c, "crond-notify", c->set.conf.notify_user, NOTIFY_USER, &uid, &gid) < 0 ||
		helper_directory(spool, uid, gid) < 0 ||
		socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds) < 0) {
		if (!c->notify_fails)
			trouble_say(c, "crond-notify cannot be started", strerror(errno));
		notify_later(c);
		return;
	}
	if (c->set.root && uid == (uid_t)-1)
		argv[n++] = "--as-root";
	if (c->w_alerts_asked.fd >= 0)
		argv[n++] = "--listen=4";
	argv[n++] = "3";
	argv[n] = spool;
	given[0] = fds[1];
	given[1] = c->w_alerts_asked.fd;
	c->notify = helper_run(c, "crond-notify", argv, given, given[1] >= 0 ? 2 : 1, uid, gid);
	close(fds[1]);
	if (c->notify < 0) {
		c->notify = 0;
		close(fds[0]);
		notify_later(c);
		return;
	}
	c->w_notify = (struct watch){ .kind = WATCH_NOTIFY, .fd = fds[0] };
	helper_wait_for(c, &c->w_notify, argv[0]);
	c->notify_since = wait_now_ms();
	pulse_felt(&c->notify_pulse);
	c->notify_full = false; /* whatever the one before left unread */
	if (c->w_alerts_asked.fd >= 0)
		wait_change(c, &c->w_alerts_asked, 0);
	outbox_unsent(c);
	alert_config(c);
}

void alert_asked(struct crond *c)
{
	notify_start(c);
	if (c->notify <= 0) /* who connected waits until it is tried again */
		wait_change(c, &c->w_alerts_asked, 0);
}

void alert_ended(struct crond *c)
{
	c->notify = 0;
	wait_end(c, &c->w_notify);
	if (wait_now_ms() - c->notify_since > LIVED_MS)
		c->notify_fails = 0;
	trouble_say(c, "crond-notify ended", "it is started again");
	notify_later(c);
}

/* --- what it is sent */

bool alert_send(struct crond *c, const struct buf *b)
{
	if (c->w_notify.fd < 0 || b->failed)
		return false;
	pulse_sent(c, &c->notify_pulse);
	if (send(c->w_notify.fd, b->data, b->len, MSG_DONTWAIT | MSG_NOSIGNAL) >= 0)
		return true;
	if (errno == EAGAIN) {
		c->notify_full = true;
		wait_change(c, &c->w_notify, EPOLLIN | EPOLLOUT);
	} else if (errno != EPIPE && errno != ECONNRESET) {
		trouble_say(c, "crond-notify", strerror(errno));
	}
	return false;
}

/* Secrets stand in files that only root may read: root reads them for crond-notify,
 * and they go over the socket. NULL: it tries itself, and says what is wrong. */
static char *secret_read(const struct webhook *h)
{
	char *secret = NULL;
	struct buf b = { 0 };
	struct stat st;
	int fd = h->secret_file && !h->secret ? file_open(AT_FDCWD, h->secret_file, 1, &st) : -1;

	if (h->secret)
		return strdup(h->secret);
	if (fd < 0)
		return NULL;
	if (file_read(fd, SECRET_MOST, &b) == 0 && b.len && !memchr(b.data, 0, b.len))
		secret = strndup(b.data, b.len);
	close(fd);
	if (b.data)
		explicit_bzero(b.data, b.cap);
	buf_free(&b);
	return secret;
}

static void config_encode(struct crond *c, struct webhook *hooks, struct buf *b)
{
	const struct conf *conf = &c->set.conf;

	for (size_t i = 0; i < conf->webhook_count; i++) {
		hooks[i] = conf->webhooks[i];
		hooks[i].secret = secret_read(&hooks[i]);
	}
	buf_putc(b, NOTICE_CONFIG);
	notice_config_encode(hooks, conf->webhook_count,
		conf->mailer ? conf->mailer : "/usr/sbin/sendmail", c->fqdn, b);
	for (size_t i = 0; i < conf->webhook_count; i++) {
		if (hooks[i].secret)
			explicit_bzero((char *)hooks[i].secret, strlen(hooks[i].secret));
		free((char *)hooks[i].secret);
	}
}

void alert_config(struct crond *c)
{
	struct webhook *hooks = calloc(c->set.conf.webhook_count + 1, sizeof(*hooks));
	struct buf b = { 0 };

	if (c->notify > 0 && hooks) {
		config_encode(c, hooks, &b);
		c->notify_behind = !alert_send(c, &b) && c->notify_full;
		if (b.data)
			explicit_bzero(b.data, b.cap);
		people_send(c);
	}
	buf_free(&b);
	free(hooks);
}

bool alert_begin(struct crond *c)
{
	if (c->notify <= 0)
		notify_start(c);
	return c->notify > 0;
}

void alert_outbox(struct crond *c)
{
	alert_begin(c);
	c->events_waiting = true;
	wait_later(c, LATER_ALERTS, AGAIN_MS);
}

void alert_flush(struct crond *c)
{
	if (!c->events_waiting || c->notify_full || c->notify <= 0)
		return;
	c->events_waiting = false;
	outbox_flush(c);
}

/* An event that crond-notify could not put on its disk is offered again each minute. */
void alert_again(struct crond *c)
{
	outbox_unsent(c);
	outbox_look(c);
}

static bool spool_holds_something(struct crond *c)
{
	char path[PATH_MAX + 16];
	struct dirent *e;
	bool found = false;
	DIR *dir;

	snprintf(path, sizeof(path), "%s/alerts", c->set.state_dir);
	dir = opendir(path);
	if (!dir)
		return false;
	while (!found && (e = readdir(dir)))
		found = strlen(e->d_name) > 6 && strcmp(e->d_name + strlen(e->d_name) - 6, ".event") == 0;
	closedir(dir);
	return found;
}

void alert_resume(struct crond *c)
{
	alert_listen(c);
	if (c->notify <= 0 && c->w_alerts_asked.fd >= 0)
		wait_change(c, &c->w_alerts_asked, EPOLLIN);
	if (outbox_look(c) || spool_holds_something(c)) {
		notify_start(c);
		c->events_waiting = true;
	}
}

/* --- what it says */

static void notice_take(struct crond *c, char *text)
{
	if (*text == NOTICE_SPOOLED)
		outbox_told(c, text + 1);
	else if (*text == NOTICE_LOG)
		helper_log(c, "crond-notify", c->notify, text + 1);
}

void alert_ready(struct crond *c, uint32_t events)
{
	char text[2048];
	ssize_t n;

	if (events & EPOLLOUT) {
		c->notify_full = false;
		c->events_waiting = true;
		wait_change(c, &c->w_notify, EPOLLIN);
		if (c->notify_behind)
			alert_config(c);
	}
	for (int i = 0; i < HELPER_MESSAGES; i++) {
		n = helper_hear(c, &c->w_notify, c->notify, text, sizeof(text));
		if (n <= 0)
			break;
		pulse_felt(&c->notify_pulse);
		notice_take(c, text);
	}
}
