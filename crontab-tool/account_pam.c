/* account_pam: crontab-account, which asks PAM about an account for crontab(1).
 * Flow: crontab-account SERVICE USER; 0 if the account may be used, else 1 and a line in
 * the log. Run by crontab as root, with nothing of its caller's about it, and by
 * its name, which is the one that modules give in the log. */
#include "config.h"

#include <security/pam_appl.h>
#include <stddef.h>

#include "crontab-tool/audit.h"

/* Nobody is there to answer. */
static int converse(
        int n, const struct pam_message **messages, struct pam_response **answers, void *arg)
{
	(void)n;
	(void)messages;
	(void)answers;
	(void)arg;
	return PAM_CONV_ERR;
}

static int ask(pam_handle_t *pam)
{
	int rc = pam_set_item(pam, PAM_TTY, "cron");

	if (rc == PAM_SUCCESS)
		rc = pam_acct_mgmt(pam, PAM_SILENT);
	if (rc == PAM_SUCCESS)
		rc = pam_setcred(pam, PAM_ESTABLISH_CRED | PAM_SILENT);
	return rc;
}

int main(int argc, char **argv)
{
	static const struct pam_conv conversation = { .conv = converse };
	pam_handle_t *pam = NULL;

	if (argc != 3)
		return 1;
	int rc = pam_start(argv[1], argv[2], &conversation, &pam);
	if (rc == PAM_SUCCESS)
		rc = ask(pam);
	if (rc != PAM_SUCCESS)
		audit_log(argv[2], "PAM ERROR", pam_strerror(pam, rc));
	if (pam)
		pam_end(pam, rc);
	return rc == PAM_SUCCESS ? 0 : 1;
}
