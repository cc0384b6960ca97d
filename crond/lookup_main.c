/* crond-lookup: asks this host's sources of accounts, any of which may not answer.
 * Flow: the scheduler sends a name, gets what is known of it, and kills us where that takes long. It
 * is root, as the scheduler is: there are sources that tell nobody else. */
#include "config.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>

#include "crond/account.h"
#include "crond/base/process.h"

enum { WIRE = 3 };

static void answer(char what, const char *name, struct buf *out)
{
	struct account a = { .home = NULL };
	int rc = what == ACCOUNT_GROUP ? account_group_ask(name, &a.gid) : account_ask(name, &a);

	account_pack(rc < 0 ? errno : 0, &a, out);
	account_free(&a);
}

/* Until nobody asks any more. */
static void work(void)
{
	char asked[ACCOUNT_NAME_MOST + 2];
	struct buf out = { 0 };
	ssize_t n;

	while ((n = recv(WIRE, asked, sizeof(asked) - 1, 0)) != 0) {
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 2)
			break;
		asked[n] = '\0';
		buf_clear(&out);
		answer(asked[0], asked + 1, &out);
		if (out.failed || send(WIRE, out.data, out.len, MSG_NOSIGNAL) < 0)
			break;
	}
	buf_free(&out);
}

int main(void)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL); /* amid a question we would not see the scheduler's end */
	if (process_socket(WIRE, SOCK_SEQPACKET, false) < 0) {
		fputs("crond-lookup: is started by crond\n", stderr);
		return 2;
	}
	if (process_descriptors((int[]){ WIRE }, 1) < 0 || process_harden() < 0) {
		fprintf(stderr, "crond-lookup: cannot start: %s\n", strerror(errno));
		return 1;
	}
	work();
	return 0;
}
